r"""Decides a stream of rows in its order: here, in further processes, and in workers what needs algebra."""

from __future__ import annotations

import contextlib
import functools
import time
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

from slipstick.equivalence.decision import NEEDS_ALGEBRA, Decision
from slipstick.equivalence.pool.pool import SECONDS, shared_pool
from slipstick.equivalence.pool.process import PATIENCE, WorkerLostError, WorkerProcess
from slipstick.equivalence.verdicts import acceptable_answers, decide_each, needs_worker, verdict_of
from slipstick.errors import SlipstickError
from slipstick.schema import Verdict

Row = tuple[str, str | list[str], str | None]
"""Answer, expected answer or several acceptable ones, kind of the problem."""
BATCH_ROWS = 256
BATCH_CHARACTERS = 50_000
"""A batch ends at so many rows or characters: it should fit into a pipe."""
WINDOW = 64
"""Batches that may wait for a slow verdict while later ones are decided."""
MIN_ROWS = 20_000
"""Rows from which a further process is worth its start."""
MAX_QUEUED = 2
"""Batches that one further process has at a time, so that it never waits for the next."""
MAX_LOSSES = 3
"""How often in a row such a process may be lost before the stream goes on without it."""


@dataclass(eq=False)
class _Batch:
    """Rows and, once decided, a verdict for each; one that a worker still thinks about comes later."""

    rows: list[Row]
    verdicts: list[Verdict | Future[Verdict]] = field(default_factory=list)

    def is_ready(self) -> bool:
        return bool(self.verdicts) and all(not isinstance(v, Future) or v.done() for v in self.verdicts)

    def taken(self) -> Iterator[Verdict]:
        for verdict in self.verdicts:
            yield verdict.result() if isinstance(verdict, Future) else verdict


def decide_stream(rows: Iterable[Row], *, workers: int, profile: str) -> Iterator[Verdict]:
    """The verdicts of the rows in their order, decided by `workers` processes of which this is one.

    Rows are read as verdicts are consumed: at first one by one, in a long stream at most `WINDOW` batches ahead.
    """
    stream = _Stream(workers, profile)
    waiting: deque[_Batch] = deque()
    try:
        for batch in _batches(rows):
            waiting.append(batch)
            stream.decide(batch)
            while waiting and (waiting[0].is_ready() or len(waiting) > WINDOW):
                stream.finish(waiting[0])
                yield from waiting.popleft().taken()
        while waiting:
            stream.finish(waiting[0])
            yield from waiting.popleft().taken()
    finally:
        stream.close()


def _batches(rows: Iterable[Row]) -> Iterator[_Batch]:
    """The rows in batches that grow with what has passed, so that the first verdicts come immediately."""
    passed = characters = 0
    batch: list[Row] = []
    for row in rows:
        batch.append(row)
        characters += len(row[0]) + sum(map(len, acceptable_answers(row[1])))
        if len(batch) >= min(BATCH_ROWS, 1 + passed // 8) or characters >= BATCH_CHARACTERS:
            yield _Batch(batch)
            passed += len(batch)
            batch, characters = [], 0
    if batch:
        yield _Batch(batch)


class _Stream:
    """What decides the batches of one stream: this process, its neighbours, and threads that wait for workers."""

    def __init__(self, workers: int, profile: str) -> None:
        self._profile = profile
        # A thread waits for one worker; there are more of them than workers, so that one that hangs holds up no other.
        self._threads = ThreadPoolExecutor(4 * workers, thread_name_prefix="slipstick-compare")
        self._neighbours = [_Neighbour(profile) for _ in range(workers - 1)]
        self._passed = 0

    def decide(self, batch: _Batch) -> None:
        """Gives the batch to a neighbour that has room for it, or decides it here."""
        self._passed += len(batch.rows)
        for neighbour in self._neighbours if self._passed > MIN_ROWS else ():
            self._collect(neighbour, 0)
            if neighbour.take(batch):
                return
        for answer, acceptable, kind in batch.rows:
            expected = acceptable_answers(acceptable)
            decisions = decide_each(answer, expected, kind=kind, profile=self._profile)
            batch.verdicts.append(self._verdict(answer, expected, kind, decisions))

    def finish(self, batch: _Batch) -> None:
        """Waits until the batch is decided but for what workers still think about."""
        for neighbour in self._neighbours:
            while batch in neighbour.batches:
                self._collect(neighbour, SECONDS)

    def close(self) -> None:
        """Ends the neighbours; comparisons that wait are not begun."""
        for neighbour in self._neighbours:
            neighbour.close()
        self._threads.shutdown(cancel_futures=True)

    def _collect(self, neighbour: _Neighbour, seconds: float) -> None:
        for batch, decided in neighbour.collect(seconds):
            for place, (answer, acceptable, kind) in enumerate(batch.rows):
                expected = acceptable_answers(acceptable)
                # If the neighbour was lost, each of its rows is decided by a worker, with a deadline of its own.
                decisions = decided[place] if decided else [NEEDS_ALGEBRA] * len(expected)
                batch.verdicts.append(self._verdict(answer, expected, kind, decisions))

    def _verdict(
        self, answer: str, expected: list[str], kind: str | None, decisions: list[Decision]
    ) -> Verdict | Future[Verdict]:
        if needs_worker(decisions):
            decide_open = functools.partial(shared_pool().decide_open, kind=kind, profile=self._profile)
            return self._threads.submit(lambda: verdict_of(expected, decide_open(answer, expected, decisions)))
        return verdict_of(expected, decisions)


class _Neighbour:
    """A further process that decides batches by the layers without computer algebra."""

    def __init__(self, profile: str) -> None:
        self.batches: deque[_Batch] = deque()
        self._profile = profile
        self._process: WorkerProcess | None = None
        self._since = 0.0
        self._losses_left = MAX_LOSSES

    def take(self, batch: _Batch) -> bool:
        """Sends the batch, unless the process is not ready yet, has enough to do, or was lost too often."""
        if not self._losses_left or len(self.batches) >= MAX_QUEUED:
            return False
        try:
            self._process = self._process or WorkerProcess(algebra=False)
            if not self._process.is_ready(0):
                return False
            rows = [(answer, acceptable_answers(expected), kind) for answer, expected, kind in batch.rows]
            self._process.send({"rows": rows, "algebra": False, "profile": self._profile, "seconds": SECONDS})
        except (OSError, SlipstickError):  # we are slower without it, no more
            self.close()
            self._losses_left -= 1
            return False
        if not self.batches:
            self._since = time.monotonic()
        self.batches.append(batch)
        return True

    def collect(self, seconds: float) -> list[tuple[_Batch, list[list[Decision]] | None]]:
        """The batches that are done, with None if the process died or was too late; waits for the first."""
        done: list[tuple[_Batch, list[list[Decision]] | None]] = []
        while self.batches:
            decided = None
            with contextlib.suppress(WorkerLostError):
                decided = self._process.receive(seconds) if self._process else None
                if decided is None and self._process and time.monotonic() - self._since < PATIENCE * SECONDS:
                    break
            if decided is None:
                done += [(batch, None) for batch in self.batches]
                self.batches.clear()
                self.close()
                self._losses_left -= 1
                break
            done.append((self.batches.popleft(), decided))
            self._since, self._losses_left, seconds = time.monotonic(), MAX_LOSSES, 0
        return done

    def close(self) -> None:
        """Ends the process."""
        if self._process is not None:
            self._process.kill()
            self._process = None
