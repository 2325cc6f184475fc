"""The caller's end of one warmed parent process: starts it, asks it for forks, has them killed, notices its death."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from slipstick.errors import InterpreterError

_FOLDER = Path(__file__).parent
_START_SECONDS = 120.0
_ENVIRONMENT = {
    "PYTHONHASHSEED": "0",
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "LC_ALL": "C.UTF-8",
    "MALLOC_ARENA_MAX": "1",
}
_KILL_SECONDS = 5.0

# Empty packages stand in for slipstick's own, so that the modules of this folder load without what the package imports.
_BOOT = """
import sys, types
for name, path in (("slipstick", ""), ("slipstick.interpreters", sys.argv[1])):
    sys.modules[name] = types.ModuleType(name)
    sys.modules[name].__path__ = [path]
from slipstick.interpreters.parent import main
main(*sys.argv[1:])
"""


class ParentLostError(Exception):
    """The parent process died or stopped answering; its sessions are gone with it."""


@dataclass(frozen=True)
class Tier:
    """What a parent process has imported before it forks."""

    name: str
    modules: tuple[str, ...]
    """Beyond what its warm-up programs import."""


@dataclass(frozen=True)
class Fork:
    """One session's process: its number, our end of its socket, and how it ended once it has."""

    key: int
    connection: socket.socket
    ended: asyncio.Future[int | None]
    """Return code, negative for a signal; None where nobody knows."""


class ForkServer:
    """One parent process. Belongs to the event loop it was started in."""

    def __init__(self, tier: Tier, options: dict[str, Any]) -> None:
        self._options = {**options, "tier": tier.name, "modules": tier.modules}
        self._keys = itertools.count(1)
        self._forks: dict[int, Fork] = {}
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._ready: asyncio.Future[list[str]] | None = None

    @property
    def alive(self) -> bool:
        """Whether it can be asked for a fork."""
        return self._control is not None

    @property
    def pid(self) -> int | None:
        """Of the process that was started; None before the start and after the end."""
        return self._process.pid if self._process else None

    async def start(self) -> list[str]:
        """Starts and warms the process; returns what the kernel gives beyond limits.

        Raises InterpreterError where it cannot start, ParentLostError where it was killed.
        """
        loop = asyncio.get_running_loop()
        self._ready = loop.create_future()
        with tempfile.TemporaryFile() as complaints:
            self._control, self._process = self._spawn(complaints)
            loop.add_reader(self._control, self._hear)
            try:
                async with asyncio.timeout(_START_SECONDS):
                    return await self._ready
            except (TimeoutError, ParentLostError) as error:
                self._lose()
                complaints.seek(0)
                said = complaints.read().decode("utf-8", "replace").strip().split("\n")[-1]
                if isinstance(error, ParentLostError) and not said:
                    raise
                raise InterpreterError(
                    f"the interpreter's parent process ({sys.executable}, {self._options['tier']} tier) does not "
                    f"start: {said or f'it says nothing within {_START_SECONDS:g} s'}"
                ) from error
            except asyncio.CancelledError:
                self._lose()
                raise

    def _spawn(self, complaints: IO[bytes]) -> tuple[socket.socket, subprocess.Popen[bytes]]:
        control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        control.setblocking(False)
        with theirs:
            process = subprocess.Popen(
                [
                    sys.executable,
                    "-s",
                    "-P",
                    "-c",
                    _BOOT,
                    str(_FOLDER),
                    str(theirs.fileno()),
                    json.dumps(self._options),
                ],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=complaints,
                pass_fds=[theirs.fileno()],
                env=_ENVIRONMENT,
                start_new_session=True,
            )
        return control, process

    async def fork(self, folder: str) -> Fork:
        """A new session in `folder`; raises ParentLostError."""
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        fork = Fork(next(self._keys), ours, asyncio.get_running_loop().create_future())
        self._forks[fork.key] = fork
        try:
            with theirs:
                await self._tell({"fork": fork.key, "folder": folder}, theirs)
        except BaseException:
            self.discard(fork)
            raise
        return fork

    async def kill(self, fork: Fork) -> int | None:
        """Kills the session's process if it runs still, and returns only when it is gone: its return code."""
        fork.connection.close()
        with contextlib.suppress(ParentLostError):
            await self._tell({"kill": fork.key})
        return await self.wait(fork)

    async def wait(self, fork: Fork) -> int | None:
        """The return code of a session that is ending; a parent that does not tell it in time is ended itself."""
        try:
            async with asyncio.timeout(_KILL_SECONDS):
                return await asyncio.shield(fork.ended)
        except TimeoutError:
            self._lose()
            return None

    def discard(self, fork: Fork) -> None:
        """Has the session killed without waiting for it."""
        fork.connection.close()
        if self._control is not None and not fork.ended.done():
            with contextlib.suppress(
                OSError
            ):  # where the parent is too busy to hear it, the closed socket tells the session
                self._control.send(json.dumps({"kill": fork.key}).encode())

    async def close(self) -> None:
        """Ends the process and every session."""
        process = self._process
        if self._control is not None and process is not None:
            asyncio.get_running_loop().remove_reader(self._control)
            self._control.close()
            for _ in range(200):
                if process.poll() is not None:
                    break
                await asyncio.sleep(0.01)
        self._lose()

    async def _tell(self, message: dict[str, Any], passed: socket.socket | None = None) -> None:
        data = json.dumps(message).encode()
        for _ in range(int(_KILL_SECONDS * 1000)):
            if self._control is None:
                raise ParentLostError
            try:
                socket.send_fds(self._control, [data], [passed.fileno()] if passed else [])
            except BlockingIOError:
                await asyncio.sleep(0.001)
            except OSError as error:
                self._lose()
                raise ParentLostError from error
            else:
                return
        self._lose()
        raise ParentLostError

    def _hear(self) -> None:
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
            self._ready.set_result(message["extras"])
        elif (fork := self._forks.pop(message.get("ended"), None)) is not None and not fork.ended.done():
            fork.ended.set_result(message["code"])

    def _lose(self) -> None:
        """Kills and reaps what is left of the process, and tells everybody who waits for it."""
        if self._control is not None:
            if self._control.fileno() >= 0:
                asyncio.get_running_loop().remove_reader(self._control)
            self._control.close()
            self._control = None
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                if self._process.poll() is None:
                    os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None
        if self._ready is not None and not self._ready.done():
            self._ready.set_exception(ParentLostError())
        for fork in self._forks.values():
            if not fork.ended.done():
                fork.ended.set_result(None)
        self._forks.clear()
