"""Client of one zygote: starts it and asks it for fork servers."""

import asyncio
import contextlib
import json
import logging
import os
import signal
import site
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from slipstick.errors import InterpreterError
from slipstick.interpreters.guest.filesystem import SCRATCH, TEMPORARY
from slipstick.interpreters.host import installation
from slipstick.interpreters.host.scratch import make_scratch, remove_scratch

_LOGGER = logging.getLogger("slipstick")
_START_SECONDS = 120.0
_SLOW_SECONDS = 1.0
_TOLD_SECONDS = 5.0
"""A start that takes longer than the first is told, and again after every further second one."""
_CLOSE_SECONDS = 2.0
# Empty packages stand in for slipstick's own: the guest's modules load without what the packages import, and can import
# nothing else of slipstick.
_BOOT = """
import sys, types
for name, path in (("slipstick", []), ("slipstick.interpreters", []), ("slipstick.interpreters.guest", sys.argv[1:2])):
    sys.modules[name] = types.ModuleType(name)
    sys.modules[name].__path__ = path
from slipstick.interpreters.guest.{module} import {function}
{function}(*sys.argv[2:])
"""


class LostError(Exception):
    """A process of the interpreter was lost or stopped answering: our fault, not the program's."""


class KilledError(LostError):
    """Somebody killed a session's process, whose fork server lives: perhaps the program, perhaps a full machine.

    The message is what the step had printed.
    """


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
        self._empty: str | None = None

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
        if self._empty is not None:
            remove_scratch(self._empty)
            self._empty = None

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
            options = {**self._options, **self._places()}
            python, environment = command(options["isolation"], "main", str(theirs.fileno()), json.dumps(options))
            self._process = subprocess.Popen(
                python,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=self._stderr,
                pass_fds=[theirs.fileno()],
                env=environment,
                start_new_session=True,
            )
        return self._requests

    def _places(self) -> dict[str, Any]:
        """Where programs find packages outside Python's installation, and the folders that they may list.

        The first of these, which is empty, is the working folder of those that have no scratch folder.
        """
        if self._options["isolation"] == "full":
            return {"packages": installation.neutral_root()["packages"], "listed": [SCRATCH, TEMPORARY]}
        if self._empty is None:
            self._empty = make_scratch()
            Path(self._empty).chmod(0o555)
        user, folders = installation.user_packages(), installation.packages()
        modules = [path for folder in folders for path in installation.modules(folder)]
        return {
            "packages": [*modules, *([user] if user else [])],
            "listed": [self._empty, *filter(os.path.isdir, folders)],
        }

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


def command(isolation: str, function: str, *arguments: str) -> tuple[list[str], dict[str, str]]:
    """The command and the environment of a clean Python that runs a function of `guest.zygote`.

    With isolation "full" a first Python makes the root that it starts in.
    """
    run = ["-c", _BOOT.format(module="zygote", function=function)]
    if isolation != "full":
        folders, user = installation.packages(), installation.user_packages()
        python = [sys.executable, *installation.options(), *run, str(installation.GUEST), *arguments]
        return python, installation.environment(folders, site.getuserbase() if user else None)
    root = installation.neutral_root()
    start = _BOOT.format(module="filesystem", function="start_in_root")
    inside = json.dumps([*run, root["guest"], *arguments])
    return [sys.executable, "-I", "-S", "-c", start, str(installation.GUEST), json.dumps(root), inside], {}


def _has_ended(process: subprocess.Popen[bytes]) -> bool:
    """Whether the process has ended, without reaping it: its id stays that of its process group."""
    return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
