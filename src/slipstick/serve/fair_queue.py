"""The queue for workers: every client gets its share of them, however much one of them asks for.

A client is an address. The next free worker goes to the waiting client that has used workers for the least time, its
running steps included; the steps of one client take their turn as they came. A client that has been away starts level
with the one served last, so that nobody saves time up. No client has all workers if there were others lately: a step
cannot be interrupted, so a client with long steps on every worker would have the others wait for them.
If the queue is full, the client with the most waiting steps loses its newest.
"""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

RECENT_SECONDS = 10.0
"""A client counts as present for so long after its latest step."""
_MOST_IDLE = 1024
"""Clients without a step that are remembered."""


@dataclass
class _Client:
    """What one client uses and waits for."""

    used: float = 0.0
    """Seconds of workers, counted from where the client joined."""
    running: dict[asyncio.Future[None], float] = field(default_factory=dict)
    """Start of every running step, by what it waited for."""
    waiting: deque[asyncio.Future[None]] = field(default_factory=deque)
    """Steps that wait for a worker, oldest first."""
    behind: deque[asyncio.Task[Any]] = field(default_factory=deque)
    """Tasks of steps that wait for an earlier step of their session, oldest first."""
    present: int = 0
    """Steps that wait or run, those that wait for an earlier step of their session included."""
    left: float = 0.0
    """When the latest step ended."""

    def spent(self, now: float) -> float:
        """Seconds of workers, running steps included."""
        return self.used + sum(now - began for began in self.running.values())

    def queued(self) -> int:
        """Steps that can lose their place."""
        return len(self.waiting) + len(self.behind)


class FairQueue:
    """Places for steps that run, and clients that wait for one. Belongs to one event loop; closed until `open`."""

    def __init__(self, places: int, most_waiting: int) -> None:
        self._places = places
        self._most = most_waiting + places
        self._open = False
        self._clients: dict[str, _Client] = {}
        self._level = 0.0
        """`spent` of the client served last."""

    @property
    def waiting(self) -> int:
        """Steps that wait."""
        return sum(client.present - len(client.running) for client in self._clients.values())

    def open(self) -> None:
        """From now on steps may run."""
        self._open = True
        self._grant()

    @asynccontextmanager
    async def place(self, address: str, lock: asyncio.Lock | None = None) -> AsyncIterator[None]:
        """Waits for the lock, then for a place, and holds both.

        Raises asyncio.QueueFull if too many steps wait, also later, in favour of a client that has fewer.
        """
        client = self._join(address)
        if sum(each.present for each in self._clients.values()) >= self._most:
            self._make_room(client)
        client.present += 1
        try:
            async with AsyncExitStack() as stack:
                if lock:
                    await self._take(client, lock)
                    stack.callback(lock.release)
                turn = await self._wait(client)
                try:
                    yield
                finally:
                    client.used += time.monotonic() - client.running.pop(turn)
        finally:
            client.present -= 1
            client.left = time.monotonic()
            self._grant()

    def _join(self, address: str) -> _Client:
        client = self._clients.get(address)
        if client is None:
            if len(self._clients) >= _MOST_IDLE:
                self._clients = {name: each for name, each in self._clients.items() if each.present}
            client = self._clients[address] = _Client()
        if not client.present:
            client.used = max(client.used, self._level)
        return client

    def _make_room(self, client: _Client) -> None:
        most = max(self._clients.values(), key=_Client.queued)
        if most.queued() <= client.present + 1:
            raise asyncio.QueueFull
        if most.behind:
            most.behind.pop().cancel()
        else:
            most.waiting.pop().set_exception(asyncio.QueueFull())

    async def _take(self, client: _Client, lock: asyncio.Lock) -> None:
        """Waits for the lock. Raises asyncio.QueueFull if the step loses its place meanwhile."""
        task = asyncio.current_task()
        assert task
        client.behind.append(task)
        try:
            await lock.acquire()
        except asyncio.CancelledError:
            if task in client.behind:
                raise
            task.uncancel()
            raise asyncio.QueueFull from None
        finally:
            if task in client.behind:
                client.behind.remove(task)

    async def _wait(self, client: _Client) -> asyncio.Future[None]:
        """Returns once the client has a place; that ends when what is returned is no longer in `running`."""
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        client.waiting.append(turn)
        self._grant()
        try:
            await turn
        except BaseException:
            if turn in client.waiting:
                client.waiting.remove(turn)
            client.running.pop(turn, None)  # cancelled just when it was its turn
            raise
        return turn

    def _grant(self) -> None:
        """Gives free places to those whose turn it is."""
        now = time.monotonic()
        while self._open and sum(len(each.running) for each in self._clients.values()) < self._places:
            waiting = [each for each in self._clients.values() if each.waiting and self._may(each, now)]
            if not waiting:
                return
            client = min(waiting, key=lambda each: each.spent(now))
            self._level = max(self._level, client.spent(now))
            turn = client.waiting.popleft()
            if not turn.done():
                client.running[turn] = now
                turn.set_result(None)

    def _may(self, client: _Client, now: float) -> bool:
        """Whether the client may have one more place: not all of them if others are here, or were lately."""
        if not client.running or len(client.running) + 1 < self._places:
            return True
        others = (each for each in self._clients.values() if each is not client)
        return all(each.present == 0 and now - each.left > RECENT_SECONDS for each in others)
