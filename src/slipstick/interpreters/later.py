"""An interpreter that is opened with the first step: what runs no program needs none, on any system."""

from __future__ import annotations

from collections.abc import Iterable

from slipstick.formats import load_format
from slipstick.interpreters import Interpreter, InterpreterSettings, Limits, Session, open_interpreter
from slipstick.schema import Output


def open_for(formats: Iterable[str], settings: InterpreterSettings, *, seed: int | None = None) -> Interpreter:
    """The interpreter that settings name: now, if any of the formats runs programs; otherwise when a step is run.

    Raises PluginError, InterpreterError.
    """
    needed = any(name == "hybrid" or load_format(name).executes != "never" for name in formats)
    return open_interpreter(settings, seed=seed) if needed else LaterInterpreter(settings, seed=seed)


class LaterInterpreter(Interpreter):
    """The interpreter that settings name, once a step is run; a step raises what opening it raises."""

    def __init__(self, settings: InterpreterSettings, *, seed: int | None = None) -> None:
        self._settings = settings
        self._seed = seed
        self._opened: Interpreter | None = None

    def opened(self) -> Interpreter:
        """The interpreter itself. Raises PluginError, InterpreterError."""
        self._opened = self._opened or open_interpreter(self._settings, seed=self._seed)
        return self._opened

    def session(self, limits: Limits | None = None, *, seed: int | None = None) -> Session:
        return _LaterSession(self, limits, seed)

    async def run_program(self, code: str) -> Output:
        return await self.opened().run_program(code)

    async def close(self) -> None:
        if self._opened:
            await self._opened.close()


class _LaterSession(Session):
    def __init__(self, interpreter: LaterInterpreter, limits: Limits | None, seed: int | None) -> None:
        self._interpreter = interpreter
        self._limits = limits
        self._seed = seed
        self._session: Session | None = None

    async def run(self, code: str, *, seconds: float | None = None) -> Output:
        self._session = self._session or self._interpreter.opened().session(self._limits, seed=self._seed)
        return await self._session.run(code, seconds=seconds)

    async def close(self) -> None:
        if self._session:
            await self._session.close()
