"""Where code runs.

A plug-in is a function `open_interpreter(argument, limits, *, workers, seed) -> Interpreter`, named by an entry point
in the group `slipstick.interpreters`; `argument` is what a recipe wrote after the colon.

host/      the caller's side: the plug-ins `local` and `remote`, `slipstick.Sandbox`, clients of the sandbox's processes
later.py   an interpreter that is opened with its first step
guest/     the sandbox's side: what runs in those processes, and all that a security review has to read
preludes/  code that published executors ran before every program
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field, replace
from typing import Protocol

from pydantic import Field

from slipstick.errors import InterpreterError
from slipstick.plugins import load_plugin, split_spec
from slipstick.schema import Output, Record, Status


class Limits(Record):
    """Limits of one session of the interpreter."""

    timeout: float = Field(default=10.0, ge=0.01)
    """Limit of one step in seconds: of processor time, of all its threads, and of time in which it hardly uses any."""
    wall_timeout: float | None = Field(default=None, ge=0.01)
    """Wall-clock limit of one step, in seconds, whatever it does; None takes 10 times `timeout`."""
    memory_mb: int = Field(default=1024, ge=16)
    """Memory limit of one session, in MB."""
    isolation: str | None = None
    """How sessions are confined: "full", "kernel" or "process"; None takes the strongest that the machine offers."""
    scratch_mb: int = Field(default=0, ge=0)
    """Size of a session's private scratch folder, in MB; 0 gives none."""
    output_kb: int = Field(default=20, ge=1, le=10_000)
    """Output kept of one step, in kB: the first three quarters and the last quarter."""


@dataclass(frozen=True)
class Script:
    """A program that is run as `python main.py` runs one, or a cell of a session, the parts of the output apart."""

    code: str
    """The source."""
    stdin: str = ""
    """Standard input."""
    name: str = "main.py"
    """File name in tracebacks."""
    together: bool = False
    """Of a cell: one text, as `Session.run` gives it, instead of the parts; `name` is then the interpreter's own."""
    files: dict[str, str] = field(default_factory=dict)
    """Path -> content in base64, written into the scratch folder first."""
    timeout: float | None = None
    """Seconds, if fewer than the limits have."""


@dataclass(frozen=True)
class Result:
    """How a cell or a program ended, and the parts of what it wrote."""

    status: Status
    text: str = ""
    """All of its output in one text, if it was not asked for in parts."""
    stdout: str = ""
    """Standard output."""
    stderr: str = ""
    """Standard error; at its end the interpreter's reason, if that ended the program."""
    echo: str = ""
    """Of a cell: the value of its last expression."""
    traceback: str = ""
    """Of a cell: the traceback; that of a script is on its standard error."""
    error: list[str] = field(default_factory=list)
    """Name and message of the error that was raised; empty if there was none."""
    exit_code: int | None = 0
    """Exit code, negative for a signal; None after a timeout."""
    images: list[str] = field(default_factory=list)
    """Figures that were shown, as PNG in base64."""
    data: str = ""
    """What a request for files was answered with."""
    seconds: float = 0.0
    """Wall-clock seconds it took."""
    cpu_seconds: float = 0.0
    """Processor seconds it took, as far as they are known."""

    def output(self) -> Output:
        """The text alone, as records have it."""
        return Output(
            text=self.text,
            status=self.status,
            seconds=self.seconds,
            cpu_seconds=self.cpu_seconds,
            images=self.images,
        )


class InterpreterSettings(Limits):
    """Settings of any interpreter."""

    interpreter: str = "local"
    """Which one: "local", "remote:http://HOST:PORT", or another plug-in's."""
    sandbox_workers: int = Field(default=2, ge=1, le=1_024)
    """Programs that run at one time."""
    empty_output: str = ""
    """What replaces an empty output of a step; MathCoder's models were trained on "<empty_execution>"."""


class Session(ABC):
    """One program's memory: variables persist from step to step; the last expression is echoed as in a notebook."""

    @abstractmethod
    async def run(self, code: str, *, seconds: float | None = None) -> Output:
        """Runs one step. Never raises for what the program does; a session that died starts over at the next step.

        seconds: the step's own `timeout`, if that is less than the session's; its `wall_timeout` shrinks with it.
        """

    async def run_cell(self, cell: Script) -> Result:
        """Runs one step with standard input and files. Raises InterpreterError if this interpreter cannot."""
        raise InterpreterError(f"{type(self).__name__} takes no input and keeps no outputs apart; use `local`")

    async def write(self, path: str, content: bytes) -> None:
        """Writes a file into the session's scratch folder. Raises InterpreterError if that fails or it has none."""
        raise InterpreterError(f"{type(self).__name__} has no files; use the interpreter `local` with scratch_mb=16")

    async def read(self, path: str) -> bytes:
        """The content of a file of the session's scratch folder. Raises InterpreterError as `write`."""
        raise InterpreterError(f"{type(self).__name__} has no files; use the interpreter `local` with scratch_mb=16")

    async def files(self) -> list[str]:
        """The paths of the files in the session's scratch folder. Raises InterpreterError as `write`."""
        raise InterpreterError(f"{type(self).__name__} has no files; use the interpreter `local` with scratch_mb=16")

    async def rest(self) -> None:
        """The next step may come in hours: lets go of what can be made again by then; by default of nothing."""
        return

    @abstractmethod
    async def close(self) -> None:
        """Ends the session and its process."""


class Interpreter(ABC):
    """Makes sessions; at most `workers` of them run code at one time, further steps wait their turn."""

    isolation: str | None = None
    """How all sessions are confined, where that is known."""

    @abstractmethod
    def session(self, limits: Limits | None = None, *, seed: int | None = None) -> Session:
        """A fresh session; its process is made at the first step.

        limits: of this session, none above the interpreter's own and in the same isolation. Without limits or a seed,
        the interpreter's own hold.
        """

    @abstractmethod
    async def close(self) -> None:
        """Ends every process that was started."""

    async def run_script(self, script: Script, limits: Limits | None = None, *, seed: int | None = None) -> Result:
        """Runs a program as `python main.py` does, its outputs apart; limits and seed as of `session`.

        Raises InterpreterError if this interpreter cannot.
        """
        raise InterpreterError(f"{type(self).__name__} runs no scripts; use the interpreter `local`")

    async def run_program(self, code: str) -> Output:
        """Runs a whole program that shares nothing with others; plug-ins may override it with a quicker way."""
        session = self.session()
        try:
            return await session.run(code)
        finally:
            await session.close()

    async def describe(self) -> dict[str, str]:
        """Facts about this interpreter that `slipstick doctor` shows: {"isolation": "kernel"}; by default none."""
        return {}


class OpenInterpreter(Protocol):
    """A plug-in: an interpreter that runs at most `workers` programs at one time; raises InterpreterError."""

    def __call__(self, argument: str, limits: Limits, *, workers: int, seed: int | None) -> Interpreter: ...


def open_interpreter(settings: InterpreterSettings | None = None, *, seed: int | None = None) -> Interpreter:
    """The interpreter a recipe names: "local", "remote:URL", or a third party's.

    seed: makes random numbers and hashes of programs repeatable.
    Raises PluginError for an unknown name, InterpreterError if it cannot be started with these settings.
    """
    settings = settings or InterpreterSettings()
    name, argument = split_spec(settings.interpreter)
    open_plugin: OpenInterpreter = load_plugin("interpreters", name)
    limits = Limits(**settings.model_dump(include=set(Limits.model_fields)))
    interpreter = open_plugin(argument, limits, workers=settings.sandbox_workers, seed=seed)
    return _FillEmptyOutput(interpreter, settings.empty_output) if settings.empty_output else interpreter


class _FillEmptyOutput(Interpreter):
    """An interpreter whose empty outputs are replaced by a text."""

    def __init__(self, inner: Interpreter, text: str) -> None:
        self._inner = inner
        self._text = text
        self.isolation = inner.isolation

    def session(self, limits: Limits | None = None, *, seed: int | None = None) -> Session:
        return _FillEmptyOutputSession(self._inner.session(limits, seed=seed), self)

    async def close(self) -> None:
        await self._inner.close()

    async def run_program(self, code: str) -> Output:
        return self.fill(await self._inner.run_program(code))

    async def run_script(self, script: Script, limits: Limits | None = None, *, seed: int | None = None) -> Result:
        return await self._inner.run_script(script, limits, seed=seed)

    async def describe(self) -> dict[str, str]:
        return await self._inner.describe()

    def fill(self, output: Output) -> Output:
        """The output, or the text if a step without an error has none."""
        return output if output.text or output.status != "ok" else output.model_copy(update={"text": self._text})


class _FillEmptyOutputSession(Session):
    def __init__(self, inner: Session, interpreter: _FillEmptyOutput) -> None:
        self._inner = inner
        self._interpreter = interpreter

    async def run(self, code: str, *, seconds: float | None = None) -> Output:
        return self._interpreter.fill(await self._inner.run(code, seconds=seconds))

    async def run_cell(self, cell: Script) -> Result:
        result = await self._inner.run_cell(cell)
        return replace(result, text=self._interpreter.fill(result.output()).text) if cell.together else result

    async def write(self, path: str, content: bytes) -> None:
        await self._inner.write(path, content)

    async def read(self, path: str) -> bytes:
        return await self._inner.read(path)

    async def files(self) -> list[str]:
        return await self._inner.files()

    async def rest(self) -> None:
        await self._inner.rest()

    async def close(self) -> None:
        await self._inner.close()
