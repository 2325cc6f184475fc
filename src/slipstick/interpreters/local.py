"""The interpreter on this machine: every session is a fork of a warmed parent process, killed by the caller's clock."""

from __future__ import annotations

import asyncio
import re
import tempfile

from slipstick.errors import InterpreterError, did_you_mean
from slipstick.interpreters.fork_server import ForkServer, ParentLostError, Tier
from slipstick.interpreters.process import Process
from slipstick.schema import Output

LEVELS = ("full", "kernel", "process")
"""How much is kept in, strongest first."""
OFFERED = ("process",)
"""The levels this version gives; docs/sandbox.md says what each keeps in."""

_TIERS = (
    Tier("standard", ()),
    Tier("science", ("sympy", "numpy", "scipy", "scipy.optimize", "scipy.stats", "scipy.integrate")),
)
# Looked for in the text: parsing a stranger's program is left to the process that can be lost.
_SCIENCE_IMPORT = re.compile(r"^[ \t;]*(?:import|from)\b[^\n]*\b(?:sympy|numpy|scipy|mpmath)\b", re.MULTILINE)
_REPEAT_SECONDS = 1.0
"""Earlier steps that took longer are not run again to move a session; it then imports where it is."""


def open_interpreter(
    argument: str,
    *,
    workers: int = 2,
    seconds: float = 10.0,
    memory_mb: int = 1024,
    level: str | None = None,
    scratch_mb: int = 0,
    seed: int | None = None,
) -> LocalInterpreter:
    """The local interpreter; its processes start with the first step. Raises InterpreterError."""
    if argument:
        raise InterpreterError(f"the interpreter `local` takes no argument, got `{argument}`; write `local` alone")
    if level is not None and level not in LEVELS:
        raise InterpreterError(f"there is no level `{level}`{did_you_mean(level, LEVELS)}; known: {', '.join(LEVELS)}")
    if level is not None and level not in OFFERED:
        raise InterpreterError(
            f"level `{level}` cannot be given; offered: {', '.join(OFFERED)}. Ask for one of these, or leave level "
            f"out to take the strongest"
        )
    for name, value, least in (("workers", workers, 1), ("seconds", seconds, 0.01), ("memory_mb", memory_mb, 16)):
        if value < least:
            raise InterpreterError(f"{name} is {value}; it must be at least {least}")
    if scratch_mb < 0:
        raise InterpreterError(f"scratch_mb is {scratch_mb}; it must be 0 (no folder) or more")
    return LocalInterpreter(workers=workers, seconds=seconds, memory_mb=memory_mb, scratch_mb=scratch_mb, seed=seed)


class LocalInterpreter:
    """Makes sessions and owns the parent processes. Belongs to the event loop of its first step."""

    def __init__(self, *, workers: int, seconds: float, memory_mb: int, scratch_mb: int, seed: int | None) -> None:
        self.seconds = seconds
        self.scratch_mb = scratch_mb
        self.slots = asyncio.Semaphore(workers)
        self.extras: list[str] = []
        """What the kernel gives beyond limits ("namespaces", "landlock", "seccomp"); known after the first step."""
        options = {"seconds": seconds, "memory_mb": memory_mb, "scratch_mb": scratch_mb, "seed": seed}
        self._servers = [ForkServer(tier, options) for tier in _TIERS]
        self._starting = [asyncio.Lock() for _ in _TIERS]
        self._closed = False

    def session(self) -> LocalSession:
        """A fresh session; its process is made at the first step. Raises InterpreterError once closed."""
        if self._closed:
            raise InterpreterError("this interpreter is closed; open a new one")
        return LocalSession(self)

    async def server(self, tier: int) -> ForkServer:
        """The parent process of a tier, started where there is none. Raises InterpreterError, ParentLostError."""
        server = self._servers[tier]
        async with self._starting[tier]:
            if self._closed:
                raise ParentLostError
            if not server.alive:
                self.extras = await server.start()
        return server

    async def close(self) -> None:
        """Ends every process that was started; a step that is running ends as `sandbox_fault`."""
        self._closed = True
        await asyncio.gather(*(server.close() for server in self._servers))


class LocalSession:
    """One program's memory, held by a forked process."""

    def __init__(self, interpreter: LocalInterpreter) -> None:
        self._interpreter = interpreter
        self._tier = 0
        self._process: Process | None = None
        self._done: list[tuple[str, Output]] = []
        self._scratch: tempfile.TemporaryDirectory[str] | None = None

    async def run(self, code: str) -> Output:
        """Runs one step; see `slipstick.interpreters.Session`."""
        async with self._interpreter.slots:
            if self._process and not self._process.usable and not self._process.lost:
                self._forget()
            for _ in range(2):
                try:
                    process = await self._process_for(code)
                    output = await process.run(code, self._interpreter.seconds)
                except ParentLostError:
                    continue
                if process.usable:
                    self._done.append((code, output))
                else:
                    self._forget()
                return output
            self._forget()
            return Output(text="SandboxFault: the interpreter's parent process was lost", status="sandbox_fault")

    async def close(self) -> None:
        """Ends the session and its process."""
        self._forget()

    async def _process_for(self, code: str) -> Process:
        """A process of the tier that the code needs, all earlier steps in it. Raises ParentLostError."""
        tier = max(self._tier, 1 if _SCIENCE_IMPORT.search(code) else 0)
        old = self._process if self._process and self._process.usable else None
        if old and (tier == self._tier or not self._may_repeat()):
            return old
        if self._process and not old and not self._may_repeat():
            raise ParentLostError
        server = await self._interpreter.server(tier)
        new = Process(server, await server.fork(self._folder()))
        self._tier = tier
        if await self._repeat(new):
            if old:
                old.discard()
            self._process = new
            return new
        new.discard()
        if old:
            return old
        raise ParentLostError

    def _may_repeat(self) -> bool:
        took = sum(output.seconds for _, output in self._done)
        return not self._done or (took < _REPEAT_SECONDS and not self._interpreter.scratch_mb)

    async def _repeat(self, process: Process) -> bool:
        """Runs the earlier steps again in a new process: whether they say the same there, so that nobody can tell."""
        for code, output in self._done:
            try:
                again = await process.run(code, self._interpreter.seconds)
            except BaseException:
                process.discard()
                raise
            if (again.text, again.status) != (output.text, output.status) or not process.usable:
                return False
        return True

    def _folder(self) -> str:
        if not self._interpreter.scratch_mb:
            return "/"
        if self._scratch is None:
            self._scratch = tempfile.TemporaryDirectory(prefix="slipstick-")
        return self._scratch.name

    def _forget(self) -> None:
        """Ends the process; the next step starts afresh."""
        if self._process:
            self._process.discard()
        self._process = None
        self._tier = 0
        self._done = []
        if self._scratch is not None:
            self._scratch.cleanup()
            self._scratch = None
