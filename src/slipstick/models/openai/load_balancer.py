"""Several servers of one model: each request goes to the least loaded; one that fails is suspended for a while.

All turns of a solution go to the server that had its first one, as long as that has room: its cache holds the prefix.
"""

import asyncio
import logging
import random
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from slipstick.models.openai.client import Client
from slipstick.models.openai.concurrency import ConcurrencyLimit
from slipstick.models.openai.prices import Price

_LOGGER = logging.getLogger(__name__)
_MOST_FAILURES = 3  # one after another, then the server is suspended
_LONGEST_SUSPENSION = 60.0
_REMEMBERED = 16_384  # solutions whose server is known
_TICK = 1.0


class NoServerError(Exception):
    """Every server has been suspended for too long."""


class Server:
    """One server: how many requests run there, and whether it is suspended."""

    def __init__(self, client: Client, limit: ConcurrencyLimit, price: Price | None = None) -> None:
        self.client, self.limit, self.price = client, limit, price
        self.running = 0
        self.failures = 0
        """Failures since its last answer; those of requests that ran together count once."""
        self.last_failure = ""
        """Why its last failed request failed."""
        self._blocked_until = 0.0
        self._failed_at = -1.0

    @property
    def suspended(self) -> bool:
        """Whether it failed so often that it gets one request at a time, to see whether it is back."""
        return self.failures >= _MOST_FAILURES

    def room(self, now: float) -> int:
        """How many more requests it can be sent now."""
        most = 1 if self.suspended else self.limit.value
        return most - self.running if now >= self._blocked_until else 0

    def blocked_seconds(self, now: float) -> float:
        """Seconds until it may be sent a request again."""
        return max(0.0, self._blocked_until - now)

    def answered(self, now: float, *, sent: float, work: int, waiting: bool) -> None:
        """An answer came; see ConcurrencyLimit.answered."""
        if self.suspended:
            self.limit.restart()
            _LOGGER.warning("%s answers again", self.client.base_url)
        self.failures = 0
        self.limit.answered(now, sent=sent, work=work, waiting=waiting)

    def busy(self, now: float, *, sent: float, pause: float) -> None:
        """It had no room, and asks to be left alone for so many seconds."""
        self.limit.refused(now, sent=sent, running=self.running)
        self._blocked_until = max(self._blocked_until, now + pause)

    def failed(self, now: float, *, sent: float, reason: str) -> None:
        """A request failed there."""
        self.last_failure = reason
        if sent <= self._failed_at:
            return
        self._failed_at = now
        self.failures += 1
        if self.failures == _MOST_FAILURES:
            _LOGGER.warning(
                "%s failed %s times in a row (%s): it gets one request at a time until it answers again",
                self.client.base_url,
                self.failures,
                reason,
            )
        if self.suspended:
            seconds = min(_LONGEST_SUSPENSION, 2.0 ** (self.failures - _MOST_FAILURES))
            self._blocked_until = now + seconds * random.uniform(0.5, 1.0)


class LoadBalancer:
    """Assigns requests to servers, in the order in which they wait."""

    def __init__(self, servers: Sequence[Server], *, timeout: float) -> None:
        """timeout: seconds that all servers may be suspended before the requests that wait fail."""
        self.servers = list(servers)
        self.answers = 0
        """Answers so far, of all servers."""
        self._paused = False
        self._timeout = timeout
        self._suspended_since: float | None = None
        self._homes: OrderedDict[str, Server] = OrderedDict()
        self._waiting: dict[asyncio.Future[Server], str] = {}
        self._timer: asyncio.TimerHandle | None = None

    @property
    def waiting(self) -> bool:
        """Whether requests wait for a server."""
        return bool(self._waiting)

    @asynccontextmanager
    async def assign(self, solution: str) -> AsyncIterator[Server]:
        """A server for one request of a solution. Raises NoServerError if no server comes back in time."""
        future: asyncio.Future[Server] = asyncio.get_running_loop().create_future()
        self._waiting[future] = solution
        self._assign_waiting()
        try:
            server = await future
        except BaseException:
            if self._waiting.pop(future, None) is None and future.done() and not future.cancelled():
                self._release(future)
            raise
        try:
            yield server
        finally:
            server.running -= 1
            self._assign_waiting()

    def throttle(self, *, paused: bool, most: int | None) -> None:
        """Assigns nothing while paused. most: how many may run at each server from now on, None: as before."""
        self._paused = paused
        if most:
            for server in self.servers:
                server.limit.fix(most)
        self._assign_waiting()

    def trouble(self) -> str:
        """What the servers said last and for how long requests still wait, "" unless all servers are suspended."""
        if self._suspended_since is None:
            return ""
        left = self._timeout - (time.monotonic() - self._suspended_since)
        return f"no server answers ({self._reasons()}); requests fail in {max(0.0, left):.0f} s"

    def close(self) -> None:
        """Stops the timer."""
        if self._timer:
            self._timer.cancel()

    def _release(self, future: asyncio.Future[Server]) -> None:
        """Its request was cancelled in the moment between being assigned and being sent."""
        if future.exception() is None:
            future.result().running -= 1
            self._assign_waiting()

    def _assign_waiting(self) -> None:
        now = time.monotonic()
        while self._waiting and (server := self._least_loaded(now)):
            future = self._next_for(server, now)
            self._remember(self._waiting.pop(future), server)
            if not future.done():
                server.running += 1
                future.set_result(server)
        self._set_timer(now)

    def _least_loaded(self, now: float) -> Server | None:
        """The server for the next request: one that does not fail before one that does, then the least loaded."""
        free = [server for server in self.servers if server.room(now) > 0 and not self._paused]
        return min(free, key=lambda e: (e.failures, e.running / e.limit.value), default=None)

    def _next_for(self, server: Server, now: float) -> asyncio.Future[Server]:
        """Who goes there: a solution whose first turn it had, else the first at no server yet, else the first."""
        if len(self.servers) > 1:
            homes = {future: self._homes.get(solution) for future, solution in self._waiting.items()}
            for future, home in homes.items():
                if home is server:
                    return future
            for future, home in homes.items():
                if home is None or home.suspended:
                    return future
        return next(iter(self._waiting))

    def _remember(self, solution: str, server: Server) -> None:
        if len(self.servers) == 1:
            return
        self._homes[solution] = server
        self._homes.move_to_end(solution)
        if len(self._homes) > _REMEMBERED:
            self._homes.popitem(last=False)

    def _set_timer(self, now: float) -> None:
        """Looks again after those who still wait: after a tick at the latest, or when the next server may be used."""
        if self._timer:
            self._timer.cancel()
            self._timer = None
        if not all(server.suspended for server in self.servers):
            self._suspended_since = None
        elif self._suspended_since is None:
            self._suspended_since = now
        if not self._waiting:
            return
        if self._suspended_since is not None and now - self._suspended_since >= self._timeout:
            self._fail_waiting()
            return
        pauses = [seconds for server in self.servers if (seconds := server.blocked_seconds(now)) > 0]
        self._timer = asyncio.get_running_loop().call_later(min([*pauses, _TICK, self._timeout]), self._tick)

    def _tick(self) -> None:
        now = time.monotonic()
        for server in self.servers:
            if not server.suspended and not self._paused:
                server.limit.waited(now)
        self._assign_waiting()

    def _reasons(self) -> str:
        return "; ".join(dict.fromkeys(f"{server.client.base_url}: {server.last_failure}" for server in self.servers))

    def _fail_waiting(self) -> None:
        reason = self._reasons()
        for future in self._waiting:
            if not future.done():
                future.set_exception(NoServerError(f"no server came back within {self._timeout:g} s ({reason})"))
        self._waiting.clear()
