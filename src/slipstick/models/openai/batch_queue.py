"""Requests that go to a provider in batches: they gather, are submitted, waited for, and get their replies.

A request is in one place at a time: gathered, in an open batch of the ledger, or answered. A kill loses what is
gathered alone, which was not sent; what is in the ledger is found again. Where it is not known whether a batch was
submitted (a kill, a lost connection), the provider's list is searched for its mark before it is submitted again.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from typing import Any

from slipstick.models.openai.batch_api import BatchAPI, BatchResult, BatchState
from slipstick.models.openai.failures import RefusedParameter, RequestFailure
from slipstick.models.openai.ledger import Batch, Ledger

_LONGEST_PAUSE = 60.0
_LONGEST_HOLD = 1800.0
_LOOKS = 3
"""How often a provider says that it has no such batch, or no such file, until it is believed."""


class _Open:
    """A batch whose replies are waited for."""

    def __init__(self, keys: set[str], batch: Batch | None = None) -> None:
        self.keys, self.batch = keys, batch
        self.done = 0


class _LostError(Exception):
    """A batch of which no reply will come."""


class BatchQueue:
    """The requests of a run, in batches. Belongs to the event loop in which it is asked."""

    def __init__(self, api: BatchAPI, ledger: Ledger, *, wait: float, most: int | None = None) -> None:
        """wait: seconds without a new request after which those that gathered are submitted; most: requests of a batch,
        None for as many as the provider takes.
        """
        self._api, self._ledger, self._wait = api, ledger, wait
        self._most = min(most or api.most_requests, api.most_requests)
        self._waiting: dict[str, asyncio.Future[None]] = {}
        self._gathered: dict[str, str] = {}
        self._bytes = 0
        self._last = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._open: list[_Open] = []
        self._writing = asyncio.Lock()
        self._failed_batches = 0
        self._held_until = 0.0
        self._trouble = ""
        self._tasks: set[asyncio.Task[None]] = set()
        for batch in ledger.open_batches():
            self._start(_Open(ledger.keys(batch), batch), {})

    async def ask(self, key: str, body: dict[str, Any]) -> str:
        """The body of the answer to a request. key: names it, in a run that is resumed too; asked for again, the same
        request is sent again. Raises RequestFailure.
        """
        while key in self._waiting:  # two that are the same run at one time
            key = hashlib.sha256(key.encode()).hexdigest()[:32]
        while (reply := self._ledger.take(key)) is None:
            waiting = self._waiting[key] = asyncio.get_running_loop().create_future()
            try:
                if not any(key in each.keys for each in self._open):
                    self._gather(key, self._api.line(key, body))
                await waiting
            finally:
                del self._waiting[key]
                self._gathered.pop(key, None)
        return reply

    def progress(self) -> str:
        """ "batch 3 of 5: 1,200 of 4,000 done", of the first that is open; "" if nothing is waited for."""
        parts = [f"{len(self._gathered):,} requests gather for a batch"] if self._gathered else []
        known = {each.batch.number: each for each in self._open if each.batch}
        if known:
            number, last = min(known), max(self._ledger.batches)
            count = f"{known[number].done:,} of {self._ledger.batches[number].requests:,} done"
            more = f", {len(known) - 1} more open" if len(known) > 1 else ""
            parts.insert(0, f"batch {number} of {last}: {count}{more}")
        return "; ".join(parts)

    def trouble(self) -> str:
        """What the provider said last, if it fails."""
        return self._trouble

    async def close(self) -> None:
        """Stops waiting; batches that were submitted go on at the provider."""
        if self._timer:
            self._timer.cancel()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _gather(self, key: str, line: str) -> None:
        loop = asyncio.get_running_loop()
        self._gathered[key] = line
        self._bytes += _size(line)
        self._last = loop.time()
        full = len(self._gathered) >= self._most or self._bytes >= self._api.most_bytes
        if full and self._held_until <= self._last:
            self._flush()
        elif self._timer is None:
            self._timer = loop.call_later(self._wait, self._tick)

    def _tick(self) -> None:
        loop = asyncio.get_running_loop()
        self._timer = None
        due = max(self._last + self._wait, self._held_until)
        if due <= loop.time():
            self._flush()
        elif self._gathered:
            self._timer = loop.call_at(due, self._tick)

    def _flush(self) -> None:
        """Begins batches with all that gathered, none larger than the provider takes."""
        lines: dict[str, str] = {}
        free = self._api.most_bytes
        for key, line in self._gathered.items():
            if lines and (len(lines) >= self._most or free < _size(line)):
                self._start(_Open(set(lines)), lines)
                lines, free = {}, self._api.most_bytes
            lines[key] = line
            free -= _size(line)
        if lines:
            self._start(_Open(set(lines)), lines)
        self._gathered, self._bytes = {}, 0

    def _start(self, each: _Open, lines: dict[str, str]) -> None:
        self._open.append(each)
        task = asyncio.create_task(self._work(each, lines))
        self._tasks.add(task)
        task.add_done_callback(partial(self._ended, each))

    def _ended(self, each: _Open, task: asyncio.Task[None]) -> None:
        """What ended a batch's task by an error is raised where its requests wait."""
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            self._deliver(each, lambda _: error)
        self._open.remove(each)

    def _deliver(self, each: _Open, failure_of: Callable[[str], BaseException | None]) -> None:
        """Ends the wait of a batch's requests: with a failure, or None to look into the ledger."""
        keys, each.keys = each.keys, set()  # what is asked for again from here on belongs to another batch
        for key in keys:
            waiting = self._waiting.get(key)
            if waiting and not waiting.done():
                failure = failure_of(key)
                waiting.set_exception(failure) if failure else waiting.set_result(None)

    async def _work(self, each: _Open, lines: dict[str, str]) -> None:
        """A batch from its file to its replies. Raises RequestFailure if the provider refuses it."""
        is_new = each.batch is None
        if each.batch is None:
            async with self._writing:
                each.batch = await asyncio.to_thread(self._ledger.prepare, lines)
            lines.clear()
        try:
            if not each.batch.id:
                each.batch = await self._submit(each.batch, each.keys, is_new=is_new)
            state = await self._wait_for(each)
            failed = await self._fetch(each.batch, state, each.keys)
        except _LostError as lost:
            batch = each.batch = self._ledger.update(each.batch, state="lost", status=str(lost))
            why = RequestFailure("lost", f"batch {batch.number} ({batch.id}) {lost}")
            self._deliver(each, lambda _: why if batch.id else None)  # one that was never sent is gathered again
            return
        self._hold(failed=len(failed) == len(each.keys))
        name = f"batch {each.batch.number} ({each.batch.id}, {state.status})"
        self._deliver(each, lambda key: _failure(name, failed[key]) if key in failed else None)

    async def _submit(self, batch: Batch, keys: set[str], *, is_new: bool) -> Batch:
        """The batch with its id. Raises _LostError if killed before it was submitted, RequestFailure if refused."""
        uncertain, pauses = not is_new, self._pauses()
        while True:
            try:
                found = await self._find(batch, keys) if uncertain else None
                if uncertain and not found and not is_new:
                    raise _LostError("was never submitted")
                found = found or await self._api.submit(self._ledger.requests_file(batch.number), batch.mark)
            except RequestFailure as failure:
                if _is_final(failure):
                    if not uncertain:
                        self._ledger.update(batch, state="lost", status=failure.reason)
                    raise
                uncertain = True
                self._trouble = f"batch {batch.number} waits to be submitted ({failure.reason})"
                await asyncio.sleep(next(pauses))
                continue
            self._trouble = ""
            return self._ledger.update(batch, state="submitted", id=found)

    async def _find(self, batch: Batch, keys: set[str]) -> str | None:
        """Its id if the provider has it. A second look, after a pause: what was just sent may not be listed yet."""
        for pause in (self._wait, 0):
            known = {each.id for each in self._ledger.batches.values()}
            if found := await self._api.find(batch.mark, keys, since=batch.prepared, known=known):
                return found
            await asyncio.sleep(pause)
        return None

    async def _wait_for(self, each: _Open) -> BatchState:
        """The batch's state when it has ended. Raises _LostError if the provider has no such batch, RequestFailure."""
        assert each.batch
        pauses, refusals = self._pauses(), 0
        while True:
            await asyncio.sleep(next(pauses))
            try:
                state = await self._api.look(each.batch.id)
            except RequestFailure as failure:
                refusals = _counted(refusals, failure, fate="is not known to the provider any more")
                self._trouble = f"batch {each.batch.number} cannot be looked at ({failure.reason})"
                continue
            self._trouble, each.done = "", state.done
            if state.ended:
                return state

    async def _fetch(self, batch: Batch, state: BatchState, keys: set[str]) -> dict[str, BatchResult | None]:
        """Writes the replies into the ledger, and gives what has none. Raises _LostError, RequestFailure."""
        pauses, refusals = self._pauses(), 0
        while True:
            try:
                return await self._ledger.write_replies(
                    batch, self._results(state.files), keys=keys, status=state.status
                )
            except RequestFailure as failure:
                refusals = _counted(refusals, failure, fate="has no results any more")
                self._trouble = f"the replies of batch {batch.number} cannot be fetched ({failure.reason})"
                await asyncio.sleep(next(pauses))

    async def _results(self, files: list[str]) -> AsyncIterator[BatchResult]:
        for file in files:
            async for result in self._api.results(file):
                yield result
        self._trouble = ""

    def _hold(self, *, failed: bool) -> None:
        """After a batch that brought no reply (a limit on what may wait there) the next one waits longer and longer."""
        self._failed_batches = self._failed_batches + 1 if failed else 0
        if failed:
            pause = min(_LONGEST_HOLD, self._wait * 3 * 2**self._failed_batches)
            self._held_until = asyncio.get_running_loop().time() + pause

    def _pauses(self) -> Iterator[float]:
        """Seconds between two looks: half of what requests gather for, growing to a minute."""
        pause = self._wait / 2
        while True:
            yield pause
            pause = min(max(_LONGEST_PAUSE, self._wait), pause * 1.5)


def _size(line: str) -> int:
    return len(line.encode()) + 1


def _is_final(failure: RequestFailure) -> bool:
    return failure.kind in ("denied", "rejected")


def _counted(refusals: int, failure: RequestFailure, *, fate: str) -> int:
    """The refusals so far, this failure among them if it is one. Raises _LostError once there are enough to believe
    them, and the failure itself if the key may ask nothing.
    """
    refusals += failure.kind == "rejected"
    if refusals >= _LOOKS:
        raise _LostError(f"{fate}: {failure.reason}") from failure
    if failure.kind == "denied":
        raise failure
    return refusals


def _failure(batch: str, result: BatchResult | None) -> RequestFailure:
    """Why a request has no reply."""
    if result is None:
        return RequestFailure("lost", f"{batch} came back without a reply to this request")
    if result.status in (400, 422):
        return RefusedParameter(result.error, param=result.param)
    return RequestFailure("lost", f"{batch} failed at this request: {result.error}")
