"""What a fork server gives up before it forks sessions: privileges, files, system calls, memory. By isolation:

process   limits, an empty environment, no privileges to be gained
kernel    also Landlock (files) and a filter of system calls; needs no namespaces
full      also namespaces and a read-only root of its own
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import signal
import struct
import sys
import time
from pathlib import Path
from typing import Any

from slipstick.interpreters.guest import filesystem, seccomp
from slipstick.interpreters.guest.filesystem import MissingError, needs

_PROCESSOR_CLOCK = 2
"""CPUCLOCK_SCHED: what the scheduler has given to a process, not what its timer has seen."""
_PDEATHSIG, _DUMPABLE, _CHILD_SUBREAPER, _NO_NEW_PRIVS = 1, 4, 36, 38
_CAPABILITY_VERSION = 0x20080522
_SPARE_MB = 64
"""Between the soft and the hard memory limit: room for a session to report that it ran out of memory."""
_PROCESSES, _THREADS = 128, 256
"""Limits: processes of this user without a filter of system calls, threads of a session in a namespace of its own."""
MOST_THREADS, MOST_OF_ALL = 1024, 8192
"""Threads of a session without a namespace, and of all sessions of a fork server: the machine may have 32,768."""
_PROCS_AT, _SIZE_OF_SYSINFO = 80, 112

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF, _PATH_BENEATH = 444, 445, 446, 1
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_FOLDER, _WRITE, _REFER, _TRUNCATE = 0x1, 0x2, 0x4, 0x8, 0x1FF2, 0x2000, 0x4000
_READ, _OF_ONE_FILE = _READ_FILE | _READ_FOLDER, _READ_FILE | _WRITE_FILE | _TRUNCATE
"""Landlock's rights to files; moving between folders came with its version 2, truncating with 3."""
_LIMITS_TRUNCATE = 3
"""The version since which it limits `truncate`, which before could empty any file of the user's."""
_TCP, _SIGNALS, _ABSTRACT_SOCKETS_AND_SIGNALS = 0x3, 0x2, 0x3
"""Rights that Landlock has since its version 4, and since 6."""

_libc = ctypes.CDLL(None, use_errno=True)


def check(isolation: str) -> None:
    """Confines this process by an isolation, to try it. Raises MissingError, which names what this machine lacks."""
    if isolation == "full":
        filesystem.enter_namespaces()
        filesystem.close_root()
        filesystem.enter_user_namespace()
    drop_privileges()
    if isolation != "process":
        filters = make_filters(scratch=False, private=isolation == "full")
        forbid_files(None, packages=[], listed=[])
        for each in filters:
            each.install()


def drop_privileges() -> None:
    """Drops all capabilities for good; other processes can no longer inspect this one or its forks."""
    forbid_new_privileges()
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION, 0)
    _libc.capset(header, (ctypes.c_uint32 * 6)())


def forbid_new_privileges() -> None:
    """Starting programs gains no privileges; this process keeps those it has."""
    _libc.prctl(_NO_NEW_PRIVS, 1, 0, 0, 0)
    _libc.prctl(_DUMPABLE, 0, 0, 0, 0)


def make_filters(*, scratch: bool, private: bool) -> tuple[seccomp.Filter, seccomp.Filter]:
    """The fork server's and the session's filter of system calls. Raises MissingError.

    scratch: sessions may change files. private: there are no files that they could change but their own.
    """
    if not seccomp.supported():
        raise MissingError("seccomp filters")
    try:
        absent = () if _landlock_version() >= _LIMITS_TRUNCATE else ("truncate",)
        return seccomp.fork_server_filter(scratch=scratch, private=private, absent=absent), seccomp.session_filter()
    except OSError as error:
        raise MissingError(f"a list of system calls ({error.strerror})") from error


def forbid_files(folder: str | None, *, packages: list[str], listed: list[str]) -> None:
    """Forbids reading files other than Python's and the libraries', changing any outside `folder`, executing any.

    packages: folders of packages outside Python's installation. listed: folders that may be listed, not read.

    Needs no-new-privileges. Raises MissingError.
    """
    version = needs("Landlock, in Linux since 5.13", _landlock_version())
    write = _WRITE | (_REFER if version >= 2 else 0) | (_TRUNCATE if version >= 3 else 0)
    python = [f"{prefix}/{part}" for prefix in {sys.prefix, sys.base_prefix} for part in filesystem.PYTHON_PARTS]
    rights = dict.fromkeys((*python, *packages, *filesystem.LIBRARIES, *filesystem.DEVICES), _READ)
    rights["/dev/null"] |= write & (_WRITE_FILE | _TRUNCATE)
    rights |= dict.fromkeys(listed, _READ_FOLDER)
    if folder is not None:
        rights[folder] = _READ | write
    handled = [_EXECUTE | _READ | write, *([_TCP] if version >= 4 else [])]
    handled += [_ABSTRACT_SOCKETS_AND_SIGNALS] if version >= 6 else []
    rules = needs("Landlock", _make_ruleset(handled))
    for path, granted in rights.items():
        if Path(path).exists():
            at = os.open(path, os.O_PATH | os.O_CLOEXEC)
            fitting = granted if Path(path).is_dir() else granted & _OF_ONE_FILE
            rule = struct.pack("=Qi", fitting, at)
            needs("Landlock", _libc.syscall(_ADD_RULE, rules, _PATH_BENEATH, rule, 0))
            os.close(at)
    enter_domain(rules)
    os.close(rules)


def signal_domain() -> int | None:
    """Rules, as a descriptor, by which each fork that enters them can signal itself alone; None before Linux 6.12."""
    return needs("Landlock", _make_ruleset([0, 0, _SIGNALS])) if _landlock_version() >= 6 else None


def enter_domain(rules: int) -> None:
    """Applies Landlock's rules to this process and its forks from now on. Needs no-new-privileges."""
    needs("Landlock", _libc.syscall(_RESTRICT_SELF, rules, 0))


def _landlock_version() -> int:
    version: int = _libc.syscall(_CREATE_RULESET, None, 0, 1)
    return version


def _make_ruleset(handled: list[int]) -> int:
    """A descriptor of rules about the rights `handled`: to files, to the network, and what is scoped."""
    attributes = struct.pack(f"{len(handled)}Q", *handled)
    rules: int = _libc.syscall(_CREATE_RULESET, attributes, ctypes.c_size_t(len(attributes)), 0)
    return rules


def die_with_parent() -> None:
    """Has the kernel kill this process when the one that forked it ends."""
    _libc.prctl(_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def adopt_orphans() -> None:
    """Makes this process the parent of what its descendants leave behind when they end."""
    _libc.prctl(_CHILD_SUBREAPER, 1, 0, 0, 0)


def children() -> list[int]:
    """Process ids of this single-threaded process's children, adopted ones included."""
    return [int(pid) for pid in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()]


def used_by(pid: int) -> float:
    """Processor seconds of a process, all its threads, without its cooperation; 0 if it has ended."""
    try:
        return time.clock_gettime((~pid << 3) | _PROCESSOR_CLOCK)
    except OSError:
        return 0.0


def threads_of_machine() -> int:
    """Threads that run on this machine, modulo 65,536."""
    told = ctypes.create_string_buffer(_SIZE_OF_SYSINFO)
    _libc.sysinfo(told)
    threads: int = struct.unpack_from("H", told, _PROCS_AT)[0]
    return threads


def threads_of(pid: int) -> int:
    """Threads of a process, without reading /proc; 0 if it has ended."""
    try:
        return Path(f"/proc/{pid}/task").stat().st_nlink - 2
    except OSError:
        return 0


def used_by_all(pid: int) -> float:
    """Processor seconds of a process and of all below it, those that have ended included; needs /proc."""
    seconds = 0.0
    pids = [pid]
    for each in pids:  # grows during the loop
        try:
            ended = Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()[13:15]
            pids += [int(child) for child in Path(f"/proc/{each}/task/{each}/children").read_text().split()]
        except OSError:  # ended meanwhile
            continue
        seconds += used_by(each) + sum(map(int, ended)) / os.sysconf("SC_CLK_TCK")
    return seconds


def set_limits(limits: dict[str, Any], *, base: int) -> None:
    """Limits memory beyond `base` bytes, what the fork server uses, and the size of files: of all forks, or of one."""
    memory = base + (limits["memory_mb"] << 20)
    _limit(resource.RLIMIT_AS, memory, memory + (_SPARE_MB << 20))
    _limit(resource.RLIMIT_FSIZE, limits["scratch_mb"] << 20)


def forbid_more_files() -> None:
    """Limits open files of every fork, and forbids files of dead processes."""
    _limit(resource.RLIMIT_NOFILE, 64)
    _limit(resource.RLIMIT_CORE, 0)


def limit_processes(isolation: str) -> None:
    """Limits a session's threads with "full", processes of this user but root with "process"."""
    if isolation != "kernel":  # there other programs of the same user would count; threads are limited by memory
        _limit(resource.RLIMIT_NPROC, _THREADS if isolation == "full" else _PROCESSES)


def limit_all_processes() -> None:
    """Limits the threads of all sessions together, in a namespace that is made next; forks of the fork server go on."""
    _limit(resource.RLIMIT_NPROC, MOST_OF_ALL)


def used_memory() -> int:
    """Bytes of address space of this process."""
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()


def _limit(which: int, soft: int, hard: int | None = None) -> None:
    with contextlib.suppress(ValueError, OSError):  # a lower limit is set already
        resource.setrlimit(which, (soft, soft if hard is None else hard))
