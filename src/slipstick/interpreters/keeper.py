"""The warmed process: imports once what programs import, and forks the parent of sessions; a lost one it forks anew.

Runs no program but its own warm-up, so that whatever ends a parent leaves it alive. Single-threaded, in a clean process
of its own, started by `fork_server`: imports nothing but the standard library and the modules of its tier.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import random
import signal
import socket
import sys
from pathlib import Path
from typing import Any, NoReturn

from slipstick.interpreters import child, confine, huge_pages, view
from slipstick.interpreters.parent import become_parent

_ABSENT = ("pyarrow", "numexpr", "bottleneck")
"""Packages that pandas takes where they are: they start threads, and with threads there is no way into a namespace.
Without them results do not hang on which packages are beside it either."""


def try_isolation(isolation: str) -> None:
    """Ends with exit code 0 where all that an isolation asks for can be done, else prints what is missing."""
    try:
        confine.check(isolation)
    except view.MissingError as error:
        print(error, flush=True)
        os._exit(1)
    os._exit(0)


def main(fd: str, settings: str) -> None:
    """Warms up, says so over the socket `fd`, then makes a parent for every socket that comes over it."""
    requests = socket.socket(fileno=int(fd))
    options = json.loads(settings)
    sys.argv = [""]
    confine.die_with_parent()
    child.prepare()
    _warm(options["modules"], options["warmup"])
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
    huge_pages.collapse()
    os.environ.clear()
    requests.send(b"warm")
    _serve(requests, options)


def _serve(requests: socket.socket, options: dict[str, Any]) -> NoReturn:
    parent = 0
    while True:
        data, fds, _, _ = socket.recv_fds(requests, 64, 1)
        if parent and data:
            os.kill(parent, signal.SIGKILL)
        if parent:  # a caller that is gone has closed the parent's own socket too: it ends itself
            os.waitpid(parent, 0)
        if not data:
            os._exit(0)
        parent = os.fork()
        if not parent:
            requests.close()
            become_parent(socket.socket(fileno=fds[0]), options)
        os.close(fds[0])


def _warm(modules: list[str], warmup: list[str]) -> None:
    """Imports the tier's modules and runs its programs, so that forks find caches filled and code specialised."""
    for name in _ABSENT:
        sys.modules[name] = None  # type: ignore[assignment]  # what Python reads as: not to be imported
    for name in modules:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    random.seed(0)
    child.seed_libraries(0)
    for name in warmup:
        for program in (Path(__file__).parent / "warmup" / f"{name}.txt").read_text("utf-8").split("\n# ---\n") * 2:
            status, text = child.Steps().run(program)
            sys.stdout, sys.stderr = sys.__stdout__, sys.__stderr__
            if status != "ok":
                raise RuntimeError(f"a warm-up program of {name}.txt failed: {text}")
    child.seed_libraries(0)
