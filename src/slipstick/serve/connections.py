"""Connections of the server: a request has to arrive in time, and slow clients leave room for others."""

import asyncio
import json
import resource
import socket
import sys
from collections import Counter
from contextlib import suppress
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

REQUEST_SECONDS = 20.0
"""Time from the first byte of a request, or from the start of a connection, to the end of its body; and time in which a
client has to read what is sent to it."""
IDLE_SECONDS = 75.0
"""Time that a connection is kept between two requests."""
_MOST_CONNECTIONS = 10_000
_SPARE_FILES = 512
"""Open files kept for sessions and for the interpreter's processes."""
_MOST_ACCEPTED = 64
"""Connections that are accepted before those accepted earlier are counted."""
_FREE_PARTS, _BYTES_OF_A_PART = 1000, 512
"""A body may come in so many parts, however small, and in more if they have so many bytes on average: each part costs
the same time, and no token is needed to send one."""


class Listener(socket.socket):
    """A listening socket that gives asyncio a few connections at a time.

    asyncio would accept all that wait before any is made known to the server: more than there may be open files.
    """

    _accepted = 0

    def accept(self) -> tuple[socket.socket, Any]:
        """The next connection. Raises BlockingIOError if the loop has to go on first."""
        if self._accepted == _MOST_ACCEPTED:
            raise BlockingIOError
        if not self._accepted:
            asyncio.get_running_loop().call_later(0, self._count_again)
        self._accepted += 1
        return super().accept()

    def _count_again(self) -> None:
        self._accepted = 0


class Parser(h11.Connection):
    """Reads requests, but not bodies in countless parts."""

    _parts = 0.0
    """Parts of the running body, less those that its bytes allow."""

    def next_event(self) -> Any:
        """As h11's. Raises RemoteProtocolError."""
        event = super().next_event()
        if isinstance(event, h11.Request):
            self._parts = 0.0
        elif isinstance(event, h11.Data):
            self._parts += 1 - len(event.data) / _BYTES_OF_A_PART
            if self._parts > _FREE_PARTS:
                raise h11.RemoteProtocolError("the body comes in too many small parts")
        return event


class Connection(H11Protocol):
    """A connection that is closed if its client keeps the server waiting: for a request, or for room to answer.

    If there are too many connections, one whose client keeps the server waiting makes room, be it between two requests:
    no token is needed to open a connection. It is one of the address that has most of them, of these one without an
    answer so far unless it has just come, and of these the one that has waited longest.
    """

    _deadline: asyncio.TimerHandle | None = None
    _since = 0.0
    """When the clock was started."""
    _idle = False
    """Whether nothing of the next request has arrived."""
    _answered = False
    """Whether a request of this connection was answered."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn
        """Starts the clock."""
        self.conn = Parser(h11.SERVER)
        super().connection_made(transport)
        self._start_clock(REQUEST_SECONDS)
        if len(self.connections) > most_connections():
            self._make_room()

    def data_received(self, data: bytes) -> None:
        """Starts the clock with the first part of a request and stops it with the last."""
        super().data_received(data)
        self._set_clock()

    def send_400_response(self, msg: str) -> None:
        """Answers what is no request, from where its error is handled; the status is the error's."""
        error = sys.exc_info()[1]
        status = error.error_status_hint if isinstance(error, h11.RemoteProtocolError) else 400
        message = f"this is no valid HTTP request: {error or msg}"
        body = json.dumps({"error": message}).encode()
        headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body))), ("Connection", "close")]
        with suppress(h11.LocalProtocolError):  # an answer was begun
            for event in (h11.Response(status_code=status, headers=headers), h11.Data(data=body), h11.EndOfMessage()):
                self.transport.write(self.conn.send(event) or b"")
        self.transport.close()

    def on_response_complete(self) -> None:
        """Starts the clock: a part of the next request may lie here already."""
        super().on_response_complete()
        self._answered = True
        self._set_clock()

    def pause_writing(self) -> None:
        """Starts the clock: the client does not read."""
        super().pause_writing()
        self._start_clock(REQUEST_SECONDS)

    def resume_writing(self) -> None:
        """Stops the clock of `pause_writing`."""
        super().resume_writing()
        self._stop_clock()
        self._set_clock()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stops the clock."""
        super().connection_lost(exc)
        self._stop_clock()

    def _make_room(self) -> None:
        waiting = [each for each in self.connections if isinstance(each, Connection) and each._deadline]
        waiting = [each for each in waiting if not each.transport.is_closing()]
        if not waiting:
            return
        crowd = Counter(each.peer for each in waiting).most_common(1)[0][0]
        waiting = sorted((each for each in waiting if each.peer == crowd), key=lambda each: each._since)
        fresh = [each for each in waiting if not each._answered]
        idle = [each for each in waiting if each._answered]
        [*fresh[:-_MOST_ACCEPTED], *idle, *fresh][0].transport.abort()  # the newest had no time to send a request

    @property
    def peer(self) -> str:
        """Address of the client."""
        return self.client[0] if self.client else ""

    def _set_clock(self) -> None:
        if self.flow.write_paused or self.transport.is_closing():
            return
        begun = self.conn.their_state is not h11.IDLE or bool(self.conn.trailing_data[0])
        if self.conn.their_state not in (h11.IDLE, h11.SEND_BODY):
            self._stop_clock()
        elif self._deadline is None or (begun and self._idle):
            self._start_clock(REQUEST_SECONDS if begun else IDLE_SECONDS)
            self._idle = not begun

    def _start_clock(self, seconds: float) -> None:
        self._stop_clock()
        self._since = self.loop.time()
        self._deadline = self.loop.call_later(seconds, self.transport.abort)

    def _stop_clock(self) -> None:
        self._idle = False
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


def raise_file_limit() -> None:
    """Lets this process have as many open files as its user may: every connection is one."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def most_connections() -> int:
    """How many connections may be open at one time."""
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    room = soft - _SPARE_FILES if soft != resource.RLIM_INFINITY else _MOST_CONNECTIONS
    return max(64, min(_MOST_CONNECTIONS, room))
