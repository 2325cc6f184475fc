"""Connections of the server: a request has to arrive in time, and slow clients leave room for others."""

import asyncio
import resource

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

REQUEST_SECONDS = 20.0
"""Time from the first byte of a request, or from the start of a connection, to the end of its body."""
_MOST_CONNECTIONS = 10_000
_SPARE_FILES = 512
"""Open files kept for sessions and for the interpreter's processes."""


class Connection(H11Protocol):
    """A connection that is closed if a request does not arrive in time.

    If there are too many connections, the one that has waited longest for the rest of its request makes room: no
    token is needed to open a connection.
    """

    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn
        """Starts the clock."""
        super().connection_made(transport)
        self._start_clock()
        if len(self.connections) > most_connections():
            waiting = [each for each in self.connections if isinstance(each, Connection) and each._deadline]
            if waiting:
                min(waiting, key=Connection._when).transport.abort()

    def data_received(self, data: bytes) -> None:
        """Starts the clock with the first part of a request and stops it with the last."""
        super().data_received(data)
        if self.conn.their_state not in (h11.IDLE, h11.SEND_BODY):
            self._stop_clock()
        elif self._deadline is None:
            self._start_clock()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stops the clock."""
        self._stop_clock()
        super().connection_lost(exc)

    def _start_clock(self) -> None:
        self._deadline = self.loop.call_later(REQUEST_SECONDS, self.transport.abort)

    def _stop_clock(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _when(self) -> float:
        return self._deadline.when() if self._deadline else float("inf")


def raise_file_limit() -> None:
    """Lets this process have as many open files as its user may: every connection is one."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def most_connections() -> int:
    """How many connections may be open at one time."""
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    room = soft - _SPARE_FILES if soft != resource.RLIM_INFINITY else _MOST_CONNECTIONS
    return max(64, min(_MOST_CONNECTIONS, room))
