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
from slipstick.interpreters.guest.capture import KB
from slipstick.interpreters.guest.protocol import Request
from slipstick.interpreters.host.fork_server import AliveError, Ending, Fork, ForkServerClient
from slipstick.interpreters.host.pipes import MOST_WRITTEN, Pipes
from slipstick.interpreters.host.timing import StepClock, TimeLimits
from slipstick.interpreters.host.zygote import KilledError, LostError
from slipstick.schema import Status

_MORE_TEXT = 4000
"""Characters of an output besides what is kept of it: the notice of a cut and a traceback."""
_SCRIPT_KB = 1000
"""Kilobytes kept of each stream of a script, at least: its readers compare all of it."""
_MOST_SECONDS = 1e6


_SHORTEST_IDLE = 2.0
"""Seconds between two looks at what a process uses while it runs no step, at least."""
_MAX_IMAGES = 4
_PNG = re.compile(r"iVBORw0KGgo[A-Za-z0-9+/]{,1400000}={,2}")
"""A PNG of at most 1 MB in base64: its first bytes are the same in every one."""


class RefusedError(Exception):
    """The program is not simple, and the process runs simple ones only."""

    def __init__(self, used: float) -> None:
        super().__init__()
        self.used = used
        """Processor seconds until this was noticed."""


class _TimeUpError(Exception):
    """The time of a step is up; the message says which."""

    def __init__(self, reason: str, used: float) -> None:
        super().__init__(reason)
        self.used = used


class FloodError(OSError):
    """A script writes without end."""


class SessionClient:
    """A session's process, made with its first step.

    limits: see `ForkServerClient.fork`. may_kill_itself: whether a program could kill its own process, so that SIGKILL
    does not prove that somebody else did. simple: the process runs simple programs only (see `guest.reuse`).
    """

    def __init__(
        self, server: ForkServerClient, limits: dict[str, Any], *, may_kill_itself: bool, simple: bool
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
        self._spent = 0.0
        """Processor seconds that earlier steps have taken, at least."""
        self._before: float | None = None
        """Processor seconds that the process had used when the running step began, once that is known."""
        self._max_text = limits["output_kb"] * KB + _MORE_TEXT
        self._last_id = 0
        self._timer: asyncio.TimerHandle | None = None
        self._looking: asyncio.Task[None] | None = None

    async def run(self, request: Request, limits: TimeLimits, stdin: bytes = b"") -> Result:
        """Runs one request within its time; after a script, which alone reads `stdin`, the process ends itself.

        Raises LostError; RefusedError if the process is for simple programs and the code is not simple.
        """
        self._last_id += 1
        try:
            frame = protocol.pack_request(self._last_id, request)
        except protocol.FrameError as error:
            return ended("error", f"ValueError: the program is too long: {error}", 1)
        start = time.perf_counter()
        self.usable = False
        self._stop_looking()
        pipes = self._pipes(request, stdin) if request.mode == "script" else None
        try:
            self._before = 0.0 if self._fork is None else None
            if self._fork is None:
                streams = pipes.theirs if pipes else ()
                self._fork = await self._server.fork(
                    self.folder, frame, limits=self._limits, simple=self._simple, streams=streams
                )
            else:
                self._fork.channel.send(frame)
            if pipes:
                pipes.sent()
            result = await self._answer(self._fork, request, limits)
            result = _with_output(result, pipes.texts()) if pipes else result
        except KilledError as error:
            raise KilledError(_line_end(pipes.texts()[0]) if pipes else str(error)) from None
        finally:
            if not self.usable:
                self.discard()
            elif not self._simple:
                self._look_later(None)
            if pipes:
                pipes.close()
        return replace(result, seconds=time.perf_counter() - start)

    def discard(self) -> None:
        """Has the process killed, without waiting."""
        self.usable = False
        self._stop_looking()
        if self._fork is not None:
            self._server.discard(self._fork)

    async def end(self) -> None:
        """Has the process killed, and returns when it has ended or its fork server is lost."""
        self.usable = False
        self._stop_looking()
        if self._fork is not None:
            with contextlib.suppress(LostError):
                await self._server.kill(self._fork)
            self._fork.close()

    def _look_later(self, before: float | None) -> None:
        """Looks at what the process uses while it runs no step; `before`: the seconds at the first look."""
        seconds = max(self._limits["timeout"], _SHORTEST_IDLE)
        self._timer = asyncio.get_running_loop().call_later(seconds, self._look, before)

    def _look(self, before: float | None) -> None:
        self._looking = asyncio.get_running_loop().create_task(self._end_if_busy(before))

    async def _end_if_busy(self, before: float | None) -> None:
        """Kills the process if its threads use more than a step may, while none runs: nothing else would end them."""
        if self._fork is None:
            return
        with contextlib.suppress(LostError):
            used = await self._server.used(self._fork)
            if before is not None and used - before > self._limits["timeout"]:
                self._server.discard(self._fork)
            else:
                self._look_later(used if before is None else before)

    def _stop_looking(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._looking is not None:
            self._looking.cancel()

    async def _answer(self, fork: Fork, request: Request, limits: TimeLimits) -> Result:
        try:
            return self._result(protocol.read_reply(await self._reply(fork, limits), self._last_id))
        except _TimeUpError as error:
            await (self._server.stop(fork) if request.mode == "script" else self._server.kill(fork))
            return _ended(fork, "timeout", str(error), None, error.used)
        except protocol.FrameError as error:
            await self._server.kill(fork)
            reason = f"Killed: the program broke into the interpreter's own channel ({error})"
            return _ended(fork, "killed", reason, 1)
        except FloodError as error:
            await self._server.kill(fork)
            return _ended(fork, "killed", f"Killed: {error}", 1)
        except OSError:
            try:
                return self._ending(fork, await self._server.ending(fork), request, limits)
            except AliveError:
                return _ended(fork, "killed", "Killed: the program shut the interpreter's own channel", 1)

    async def _reply(self, fork: Fork, limits: TimeLimits) -> dict[str, Any]:
        """The reply, a step's time up to then within the limits.

        Raises _TimeUpError if it is not, OSError if the process ends, FrameError if the reply is malformed, LostError,
        FloodError.
        """
        loop = asyncio.get_running_loop()
        clock = StepClock(limits, loop.time())
        while (message := await fork.channel.receive(clock.wait(loop.time()))) is None:
            used = await self._used(fork)
            if not fork.channel.ready and (reason := clock.look(loop.time(), used)):
                raise _TimeUpError(reason, used)
        return message

    async def _used(self, fork: Fork) -> float:
        """Processor seconds that the running step has used. Where they begin the process says, at the first look.

        If it has not begun the step by then, or lies, they begin with that look: a lie gains the time before that.
        """
        used = await self._server.used(fork)
        if self._before is None:
            began = fork.read_memory()[0]
            self._before = began if self._spent <= began <= used else used
        return used - self._before

    def _result(self, reply: protocol.Reply) -> Result:
        """The parts of a reply. Raises RefusedError."""
        if reply.status == "refused" and not self._simple:
            raise protocol.FrameError("a reply to no request")
        if len(reply.images) > _MAX_IMAGES or not all(map(_PNG.fullmatch, reply.images)):
            raise protocol.FrameError("images that are no PNG")
        self.usable = reply.more
        self._spent += (spent := _checked(reply.cpu))
        if reply.status == "refused":
            raise RefusedError(spent)
        texts = (reply.text, reply.stdout, reply.stderr, reply.echo, reply.traceback, *reply.error)
        text, stdout, stderr, echo, traceback, *error = (_shown(each, self._max_text) for each in texts)
        status, code = cast(Status, reply.status), max(-64, min(reply.exit_code, 255))
        return Result(
            status, text, stdout, stderr, echo, traceback, error, code, reply.images, reply.data, cpu_seconds=spent
        )

    def _ending(self, fork: Fork, ending: Ending, request: Request, limits: TimeLimits) -> Result:
        """The result if the process ended during a step. Raises LostError if it was never made, KilledError."""
        code = ending.code
        if code is None:
            raise LostError
        if code == -signal.SIGKILL and not self._may_kill_itself:
            raise KilledError(_line_end(fork.read_memory()[1]))
        if code == -signal.SIGXCPU:
            return _ended(fork, "timeout", limits.used_up, None, ending.seconds - self._spent)
        if request.mode == "script" and (code == 0 or (code > 0 and request.split)):
            return Result("error" if code else "ok", exit_code=code, cpu_seconds=max(ending.seconds, 0.0))
        how = f"by signal {-code} ({signal.strsignal(-code)})" if code < 0 else f"with exit code {code}"
        reason = f"Killed: the program ended its process {how}"
        return _ended(fork, "killed", reason, code, ending.seconds - self._spent)

    def _pipes(self, request: Request, stdin: bytes) -> Pipes:
        """The streams of a script; one that writes without end gets a FloodError instead of its reply."""

        def flooded() -> None:
            if self._fork is not None:
                self._fork.channel.fail(FloodError(f"the program wrote more than {MOST_WRITTEN >> 20} MB"))

        kept = self._limits["output_kb"]
        if request.split:
            return Pipes(stdin, request.code, most=max(kept, _SCRIPT_KB) * KB, on_flood=flooded)
        return Pipes(stdin, None, most=kept * KB, on_flood=flooded)


def ended(status: Status, reason: str, exit_code: int | None, printed: str = "") -> Result:
    """The result if the program sent none: the reason is its text, and at the end of its standard error."""
    return Result(status, text=f"{printed}{reason}", stderr=f"{reason}\n", exit_code=exit_code)


def _ended(fork: Fork, status: Status, reason: str, exit_code: int | None, used: float = 0.0) -> Result:
    """The result if the program sent none: what it has written, then the reason."""
    _, stdout, stderr = fork.read_memory()
    text = f"{_line_end(stdout)}{reason}"
    stderr = f"{_line_end(stderr)}{reason}\n"
    return Result(status, text, stdout, stderr, exit_code=exit_code, cpu_seconds=max(used, 0.0))


def _with_output(result: Result, texts: list[str]) -> Result:
    """The result with what came through the pipes of a script."""
    if len(texts) == 2:
        if (result.exit_code or 0) < 0:  # as in Python, the code alone names the signal
            return replace(result, stdout=texts[0], stderr=texts[1])
        before = _line_end(texts[1]) if result.stderr else texts[1]
        return replace(result, stdout=texts[0], stderr=before + result.stderr)
    printed = _line_end(texts[0]) if result.text else texts[0]
    return replace(result, text=f"{printed}{result.text}".rstrip())


def _checked(seconds: float) -> float:
    """What a process says that it took, if it can be."""
    return seconds if 0 <= seconds < _MOST_SECONDS else 0.0


def _line_end(text: str) -> str:
    return f"{text}\n" if text and not text.endswith("\n") else text


def _shown(text: str, most: int) -> str:
    """A text of a program, cut, without half characters."""
    if text.isascii():
        return text[:most]
    return text[:most].encode("utf-8", "backslashreplace").decode("utf-8")
