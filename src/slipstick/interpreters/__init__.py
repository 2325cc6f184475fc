"""Where code runs.

A plug-in is a function `open_interpreter(argument, *, workers, seconds, memory_mb, level, scratch_mb, seed)
-> Interpreter`, named by an entry point in the group `slipstick.interpreters`.
"""

from __future__ import annotations

from typing import Protocol

from pydantic import Field

from slipstick.plugins import load_plugin, split_spec
from slipstick.schema import Output, Record


class Session(Protocol):
    """One program's memory: variables persist from step to step; the last expression is echoed as in a notebook."""

    async def run(self, code: str) -> Output:
        """Runs one step. Never raises for what the program does; a session that died starts afresh at the next step."""
        ...

    async def close(self) -> None:
        """Ends the session and its process."""
        ...


class Interpreter(Protocol):
    """Makes sessions; at most `workers` of them run code at one time, further steps wait their turn."""

    def session(self) -> Session:
        """A fresh session; its process is made at the first step."""
        ...

    async def close(self) -> None:
        """Ends every process that was started."""
        ...


class InterpreterSettings(Record):
    """What a recipe can say of any interpreter."""

    interpreter: str = "local"
    """Which one: "local"."""
    workers: int = Field(default=2, ge=1)
    """Programs that run at one time."""
    seconds: float = Field(default=10.0, gt=0)
    """Wall-clock limit of one step."""
    memory_mb: int = Field(default=1024, ge=64)
    """Memory limit of one session."""
    level: str | None = None
    """Confinement to demand: "process", "kernel", "full"; None takes the strongest there is."""
    scratch_mb: int = Field(default=0, ge=0)
    """Size of a private scratch folder; 0 gives none."""
    silent: str = ""
    """The output of a step that says nothing; MathCoder's models were trained on "<empty_execution>"."""


class OpenInterpreter(Protocol):
    """What an interpreters plug-in is."""

    def __call__(
        self,
        argument: str,
        *,
        workers: int,
        seconds: float,
        memory_mb: int,
        level: str | None,
        scratch_mb: int,
        seed: int | None,
    ) -> Interpreter: ...


def open_interpreter(settings: InterpreterSettings | None = None, *, seed: int | None = None) -> Interpreter:
    """The interpreter a recipe names: "local", or a third party's.

    seed: makes random numbers and hashes of programs repeatable.
    Raises PluginError for an unknown name, InterpreterError where it cannot be started as asked.
    """
    settings = settings or InterpreterSettings()
    name, argument = split_spec(settings.interpreter)
    make: OpenInterpreter = load_plugin("interpreters", name)
    interpreter = make(
        argument,
        workers=settings.workers,
        seconds=settings.seconds,
        memory_mb=settings.memory_mb,
        level=settings.level,
        scratch_mb=settings.scratch_mb,
        seed=seed,
    )
    return SilenceNamed(interpreter, settings.silent) if settings.silent else interpreter


class SilenceNamed:
    """An interpreter whose silent steps have an output all the same."""

    def __init__(self, inner: Interpreter, silent: str) -> None:
        self._inner = inner
        self._silent = silent

    def session(self) -> Session:
        """A fresh session of the interpreter inside."""
        return _SilenceNamedSession(self._inner.session(), self._silent)

    async def close(self) -> None:
        """Ends every process that was started."""
        await self._inner.close()


class _SilenceNamedSession:
    def __init__(self, inner: Session, silent: str) -> None:
        self._inner = inner
        self._silent = silent

    async def run(self, code: str) -> Output:
        output = await self._inner.run(code)
        return output if output.text or output.status != "ok" else output.model_copy(update={"text": self._silent})

    async def close(self) -> None:
        await self._inner.close()
