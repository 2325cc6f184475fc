r"""Keeps worker processes for comparisons that need computer algebra: started when first needed, killed when they hang.

Works from threads and inside an event loop: no signals, no multiprocessing, only pipes; each worker is lent to one
caller at a time. The clock is the caller's: a worker that overstays its deadline is killed and replaced.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import json
import os
import select
import subprocess
import sys
import tempfile
import threading
import time
from typing import Any

from slipstick.equivalence.meaning import Decision
from slipstick.errors import SlipstickError

START_SECONDS = 120.0
# The caller's own search path, so that the worker finds the same slipstick; -P keeps the working folder out.
_BOOT = "import json, sys; sys.path[:] = json.loads(sys.argv[1]); from slipstick.equivalence.worker import main; main()"


class Worker:
    """One worker process and the two pipes to it."""

    def __init__(self) -> None:
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the process
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-B", "-c", _BOOT, json.dumps([path for path in sys.path if path])],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            start_new_session=True,  # Ctrl-C at the terminal is not for it
            env={**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
        )
        self._buffer = b""
        try:
            ready = self._read(START_SECONDS)
        except BaseException:
            self.kill()
            raise
        if ready is None:
            message = self._tail()
            self.kill()
            raise SlipstickError(f"the grading worker does not start; its last words:\n{message}")

    def compare(self, answer: str, expected: str, *, kind: str | None, seconds: float) -> Decision | None:
        """The worker's decision, None where it did not answer in time or died: then it is of no more use."""
        request = {"answer": answer, "expected": expected, "kind": kind, "seconds": seconds}
        try:
            assert self._process.stdin is not None
            self._process.stdin.write(json.dumps(request).encode() + b"\n")
            self._process.stdin.flush()
        except OSError:
            return None
        reply = self._read(seconds)
        return None if reply is None else Decision(reply["equal"], reply["method"], reply["reason"])

    def kill(self) -> None:
        """Ends the process now and waits for it, so that none is left."""
        self._process.kill()
        self._process.wait()
        self.close_pipes()

    def close_pipes(self) -> None:
        """Closes our ends; the worker, seeing its input end, leaves."""
        for pipe in (self._process.stdin, self._process.stdout, self._errors):
            with contextlib.suppress(OSError):
                if pipe is not None:
                    pipe.close()

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    def _read(self, seconds: float) -> dict[str, Any] | None:
        """The next line, None at the deadline or where the process is gone."""
        assert self._process.stdout is not None
        deadline = time.monotonic() + seconds
        poll = select.poll()
        poll.register(self._process.stdout, select.POLLIN | select.POLLHUP)
        while b"\n" not in self._buffer:
            left = deadline - time.monotonic()
            if left <= 0 or not poll.poll(left * 1000):
                return None
            chunk = os.read(self._process.stdout.fileno(), 1 << 16)
            if not chunk:
                return None
            self._buffer += chunk
        line, _, self._buffer = self._buffer.partition(b"\n")
        reply: dict[str, Any] = json.loads(line)
        return reply

    def _tail(self) -> str:
        self._errors.seek(0)
        return self._errors.read()[-2000:].decode(errors="replace")


class Pool:
    """Workers that are lent one comparison at a time; at most one for each CPU."""

    def __init__(self) -> None:
        self._idle: list[Worker] = []
        self._lock = threading.Lock()
        self._places = threading.BoundedSemaphore(os.cpu_count() or 1)

    def compare(self, answer: str, expected: str, *, kind: str | None, seconds: float) -> Decision:
        """The decision of a worker; open where the deadline of `seconds` strikes first."""
        with self._places:
            with self._lock:
                worker = self._idle.pop() if self._idle else None
            worker = worker or Worker()
            decision = None
            try:
                decision = worker.compare(answer, expected, kind=kind, seconds=seconds)
            finally:
                if decision is None:
                    worker.kill()
                else:
                    with self._lock:
                        self._idle.append(worker)
        return decision or Decision(None, "symbolic", f"not decided within {seconds:g} s")

    def pids(self) -> list[int]:
        """Process ids of the workers that wait for work."""
        with self._lock:
            return [worker.pid for worker in self._idle]

    def close(self) -> None:
        """Ends every waiting worker."""
        with self._lock:
            idle, self._idle = self._idle, []
        for worker in idle:
            worker.kill()

    def forget(self) -> None:
        """After a fork, in the child: the workers are the parent's; only our copies of the pipes are closed."""
        for worker in self._idle:
            worker.close_pipes()


@functools.cache
def _pool_of(pid: int) -> Pool:
    """The pool of this process; a forked child gets one of its own."""
    pool = Pool()
    atexit.register(_close, pool, pid)
    os.register_at_fork(after_in_child=pool.forget)
    return pool


def _close(pool: Pool, pid: int) -> None:
    if os.getpid() == pid:
        pool.close()


def shared_pool() -> Pool:
    """The pool that every comparison of this process shares."""
    return _pool_of(os.getpid())
