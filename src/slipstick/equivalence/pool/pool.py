r"""Keeps worker processes for comparisons that need computer algebra: started when first needed, killed when they hang.

Works from threads and inside an event loop: no signal handlers, no multiprocessing, only pipes; each worker is lent to
one caller at a time. The caller reads the worker's processor time: one that overstays its deadline is killed, and
replaced when the next comparison asks for one. By the wall clock alone verdicts would depend on what else runs.

Most comparisons take milliseconds. One that is not done after `FAST_SECONDS` moves to one of a few places for slow
ones, or waits for such a place, so that a burst of comparisons that hang holds up the others for moments only.
"""

import atexit
import contextlib
import os
import threading
import time
from collections.abc import Iterator, Sequence
from typing import Any

from slipstick.equivalence.decision import NEEDS_ALGEBRA, Decision
from slipstick.equivalence.pool.process import START_SECONDS, Row, WorkerLostError, WorkerProcess
from slipstick.errors import SlipstickError

SECONDS = 2.0
"""What a worker may compute for one verdict; by the clock it may take `PATIENCE` times as long."""
FAST_SECONDS = 0.5
"""A comparison that takes longer is a slow one."""


class Pool:
    """Worker processes that are lent one comparison at a time.

    places: how many fast comparisons run concurrently, and how many slow ones in addition; None: one for each CPU.
    """

    def __init__(self, places: int | None = None) -> None:
        places = places or os.cpu_count() or 1
        self._fast = threading.BoundedSemaphore(places)
        self._slow = threading.BoundedSemaphore(places)
        self._lock = threading.Lock()
        self._idle: list[WorkerProcess] = []
        self._living: set[WorkerProcess] = set()

    def decide_open(
        self, answer: str, expected: Sequence[str], decisions: Sequence[Decision], *, kind: str | None, profile: str
    ) -> list[Decision]:
        """The decisions, those that need algebra replaced by a worker's, all of them within one deadline."""
        places = [place for place, decision in enumerate(decisions) if decision is NEEDS_ALGEBRA]
        row = (answer, [expected[place] for place in places], kind)
        decided = list(decisions)
        for place, decision in zip(places, self.compare(row, profile=profile, seconds=SECONDS), strict=False):
            decided[place] = decision
        return decided

    def compare(self, row: Row, *, profile: str = "slipstick", seconds: float) -> list[Decision]:
        """A worker's decision for each expected answer up to the first that matches; open after so many seconds.

        Seconds are those of a worker's processor, since it began the comparison. A worker that dies on it is replaced
        once. Raises SlipstickError if the worker fails while it starts.
        """
        request = {"rows": [row], "algebra": True, "profile": profile, "seconds": seconds}
        why = ""
        for _ in range(2):
            try:
                decisions = self._decide(request, seconds)
            except WorkerLostError as error:
                why = f"the grading worker died: {error}"
            except OSError as error:
                why = f"no grading worker can be started: {error.strerror or error} (see `ulimit -a`)"
            else:
                if decisions is not None:
                    return decisions
                why = f"not decided within {seconds:g} s"
                break
        return [Decision(None, "symbolic", why) for _ in row[1]]

    def _decide(self, request: dict[str, Any], seconds: float) -> list[Decision] | None:
        """The decisions, None after the deadline; a slow one gets the full time in a place for slow ones."""
        fast = min(FAST_SECONDS, seconds)
        place = self._fast
        place.acquire()
        try:
            with self._lent() as worker:
                worker.prepare(request["profile"])
                worker.send(request)
                decided = worker.receive(fast)
                if decided is None and fast < seconds and self._slow.acquire(blocking=False):
                    place.release()
                    place = self._slow
                    decided = worker.receive(seconds - fast)
        finally:
            place.release()
        if decided is None and place is self._fast and fast < seconds:
            with self._slow, self._lent() as worker:
                worker.prepare(request["profile"])
                worker.send(request)
                decided = worker.receive(seconds)
        return decided[0] if decided else None

    @contextlib.contextmanager
    def _lent(self) -> Iterator[WorkerProcess]:
        """A worker; afterwards it is idle again, or ended if it still owes a reply or has grown too large."""
        worker = self._take()
        try:
            yield worker
        finally:
            if worker.is_fit:
                with self._lock:
                    self._idle.append(worker)
            else:
                self._living.discard(worker)
                worker.kill()

    def _take(self) -> WorkerProcess:
        deadline = time.monotonic() + START_SECONDS
        while True:
            with self._lock:
                if self._idle:
                    return self._idle.pop()
            try:
                return self._start()
            except OSError:  # no process, no memory or no file descriptor to be had; one of ours may come free
                if not self._living or time.monotonic() > deadline:
                    raise
                time.sleep(0.05)

    def _start(self) -> WorkerProcess:
        worker = WorkerProcess(algebra=True)
        self._living.add(worker)
        try:
            if worker.is_ready(START_SECONDS):
                return worker
            raise SlipstickError(
                f"the grading worker did not start within {START_SECONDS:g} s; is the machine overloaded?"
            )
        except BaseException:
            self._living.discard(worker)
            worker.kill()
            raise

    def pids(self) -> list[int]:
        """Process ids of the workers that wait for work."""
        with self._lock:
            return [worker.pid for worker in self._idle]

    def close(self) -> None:
        """Ends every worker."""
        with self._lock:
            self._idle.clear()
            living, self._living = self._living, set()
        for worker in living:
            worker.kill()

    def disown(self) -> None:
        """After a fork, in the child: the workers are the parent's; only our copies of the pipes are closed."""
        for worker in list(self._living):
            worker.disown()


_pool: Pool | None = None
_pool_lock = threading.Lock()


def shared_pool() -> Pool:
    """The pool that every comparison of this process shares; a forked child gets one of its own."""
    global _pool  # noqa: PLW0603 - one for each process is the point
    with _pool_lock:
        if _pool is None:
            _pool = Pool()
        return _pool


def _after_fork() -> None:
    global _pool, _pool_lock  # noqa: PLW0603
    _pool_lock = threading.Lock()  # another thread of the parent may have held it
    inherited, _pool = _pool, None
    if inherited is not None:
        inherited.disown()


atexit.register(lambda: _pool.close() if _pool else None)
os.register_at_fork(after_in_child=_after_fork)
