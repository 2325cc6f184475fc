"""Client of one fork server: has it started, asks it for sessions, has them killed, notices its end."""

import asyncio
import fcntl
import io
import itertools
import json
import os
import signal
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from slipstick.interpreters.guest.capture import memory_size, read_memory
from slipstick.interpreters.guest.protocol import max_reply
from slipstick.interpreters.host.channel import Channel
from slipstick.interpreters.host.zygote import LostError, Tier, ZygoteClient

_START_SECONDS = 30.0
_KILL_SECONDS = 5.0
_MOST_WAITS = 12
"""How often a kill waits so long, while the fork server answers: giving back much memory takes a busy machine long."""
_LOOK_FACTOR = 4
"""An answer about a session's time may take so many times longer than a kill: nothing waits for it."""
_STOP_SECONDS = 1.0
"""Longest time in which a script that has run out of its own may write what it has buffered."""
_END_SECONDS = 2.0
"""Longest time between the closing of a session's socket and the end of its process, if both come from the kernel."""


_MOST_DROPS = 4096
"""Keys in one message: the fork server reads messages of up to 64 kB."""


class AliveError(Exception):
    """A session's process still runs although its socket is closed: the program closed it."""


@dataclass(frozen=True)
class Fork:
    """One session's process: its key, our ends, and which start of the fork server it belongs to."""

    key: int
    channel: Channel
    memory: io.FileIO
    """What its step has printed so far, as the process says: see `guest.capture`."""
    start: int

    def close(self) -> None:
        """Closes our ends."""
        self.channel.close()
        self.memory.close()

    def read_memory(self) -> tuple[float, str, str]:
        """See `guest.capture.read_memory`; nothing once it is closed."""
        if self.memory.closed:
            return 0.0, "", ""
        return read_memory(os.pread(self.memory.fileno(), os.fstat(self.memory.fileno()).st_size, 0))


class Ending(NamedTuple):
    """How a session's process ended."""

    code: int | None
    """Its return code, negative for a signal; None if the process was never made."""
    seconds: float
    """Processor time it used, as its parent saw it."""


class ForkServerClient:
    """One fork server. Belongs to the event loop it was started in."""

    def __init__(self, tier: Tier, options: dict[str, Any]) -> None:
        self._zygote = ZygoteClient(tier, options)
        self._keys = itertools.count(1)
        self._dropped: list[int] = []
        self._ends: dict[int, asyncio.Future[Ending]] = {}
        self._times: dict[int, asyncio.Future[float]] = {}
        self._control: socket.socket | None = None
        self._ready: asyncio.Future[None] | None = None
        self._starts = 0

    @property
    def alive(self) -> bool:
        """Whether the fork server can fork a session."""
        return self._control is not None and self._ready is not None and self._ready.done()

    async def start(self) -> None:
        """Starts the fork server: in milliseconds from a running zygote, else after the zygote has warmed up.

        Raises InterpreterError if it cannot start, LostError if it was killed.
        """
        loop = asyncio.get_running_loop()
        self._ready = loop.create_future()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setblocking(False)
        self._control = ours
        try:
            with theirs:
                await self._zygote.make_fork_server(theirs)
            loop.add_reader(ours, self._receive)
            async with asyncio.timeout(_START_SECONDS):
                await self._ready
            self._starts += 1
        except (TimeoutError, LostError) as error:
            self._lose()
            if isinstance(error, LostError) and not self._zygote.last_error():
                raise
            raise self._zygote.start_error() from error
        except BaseException:
            self._lose()
            raise

    async def fork(
        self, folder: str, request: bytes, *, limits: dict[str, Any], simple: bool, streams: Sequence[int] = ()
    ) -> Fork:
        """A new session in `folder`, its first request on the way.

        limits: timeout, memory_mb, scratch_mb (none above the fork server's own), output_kb and seed. simple: a session
        for simple programs alone, each in a namespace of its own. streams: of a script, see `Pipes.theirs`.
        Raises LostError.
        """
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        channel = Channel(ours, most=max_reply(limits["output_kb"]))
        fork = Fork(next(self._keys), channel, _make_memory(memory_size(limits["output_kb"])), self._starts)
        try:
            with theirs:
                channel.send(request)
                dropped, self._dropped = self._dropped[:_MOST_DROPS], self._dropped[_MOST_DROPS:]
                message = {"fork": fork.key, "folder": folder, "limits": limits, "simple": simple, "drop": dropped}
                await self._send(message, theirs.fileno(), fork.memory.fileno(), *streams)
        except BaseException:
            self.discard(fork)
            raise
        return fork

    async def kill(self, fork: Fork) -> Ending:
        """Kills the session's process if it still runs, and returns when it has ended.

        Raises LostError if the fork server is lost too.
        """
        return await self._end(fork, kill=True, seconds=_KILL_SECONDS)

    async def stop(self, fork: Fork) -> None:
        """Asks a script to write what it has buffered and to end, and kills it if it does not. LostError as `kill`."""
        try:
            await self._end(fork, kill=False, seconds=_STOP_SECONDS, ask=True)
        except TimeoutError:
            await self.kill(fork)

    async def ending(self, fork: Fork) -> Ending:
        """How a session ended whose socket was closed.

        Raises AliveError if the process had not ended by itself, and kills it: without the wait, the end could not be
        distinguished from a kill by the kernel. LostError as `kill`.
        """
        try:
            return await self._end(fork, kill=False, seconds=_END_SECONDS)
        except TimeoutError:
            await self.kill(fork)
            raise AliveError from None

    async def used(self, fork: Fork, *, within: float | None = None) -> float:
        """Processor seconds that the session's process has used since its start.

        Raises LostError, also if there is no answer `within` some seconds.
        """
        if fork.start != self._starts:
            raise LostError
        answered: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        self._times[fork.key] = answered
        await self._send({"time": fork.key})
        try:
            async with asyncio.timeout(_LOOK_FACTOR * _KILL_SECONDS if within is None else within):
                return await answered
        except TimeoutError:
            self._lose()
            raise LostError from None

    async def _end(self, fork: Fork, *, kill: bool, seconds: float, ask: bool = False) -> Ending:
        """Waits for the end of a session's process. Raises LostError; TimeoutError if it is not to be killed."""
        fork.channel.close()
        if fork.start != self._starts:
            raise LostError
        ended: asyncio.Future[Ending] = asyncio.get_running_loop().create_future()
        self._ends[fork.key] = ended
        await self._send({"end": fork.key, "kill": kill, "ask": ask})
        for _ in range(_MOST_WAITS if kill else 1):
            await asyncio.wait([ended], timeout=seconds)
            if ended.done():
                return ended.result()
            if not kill:
                raise TimeoutError
            await self.used(fork, within=seconds)  # raises if it is the fork server that is slow
        return Ending(-signal.SIGKILL, 0.0)  # the kernel cannot end it; no other session is to suffer for that

    def discard(self, fork: Fork) -> None:
        """Has the session killed without waiting: with the next request, or else as soon as the loop is idle."""
        fork.close()
        if self._control is not None:
            if not self._dropped:
                asyncio.get_running_loop().call_soon(self._drop)
            self._dropped.append(fork.key)

    def _drop(self) -> None:
        while self._dropped and self._control is not None:
            try:
                self._control.send(json.dumps({"drop": self._dropped[:_MOST_DROPS]}).encode())
            except BlockingIOError:  # idle sessions see the closed socket; the others are killed with the next request
                return
            except OSError:
                return
            del self._dropped[:_MOST_DROPS]

    async def close(self) -> None:
        """Ends the fork server, its zygote and every session."""
        self._lose()
        await self._zygote.close()

    async def _send(self, message: dict[str, Any], *passed: int) -> None:
        data = json.dumps(message).encode()
        for _ in range(int(_KILL_SECONDS * 1000)):
            if self._control is None:
                raise LostError
            try:
                socket.send_fds(self._control, [data], passed)
            except BlockingIOError:
                await asyncio.sleep(0.001)
            except OSError as error:
                self._lose()
                raise LostError from error
            else:
                return
        self._lose()
        raise LostError

    def _receive(self) -> None:
        try:
            data = self._control.recv(65536) if self._control else b""
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._lose()
            return
        message = json.loads(data)
        if "ready" in message and self._ready is not None:
            self._ready.set_result(None)
        elif (ended := self._ends.pop(message.get("ended"), None)) is not None and not ended.done():
            ended.set_result(Ending(message["code"], message["seconds"]))
        elif (asked := self._times.pop(message.get("time"), None)) is not None and not asked.done():
            asked.set_result(message["seconds"])

    def _lose(self) -> None:
        """Closes the socket, which ends the fork server, and fails every call that waits for it."""
        if self._control is not None:
            if self._control.fileno() >= 0:
                asyncio.get_running_loop().remove_reader(self._control)
            self._control.close()
            self._control = None
        self._dropped = []
        waiting: list[asyncio.Future[Any]] = [*self._ends.values(), *self._times.values()]
        waiting += [self._ready] if self._ready else []
        self._ends.clear()
        self._times.clear()
        for future in waiting:
            if not future.done():
                future.set_exception(LostError())
                future.exception()  # marked as retrieved, whether or not a caller still waits


def _make_memory(size: int) -> io.FileIO:
    """Memory to be shared, whose size no one can change."""
    memory = io.FileIO(os.memfd_create("output", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING), "r+")
    memory.truncate(size)
    fcntl.fcntl(memory, fcntl.F_ADD_SEALS, fcntl.F_SEAL_GROW | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_SEAL)
    return memory
