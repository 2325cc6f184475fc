"""Client of one session's process: sends a step, waits as long as a step may take, checks the reply.

The program may have written the reply itself: it is checked, cut and never trusted.
"""

import asyncio
import contextlib
import re
import signal
import time
from dataclasses import replace
from typing import Any, cast

from slipstick.interpreters import Result
from slipstick.interpreters.guest import protocol
from slipstick.interpreters.guest.protocol import Request
from slipstick.interpreters.host.fork_server import AliveError, Ending, Fork, ForkServerClient
from slipstick.interpreters.host.zygote import KilledError, LostError
from slipstick.schema import Status

_MAX_TEXT = 24_000
"""Characters of an output: `guest.session.MAX_OUTPUT`, the notice of a cut and a traceback."""


_MAX_IMAGES = 4
_PNG = re.compile(r"iVBORw0KGgo[A-Za-z0-9+/]{,1400000}={,2}")
"""A PNG of at most 1 MB in base64: its first bytes are the same in every one."""


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
        self._fork: Fork | None = None
        self._last_id = 0

    async def run(self, request: Request, *, seconds: float) -> Result:
        """Runs one request for at most `seconds`; after a script the process ends itself.

        Raises LostError; RefusedError if the process is for simple programs and the code is not simple.
        """
        self._last_id += 1
        try:
            frame = protocol.pack_request(self._last_id, request)
        except protocol.FrameError as error:
            return Result("error", text=f"ValueError: the program is too long: {error}", exit_code=1)
        start = time.perf_counter()
        self.usable = False
        try:
            if self._fork is None:
                self._fork, frame = await self._server.fork(
                    self.folder, frame, limits=self._limits, simple=self._simple
                )
            result = await self._answer(self._fork, frame, seconds)
        finally:
            if not self.usable:
                self.discard()
        return replace(result, seconds=time.perf_counter() - start)

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

    async def _answer(self, fork: Fork, frame: bytes, seconds: float) -> Result:
        try:
            async with asyncio.timeout(seconds):
                if frame:
                    await asyncio.get_running_loop().sock_sendall(fork.connection, frame)
                return self._result(protocol.read_reply(await _receive(fork), self._last_id))
        except TimeoutError:
            await self._server.kill(fork)
            return _ended("timeout", f"TimeoutError: no end within {seconds:g} s", None)
        except protocol.FrameError as error:
            await self._server.kill(fork)
            return _ended("killed", f"Killed: the program broke into the interpreter's own channel ({error})", 1)
        except OSError:
            try:
                return self._ending(await self._server.ending(fork))
            except AliveError:
                return _ended("killed", "Killed: the program shut the interpreter's own channel", 1)

    def _result(self, reply: protocol.Reply) -> Result:
        """The parts of a reply. Raises RefusedError."""
        if reply.status == "refused" and not self._simple:
            raise protocol.FrameError("a reply to no request")
        if len(reply.images) > _MAX_IMAGES or not all(map(_PNG.fullmatch, reply.images)):
            raise protocol.FrameError("images that are no PNG")
        self.usable = reply.more
        if reply.status == "refused":
            raise RefusedError
        texts = (reply.text, reply.stdout, reply.stderr, reply.echo, reply.traceback, *reply.error)
        text, stdout, stderr, echo, traceback, *error = map(_shown, texts)
        return Result(
            cast(Status, reply.status),
            text,
            stdout,
            stderr,
            echo,
            traceback,
            error,
            reply.exit_code & 255,
            reply.images,
        )

    def _ending(self, ending: Ending) -> Result:
        """The result if the process ended during a step. Raises LostError if it was never made, KilledError."""
        code = ending.code
        if code is None:
            raise LostError
        if code == -signal.SIGKILL and not self._may_kill_itself:
            raise KilledError
        if code == -signal.SIGXCPU:
            return _ended("timeout", "TimeoutError: processor time is used up", None)
        how = f"by signal {-code} ({signal.strsignal(-code)})" if code < 0 else f"with exit code {code}"
        return _ended("killed", f"Killed: the program ended its process {how}", code)


def _ended(status: Status, reason: str, exit_code: int | None) -> Result:
    """The result if the program sent none: the reason is its text, and at the end of its standard error."""
    return Result(status, text=reason, stderr=f"{reason}\n", exit_code=exit_code)


def _shown(text: str) -> str:
    """A text of a program, cut, without half characters."""
    return text[:_MAX_TEXT].encode("utf-8", "backslashreplace").decode("utf-8")


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
