"""Our end of the socket to a session's process: requests go out without waiting, one reader takes replies as they come.

What the program writes to its end is bounded and checked, never trusted.
"""

import asyncio
import socket
from typing import Any

from slipstick.interpreters.guest import protocol

_CHUNK = 65536


class Channel:
    """One socket. Belongs to the running event loop."""

    def __init__(self, connection: socket.socket, *, most: int) -> None:
        """most: bytes of the longest reply."""
        self._connection = connection
        self._most = most
        self._loop = asyncio.get_running_loop()
        self._unsent = memoryview(b"")
        self._data = bytearray()
        self._whole = False
        self._asked = False
        self._failure: protocol.FrameError | OSError | None = None
        self._waiting: asyncio.Future[None] | None = None
        self._loop.add_reader(connection.fileno(), self._read)

    @property
    def ready(self) -> bool:
        """Whether `receive` returns or raises without waiting."""
        return self._whole or self._failure is not None

    def send(self, frame: bytes) -> None:
        """Sends a frame after those before it. If the process has ended, `receive` says so."""
        if self._failure is not None:
            return
        self._asked = True
        if self._unsent:
            self._unsent = memoryview(self._unsent.tobytes() + frame)
        elif left := self._sent(memoryview(frame)):
            self._unsent = left
            self._loop.add_writer(self._connection.fileno(), self._write)

    async def receive(self, seconds: float) -> dict[str, Any] | None:
        """The next reply; None if none came within `seconds`.

        Raises OSError if the process ended or this end is closed, FrameError if the reply is malformed.
        """
        if not self.ready:
            self._waiting = self._loop.create_future()
            timer = self._loop.call_later(seconds, self._wake)
            try:
                await self._waiting
            finally:
                timer.cancel()
                self._waiting = None
        replied = self._whole and not isinstance(self._failure, protocol.FrameError)  # it may have ended after that
        if self._failure is not None and not replied:
            raise self._failure
        if not self._whole:
            return None
        data, self._data, self._whole, self._asked = self._data, bytearray(), False, False
        return protocol.unpack_reply(data)

    def fail(self, failure: protocol.FrameError | OSError) -> None:
        """Receives no more: whoever waits for a reply gets the failure."""
        if self._failure is None:
            self._failure = failure
            self._loop.remove_reader(self._connection.fileno())
            self._loop.remove_writer(self._connection.fileno())
            self._wake()

    def close(self) -> None:
        """Closes the socket; whoever waits for a reply gets an OSError."""
        if self._connection.fileno() >= 0:
            self.fail(ConnectionResetError())
            self._connection.close()

    def _read(self) -> None:
        try:
            chunk = self._connection.recv(_CHUNK)
            if not chunk:
                raise ConnectionResetError
            if not self._asked:  # what hundreds of idle sessions send would fill this process's memory
                raise protocol.FrameError("a reply to no request")
            self._data += chunk
            want = protocol.length(self._data, limit=self._most)
            self._whole = want is not None and len(self._data) >= want
            if self._whole and len(self._data) != want:
                raise protocol.FrameError("more than one reply")
        except (BlockingIOError, InterruptedError):
            return
        except (OSError, protocol.FrameError) as error:
            self.fail(error)
        if self._whole:
            self._wake()

    def _write(self) -> None:
        self._unsent = self._sent(self._unsent)
        if not self._unsent:
            self._loop.remove_writer(self._connection.fileno())

    def _sent(self, frame: memoryview) -> memoryview:
        """What is left to send."""
        try:
            return frame[self._connection.send(frame) :]
        except (BlockingIOError, InterruptedError):
            return frame
        except OSError:  # whoever receives finds out why
            return frame[:0]

    def _wake(self) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)
