"""Which system calls sessions may make: filters built from `syscalls.toml`, which the kernel enforces.

The fork server's allows what sessions may do and what forking them needs; every fork inherits it. The session's own
forbids the latter in a few instructions: installing a long filter in every fork would cost more than the fork.
"""

from __future__ import annotations

import ctypes
import errno
import functools
import os
import struct
import tomllib
from pathlib import Path
from typing import Any, NamedTuple

_ALLOW, _KILL, _REFUSE = 0x7FFF0000, 0x80000000, 0x00050000
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _AND, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x54, 0x06
_NUMBER, _ARCHITECTURE, _ARGUMENTS = 0, 4, 16
_GET_SECCOMP, _SET_SECCOMP, _MODE_FILTER = 21, 22, 2
_ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_X32 = 0x40000000
_ALL_BITS = 0xFFFFFFFF

_ITSELF = struct.pack("HBBI", _EQUAL, 1, 0, 0xFFFFFFFF)
"""Stands for the comparison with the number of the process, which no process's is."""

Code = list[bytes]


class Rule(NamedTuple):
    """What one argument of a call must be."""

    place: int
    """Which argument, counted from 0; its lower 32 bits are looked at."""
    error: str
    """The error of a call that breaks the rule, by name; "": it succeeds and does nothing."""
    mask: int = _ALL_BITS
    """The bits of the argument that are looked at."""
    one_of: tuple[int, ...] = ()
    """The values it may have; empty: any that the others allow."""
    none_of: tuple[int, ...] = ()
    """Values it may not have."""
    without: int = 0
    """Bits it may not have."""
    below: int | None = None
    """What it must be smaller than, as an unsigned number."""
    itself: bool = False
    """Whether it must be the number of the process that installs the filter."""


class Filter:
    """A filter in the kernel's form, built once and installed by any number of processes."""

    def __init__(self, code: bytes) -> None:
        self._code = ctypes.create_string_buffer(code, len(code))
        self._itself = [at for at in range(0, len(code), 8) if code[at : at + 8] == _ITSELF]
        self._whole = ctypes.create_string_buffer(struct.pack("HL", len(code) // 8, ctypes.addressof(self._code)))
        self._prctl = ctypes.CDLL(None, use_errno=True).prctl

    def install(self) -> None:
        """Applies the filter to this process and its forks from now on. Needs no-new-privileges; raises OSError."""
        for at in self._itself:
            struct.pack_into("I", self._code, at + 4, os.getpid())
        if self._prctl(_SET_SECCOMP, _MODE_FILTER, ctypes.byref(self._whole), 0, 0) != 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def call_number(name: str) -> int:
    """The number of a system call on this machine. Raises OSError if the machine is not in the table."""
    return _numbers()[name]


def fork_server_filter(*, scratch: bool, private: bool, absent: tuple[str, ...] = ()) -> Filter:
    """Allows what sessions may call, and what forking them needs, but not the calls of these names.

    scratch: sessions may change files. private: there are no files that they could change but their own.
    """
    known = _numbers()
    code = _only_this_machine()
    for name, rules in argument_rules("arguments").items():
        if name in known and (scratch or name not in table()["scratch_checked"]):
            code += _checked(known[name], rules)
    sections = ["session", "checked", "fork_server", *(["setup"] if scratch or private else [])]
    sections += ["scratch", *(["scratch_modes"] if private else [])] if scratch else []
    answered = ["answered", *(["scratch_modes"] if scratch and not private else [])]
    for name, number in sorted(_numbers(*sections).items(), key=lambda pair: pair[1]):
        if name not in absent:
            code += [_step(_EQUAL, 0, 1, number), _step(_RETURN, 0, 0, _ALLOW)]
    for names, error in ((answered, ""), (["absent"], "ENOSYS"), (["unsupported"], "ENOTSUP")):
        for number in _numbers(*names).values():
            code += [_step(_EQUAL, 0, 1, number), *_refuse(error)]
    # libraries try calls newer than this table and fall back if they do not exist
    code += [_step(_AT_LEAST, 0, 1, max(known.values()) + 1), *_refuse("ENOSYS")]
    return Filter(b"".join([*code, *_refuse("EPERM")]))


def session_filter() -> Filter:
    """Forbids what the fork server's filter allows for the fork server alone."""
    known = _numbers()
    code = [_step(_LOAD, 0, 0, _NUMBER)]
    for name, rules in argument_rules("session_arguments").items():
        code += _checked(known[name], rules)
    for number in sorted(_numbers("fork_server", "setup").values()):
        code += [_step(_EQUAL, 0, 1, number), *_refuse("EPERM")]
    return Filter(b"".join([*code, _step(_RETURN, 0, 0, _ALLOW)]))


def argument_rules(section: str) -> dict[str, list[Rule]]:
    """What the arguments of calls must be, by the call's name, from one of the table's two sections of rules."""
    return {name: [_read(rule) for rule in rules] for name, rules in table()[section].items()}


def supported() -> bool:
    """Whether the kernel has filters."""
    result: int = ctypes.CDLL(None).prctl(_GET_SECCOMP, 0, 0, 0, 0)
    return result == 0


@functools.cache
def table() -> dict[str, dict[str, Any]]:
    """The table by section, read once, while files can still be read."""
    return tomllib.loads((Path(__file__).parent / "syscalls.toml").read_text("utf-8"))


def _numbers(*sections: str) -> dict[str, int]:
    """Name -> number of the calls this machine has, in the named sections of the table; without names, in all."""
    machine = os.uname().machine
    if machine not in _ARCHITECTURES:
        raise OSError(errno.ENOSYS, f"no table of system calls for {machine}; known: {', '.join(_ARCHITECTURES)}")
    column = list(_ARCHITECTURES).index(machine)
    parts = sections or [name for name in table() if not name.endswith("arguments")]
    found = {name: pair[column] for part in parts for name, pair in table()[part].items()}
    return {name: number for name, number in found.items() if number >= 0}


def _read(rule: dict[str, Any]) -> Rule:
    values: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in rule.items()}
    return Rule(**values)


def _only_this_machine() -> Code:
    """Kills processes that use another machine's numbers; leaves the call's number loaded."""
    kill = _step(_RETURN, 0, 0, _KILL)
    architecture = _ARCHITECTURES[os.uname().machine]
    code = [_step(_LOAD, 0, 0, _ARCHITECTURE), _step(_EQUAL, 1, 0, architecture), kill]
    return [*code, _step(_LOAD, 0, 0, _NUMBER), _step(_AT_LEAST, 0, 1, _X32), kill]


def _checked(number: int, rules: list[Rule]) -> Code:
    """For one call: allows it if its arguments keep all rules."""
    checks = [step for rule in rules for step in _kept(rule)]
    return [_step(_EQUAL, 0, len(checks) + 1, number), *checks, _step(_RETURN, 0, 0, _ALLOW)]


def _kept(rule: Rule) -> Code:
    """Refuses an argument that breaks a rule."""
    code = [_step(_LOAD, 0, 0, _ARGUMENTS + 8 * rule.place)]
    if rule.mask != _ALL_BITS:
        code.append(_step(_AND, 0, 0, rule.mask))
    if rule.without:
        code += [_step(_ANY_BIT, 0, 1, rule.without), *_refuse(rule.error)]
    if rule.below is not None:
        code += [_step(_AT_LEAST, 0, 1, rule.below), *_refuse(rule.error)]
    if rule.itself:
        code += [_ITSELF, *_refuse(rule.error)]
    for value in rule.none_of:
        code += [_step(_EQUAL, 0, 1, value), *_refuse(rule.error)]
    if rule.one_of:
        left = range(len(rule.one_of), 0, -1)
        code += [_step(_EQUAL, jump, 0, value) for jump, value in zip(left, rule.one_of, strict=True)]
        code += _refuse(rule.error)
    return code


def _refuse(error: str) -> Code:
    return [_step(_RETURN, 0, 0, _REFUSE | (getattr(errno, error) if error else 0))]


def _step(code: int, if_true: int, if_false: int, value: int) -> bytes:
    return struct.pack("HBBI", code, if_true, if_false, value)
