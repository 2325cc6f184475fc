"""Where code runs.

A plug-in is a function `open_interpreter(argument, *, workers, timeout, memory_mb, isolation, scratch_mb, seed)
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
    sandbox_workers: int = Field(default=2, ge=1)
    """Programs that run at one time."""
    timeout: float = Field(default=10.0, gt=0)
    """Wall-clock limit of one step, in seconds."""
    memory_mb: int = Field(default=1024, ge=64)
    """Memory limit of one session."""
    isolation: str | None = None
    """How sessions are confined: "process", "kernel" or "full"; None takes the strongest that the machine gives."""
    scratch_mb: int = Field(default=0, ge=0)
    """Size of a private scratch folder; 0 gives none."""
    empty_output: str = ""
    """What replaces an empty output of a step; MathCoder's models were trained on "<empty_execution>"."""


class OpenInterpreter(Protocol):
    """What an interpreters plug-in is."""

    def __call__(
        self,
        argument: str,
        *,
        workers: int,
        timeout: float,
        memory_mb: int,
        isolation: str | None,
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
        workers=settings.sandbox_workers,
        timeout=settings.timeout,
        memory_mb=settings.memory_mb,
        isolation=settings.isolation,
        scratch_mb=settings.scratch_mb,
        seed=seed,
    )
    return FillEmptyOutput(interpreter, settings.empty_output) if settings.empty_output else interpreter


class FillEmptyOutput:
    """An interpreter that replaces empty outputs by a text."""

    def __init__(self, inner: Interpreter, empty_output: str) -> None:
        self._inner = inner
        self._empty_output = empty_output

    def session(self) -> Session:
        """A fresh session of the interpreter inside."""
        return _FillEmptyOutputSession(self._inner.session(), self._empty_output)

    async def close(self) -> None:
        """Ends every process that was started."""
        await self._inner.close()


class _FillEmptyOutputSession:
    def __init__(self, inner: Session, empty_output: str) -> None:
        self._inner = inner
        self._empty_output = empty_output

    async def run(self, code: str) -> Output:
        output = await self._inner.run(code)
        return (
            output if output.text or output.status != "ok" else output.model_copy(update={"text": self._empty_output})
        )

    async def close(self) -> None:
        await self._inner.close()
