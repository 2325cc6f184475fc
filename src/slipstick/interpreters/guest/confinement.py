"""What a parent process gives up before it forks sessions: privileges, files, system calls, and all but its share of
memory. How much depends on the isolation.

    process   limits, an empty environment, no privileges to be gained
    kernel    also Landlock (files) and a filter of system calls; needs no namespaces
    full      also namespaces and a read-only root of its own

Called inside the sandbox only: imports nothing but the standard library.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import signal
import struct
import sys
from pathlib import Path
from typing import Any

from slipstick.interpreters.guest import filesystem, seccomp
from slipstick.interpreters.guest.filesystem import MissingError, needs

_PDEATHSIG, _DUMPABLE, _NO_NEW_PRIVS = 1, 4, 38
_CAPABILITY_VERSION = 0x20080522
_SPARE_MB = 64
"""Between the soft and the hard memory limit: room in which a session reports that it ran out."""
_PROCESSES, _THREADS = 128, 1024
"""Of one user: without a filter of system calls, and in a user namespace of its own."""

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF, _PATH_BENEATH = 444, 445, 446, 1
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_FOLDER, _WRITE, _REFER, _TRUNCATE = 0x1, 0x2, 0x4, 0x8, 0x1FF2, 0x2000, 0x4000
_READ, _OF_ONE_FILE = _READ_FILE | _READ_FOLDER, _READ_FILE | _WRITE_FILE | _TRUNCATE
"""Landlock's rights over files; moving between folders came with its version 2, truncating with 3."""
_TCP, _ABSTRACT_SOCKETS_AND_SIGNALS = 0x3, 0x3
"""Landlock's versions 4 and 6."""

_libc = ctypes.CDLL(None, use_errno=True)


def check(isolation: str) -> None:
    """Does to this process all that an isolation asks for; MissingError names what this machine does not give."""
    if isolation == "full":
        filesystem.enter_namespaces()
        filesystem.enter_filesystem()
    drop_privileges()
    if isolation != "process":
        filters = make_filters(scratch=False)
        forbid_files(None)
        for each in filters:
            each.put_on()


def drop_privileges() -> None:
    """No capabilities, none to be gained, and no looking into this process or its forks from beside it."""
    forgo_new_privileges()
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION, 0)
    _libc.capset(header, (ctypes.c_uint32 * 6)())


def forgo_new_privileges() -> None:
    """None are gained by starting programs; those there are stay."""
    _libc.prctl(_NO_NEW_PRIVS, 1, 0, 0, 0)
    _libc.prctl(_DUMPABLE, 0, 0, 0, 0)


def make_filters(*, scratch: bool) -> tuple[seccomp.Filter, seccomp.Filter]:
    """The parent's and the session's filter of system calls. Raises MissingError."""
    if not seccomp.supported():
        raise MissingError("seccomp filters")
    try:
        return seccomp.fork_server_filter(scratch=scratch), seccomp.session_filter()
    except OSError as error:
        raise MissingError(f"a list of system calls ({error.strerror})") from error


def forbid_files(folder: str | None) -> None:
    """No file but Python's and the libraries' is read, none is written or removed but beneath `folder`, none started.

    Needs no-new-privileges. Raises MissingError.
    """
    version = needs("Landlock, in Linux since 5.13", _libc.syscall(_CREATE_RULESET, None, 0, 1))
    write = _WRITE | (_REFER if version >= 2 else 0) | (_TRUNCATE if version >= 3 else 0)
    rights = dict.fromkeys((sys.prefix, sys.base_prefix, *filesystem.LIBRARIES, *filesystem.DEVICES), _READ)
    rights["/dev/null"] |= write & (_WRITE_FILE | _TRUNCATE)
    if folder is not None:
        rights[folder] = _READ | write
    handled = [_EXECUTE | _READ | write, *([_TCP] if version >= 4 else [])]
    handled += [_ABSTRACT_SOCKETS_AND_SIGNALS] if version >= 6 else []
    attributes = struct.pack(f"{len(handled)}Q", *handled)
    rules = needs("Landlock", _libc.syscall(_CREATE_RULESET, attributes, ctypes.c_size_t(len(attributes)), 0))
    for path, granted in rights.items():
        if Path(path).exists():
            at = os.open(path, os.O_PATH | os.O_CLOEXEC)
            fitting = granted if Path(path).is_dir() else granted & _OF_ONE_FILE
            rule = struct.pack("=Qi", fitting, at)
            needs("Landlock", _libc.syscall(_ADD_RULE, rules, _PATH_BENEATH, rule, 0))
            os.close(at)
    needs("Landlock", _libc.syscall(_RESTRICT_SELF, rules, 0))
    os.close(rules)


def die_with_parent() -> None:
    """This process is killed when the one that forked it ends."""
    _libc.prctl(_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def set_limits(options: dict[str, Any], *, base: int) -> None:
    """Limits for every fork of this process; memory counts from `base` bytes, what the process itself takes up."""
    memory = base + (options["memory_mb"] << 20)
    _limit(resource.RLIMIT_AS, memory, memory + (_SPARE_MB << 20))
    _limit(resource.RLIMIT_FSIZE, options["scratch_mb"] << 20)
    _limit(resource.RLIMIT_NOFILE, 64)
    _limit(resource.RLIMIT_CORE, 0)


def limit_processes(isolation: str) -> None:
    """At most so many processes and threads of this user, in its namespace; binds root in "full" only."""
    if isolation != "kernel":  # there threads count as memory only: other programs of the user would count with them
        _limit(resource.RLIMIT_NPROC, _THREADS if isolation == "full" else _PROCESSES)


def taken_memory() -> int:
    """Bytes of address space of this process."""
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()


def _limit(which: int, soft: int, hard: int | None = None) -> None:
    with contextlib.suppress(ValueError, OSError):  # a lower limit holds already
        resource.setrlimit(which, (soft, soft if hard is None else hard))
