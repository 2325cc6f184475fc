"""Imports once what programs import, then forks the fork server of its tier, and a new one if that is lost.

Runs no program but its own warm-up, so that it survives whatever ends a fork server. Single-threaded, in a process of
its own with a clean environment, started by `host.zygote`.
"""

from __future__ import annotations

import builtins
import contextlib
import ctypes
import gc
import importlib
import importlib.abc
import json
import os
import random
import signal
import socket
import sys
from pathlib import Path
from typing import Any, NoReturn

from slipstick.interpreters.guest import confinement, figures, session
from slipstick.interpreters.guest.filesystem import MissingError
from slipstick.interpreters.guest.fork_server import become_fork_server
from slipstick.interpreters.guest.protocol import Request

_ABSENT = ("pyarrow", "numexpr", "bottleneck")
"""Packages that pandas uses if installed: they start threads, and a process with threads cannot enter namespaces."""

_FOR_PYTHON = ("PYTHON", "LD_", "MALLOC_")
"""How the variables begin that Python is started with and programs do not see."""

_HUGE_PAGE = 2 << 20
_COLLAPSE = 25  # MADV_COLLAPSE, in Linux since 6.1


class _Absent(importlib.abc.MetaPathFinder):
    """Finds no package of `_ABSENT`, and says so as Python does."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        if name in _ABSENT:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


def try_isolation(isolation: str) -> None:
    """Ends with exit code 0 if this machine offers the isolation, else prints what is missing."""
    try:
        confinement.check(isolation)
    except MissingError as error:
        print(error, flush=True)
        os._exit(1)
    os._exit(0)


def main(fd: str, settings: str) -> None:
    """Warms up, says so over the socket `fd`, then forks a fork server for every socket received over it."""
    requests = socket.socket(fileno=int(fd))
    options = json.loads(settings)
    sys.argv = [""]
    confinement.die_with_parent()
    session.prepare()
    _warm_up(options["modules"], options["warmup"])
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
    _use_huge_pages()
    sys.orig_argv = [sys.executable]
    for name in [name for name in os.environ if name.startswith(_FOR_PYTHON)]:
        del os.environ[name]
    requests.send(b"ready")
    _serve(requests, options)


def _serve(requests: socket.socket, options: dict[str, Any]) -> NoReturn:
    fork_server = 0
    while True:
        data, fds, _, _ = socket.recv_fds(requests, 64, 1)
        if fork_server and data:
            os.kill(fork_server, signal.SIGKILL)
        if fork_server:  # without a caller it has lost its own socket too and ends itself
            os.waitpid(fork_server, 0)
        if not data:
            os._exit(0)
        fork_server = os.fork()
        if not fork_server:
            requests.close()
            become_fork_server(socket.socket(fileno=fds[0]), options)
        os.close(fds[0])


def _warm_up(modules: list[str], warmup: list[str]) -> None:
    """Imports the tier's modules and runs its programs, so that forks start with full caches and specialised code."""
    sys.meta_path.insert(0, _Absent())
    random.Random.__init__.__defaults__ = (0,)  # sympy chooses the first number of its dummies, which orders depend on
    for name in modules:
        with contextlib.suppress(ImportError):
            figures.prepare() if name == "matplotlib" else importlib.import_module(name)
    random.Random.__init__.__defaults__ = (None,)
    random.seed(0)
    session.seed_libraries(0)
    for name in warmup:
        for program in (Path(__file__).parent / "warmup" / f"{name}.txt").read_text("utf-8").split("\n# ---\n") * 2:
            reply = session.Session(built_ins=dict(vars(builtins))).run(Request(program))
            sys.stdout, sys.stderr = sys.__stdout__, sys.__stderr__
            if reply.status != "ok":
                raise RuntimeError(f"a warm-up program of {name}.txt failed: {reply.text}")
    session.seed_libraries(0)


def _use_huge_pages() -> None:
    """Gathers this process's own memory into huge pages, so that forks copy fewer page tables; a hint to the kernel."""
    advise = ctypes.CDLL(None).madvise
    for line in Path("/proc/self/maps").read_text().splitlines():
        addresses, rights, _, _, _, *name = line.split()
        if rights.startswith("rw") and name in ([], ["[heap]"]):
            start, end = (int(address, 16) for address in addresses.split("-"))
            for at in range(-(-start // _HUGE_PAGE) * _HUGE_PAGE, end - _HUGE_PAGE + 1, _HUGE_PAGE):
                advise(ctypes.c_void_p(at), ctypes.c_size_t(_HUGE_PAGE), _COLLAPSE)
