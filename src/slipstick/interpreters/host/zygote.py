"""Client of one zygote: starts it and asks it for fork servers."""

import asyncio
import contextlib
import json
import logging
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from slipstick.errors import InterpreterError

_LOGGER = logging.getLogger("slipstick")
_START_SECONDS = 120.0
_SLOW_SECONDS = 1.0
_TOLD_SECONDS = 5.0
"""A start that takes longer than the first is told, and again after every further second one."""
_CLOSE_SECONDS = 2.0
_ENVIRONMENT = {
    "PYTHONHASHSEED": "0",
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "LC_ALL": "C.UTF-8",
    "MALLOC_ARENA_MAX": "1",
    "SYMPY_CACHE_SIZE": "None",  # a cache that evicts writes on every look-up, and forks pay for writes
    "SYMPY_GROUND_TYPES": "python",  # what sympy alone gives: results do not depend on other packages
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
    """A process of the interpreter was lost or stopped answering: our fault, not the program's."""


class KilledError(LostError):
    """Somebody killed a session's process, whose fork server lives: perhaps the program, perhaps a full machine."""


@dataclass(frozen=True)
class Tier:
    """What a zygote imports."""

    name: str
    modules: tuple[str, ...]
    """Modules to import besides those that its warm-up programs import."""
    warmup: tuple[str, ...]
    """Names of the files of programs that it runs, in `guest/warmup`."""


class ZygoteClient:
    """One zygote. Belongs to the event loop it was started in."""

    def __init__(self, tier: Tier, options: dict[str, Any]) -> None:
        self._tier = tier.name
        libraries = dict.fromkeys(name.partition(".")[0] for name in tier.modules)
        self._title = f"starting the interpreter ({', '.join(libraries) or 'the standard library'})"
        self._options = {**options, "modules": tier.modules, "warmup": tier.warmup}
        self._process: subprocess.Popen[bytes] | None = None
        self._requests: socket.socket | None = None
        self._stderr: IO[bytes] | None = None

    async def make_fork_server(self, control: socket.socket) -> None:
        """Has a fork server made that serves the other end of `control`; the one before is killed.

        Raises InterpreterError if the zygote cannot start, LostError if it was killed.
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

    def last_error(self) -> str:
        """The last line that the zygote or a fork server wrote to standard error; "" if there is none."""
        if self._stderr is None:
            return ""
        self._stderr.seek(0)
        return self._stderr.read().decode("utf-8", "replace").strip().split("\n")[-1]

    def start_error(self) -> InterpreterError:
        """The error to raise if no fork server starts."""
        reason = self.last_error() or "no answer in time"
        return InterpreterError(
            f"the interpreter's zygote ({sys.executable}, {self._tier} tier) does not start: {reason}"
        )

    async def close(self) -> None:
        """Ends the zygote and every process it has made."""
        if self._requests is not None:
            self._requests.close()
            self._requests = None
        if self._process is not None:
            for _ in range(int(_CLOSE_SECONDS * 100)):
                if _has_ended(self._process):
                    break
                await asyncio.sleep(0.01)
        self._kill()
        if self._stderr is not None:
            self._stderr.close()
            self._stderr = None

    async def _start(self) -> None:
        requests = self._spawn()
        try:
            with _telling(self._title):
                async with asyncio.timeout(_START_SECONDS):
                    ready = await asyncio.get_running_loop().sock_recv(requests, 64)
        except (TimeoutError, OSError):
            ready = b""
        except asyncio.CancelledError:
            self._kill()
            raise
        if not ready:
            self._kill()
            raise self.start_error() if self.last_error() else LostError

    def _spawn(self) -> socket.socket:
        if self._stderr is None:
            self._stderr = tempfile.TemporaryFile()  # noqa: SIM115 - closed by close()
        self._requests, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._requests.setblocking(False)
        with theirs:
            self._process = subprocess.Popen(
                command("main", str(theirs.fileno()), json.dumps(self._options)),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=self._stderr,
                pass_fds=[theirs.fileno()],
                env=_ENVIRONMENT,
                start_new_session=True,
            )
        return self._requests

    def _kill(self) -> None:
        """Kills and reaps what is left of the zygote and of the processes it has made."""
        if self._requests is not None:
            self._requests.close()
            self._requests = None
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None


@contextlib.contextmanager
def _telling(work: str) -> Iterator[None]:
    """Logs how long the work has been going on, if it takes long."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    timer: asyncio.TimerHandle

    def tell() -> None:
        nonlocal timer
        _LOGGER.info("%s: %.0f s", work, loop.time() - began)
        timer = loop.call_later(_TOLD_SECONDS, tell)

    timer = loop.call_later(_SLOW_SECONDS, tell)
    try:
        yield
    finally:
        timer.cancel()


def command(function: str, *arguments: str) -> list[str]:
    """The command of a clean Python that runs a function of `guest.zygote` with the arguments."""
    return [sys.executable, "-s", "-P", "-c", _BOOT.format(function=function), str(_GUEST), *arguments]


def _has_ended(process: subprocess.Popen[bytes]) -> bool:
    """Whether the process has ended, without reaping it: its id stays that of its process group."""
    return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
