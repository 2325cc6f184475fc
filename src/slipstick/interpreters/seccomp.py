"""A system call filter for sessions: no new processes, no sockets, no hand on other processes or on who may use a file.

Called inside the sandbox only: imports nothing but the standard library.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct

_ALLOW, _KILL, _REFUSE = 0x7FFF0000, 0x80000000, 0x00050000
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT = 0, 4, 16
_THREAD = 0x00010000
_X32 = 0x40000000
_GET_SECCOMP, _SET_SECCOMP, _MODE_FILTER = 21, 22, 2

# machine -> audit architecture, clone, clone3, what works on its own process only, what is refused (linux/unistd.h)
_MACHINES: dict[str, tuple[int, int, int, tuple[int, ...], tuple[int, ...]]] = {
    "x86_64": (
        0xC000003E,
        56,
        435,
        (302, 203),  # prlimit64 sched_setaffinity
        (
            *(57, 58, 59, 322),  # fork vfork execve execveat
            *(62, 200, 234, 129, 297, 424),  # kill tkill tgkill rt_sigqueueinfo rt_tgsigqueueinfo pidfd_send_signal
            *(101, 310, 311, 272, 308, 165, 141),  # ptrace process_vm_readv, _writev unshare setns mount setpriority
            *(321, 425, 323, 248, 249, 250),  # bpf io_uring_setup userfaultfd add_key request_key keyctl
            41,  # socket
            *(90, 91, 268, 452, 92, 93, 94, 260),  # chmod fchmod fchmodat fchmodat2 chown fchown lchown fchownat
            *(188, 189, 190, 132, 235, 261, 280),  # setxattr lsetxattr fsetxattr utime utimes futimesat utimensat
        ),
    ),
    "aarch64": (
        0xC00000B7,
        220,
        435,
        (261, 122),
        (
            *(221, 281),
            *(129, 130, 131, 138, 240, 424),
            *(117, 270, 271, 97, 268, 40, 140),
            *(280, 425, 282, 217, 218, 219),
            198,
            *(52, 53, 452, 54, 55),
            *(5, 6, 7, 88),
        ),
    ),
}


class Filter:
    """A filter in the kernel's form, built once in the parent and put on by every session."""

    def __init__(self, machine: str) -> None:
        code = _program(*_MACHINES[machine])
        self._code = ctypes.create_string_buffer(code, len(code))
        self._whole = ctypes.create_string_buffer(struct.pack("HL", len(code) // 8, ctypes.addressof(self._code)))
        self._prctl = ctypes.CDLL(None, use_errno=True).prctl

    def put_on(self) -> None:
        """From here on the filter holds for this process. Needs no-new-privileges; raises OSError."""
        if self._prctl(_SET_SECCOMP, _MODE_FILTER, ctypes.byref(self._whole), 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "the system call filter is refused")


def build_filter() -> Filter | None:
    """None where the kernel has no filters or the machine is not known."""
    machine = os.uname().machine
    supported = ctypes.CDLL(None).prctl(_GET_SECCOMP, 0, 0, 0, 0) == 0
    return Filter(machine) if supported and machine in _MACHINES else None


def _program(architecture: int, clone: int, clone3: int, own_only: tuple[int, ...], refused: tuple[int, ...]) -> bytes:
    refuse = _step(_RETURN, 0, 0, _REFUSE | errno.EPERM)
    steps = [_step(_LOAD, 0, 0, _ARCHITECTURE), _step(_EQUAL, 1, 0, architecture), _step(_RETURN, 0, 0, _KILL)]
    steps += [_step(_LOAD, 0, 0, _NUMBER), _step(_AT_LEAST, 0, 1, _X32), _step(_RETURN, 0, 0, _KILL)]
    for number in refused:
        steps += [_step(_EQUAL, 0, 1, number), refuse]
    # glibc makes threads with clone where clone3 is not there; clone3 hides its flags from a filter
    steps += [_step(_EQUAL, 0, 1, clone3), _step(_RETURN, 0, 0, _REFUSE | errno.ENOSYS)]
    steps += [_step(_EQUAL, 0, 4, clone), _step(_LOAD, 0, 0, _FIRST_ARGUMENT), _step(_ANY_BIT, 1, 0, _THREAD), refuse]
    steps += [_step(_RETURN, 0, 0, _ALLOW)]
    for number in own_only:
        steps += [_step(_EQUAL, 0, 4, number), _step(_LOAD, 0, 0, _FIRST_ARGUMENT), _step(_EQUAL, 1, 0, 0), refuse]
        steps += [_step(_RETURN, 0, 0, _ALLOW)]
    return b"".join([*steps, _step(_RETURN, 0, 0, _ALLOW)])


def _step(code: int, if_true: int, if_false: int, value: int) -> bytes:
    return struct.pack("HBBI", code, if_true, if_false, value)
