"""Client of one session's process: sends a step, waits as long as a step may take, checks the reply.

The program may have written the reply itself: it is checked, cut and never trusted.
"""

import asyncio
import contextlib
import signal
import time
from typing import Any, Literal

from slipstick.interpreters.guest import protocol
from slipstick.interpreters.host.fork_server import AliveError, Ending, Fork, ForkServerClient
from slipstick.interpreters.host.zygote import KilledError, LostError
from slipstick.schema import Output, Status

_MAX_TEXT = 24_000
"""Characters of an output: `guest.session.MAX_OUTPUT`, the notice of a cut and a traceback."""


class RefusedError(Exception):
    """The program is not simple, and the process runs simple ones only."""


class SessionClient:
    """A session's process, made with its first step.

    limits: see `ForkServerClient.fork`. may_kill_itself: whether a program could kill its own process, so that SIGKILL
    does not prove that somebody else did. simple: the process runs simple programs only (see `guest.reuse`).
    """

    def __init__(
        self, server: ForkServerClient, limits: dict[str, float | None], *, may_kill_itself: bool, simple: bool
    ) -> None:
        self.usable = True
        """Whether the process can run another step."""
        self._server = server
        self._limits = limits
        self.folder = "."
        """The working folder of the session."""
        self._may_kill_itself = may_kill_itself
        self._simple = simple
        self._more = False
        self._fork: Fork | None = None
        self._last_id = 0

    async def run(self, code: str, *, seconds: float, last: bool = False) -> Output:
        """Runs one step of at most `seconds`; after the `last` one the process ends itself.

        Raises LostError; RefusedError if the process is for simple programs and the code is not simple.
        """
        self._last_id += 1
        try:
            request = protocol.pack({"id": self._last_id, "code": code, "last": last}, limit=protocol.MAX_REQUEST)
        except protocol.FrameError as error:
            return Output(text=f"ValueError: the program is too long: {error}", status="error")
        start = time.perf_counter()
        self.usable = False
        try:
            if self._fork is None:
                self._fork, request = await self._server.fork(
                    self.folder, request, limits=self._limits, simple=self._simple
                )
            status, text = await self._answer(self._fork, request, seconds)
            self.usable = status in ("ok", "error", "memory", "refused") and self._more and not last
            if status == "refused":
                raise RefusedError
        finally:
            if not self.usable:
                self.discard()
        return Output(text=text, status=status, seconds=time.perf_counter() - start)

    def discard(self) -> None:
        """Has the process killed, without waiting."""
        self.usable = False
        if self._fork is not None:
            self._server.discard(self._fork)

    async def end(self) -> None:
        """Has the process killed, and returns when it has ended or its fork server is lost."""
        self.usable = False
        if self._fork is not None:
            with contextlib.suppress(LostError):
                await self._server.kill(self._fork)

    async def _answer(self, fork: Fork, request: bytes, seconds: float) -> tuple[Status | Literal["refused"], str]:
        try:
            async with asyncio.timeout(seconds):
                if request:
                    await asyncio.get_running_loop().sock_sendall(fork.connection, request)
                return self._checked(await _receive(fork))
        except TimeoutError:
            await self._server.kill(fork)
            return "timeout", f"TimeoutError: no end within {seconds:g} s"
        except protocol.FrameError as error:
            await self._server.kill(fork)
            return "killed", f"Killed: the program broke into the interpreter's own channel ({error})"
        except OSError:
            try:
                return self._ending(await self._server.ending(fork))
            except AliveError:
                return "killed", "Killed: the program shut the interpreter's own channel"

    def _checked(self, reply: dict[str, Any]) -> tuple[Status | Literal["refused"], str]:
        """Status and text of a reply. Raises FrameError if it is not the reply to the last request."""
        status: Any = reply.get("status")
        text = reply.get("text")
        known = status in ("ok", "error", "memory") or (status == "refused" and self._simple)
        if reply.get("id") != self._last_id or not known or not isinstance(text, str):
            raise protocol.FrameError("a reply to no request")
        self._more = reply.get("more") is True
        return status, text[:_MAX_TEXT].encode("utf-8", "backslashreplace").decode("utf-8")

    def _ending(self, ending: Ending) -> tuple[Status, str]:
        """Status and text if the process ended during a step. Raises LostError if it was never made, KilledError."""
        code = ending.code
        if code is None:
            raise LostError
        if code == -signal.SIGKILL and not self._may_kill_itself:
            raise KilledError
        if code == -signal.SIGXCPU:
            return "timeout", "TimeoutError: processor time is used up"
        how = f"by signal {-code} ({signal.strsignal(-code)})" if code < 0 else f"with exit code {code}"
        return "killed", f"Killed: the program ended its process {how}"


async def _receive(fork: Fork) -> dict[str, Any]:
    """The next reply. Raises OSError if the process ends, FrameError if the reply is malformed."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[dict[str, Any]] = loop.create_future()
    data = bytearray()

    def readable() -> None:
        if done.done():
            return
        try:
            chunk = fork.connection.recv(65536)
            if not chunk:
                raise ConnectionResetError
            data.extend(chunk)
            want = protocol.length(data, limit=protocol.MAX_REPLY)
            if want is not None and len(data) >= want:
                if len(data) > want:
                    raise protocol.FrameError("more than one reply")
                done.set_result(protocol.unpack(data))
        except (BlockingIOError, InterruptedError):
            pass
        except (OSError, protocol.FrameError) as error:
            done.set_exception(error)

    loop.add_reader(fork.connection, readable)
    try:
        return await done
    finally:
        with contextlib.suppress(ValueError):  # closed meanwhile
            loop.remove_reader(fork.connection)
