"""The warmed process that sessions are forked from: imports once what programs import, then forks, kills and reaps.

Single-threaded, in a clean process of its own, started by `fork_server`: imports nothing but the standard library and
the modules of its tier.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import random
import selectors
import signal
import socket
import sys
from pathlib import Path
from typing import Any, NoReturn

from slipstick.interpreters import child, confine, seccomp

_FORKS = 128


def main(folder: str, fd: str, settings: str) -> None:
    """Serves the control socket `fd` until its other end is closed; then every session is killed."""
    control = socket.socket(fileno=int(fd))
    options = json.loads(settings)
    sys.argv = [""]
    extras = ["namespaces"] if confine.enter_namespaces() else []
    if extras and (first := os.fork()):
        control.close()
        confine.die_with_parent()
        os._exit(abs(os.waitstatus_to_exitcode(os.waitpid(first, 0)[1])) % 256)
    confine.die_with_parent()
    child.prepare()
    _warm(options["modules"], Path(folder) / "warmup" / f"{options['tier']}.txt")
    os.chdir("/")
    os.environ.clear()
    confine.drop_privileges()
    confine.set_limits(memory_mb=options["memory_mb"], scratch_mb=options["scratch_mb"])
    for name in [name for name in sys.modules if name.split(".")[0] == "slipstick"]:
        del sys.modules[name]
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
    Parent(control, options).serve(extras)


def _warm(modules: list[str], programs: Path) -> None:
    """Imports the tier's modules and runs its programs, so that forks find caches filled and code specialised."""
    for name in modules:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    random.seed(0)
    for program in programs.read_text("utf-8").split("\n# ---\n") * 2:
        steps = child.Steps()
        status, text = steps.run(program)
        if status != "ok":
            raise RuntimeError(f"a warm-up program of {programs.name} failed: {text}")
    sys.stdout, sys.stderr = sys.__stdout__, sys.__stderr__


class Parent:
    """Table of live sessions and the loop that serves it."""

    def __init__(self, control: socket.socket, options: dict[str, Any]) -> None:
        self._control = control
        self._options = options
        self._filter = seccomp.build_filter()
        self._landlock = confine.landlock_version()
        self._pids: dict[int, int] = {}
        self._wake, self._wake_end = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._poll = selectors.DefaultSelector()

    def serve(self, extras: list[str]) -> NoReturn:
        """Tells the caller that it may ask, then answers until the caller goes."""
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._wake_end, warn_on_full_buffer=False)
        if self._landlock and not self._options["scratch_mb"]:
            confine.forbid_files(self._landlock, None)
        extras += ["landlock"] * bool(self._landlock) + ["seccomp"] * bool(self._filter)
        self._tell({"ready": True, "extras": extras})
        self._poll.register(self._control, selectors.EVENT_READ)
        self._poll.register(self._wake, selectors.EVENT_READ)
        os.dup2(0, 2)  # standard error was the caller's to see why a start failed
        while True:
            for key, _ in self._poll.select():
                if key.fd == self._wake:
                    self._reap()
                elif not self._answer():
                    self._end()

    def _answer(self) -> bool:
        """One request of the caller; False when it is gone."""
        data, fds, _, _ = socket.recv_fds(self._control, 65536, 1)
        if not data:
            return False
        message = json.loads(data)
        if "fork" in message:
            self._fork(message["fork"], fds[0], message["folder"])
        elif (pid := self._pids.get(message["kill"])) is not None:
            os.kill(pid, signal.SIGKILL)
        return True

    def _fork(self, key: int, fd: int, folder: str) -> None:
        try:
            pid = os.fork()
        except OSError:
            os.close(fd)
            self._tell({"ended": key, "code": None})
            return
        if pid:
            os.close(fd)
            self._pids[key] = pid
            return
        try:
            self._become_session(fd, folder)
        finally:
            os._exit(70)

    def _become_session(self, fd: int, folder: str) -> None:
        confine.die_with_parent()
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        self._poll.close()
        self._control.close()
        os.close(self._wake)
        os.close(self._wake_end)
        if self._options["scratch_mb"]:
            os.chdir(folder)
        connection = socket.socket(fileno=fd)
        if self._landlock and self._options["scratch_mb"]:
            confine.forbid_files(self._landlock, folder)
        if self._filter:
            self._filter.put_on()
        else:
            confine.limit_processes(_FORKS)
        child.serve(connection, seconds=self._options["seconds"], seed=self._options["seed"])

    def _reap(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.read(self._wake, 4096)
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            for key in [key for key, known in self._pids.items() if known == pid]:
                del self._pids[key]
                self._tell({"ended": key, "code": os.waitstatus_to_exitcode(status)})

    def _tell(self, message: dict[str, Any]) -> None:
        with contextlib.suppress(OSError):  # the caller is gone; the next read says so
            self._control.send(json.dumps(message).encode())

    def _end(self) -> NoReturn:
        for pid in self._pids.values():
            os.kill(pid, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            while True:
                os.waitpid(-1, 0)
        os._exit(0)
