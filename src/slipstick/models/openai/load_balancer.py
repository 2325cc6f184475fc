"""Several servers of one model: each request goes to the one with most room; one that fails is left alone for a while.

All turns of a solution go to the server that had its first one, as long as that has room: its cache holds the prefix.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from slipstick.models.openai.client import Client
from slipstick.models.openai.concurrency import Level
from slipstick.models.openai.prices import Price

_STRIKES = 3  # failures one after another that set a server aside
_LONGEST_ASIDE = 60.0
_REMEMBERED = 16_384  # solutions whose server is known
_TICK = 1.0


class AwayError(Exception):
    """Every server has been away for too long."""


class Endpoint:
    """One server: how much is under way there, and whether it is to be left alone."""

    def __init__(self, client: Client, level: Level, price: Price | None = None) -> None:
        self.client, self.level, self.price = client, level, price
        self.under_way = 0
        self.strikes = 0
        """Failures since its last answer, those of requests that were under way together counted once."""
        self.fault = ""
        """Its last failure."""
        self._closed_until = 0.0
        self._struck = -1.0

    @property
    def aside(self) -> bool:
        """Whether it failed so often that it gets one request at a time, to see whether it is back."""
        return self.strikes >= _STRIKES

    def room(self, now: float) -> int:
        """How many more requests it can be sent now."""
        most = 1 if self.aside else self.level.value
        return most - self.under_way if now >= self._closed_until else 0

    def reopens(self, now: float) -> float:
        """Seconds until it may be asked again."""
        return max(0.0, self._closed_until - now)

    def answered(self, now: float, *, sent: float, work: int, wanted: bool) -> None:
        """An answer came."""
        if self.aside:
            self.level.restart()
        self.strikes = 0
        self.level.answered(now, sent=sent, work=work, wanted=wanted)

    def busy(self, now: float, *, sent: float, pause: float) -> None:
        """It had no room, and asks to be left alone for so many seconds."""
        self.level.refused(now, sent=sent, under_way=self.under_way)
        self._closed_until = max(self._closed_until, now + pause)

    def failed(self, now: float, *, sent: float, fault: str) -> None:
        """A request failed there."""
        self.fault = fault
        if sent <= self._struck:
            return
        self._struck = now
        self.strikes += 1
        if self.aside:
            seconds = min(_LONGEST_ASIDE, 2.0 ** (self.strikes - _STRIKES))
            self._closed_until = now + seconds * random.uniform(0.5, 1.0)


class Endpoints:
    """Lends out places at servers, and keeps who waits for one in order."""

    def __init__(self, endpoints: Sequence[Endpoint], *, away: float) -> None:
        """away: seconds that all servers may be away before whoever waits is told so."""
        self.all = list(endpoints)
        self.answers = 0
        """Answers so far, of all servers."""
        self._away = away
        self._away_since: float | None = None
        self._homes: OrderedDict[str, Endpoint] = OrderedDict()
        self._waiting: dict[asyncio.Future[Endpoint], str] = {}
        self._timer: asyncio.TimerHandle | None = None

    @property
    def wanted(self) -> bool:
        """Whether requests wait for a place."""
        return bool(self._waiting)

    @asynccontextmanager
    async def place(self, solution: str) -> AsyncIterator[Endpoint]:
        """A place at a server for one request of a solution. Raises AwayError where no server came back in time."""
        future: asyncio.Future[Endpoint] = asyncio.get_running_loop().create_future()
        self._waiting[future] = solution
        self._hand_out()
        try:
            endpoint = await future
        except BaseException:
            if self._waiting.pop(future, None) is None and future.done() and not future.cancelled():
                self._give_back(future)
            raise
        try:
            yield endpoint
        finally:
            endpoint.under_way -= 1
            self._hand_out()

    def close(self) -> None:
        """Stops looking after those who wait."""
        if self._timer:
            self._timer.cancel()

    def _give_back(self, future: asyncio.Future[Endpoint]) -> None:
        """Its request was cancelled in the moment between getting a place and taking it."""
        if future.exception() is None:
            future.result().under_way -= 1
            self._hand_out()

    def _hand_out(self) -> None:
        now = time.monotonic()
        while self._waiting and (endpoint := self._roomiest(now)):
            future = self._next_for(endpoint, now)
            self._remember(self._waiting.pop(future), endpoint)
            if not future.done():
                endpoint.under_way += 1
                future.set_result(endpoint)
        self._look_again(now)

    def _roomiest(self, now: float) -> Endpoint | None:
        """The server to send the next request to: one that does not fail before one that does, then the least busy."""
        free = [endpoint for endpoint in self.all if endpoint.room(now) > 0]
        return min(free, key=lambda e: (e.strikes, e.under_way / e.level.value), default=None)

    def _next_for(self, endpoint: Endpoint, now: float) -> asyncio.Future[Endpoint]:
        """Who goes there: a solution that is at home there, else the first that is at home nowhere, else the first."""
        if len(self.all) > 1:
            homes = {future: self._homes.get(solution) for future, solution in self._waiting.items()}
            for future, home in homes.items():
                if home is endpoint:
                    return future
            for future, home in homes.items():
                if home is None or home.aside:
                    return future
        return next(iter(self._waiting))

    def _remember(self, solution: str, endpoint: Endpoint) -> None:
        if len(self.all) == 1:
            return
        self._homes[solution] = endpoint
        self._homes.move_to_end(solution)
        if len(self._homes) > _REMEMBERED:
            self._homes.popitem(last=False)

    def _look_again(self, now: float) -> None:
        """Sees to those who still wait: at the latest after a tick, or when the next server reopens."""
        if self._timer:
            self._timer.cancel()
            self._timer = None
        if not all(endpoint.aside for endpoint in self.all):
            self._away_since = None
        elif self._away_since is None:
            self._away_since = now
        if not self._waiting:
            return
        if self._away_since is not None and now - self._away_since >= self._away:
            self._send_away()
            return
        pauses = [seconds for endpoint in self.all if (seconds := endpoint.reopens(now)) > 0]
        self._timer = asyncio.get_running_loop().call_later(min([*pauses, _TICK, self._away]), self._tick)

    def _tick(self) -> None:
        now = time.monotonic()
        for endpoint in self.all:
            if not endpoint.aside:
                endpoint.level.waited(now)
        self._hand_out()

    def _send_away(self) -> None:
        reason = "; ".join(dict.fromkeys(f"{endpoint.client.base_url}: {endpoint.fault}" for endpoint in self.all))
        for future in self._waiting:
            if not future.done():
                future.set_exception(AwayError(f"no server came back within {self._away:g} s ({reason})"))
        self._waiting.clear()
