"""The caller's end of one warmed process, the `keeper`: starts it, and has it make parents of sessions."""

from __future__ import annotations

import asyncio
import contextlib
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

_START_SECONDS = 120.0
_CLOSE_SECONDS = 2.0
_ENVIRONMENT = {
    "PYTHONHASHSEED": "0",
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "LC_ALL": "C.UTF-8",
    "MALLOC_ARENA_MAX": "1",
    "SYMPY_CACHE_SIZE": "None",  # a cache that evicts writes on every look-up, and forks pay for writes
    "SYMPY_GROUND_TYPES": "python",  # what sympy alone gives: results do not hang on which packages are beside it
}


# Empty packages stand in for slipstick's own: the guest's modules load without what the packages import, and can import
# nothing else of slipstick.
_BOOT = """
import sys, types
for name, path in (("slipstick", []), ("slipstick.interpreters", []), ("slipstick.interpreters.guest", sys.argv[1:2])):
    sys.modules[name] = types.ModuleType(name)
    sys.modules[name].__path__ = path
from slipstick.interpreters.guest.zygote import {function}
{function}(*sys.argv[2:])
"""
_GUEST = Path(__file__).parents[1] / "guest"


class LostError(Exception):
    """A process of the interpreter's was killed from outside or stopped answering: our fault, not the program's."""


@dataclass(frozen=True)
class Tier:
    """What a warmed process has imported."""

    name: str
    modules: tuple[str, ...]
    """Beyond what its warm-up programs import."""
    warmup: tuple[str, ...]
    """Files of programs that it runs, in the folder `warmup`."""


class ZygoteClient:
    """One keeper. Belongs to the event loop it was started in."""

    def __init__(self, tier: Tier, options: dict[str, Any]) -> None:
        self._tier = tier.name
        self._options = {**options, "modules": tier.modules, "warmup": tier.warmup}
        self._process: subprocess.Popen[bytes] | None = None
        self._requests: socket.socket | None = None
        self._said: IO[bytes] | None = None

    async def make_fork_server(self, control: socket.socket) -> None:
        """Has a parent made that serves the other end of `control`; the one before is killed.

        Raises InterpreterError where the process cannot start, LostError where it was killed.
        """
        for _ in range(2):
            if self._requests is None:
                await self._start()
            assert self._requests
            try:
                socket.send_fds(self._requests, [b"fork"], [control.fileno()])
                return
            except OSError:
                self._kill()
        raise LostError

    def complaint(self) -> str:
        """The last line that it, or a parent, wrote on standard error."""
        if self._said is None:
            return ""
        self._said.seek(0)
        return self._said.read().decode("utf-8", "replace").strip().split("\n")[-1]

    def failure(self) -> InterpreterError:
        """What to tell a user where no parent comes of it."""
        said = self.complaint() or "it says nothing in time"
        return InterpreterError(
            f"the interpreter's zygote ({sys.executable}, {self._tier} tier) does not start: {said}"
        )

    async def close(self) -> None:
        """Ends the process, and with it what it has made."""
        if self._requests is not None:
            self._requests.close()
            self._requests = None
        if self._process is not None:
            for _ in range(int(_CLOSE_SECONDS * 100)):
                if _has_ended(self._process):
                    break
                await asyncio.sleep(0.01)
        self._kill()
        if self._said is not None:
            self._said.close()
            self._said = None

    async def _start(self) -> None:
        requests = self._spawn()
        try:
            async with asyncio.timeout(_START_SECONDS):
                ready = await asyncio.get_running_loop().sock_recv(requests, 64)
        except (TimeoutError, OSError):
            ready = b""
        except asyncio.CancelledError:
            self._kill()
            raise
        if not ready:
            self._kill()
            raise self.failure() if self.complaint() else LostError

    def _spawn(self) -> socket.socket:
        if self._said is None:
            self._said = tempfile.TemporaryFile()  # noqa: SIM115 - closed by close()
        self._requests, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._requests.setblocking(False)
        with theirs:
            self._process = subprocess.Popen(
                command("main", str(theirs.fileno()), json.dumps(self._options)),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=self._said,
                pass_fds=[theirs.fileno()],
                env=_ENVIRONMENT,
                start_new_session=True,
            )
        return self._requests

    def _kill(self) -> None:
        """Kills and reaps what is left of the process and of what it has made."""
        if self._requests is not None:
            self._requests.close()
            self._requests = None
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None


def command(function: str, *arguments: str) -> list[str]:
    """What starts a clean Python that runs a function of `guest.zygote` with those arguments."""
    return [sys.executable, "-s", "-P", "-c", _BOOT.format(function=function), str(_GUEST), *arguments]


def _has_ended(process: subprocess.Popen[bytes]) -> bool:
    """Whether it has, without reaping it: its number stays that of its process group."""
    return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
