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

_ALLOW, _KILL, _REFUSE = 0x7FFF0000, 0x80000000, 0x00050000
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _AND, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x54, 0x06
_NUMBER, _ARCHITECTURE, _FIRST, _SECOND, _THIRD, _FOURTH = 0, 4, 16, 24, 32, 40
_GET_SECCOMP, _SET_SECCOMP, _MODE_FILTER = 21, 22, 2
_ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_X32 = 0x40000000
_THREAD, _NEW_NAMESPACES = 0x00010600, 0x7E020080
"""Flags of clone: a thread (CLONE_THREAD) that shares files and working folder; and those that make namespaces."""

# Allowed arguments of calls that do many things (linux/prctl.h, asm-generic/ioctls.h, linux/socket.h, linux/fcntl.h).
_PROCESS_OPTIONS = (15, 16)  # PR_SET_NAME PR_GET_NAME
_FORK_SERVER_OPTIONS = (1, 4, _SET_SECCOMP)  # PR_SET_PDEATHSIG PR_SET_DUMPABLE
_DEVICE_REQUESTS = (0x5401, 0x541B, 0x5421, 0x5450, 0x5451)  # TCGETS FIONREAD FIONBIO FIONCLEX FIOCLEX
_LOCAL, _STREAM, _KIND_OF_SOCKET = 1, 1, 0xF
# Duplicates, flags and locks. Not F_SETOWN and F_SETSIG, by which a pipe sends signals that `kill` may not, nor
# F_SETPIPE_SZ, whose memory no limit counts.
_FILE_COMMANDS = (0, 1030, 1, 2, 3, 4, 5, 6, 7, 36, 37, 38)
_FORBIDDEN_MESSAGE_FLAGS = ~(0x2 | 0x20 | 0x40 | 0x100 | 0x4000) & 0xFFFFFFFF
"""All but MSG_PEEK, MSG_TRUNC, MSG_DONTWAIT, MSG_WAITALL and MSG_NOSIGNAL."""
_SOCKET_LEVEL, _SOCKET_OPTIONS = 1, (3, 4, 7, 8, 38, 39)
"""SOL_SOCKET: SO_TYPE, SO_ERROR, SO_SNDBUF, SO_RCVBUF, SO_PROTOCOL, SO_DOMAIN; not SO_PEERPIDFD, the host's process."""

Code = list[bytes]


class Filter:
    """A filter in the kernel's form, built once and installed by any number of processes."""

    def __init__(self, code: bytes) -> None:
        self._code = ctypes.create_string_buffer(code, len(code))
        self._whole = ctypes.create_string_buffer(struct.pack("HL", len(code) // 8, ctypes.addressof(self._code)))
        self._prctl = ctypes.CDLL(None, use_errno=True).prctl

    def install(self) -> None:
        """Applies the filter to this process and its forks from now on. Needs no-new-privileges; raises OSError."""
        if self._prctl(_SET_SECCOMP, _MODE_FILTER, ctypes.byref(self._whole), 0, 0) != 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def call_number(name: str) -> int:
    """The number of a system call on this machine. Raises OSError if the machine is not in the table."""
    return _numbers()[name]


def fork_server_filter(*, scratch: bool) -> Filter:
    """Allows what sessions may call, and what forking them needs."""
    numbers = _numbers("session", "fork_server", *(("scratch", "setup") if scratch else ()))
    known = _numbers()
    code = _only_this_machine()
    code += _with_argument(known["clone"], _FIRST, [_step(_ANY_BIT, 0, 1, _NEW_NAMESPACES), *_refuse(errno.EPERM)])
    code += _one_of(known["prctl"], _FIRST, (*_PROCESS_OPTIONS, *_FORK_SERVER_OPTIONS), errno.EPERM)
    code += _one_of(known["ioctl"], _SECOND, _DEVICE_REQUESTS, errno.ENOTTY)
    for name in ("prlimit64", "sched_getaffinity"):
        code += _one_of(known[name], _FIRST, (0,), errno.EPERM)
    stream = [_step(_EQUAL, 1, 0, _LOCAL), *_refuse(errno.EPERM), _step(_LOAD, 0, 0, _SECOND)]
    stream += [_step(_AND, 0, 0, _KIND_OF_SOCKET), _step(_EQUAL, 1, 0, _STREAM), *_refuse(errno.EPERM)]
    code += _with_argument(known["socketpair"], _FIRST, stream)
    code += _one_of(known["fcntl"], _SECOND, _FILE_COMMANDS, errno.EPERM)
    flags = [_step(_ANY_BIT, 0, 1, _FORBIDDEN_MESSAGE_FLAGS), *_refuse(errno.EPERM)]
    for name in ("sendto", "recvfrom"):
        code += _with_argument(known[name], _FOURTH, flags)
    level = [_step(_EQUAL, 1, 0, _SOCKET_LEVEL), *_refuse(errno.EPERM), _step(_LOAD, 0, 0, _THIRD)]
    code += _with_argument(known["getsockopt"], _SECOND, [*level, *_listed(_SOCKET_OPTIONS, errno.EPERM)])
    for number in sorted(numbers.values()):
        code += [_step(_EQUAL, 0, 1, number), _step(_RETURN, 0, 0, _ALLOW)]
    # without clone3, whose flags a filter cannot see, glibc makes threads with clone
    code += [_step(_EQUAL, 0, 1, known["clone3"]), *_refuse(errno.ENOSYS)]
    # libraries try calls newer than this table and fall back if they do not exist
    code += [_step(_AT_LEAST, 0, 1, max(known.values()) + 1), *_refuse(errno.ENOSYS)]
    return Filter(b"".join([*code, *_refuse(errno.EPERM)]))


def session_filter() -> Filter:
    """Forbids what the fork server's filter allows for the fork server alone."""
    known = _numbers()
    code = [_step(_LOAD, 0, 0, _NUMBER)]
    thread = [_step(_AND, 0, 0, _THREAD), _step(_EQUAL, 1, 0, _THREAD), *_refuse(errno.EPERM)]
    code += _with_argument(known["clone"], _FIRST, thread)
    code += _one_of(known["prctl"], _FIRST, _PROCESS_OPTIONS, errno.EPERM)
    for number in sorted(_numbers("fork_server", "setup").values()):
        code += [_step(_EQUAL, 0, 1, number), *_refuse(errno.EPERM)]
    return Filter(b"".join([*code, _step(_RETURN, 0, 0, _ALLOW)]))


def supported() -> bool:
    """Whether the kernel has filters."""
    result: int = ctypes.CDLL(None).prctl(_GET_SECCOMP, 0, 0, 0, 0)
    return result == 0


def _numbers(*sections: str) -> dict[str, int]:
    """Name -> number of the calls this machine has, in the named sections of the table; without names, in all."""
    machine = os.uname().machine
    if machine not in _ARCHITECTURES:
        raise OSError(errno.ENOSYS, f"no table of system calls for {machine}; known: {', '.join(_ARCHITECTURES)}")
    table = _table()
    column = list(_ARCHITECTURES).index(machine)
    found = {name: pair[column] for part in sections or table for name, pair in table[part].items()}
    return {name: number for name, number in found.items() if number >= 0}


@functools.cache
def _table() -> dict[str, dict[str, list[int]]]:
    """The table, read once, while files can still be read."""
    return tomllib.loads((Path(__file__).parent / "syscalls.toml").read_text("utf-8"))


def _only_this_machine() -> Code:
    """Kills processes that use another machine's numbers; leaves the call's number loaded."""
    kill = _step(_RETURN, 0, 0, _KILL)
    architecture = _ARCHITECTURES[os.uname().machine]
    code = [_step(_LOAD, 0, 0, _ARCHITECTURE), _step(_EQUAL, 1, 0, architecture), kill]
    return [*code, _step(_LOAD, 0, 0, _NUMBER), _step(_AT_LEAST, 0, 1, _X32), kill]


def _with_argument(number: int, argument: int, checks: Code) -> Code:
    """For one call: loads an argument (its lower half), runs the checks, and allows what passes them."""
    body = [_step(_LOAD, 0, 0, argument), *checks, _step(_RETURN, 0, 0, _ALLOW)]
    return [_step(_EQUAL, 0, len(body), number), *body]


def _one_of(number: int, argument: int, allowed: tuple[int, ...], otherwise: int) -> Code:
    """For one call: allows it with the listed values of an argument only."""
    return _with_argument(number, argument, _listed(allowed, otherwise))


def _listed(allowed: tuple[int, ...], otherwise: int) -> Code:
    """Refuses an argument, already loaded, that is none of the listed values."""
    left = range(len(allowed), 0, -1)
    return [*(_step(_EQUAL, jump, 0, value) for jump, value in zip(left, allowed, strict=True)), *_refuse(otherwise)]


def _refuse(error: int) -> Code:
    return [_step(_RETURN, 0, 0, _REFUSE | error)]


def _step(code: int, if_true: int, if_false: int, value: int) -> bytes:
    return struct.pack("HBBI", code, if_true, if_false, value)
