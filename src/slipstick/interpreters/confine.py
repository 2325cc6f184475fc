"""What the kernel is asked to keep from programs: namespaces of their own, no privileges, no new processes, limits.

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

_NEWUSER, _NEWNET, _NEWIPC, _NEWPID = 0x10000000, 0x40000000, 0x08000000, 0x20000000
_PDEATHSIG, _DUMPABLE, _NO_NEW_PRIVS = 1, 4, 38
_CAPABILITY_VERSION = 0x20080522
_SPARE_MB = 64
"""Between the soft and the hard memory limit: room in which a session reports that it ran out."""

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF, _PATH_BENEATH = 444, 445, 446, 1
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_FOLDER, _WRITE, _REFER, _TRUNCATE = 0x1, 0x2, 0x4, 0x8, 0x1FF2, 0x2000, 0x4000
_READ, _OF_ONE_FILE = _READ_FILE | _READ_FOLDER, _READ_FILE | _WRITE_FILE | _TRUNCATE
"""Landlock's rights over files; moving between folders came with its version 2, truncating with 3."""
_LIBRARIES = ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/share/zoneinfo", "/dev/urandom")
"""Beside the Python installation, what shared libraries and the standard library read."""

_libc = ctypes.CDLL(None, use_errno=True)


def enter_namespaces() -> bool:
    """New user, network, ipc and pid namespaces; the last holds for processes forked from now on.

    False, and nothing changed, where the kernel does not allow it.
    """
    uid, gid = os.getuid(), os.getgid()
    if _libc.unshare(_NEWUSER | _NEWNET | _NEWIPC | _NEWPID) != 0:
        return False
    for name, text in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"), ("gid_map", f"{gid} {gid} 1")):
        with contextlib.suppress(OSError):  # unmapped, this user is nobody in there, which is well too
            Path(f"/proc/self/{name}").write_text(text)
    return True


def drop_privileges() -> None:
    """No capabilities, none to be gained, and no looking into this process or its forks from beside it."""
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION, 0)
    _libc.capset(header, (ctypes.c_uint32 * 6)())
    _libc.prctl(_NO_NEW_PRIVS, 1, 0, 0, 0)
    _libc.prctl(_DUMPABLE, 0, 0, 0, 0)


def landlock_version() -> int:
    """Of the kernel's Landlock; 0 where there is none."""
    version: int = _libc.syscall(_CREATE_RULESET, None, 0, 1)
    return max(version, 0)


def forbid_files(version: int, folder: str | None) -> None:
    """No file but the Python installation is read, none is written or removed but beneath `folder`, none is started.

    Needs no-new-privileges and Landlock of that version; raises OSError.
    """
    write = _WRITE | (_REFER if version >= 2 else 0) | (_TRUNCATE if version >= 3 else 0)
    rights = dict.fromkeys((sys.prefix, sys.base_prefix, *_LIBRARIES), _READ)
    rights["/dev/null"] = _READ_FILE | (write & (_WRITE_FILE | _TRUNCATE))
    if folder is not None:
        rights[folder] = _READ | write
    rules = _done(_libc.syscall(_CREATE_RULESET, struct.pack("Q", _EXECUTE | _READ | write), 8, 0))
    for path, granted in rights.items():
        if Path(path).exists():
            at = os.open(path, os.O_PATH | os.O_CLOEXEC)
            fitting = granted if Path(path).is_dir() else granted & _OF_ONE_FILE
            _done(_libc.syscall(_ADD_RULE, rules, _PATH_BENEATH, struct.pack("=Qi", fitting, at), 0))
            os.close(at)
    _done(_libc.syscall(_RESTRICT_SELF, rules, 0))
    os.close(rules)


def _done(result: int) -> int:
    if result < 0:
        raise OSError(ctypes.get_errno(), "a restriction that the kernel offers is refused")
    return result


def die_with_parent() -> None:
    """This process is killed when the one that forked it ends."""
    _libc.prctl(_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def set_limits(*, memory_mb: int, scratch_mb: int) -> None:
    """Limits for every fork of this process; memory counts from what the process itself takes up now."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    memory = pages * resource.getpagesize() + (memory_mb << 20)
    _limit(resource.RLIMIT_AS, memory, memory + (_SPARE_MB << 20))
    _limit(resource.RLIMIT_FSIZE, scratch_mb << 20)
    _limit(resource.RLIMIT_NOFILE, 64)
    _limit(resource.RLIMIT_CORE, 0)


def limit_processes(count: int) -> None:
    """At most `count` processes and threads of this user in this namespace; does not bind root."""
    _limit(resource.RLIMIT_NPROC, count)


def _limit(which: int, soft: int, hard: int | None = None) -> None:
    with contextlib.suppress(ValueError, OSError):  # a lower limit holds already
        resource.setrlimit(which, (soft, soft if hard is None else hard))
