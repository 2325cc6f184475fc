"""The interpreter of this machine: every session is a forked process, timed and killed from here."""

from __future__ import annotations

import asyncio
import itertools
import re
import signal
from dataclasses import replace
from typing import Literal

from slipstick.errors import InterpreterError
from slipstick.interpreters import Interpreter, Limits, Result, Script, Session
from slipstick.interpreters.guest.protocol import Request
from slipstick.interpreters.host.files import list_request, listed, read_file, require_scratch, write_request, written
from slipstick.interpreters.host.fork_server import ForkServerClient
from slipstick.interpreters.host.isolation import ISOLATION, choose_isolation, missing
from slipstick.interpreters.host.replay import is_same, lost, may_repeat
from slipstick.interpreters.host.scratch import make_scratch, remove_scratch
from slipstick.interpreters.host.session import RefusedError, SessionClient, ended
from slipstick.interpreters.host.timing import TimeLimits
from slipstick.interpreters.host.zygote import KilledError, LostError, Tier
from slipstick.schema import Output

_TIERS = (
    Tier("standard", (), ("standard",)),
    Tier("symbolic", ("sympy",), ("standard", "symbolic")),
    Tier(
        "science",
        (
            "sympy",
            "numpy",
            "scipy",
            "scipy.optimize",
            "scipy.stats",
            "scipy.integrate",
            "pandas",
            "networkx",
            "matplotlib",
        ),
        ("standard", "symbolic", "science"),
    ),
)
# Matched in the text: untrusted programs are parsed only in processes that may be lost.
_IMPORT = r"^[ \t;]*(?:import|from)\b[^\n]*\b(?:{})\b"
_PLOTS = r"|(?<!%)\b(?:matplotlib|pylab)\b|(?<![\w.])plot(?:3d)?(?:_implicit|_parametric\w*)?\("  # at its end, sympy's
_NEEDS = (
    (2, re.compile(_IMPORT.format("numpy|scipy|pandas|networkx|seaborn") + _PLOTS, re.MULTILINE)),
    (1, re.compile(_IMPORT.format("sympy|mpmath"), re.MULTILINE)),
)
_SEARCHED = 100_000
"""Characters of a program in which imports are looked for; what is imported further on is imported in the session."""
_REUSED = (0, 1)
"""Tiers whose simple programs run one after another in one process."""
_MOST_KEPT = 16 << 20
"""Characters of a session's steps, of their files and outputs, that are kept here to run the steps again."""
_MOVE_TIME = TimeLimits(1.0, 10.0)
"""If earlier steps took longer, a session is not moved to another tier; it then imports in the tier it is in."""


def open_interpreter(argument: str, limits: Limits, *, workers: int = 2, seed: int | None = None) -> LocalInterpreter:
    """The local interpreter; its processes start with the first step. Raises InterpreterError."""
    if argument:
        raise InterpreterError(f"the interpreter `local` takes no argument, got `{argument}`; write `local` alone")
    if workers < 1:
        raise InterpreterError(f"workers is {workers}; it must be at least 1")
    return LocalInterpreter(choose_isolation(limits.isolation), limits, workers=workers, seed=seed)


class LocalInterpreter(Interpreter):
    """Makes sessions and owns the fork servers. Belongs to the event loop of its first step."""

    def __init__(self, isolation: str, limits: Limits, *, workers: int, seed: int | None) -> None:
        self.isolation: str = isolation
        """How sessions are confined: "full", "kernel" or "process"."""
        self.limits = limits
        self.seed = seed
        self.slots = asyncio.Semaphore(workers)
        options = {**limits.model_dump(), "isolation": isolation, "seed": seed}
        self._servers = [ForkServerClient(tier, options) for tier in _TIERS]
        self._starting = [asyncio.Lock() for _ in _TIERS]
        self._simple: list[list[SessionClient]] = [[] for _ in _TIERS]
        self._removals: set[asyncio.Task[None]] = set()
        self._closed = False

    def session(self, limits: Limits | None = None, *, seed: int | None = None) -> LocalSession:
        """A fresh session; its process is made at the first step. Raises InterpreterError once closed."""
        if self._closed:
            raise InterpreterError("this interpreter is closed; open a new one")
        return LocalSession(self, limits or self.limits, self.seed if seed is None else seed)

    async def run_program(self, code: str) -> Output:
        """Runs a whole program; simple ones in a process that has run others, which is quicker than a session each."""
        used = 0.0
        if (tier := _tier_for(code)) in _REUSED and not self._closed:
            try:
                async with self.slots:
                    return await self._run_simple(tier, code)
            except RefusedError as error:
                used = error.used
            except LostError:
                pass
        return (await self._run_alone(self.session(), Request(code, mode="script"), used=used)).output()

    async def run_script(self, script: Script, limits: Limits | None = None, *, seed: int | None = None) -> Result:
        """Runs a program as `python main.py` does; see `Interpreter`."""
        return await self._run_alone(self.session(limits, seed=seed), _request_of(script, "script"), script)

    async def _run_alone(
        self, session: LocalSession, request: Request, script: Script | None = None, *, used: float = 0.0
    ) -> Result:
        try:
            return await session.run_request(request, script, used=used)
        finally:
            await session.close()

    async def describe(self) -> dict[str, str]:
        """The isolation of sessions, and what this machine lacks for stronger ones."""
        stronger = ISOLATION[: ISOLATION.index(self.isolation)]
        reasons = [f"; not {each}: no {missing(each)}" for each in stronger if missing(each)]
        return {"isolation": "".join([self.isolation, *reasons])}

    async def _run_simple(self, tier: int, code: str) -> Output:
        """Runs a simple program in a process for such. Raises RefusedError if it is not simple, LostError."""
        idle = self._simple[tier]
        process = idle.pop() if idle else None
        try:
            limits = self.limits.model_copy(update={"scratch_mb": 0})  # what is simple opens no file
            process = process or await self.make_process(tier, limits, self.seed, simple=True)
            return (await process.run(Request(code), TimeLimits.of(self.limits))).output()
        except LostError:
            idle.clear()
            raise
        finally:
            if process is not None and process.usable and not self._closed:
                idle.append(process)

    async def make_process(self, tier: int, limits: Limits, seed: int | None, *, simple: bool = False) -> SessionClient:
        """A new session's process, its fork server started if necessary. Raises InterpreterError, LostError."""
        server = self._servers[tier]
        if not server.alive or self._closed:
            async with self._starting[tier]:
                if self._closed:
                    raise LostError
                if not server.alive:
                    await server.start()
        asked = {**limits.model_dump(exclude={"isolation"}), "seed": seed}
        return SessionClient(server, asked, may_kill_itself=self.isolation == "process", simple=simple)

    async def close(self) -> None:
        """Ends every process that was started; a step that is running ends as `sandbox_fault`."""
        self._closed = True
        for process in itertools.chain(*self._simple):
            process.discard()
        await asyncio.gather(*(server.close() for server in self._servers))
        await asyncio.gather(*self._removals)

    async def remove(self, scratch: str, process: SessionClient) -> None:
        """Removes a scratch folder once its process has ended; goes on if the caller is cancelled."""

        async def remove() -> None:
            await process.end()
            await asyncio.to_thread(remove_scratch, scratch)

        task = asyncio.create_task(remove())
        self._removals.add(task)
        task.add_done_callback(self._removals.discard)
        await asyncio.shield(task)


class LocalSession(Session):
    """One program's variables, in a forked process, and the steps that made them."""

    def __init__(self, interpreter: LocalInterpreter, limits: Limits, seed: int | None) -> None:
        self._interpreter = interpreter
        self._limits = limits
        self._time = TimeLimits.of(limits)
        self._seed = seed
        self._tier = 0
        self._process: SessionClient | None = None
        self._done: list[tuple[Request, Output]] = []
        """The steps to run again in a new process."""
        self._kept = 0
        """Characters of these; if they are too many, no step is kept."""
        self._scratch: str | None = None
        self._note = ""
        """What the next output has to say: that variables are lost."""
        self._turn = asyncio.Lock()
        """Held by the step that runs; steps that are asked for at one time run in that order."""

    async def run(self, code: str, *, seconds: float | None = None) -> Output:
        """Runs one step; see `slipstick.interpreters.Session`."""
        return (await self.run_request(Request(code), seconds=seconds)).output()

    async def run_cell(self, cell: Script) -> Result:
        """Runs one step; see `slipstick.interpreters.Session`."""
        if cell.files:
            require_scratch(self._limits.scratch_mb)
        return await self.run_request(_request_of(cell, "cell"), cell)

    async def write(self, path: str, content: bytes) -> None:
        """Writes a file; see `slipstick.interpreters.Session`."""
        require_scratch(self._limits.scratch_mb)
        written(path, await self.run_request(write_request(path, content)))

    async def read(self, path: str) -> bytes:
        """The content of a file; see `slipstick.interpreters.Session`."""
        require_scratch(self._limits.scratch_mb)
        return await read_file(path, self.run_request, most=self._limits.scratch_mb << 20)

    async def files(self) -> list[str]:
        """The paths of the files; see `slipstick.interpreters.Session`."""
        require_scratch(self._limits.scratch_mb)
        return listed(await self.run_request(list_request()))

    async def run_request(
        self, request: Request, script: Script | None = None, *, seconds: float | None = None, used: float = 0.0
    ) -> Result:
        """Runs a step or a script, with the standard input and the timeout of `script`.

        seconds: its own limit of processor time, if less than the session's. used: what is spent of it already.
        """
        stdin = script.stdin.encode("utf-8", "surrogatepass") if script and request.mode == "script" else b""
        limits = self._time.within(script.timeout if script else seconds).after(used)
        killed, printed = 0, ""
        async with self._turn, self._interpreter.slots:
            for _ in range(2):
                try:
                    process = await self._process_for(request.code)
                    result = await process.run(request, limits, stdin)
                except LostError as error:
                    killed, printed = killed + isinstance(error, KilledError), str(error)
                    await self._end_process()
                    continue
                looked = request.mode in ("list", "read")
                if not process.usable:
                    await self._end_process()
                elif not looked:
                    self._keep(request, _told(result))
                if looked:
                    return result
                note, self._note = self._note, ""
                return replace(result, text=note + result.text, stderr=note + result.stderr) if note else result
        if killed == 2:  # once may be chance; twice it is what this program does, or needs
            reason = "Killed: the program's process was killed (SIGKILL), twice"
            return ended("killed", reason, -signal.SIGKILL, printed)
        return ended("sandbox_fault", "SandboxFault: the interpreter's own process was lost, twice", None)

    async def rest(self) -> None:
        """Ends the process if the next step can run the earlier ones again in another."""
        async with self._turn:
            if self._kept <= _MOST_KEPT and may_repeat(self._done, self._time):
                await self._end_process()

    async def close(self) -> None:
        """Ends the session and its process."""
        await self._end_process()
        self._done, self._kept = [], 0
        self._tier = 0
        self._note = ""

    async def _process_for(self, code: str) -> SessionClient:
        """A process of the tier that the code needs, with all earlier steps run in it. Raises LostError."""
        needed = _tier_for(code)
        old = self._process
        if old and (needed <= self._tier or self._kept > _MOST_KEPT or not may_repeat(self._done, _MOVE_TIME)):
            return old
        self._tier, before = max(self._tier, needed), self._tier
        if self._kept > _MOST_KEPT:
            self._lose("they are too long to be kept")
        elif not may_repeat(self._done, self._time):
            self._lose(f"they took more than {self._time.processor:g} s and were not run again")
        new, scratch = await self._make()
        try:
            repeated = await self._repeat(new)
        except BaseException:  # cancelled too: nobody else knows of this process and its folder
            await self._discard(new, scratch)
            raise
        if not repeated:
            await self._discard(new, scratch)
            if old:
                self._tier = before
                return old
            self._lose("run again in another process, an earlier step printed something else")
            new, scratch = await self._make()
        await self._end_process()
        self._process, self._scratch = new, scratch
        return new

    async def _make(self) -> tuple[SessionClient, str | None]:
        """A new process, and its scratch folder if that is on the caller's disk."""
        interpreter = self._interpreter
        process = await interpreter.make_process(self._tier, self._limits, self._seed)
        if not self._limits.scratch_mb or interpreter.isolation == "full":
            return process, None
        process.folder = make_scratch()
        return process, process.folder

    def _keep(self, request: Request, output: Output) -> None:
        texts = (request.code, *request.files, *request.files.values(), output.text)
        self._kept += sum(map(len, texts))
        if self._kept > _MOST_KEPT:
            self._done = []
        else:
            self._done.append((request, output))

    def _lose(self, why: str) -> None:
        self._done, self._kept = [], 0
        self._note = f"{lost(why)}\n"

    async def _repeat(self, process: SessionClient) -> bool:
        """Runs the earlier steps again in a new process; whether their outputs are the same."""
        for request, output in self._done:
            if not is_same(output, _told(await process.run(request, self._time))) or not process.usable:
                return False
        return True

    async def _end_process(self) -> None:
        """Ends the process; the next step runs the earlier ones again in another."""
        process, scratch = self._process, self._scratch
        self._process = self._scratch = None
        if process is not None:
            await self._discard(process, scratch)

    async def _discard(self, process: SessionClient, scratch: str | None) -> None:
        process.discard()
        if scratch is not None:
            await self._interpreter.remove(scratch, process)


def _request_of(script: Script, mode: Literal["cell", "script"]) -> Request:
    name, stdin = None if script.together else script.name, script.stdin if mode == "cell" else ""
    return Request(script.code, mode, split=not script.together, name=name, files=script.files, stdin=stdin)


def _told(result: Result) -> Output:
    """All that a step has shown, in one text; without figures, which are not compared."""
    parts = (result.text, result.stdout, result.stderr, result.echo, result.traceback)
    return replace(result, text="\n".join(each for each in parts if each), images=[]).output()


def _tier_for(code: str) -> int:
    return next((tier for tier, pattern in _NEEDS if pattern.search(code, 0, _SEARCHED)), 0)
