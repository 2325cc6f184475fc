"""The program that `attack_search` runs inside a session: makes the system calls of its plan, and says how many."""

import contextlib
import ctypes
import json
import mmap
import os
import random
import select
import signal
import socket
import stat
import struct
import threading
from pathlib import Path
from typing import Any

PLAN: dict[str, Any] = json.loads("{}")

_PATIENCE = 0.02
"""Seconds after which a call that waits is interrupted."""
_MOST_FILES = 64
_PAGE, _BUFFER, _GUARD = 4096, 1 << 20, 1 << 16
_BUFFER_AT, _REGION_AT = 0x110000000000, 0x120000000000
"""Addresses far from all that Python maps, mapped again for every sequence: what calls write there harms nothing."""
_VECTOR, _TIME, _NAMES = 4 * _PAGE, 8 * _PAGE, 9 * _PAGE
"""Where in the buffer a vector of buffers, some times and the names of files are."""
_KEPT = (signal.SIGKILL, signal.SIGSTOP, signal.SIGSEGV, signal.SIGBUS, signal.SIGILL, signal.SIGFPE, signal.SIGABRT)
_LONG = ctypes.c_long

libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = _LONG
libc.mmap.restype = _LONG
text_address = ctypes.cast(libc.getpid, ctypes.c_void_p).value or 0
made = [0, 0]


def inherited() -> list[int]:
    """Descriptors that were open when the program started."""
    found = []
    for fd in range(_MOST_FILES):
        with contextlib.suppress(OSError):
            os.fstat(fd)
            found.append(fd)
    return found


def descriptors() -> dict[str, int]:
    """One descriptor of each kind, newly made; those that cannot be made are closed ones."""
    pipe_read, pipe_write = os.pipe()
    pair = socket.socketpair()
    with select.epoll() as epoll:
        epoll_copy = os.dup(epoll.fileno())
    found = {
        "pipe_read": pipe_read,
        "pipe_write": pipe_write,
        "socket": pair[0].detach(),
        "socket_peer": pair[1].detach(),
        "event": os.eventfd(0),
        "epoll": epoll_copy,
        "closed": _MOST_FILES - 1,
    }
    for name, path, flags in (
        ("file", os.__file__, os.O_RDONLY),
        ("folder", str(Path(os.__file__).parent), os.O_RDONLY),
        ("path", "/", os.O_PATH),
        ("null", "/dev/null", os.O_RDWR),
        ("zero", "/dev/zero", os.O_RDONLY),
        ("urandom", "/dev/urandom", os.O_RDONLY),
        ("own", "own", os.O_RDWR | os.O_CREAT),
    ):
        found[name] = _MOST_FILES - 1
        with contextlib.suppress(OSError):
            found[name] = os.open(path, flags)
    return found


def known(sockets: list[int], given: list[int]) -> dict[str, int]:
    """What the names of a plan stand for."""
    me, parent = os.getpid(), os.getppid()
    others = {"next": me + 1, "after": me + 2, "before": me - 1, "earlier": me - 2}
    return {
        **descriptors(),
        "channel": sockets[0] if sockets else _MOST_FILES - 1,
        "inherited": given[-1],
        "self": me,
        "parent": parent,
        "group": -os.getpgrp(),
        "minus_self": -me,
        "minus_parent": -parent,
        **others,
        "clock_self": (~me << 3) | 2,
        "clock_parent": (~parent << 3) | 2,
        "clock_next": (~(me + 1) << 3) | 2,
        "clock_device": (~0 << 3) | 3,
        "buffer": _BUFFER_AT,
        "vector": _BUFFER_AT + _VECTOR,
        "time": _BUFFER_AT + _TIME,
        "map": _REGION_AT,
        "library": text_address & -_PAGE,
        "text": text_address,
        **{f"name_{name}": _BUFFER_AT + _NAMES + 256 * number for number, name in enumerate(PLAN["names"])},
    }


def run_sequence(calls: list[list[Any]], values: dict[str, int]) -> None:
    """Makes the calls one after another; `result` is what the one before returned."""
    for number, *arguments in calls:
        plain = [values.get(each, 0) if isinstance(each, str) else each for each in arguments]
        result = libc.syscall(_LONG(number), *(_LONG(each) for each in plain))
        values["result"] = result
        made[0] += 1
        made[1] += result >= 0
    for name in ("pipe_write", "socket", "socket_peer", "event"):  # what was armed is set off
        with contextlib.suppress(OSError):
            os.write(values[name], b"\1" * 8)


def prepare(seed: int) -> None:
    """Memory and signals as they were, and a clock that interrupts calls that wait."""
    for address, size in ((_BUFFER_AT, _BUFFER), (_REGION_AT, _BUFFER)):
        libc.munmap(_LONG(address), _LONG(_BUFFER + _GUARD))
        flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x10
        if libc.mmap(_LONG(address), _LONG(size), 3, flags, -1, _LONG(0)) != address:
            raise MemoryError
    content = bytearray(random.Random(seed).randbytes(_NAMES))
    vectors = (word for _ in range(64) for word in (_BUFFER_AT, 64))
    content[_VECTOR : _VECTOR + 1024] = struct.pack("128Q", *vectors)
    content[_TIME : _TIME + 48] = struct.pack("6q", 0, 1_000_000, 0, 1_000, 0, 0)
    content += b"".join(path.encode().ljust(256, b"\0") for path in PLAN["names"].values())
    ctypes.memmove(_BUFFER_AT, bytes(content), len(content))
    for number in set(signal.Signals) - set(_KEPT):
        signal.signal(number, lambda *_: None)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    signal.setitimer(signal.ITIMER_REAL, _PATIENCE, _PATIENCE)


def main() -> None:
    given = inherited()
    sockets = [fd for fd in given if stat.S_ISSOCK(os.fstat(fd).st_mode)]
    for number, sequence in enumerate(PLAN["sequences"]):
        if sequence["last"]:
            print("MADE", *made, flush=True)
        with contextlib.suppress(OSError, RuntimeError, MemoryError):
            prepare(number)
            values = known(sockets, given)
            if sequence["thread"]:
                thread = threading.Thread(target=run_sequence, args=(sequence["calls"], values), daemon=True)
                thread.start()
                thread.join(_PATIENCE * 5)
            else:
                run_sequence(sequence["calls"], values)
        for fd in range(_MOST_FILES):
            if fd not in given:
                with contextlib.suppress(OSError):
                    os.close(fd)
    signal.setitimer(signal.ITIMER_REAL, 0)
    print("MADE", *made)


if __name__ == "__main__" and PLAN:
    main()
