"""Whose step is next when several clients want more than there is."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from slipstick.serve import fair_queue
from slipstick.serve.fair_queue import FairQueue


class Steps:
    """Steps of clients in a queue, in the order in which they start."""

    def __init__(self, places: int, most_waiting: int = 1000) -> None:
        self.queue = FairQueue(places, most_waiting)
        self.started: list[str] = []
        self.refused: list[str] = []
        self.ends: list[tuple[str, asyncio.Event]] = []

    async def ask(self, address: str, count: int = 1, lock: asyncio.Lock | None = None) -> list[asyncio.Task[None]]:
        tasks = [asyncio.create_task(self._step(address, lock)) for _ in range(count)]
        await settle()
        return tasks

    async def end(self, address: str) -> None:
        """Ends the client's oldest running step."""
        row = next(row for row in self.ends if row[0] == address)
        self.ends.remove(row)
        row[1].set()
        await settle()

    @property
    def running(self) -> str:
        return "".join(sorted(address for address, _ in self.ends))

    async def _step(self, address: str, lock: asyncio.Lock | None) -> None:
        try:
            async with self.queue.place(address, lock):
                row = (address, asyncio.Event())
                self.started.append(address)
                self.ends.append(row)
                await row[1].wait()
        except asyncio.QueueFull:
            self.refused.append(address)


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


@pytest.fixture(autouse=True)
def seconds(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The clock: one number, which tests move."""
    now = [100.0]
    monkeypatch.setattr(fair_queue, "time", type("Clock", (), {"monotonic": staticmethod(lambda: now[0])}))
    return now


def test_a_client_with_many_steps_waits_for_its_turn(seconds: list[float]) -> None:
    async def scenario() -> None:
        steps = Steps(places=1)
        steps.queue.open()
        await steps.ask("a", 50)
        for client in "bcd":
            await steps.ask(client, 2)
        for _ in range(8):
            seconds[0] += 1
            await steps.end(steps.running)
        assert "".join(steps.started) == "abcdabcda"
        assert steps.queue.waiting == 47

    asyncio.run(scenario())


def test_turns_are_counted_in_seconds(seconds: list[float]) -> None:
    async def scenario() -> None:
        steps = Steps(places=1)
        steps.queue.open()
        await steps.ask("a", 9)
        await steps.ask("b", 99)
        for _ in range(20):
            seconds[0] += 10 if steps.running == "a" else 1
            await steps.end(steps.running)
        assert "".join(steps.started) == "a" + "b" * 10 + "a" + "b" * 9

    asyncio.run(scenario())


def test_nobody_saves_time_up_or_has_every_worker(seconds: list[float]) -> None:
    async def scenario() -> None:
        steps = Steps(places=3)
        steps.queue.open()
        await steps.ask("a", 5)
        assert steps.running == "aaa", "alone, a client has all of them"
        seconds[0] += 50
        await steps.ask("b", 1)
        await steps.end("a")
        assert steps.running == "aab"
        await steps.end("b")
        assert steps.running == "aa", "one is kept for those who were here lately"
        seconds[0] += fair_queue.RECENT_SECONDS + 1
        await steps.ask("a", 1)
        assert steps.running == "aaa"
        await steps.ask("c", 4)
        for _ in range(4):
            seconds[0] += 1
            await steps.end("a")
        assert steps.started[-4:] == ["c", "c", "a", "a"]

    asyncio.run(scenario())


def test_a_full_queue_refuses_who_has_most(seconds: list[float]) -> None:
    async def scenario() -> None:
        steps = Steps(places=1, most_waiting=4)
        steps.queue.open()
        await steps.ask("a", 7)
        assert steps.refused == ["a", "a"]
        await steps.ask("b", 3)
        assert sorted(steps.refused) == ["a", "a", "a", "a", "b"]
        assert steps.queue.waiting == 4

    asyncio.run(scenario())


def test_steps_wait_until_the_queue_opens_and_leave_it_when_cancelled(seconds: list[float]) -> None:
    async def scenario() -> None:
        steps = Steps(places=1, most_waiting=2)
        tasks = await steps.ask("a", 4)
        assert steps.started == [] and steps.refused == ["a"] and steps.queue.waiting == 3
        tasks[0].cancel()
        await settle()
        steps.queue.open()
        tasks[1].cancel()  # just when it is its turn
        await settle()
        assert steps.running == "a" and steps.queue.waiting == 0
        lock = asyncio.Lock()
        async with lock:
            waits = await steps.ask("b", 2, lock)
            assert steps.queue.waiting == 2
            waits[0].cancel()
            await settle()
        await steps.end("a")
        await settle()
        assert steps.running == "b" and not steps.queue.waiting
        waits[1].cancel()
        with suppress(asyncio.CancelledError):
            await waits[1]
        assert not lock.locked()

    asyncio.run(scenario())


def test_steps_that_wait_for_their_session_lose_their_place_too() -> None:
    async def scenario() -> None:
        steps = Steps(places=2, most_waiting=3)
        steps.queue.open()
        lock = asyncio.Lock()
        await steps.ask("a", 5, lock)  # one runs, four wait for it
        await steps.ask("b", 2)
        assert (steps.running, "".join(steps.refused)) == ("ab", "aa")
        for address in "abaab":
            await steps.end(address)
        assert "".join(sorted(steps.started)) == "aaabb"
        assert not lock.locked() and not steps.queue.waiting

    asyncio.run(scenario())
