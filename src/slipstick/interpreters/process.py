"""The caller's end of one session's process: sends it a step, waits as long as a step may take, judges what comes back.

Whatever comes back may have been written by the program and not by us: it is checked, cut and never trusted.
"""

from __future__ import annotations

import asyncio
import signal
import time
from typing import Any

from slipstick.interpreters import frames
from slipstick.interpreters.fork_server import Fork, ForkServer, ParentLostError
from slipstick.schema import Output, Status

_MAX_TEXT = 24_000
"""Characters of an output: what `child.MAX_OUTPUT` leaves, its notice and a traceback."""


class Process:
    """A live session process, until a step ends it."""

    def __init__(self, server: ForkServer, fork: Fork) -> None:
        self.server = server
        self._fork = fork
        self._asked = 0
        self._busy = False
        self._spent = False
        fork.ended.add_done_callback(lambda _: None if self._busy else fork.connection.close())

    @property
    def usable(self) -> bool:
        """Whether it can run a further step."""
        return not self._spent and not self._fork.ended.done()

    @property
    def lost(self) -> bool:
        """Whether it ended through no doing of its own: with its parent."""
        return self._fork.ended.done() and self._fork.ended.result() is None

    async def run(self, code: str, seconds: float) -> Output:
        """One step of at most that many seconds. Raises ParentLostError."""
        self._asked += 1
        try:
            request = frames.pack({"id": self._asked, "code": code}, limit=frames.MAX_REQUEST)
        except frames.FrameError as error:
            return Output(text=f"ValueError: the program is too long: {error}", status="error")
        start = time.perf_counter()
        self._busy, self._spent = True, True
        try:
            status, text = await self._answer(request, seconds)
            self._spent = status not in ("ok", "error", "memory")
        finally:
            self._busy = False
            if self._spent:
                self.discard()
        return Output(text=text, status=status, seconds=time.perf_counter() - start)

    def discard(self) -> None:
        """Has the process killed without waiting for it."""
        self._spent = True
        self.server.discard(self._fork)

    async def _answer(self, request: bytes, seconds: float) -> tuple[Status, str]:
        try:
            async with asyncio.timeout(seconds):
                return _checked(await self._ask(request), self._asked)
        except TimeoutError:
            await self.server.kill(self._fork)
            return "timeout", f"TimeoutError: no end within {seconds:g} s"
        except frames.FrameError as error:
            await self.server.kill(self._fork)
            return "killed", f"Killed: the program broke into the interpreter's own channel ({error})"
        except OSError:
            return _ending(await self.server.kill(self._fork), alive=self.server.alive)

    async def _ask(self, request: bytes) -> dict[str, Any]:
        """Sends a frame, waits for the answer; OSError where the process ends, FrameError for what is none of ours."""
        loop = asyncio.get_running_loop()
        await loop.sock_sendall(self._fork.connection, request)
        data = bytearray()
        want: int | None = None
        while want is None or len(data) < want:
            chunk = await loop.sock_recv(self._fork.connection, 65536)
            if not chunk:
                raise ConnectionResetError
            data += chunk
            want = frames.length(data, limit=frames.MAX_REPLY)
        if len(data) > want:
            raise frames.FrameError("more than one answer")
        return frames.unpack(data)


def _checked(reply: dict[str, Any], asked: int) -> tuple[Status, str]:
    """Status and text of a reply that is well-formed and answers what was asked."""
    status, text = reply.get("status"), reply.get("text")
    if reply.get("id") != asked or status not in ("ok", "error", "memory") or not isinstance(text, str):
        raise frames.FrameError("an answer to nothing that was asked")
    return status, text[:_MAX_TEXT].encode("utf-8", "backslashreplace").decode("utf-8")


def _ending(code: int | None, *, alive: bool) -> tuple[Status, str]:
    """What a process that ended in mid-step amounts to; `code` is its return code, None where nobody knows."""
    if code is None and not alive:
        raise ParentLostError
    if code is None:
        return "sandbox_fault", "SandboxFault: no process could be made for the session"
    if code == -signal.SIGXCPU:
        return "timeout", "TimeoutError: processor time is used up"
    how = f"by signal {-code} ({signal.strsignal(-code)})" if code < 0 else f"with exit code {code}"
    return "killed", f"Killed: the program ended its process {how}"
