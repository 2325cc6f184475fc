"""Holds requests back: while a run is paused, and beyond the most that may be sent at a time."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Gate:
    """The gate that requests pass in the order in which they came; open until it is told otherwise."""

    def __init__(self) -> None:
        self._paused = False
        self._most: int | None = None
        self._passed = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    def change(self, *, paused: bool, most: int | None) -> None:
        """paused: whether none may pass; most: how many may be behind it at a time, None for as many as before."""
        self._paused = paused
        self._most = most or self._most
        self._admit()

    @asynccontextmanager
    async def passed(self) -> AsyncIterator[None]:
        """A request that may be sent, and counts until it has its answer."""
        waiting: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(waiting)
        self._admit()
        try:
            await waiting
        except asyncio.CancelledError:
            if waiting.done() and not waiting.cancelled():
                self._leave()
            raise
        try:
            yield
        finally:
            self._leave()

    def _leave(self) -> None:
        self._passed -= 1
        self._admit()

    def _admit(self) -> None:
        while self._waiting and not self._paused and (self._most is None or self._passed < self._most):
            waiting = self._waiting.popleft()
            if not waiting.done():
                self._passed += 1
                waiting.set_result(None)
