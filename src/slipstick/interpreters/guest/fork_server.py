"""The process that sessions are forked from: confines itself, then forks, kills and reaps them.

Single-threaded, itself a fork of the zygote, which has imported what programs import.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import itertools
import json
import os
import select
import signal
import socket
import sys
from typing import Any, NoReturn

from slipstick.interpreters.guest import confinement, filesystem, reuse, script, seccomp, session, surroundings
from slipstick.interpreters.guest.capture import Captures
from slipstick.interpreters.guest.protocol import SOURCE

_MAX_FILES = 64
_COUNT_MS = 20
"""How often threads are counted, in milliseconds: a program can start one or two thousand in that time."""
_MOST_PASSED = 8
"""Descriptors that come with one request: a session's socket and memory, and the streams of a script."""


def become_fork_server(control: socket.socket, options: dict[str, Any]) -> NoReturn:
    """Turns this fork of the zygote into a fork server: serves `control` until it closes, then kills every session."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    if options["isolation"] == "full":
        filesystem.enter_namespaces()
        if first := os.fork():
            control.close()
            os._exit(abs(os.waitstatus_to_exitcode(os.waitpid(first, 0)[1])) % 256)
    ForkServer(control, options).serve()


class ForkServer:
    """The live sessions, by the caller's key and by process id, and the loop that serves the caller."""

    def __init__(self, control: socket.socket, options: dict[str, Any]) -> None:
        self._control = control
        self._options = options
        self._limits = {name: options[name] for name in ("timeout", "memory_mb", "scratch_mb", "output_kb", "seed")}
        self._pids: dict[int, int] = {}
        self._keys: dict[int, int] = {}
        self._endings: dict[int, tuple[int | None, float]] = {}
        self._filter: seccomp.Filter | None = None
        self._domain: int | None = None
        self._base = 0
        self._fewest = 0
        """Threads of the machine, the fewest since sessions were looked at."""
        self._packages: list[str] = options["packages"]
        self._listed: list[str] = options["listed"]
        self._awaited: set[int] = set()
        self._dropped: set[int] = set()
        self._captures = Captures(1)
        # os.fork handles locks and threads that this process does not have, and every page it writes is copied
        self._bare_fork = ctypes.PyDLL(None).fork
        self._wake, self._wake_end = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)

    def serve(self) -> NoReturn:
        """Confines itself, reports to the caller that it is ready, then serves requests until the socket is closed."""
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # no session may end what all sessions need
        signal.set_wakeup_fd(self._wake_end, warn_on_full_buffer=False)
        self._base = confinement.used_memory()
        self._confine()
        confinement.set_limits(self._options, base=self._base)
        confinement.forbid_more_files()
        for name in [name for name in sys.modules if name.split(".")[0] == "slipstick"]:
            del sys.modules[name]
        gc.freeze()  # a script collects at its end: what it has not made itself is left alone
        self._session = session.Session(captures=self._captures)  # made ahead; every fork has its own copy
        self._send({"ready": True})
        os.dup2(0, 2)  # until here standard error was the caller's, to see why a start failed
        poll = select.poll()
        poll.register(self._control, select.POLLIN)
        poll.register(self._wake, select.POLLIN)
        counted = self._options["isolation"] == "kernel"  # elsewhere the kernel limits them
        while True:
            for fd, _ in poll.poll(_COUNT_MS if counted and self._pids else None):
                if fd == self._wake:
                    self._reap()
                elif not self._answer():
                    self._end()
            if counted:
                self._kill_swarms()

    def _confine(self) -> None:
        isolation, scratch = self._options["isolation"], bool(self._options["scratch_mb"])
        surroundings.describe_machine(confined=isolation != "process")
        if isolation == "process":
            confinement.adopt_orphans()
        if isolation == "kernel" and scratch:
            surroundings.miss_absent_files()
        if isolation == "full":
            filesystem.close_root()
            null = os.open("/dev/null", os.O_RDWR)  # the one that was open lies in the caller's file system
            os.dup2(null, 0)
            os.dup2(null, 1)
        surroundings.work_in(self._listed[0], temporary=None)
        if isolation == "full" and scratch:
            confinement.forbid_new_privileges()
        else:
            confinement.drop_privileges()
        if isolation != "process":
            ours, self._filter = confinement.make_filters(scratch=scratch, private=isolation == "full")
            if not scratch:  # with a scratch folder, every session has its own rules
                confinement.forbid_files(None, packages=self._packages, listed=self._listed)
                self._domain = confinement.signal_domain()
            ours.install()
        if isolation == "full":
            confinement.die_with_parent()  # last, because a change of user undoes it

    def _answer(self) -> bool:
        """Serves one request of the caller; False if the caller has closed the socket."""
        data, fds, _, _ = socket.recv_fds(self._control, 65536, _MOST_PASSED)
        if not data:
            return False
        message = json.loads(data)
        for key in message.get("drop", ()):
            self._kill(key)
            self._endings.pop(key, None)
            if key in self._pids:
                self._dropped.add(key)
        if "fork" in message:
            self._fork(message["fork"], fds, message)
        elif "end" in message:
            self._awaited.add(message["end"])
            if message["kill"]:
                self._kill(message["end"])
            elif message["ask"]:
                self._kill(message["end"], script.TIME_UP)
            self._report(message["end"])
        elif "time" in message:
            self._send({"time": message["time"], "seconds": self._used(message["time"])})
        return True

    def _used(self, key: int) -> float:
        """Processor seconds of a session so far, its own children included where it can have any."""
        pid = self._pids.get(key)
        if pid is None:
            return 0.0
        return confinement.used_by_all(pid) if self._options["isolation"] == "process" else confinement.used_by(pid)

    def _fork(self, key: int, fds: list[int], asked: dict[str, Any]) -> None:
        pid = self._bare_fork()
        if not pid:
            try:
                self._become_session(fds, asked["folder"], asked["limits"])
                self._serve_session(fds, asked["simple"], asked["limits"])
            finally:
                os._exit(70)
        for fd in fds:
            os.close(fd)
        if pid < 0:
            self._endings[key] = (None, 0.0)
        else:
            self._pids[key] = pid
            self._keys[pid] = key

    def _become_session(self, fds: list[int], folder: str, limits: dict[str, Any]) -> None:
        if self._options["isolation"] != "full":  # in its pid namespace they end with process 1
            confinement.die_with_parent()
        if self._options["isolation"] == "process":  # so that only what an ended session leaves gets a new parent
            confinement.adopt_orphans()
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        if self._domain is not None:
            confinement.enter_domain(self._domain)
        for target, stream in zip((0, 1, 2, SOURCE), fds[2:], strict=False):
            os.dup2(stream, target)
        kept = [*fds[:2], SOURCE] if fds[2:] else fds
        for before, after in itertools.pairwise([2, *sorted(kept), _MAX_FILES]):
            os.closerange(before + 1, after)
        isolation, scratch_mb = self._options["isolation"], limits["scratch_mb"]
        if scratch_mb and isolation == "full":
            filesystem.mount_scratch(scratch_mb)
        if scratch_mb:
            own = filesystem.SCRATCH if isolation == "full" else folder
            surroundings.work_in(own, temporary=own)
        if self._options["scratch_mb"] and isolation != "process":  # the fork server has kept what these rules need
            confinement.forbid_files(folder if scratch_mb else None, packages=self._packages, listed=self._listed)
        if isolation == "full":
            confinement.limit_all_processes()
            filesystem.enter_user_namespace()
        if self._options["scratch_mb"] or isolation == "full":
            confinement.drop_privileges()
        if limits != self._limits:
            confinement.set_limits(limits, base=self._base)
        confinement.limit_processes(isolation)
        if self._filter:
            self._filter.install()

    def _serve_session(self, fds: list[int], simple: bool, limits: dict[str, Any]) -> NoReturn:
        fd, memory = fds[:2]
        self._captures.share(memory)
        if simple:
            reuse.serve(self._captures, fd, limits=limits)
        else:
            session.serve(self._session, fd, limits=limits)
        os._exit(0)

    def _kill(self, key: int, number: int = signal.SIGKILL) -> None:
        if (pid := self._pids.get(key)) is not None:  # not reaped yet, so the id is still this process's
            os.kill(pid, number)

    def _kill_swarms(self) -> None:
        """Kills sessions with too many threads, which could take all process numbers of the machine."""
        threads = confinement.threads_of_machine()
        self._fewest = min(self._fewest, threads)
        if threads > self._fewest + confinement.MOST_THREADS // 4:
            self._fewest = threads
            counts = sorted(((confinement.threads_of(pid), pid) for pid in self._pids.values()), reverse=True)
            left = sum(count for count, _ in counts)
            for count, pid in counts:
                if count > confinement.MOST_THREADS or left > confinement.MOST_OF_ALL:
                    os.kill(pid, signal.SIGKILL)
                    left -= count

    def _kill_orphans(self) -> None:
        """Kills what ended sessions left behind; with a filter of system calls they could start nothing."""
        if self._options["isolation"] == "process":
            for pid in confinement.children():
                if pid not in self._keys:
                    os.kill(pid, signal.SIGKILL)

    def _reap(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.read(self._wake, 4096)
        while True:
            try:
                pid, status, used = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            key = self._keys.pop(pid, None)
            self._kill_orphans()
            if key is not None:
                del self._pids[key]
                self._endings[key] = (os.waitstatus_to_exitcode(status), used.ru_utime + used.ru_stime)
                self._report(key)
                if key in self._dropped:
                    self._dropped.discard(key)
                    self._endings.pop(key, None)

    def _report(self, key: int) -> None:
        """Reports to the caller how a session ended, if it has ended and the caller waits for that."""
        if key in self._awaited and key not in self._pids:
            self._awaited.discard(key)
            code, seconds = self._endings.pop(key, (None, 0.0))
            self._send({"ended": key, "code": code, "seconds": seconds})

    def _send(self, message: dict[str, Any]) -> None:
        with contextlib.suppress(OSError):  # the caller is gone, as the next read will show
            self._control.send(json.dumps(message).encode())

    def _end(self) -> NoReturn:
        for pid in self._pids.values():
            os.kill(pid, signal.SIGKILL)
        self._keys.clear()
        with contextlib.suppress(ChildProcessError):
            while True:
                os.waitpid(-1, 0)
                self._kill_orphans()
        os._exit(0)
