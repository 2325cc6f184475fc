"""`slipstick.Sandbox`: the local interpreter for synchronous callers, in any thread and inside running event loops."""

from __future__ import annotations

import asyncio
import threading
from base64 import b64encode
from collections.abc import Coroutine, Iterable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self, TypeVar

from pydantic import ValidationError

from slipstick.errors import InterpreterError
from slipstick.interpreters import Limits, Result, Script, Session
from slipstick.interpreters.host.local import open_interpreter
from slipstick.schema import Output

T = TypeVar("T")


class SandboxSession:
    """Steps that share variables; the last expression of a step is echoed as in a notebook."""

    def __init__(self, sandbox: Sandbox, session: Session) -> None:
        self._sandbox = sandbox
        self._session = session

    def run(self, code: str) -> Output:
        """Runs one step and waits for its output."""
        return self._sandbox.wait_for(self._session.run(code))


class Sandbox:
    """Runs programs in processes of their own.

    workers: programs that run at one time. timeout, memory_mb, isolation, scratch_mb, wall_timeout, output_kb: limits
    of a session, see `slipstick.interpreters.Limits`; docs/sandbox.md says what each isolation prevents. seed: of
    `random` and of numpy; None gives every session different random numbers.
    Raises InterpreterError if the machine does not support the settings.
    """

    def __init__(
        self,
        workers: int = 2,
        timeout: float = 10.0,
        memory_mb: int = 1024,
        isolation: str | None = None,
        scratch_mb: int = 0,
        seed: int | None = None,
        *,
        wall_timeout: float | None = None,
        output_kb: int = 20,
    ) -> None:
        self._workers = workers
        try:
            limits = Limits(
                timeout=timeout,
                wall_timeout=wall_timeout,
                memory_mb=memory_mb,
                isolation=isolation,
                scratch_mb=scratch_mb,
                output_kb=output_kb,
            )
        except ValidationError as error:
            mistakes = [f"{each['loc'][0]} is {each['input']}; {each['msg'].lower()}" for each in error.errors()]
            raise InterpreterError("; ".join(mistakes)) from error
        self._interpreter = open_interpreter("", limits, workers=workers, seed=seed)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="slipstick-sandbox", daemon=True)
        self._thread.start()

    @property
    def isolation(self) -> str:
        """How programs are confined: "full", "kernel" or "process"."""
        return self._interpreter.isolation

    def run_many(self, programs: Iterable[str]) -> list[Output]:
        """Runs every program by itself; outputs are in the order of the programs.

        Simple programs (docs/sandbox.md) may share a process one after another, all others get their own.
        """
        return self.wait_for(self._run_many(list(programs)))

    def run_script(self, code: str, *, stdin: str = "", files: dict[str, bytes] | None = None) -> Result:
        """Runs a program as `python main.py` does: standard output, standard error and exit code are apart.

        files: path -> content, written into the scratch folder first. Of each stream at least the first 750 kB and the
        last 250 kB are kept.
        """
        encoded = {path: b64encode(content).decode("ascii") for path, content in (files or {}).items()}
        return self.wait_for(self._interpreter.run_script(Script(code, stdin, files=encoded)))

    @contextmanager
    def session(self) -> Iterator[SandboxSession]:
        """A session for the steps inside the `with`."""
        session = self._interpreter.session()
        try:
            yield SandboxSession(self, session)
        finally:
            self.wait_for(session.close())

    def close(self) -> None:
        """Ends every process. A closed sandbox runs no more programs."""
        if self._loop.is_closed():
            return
        self.wait_for(self._interpreter.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def wait_for(self, work: Coroutine[Any, Any, T]) -> T:
        """Runs a coroutine in the sandbox's own event loop and waits for its result; an interrupt cancels it."""
        if self._loop.is_closed():
            work.close()
            raise InterpreterError("this Sandbox is closed; open a new one")
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    async def _run_many(self, programs: list[str]) -> list[Output]:
        outputs: dict[int, Output] = {}
        waiting = iter(enumerate(programs))

        async def work() -> None:
            for number, program in waiting:
                outputs[number] = await self._interpreter.run_program(program)

        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(min(self._workers, len(programs))):
                    group.create_task(work())
        except* InterpreterError as errors:
            raise errors.exceptions[0] from None
        return [outputs[number] for number in range(len(programs))]
