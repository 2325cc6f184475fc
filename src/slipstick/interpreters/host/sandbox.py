"""`slipstick.Sandbox`: an interpreter for synchronous callers, in any thread and inside running event loops."""

from __future__ import annotations

import os
from collections.abc import Iterable
from types import TracebackType
from typing import Any, Self

from slipstick.errors import InterpreterError
from slipstick.formats import tool_schema
from slipstick.interpreters import Result, Session
from slipstick.interpreters.host.background import (
    Background,
    Files,
    answer_call,
    run_many,
    run_once,
    run_script,
    run_step,
    to_bytes,
)
from slipstick.schema import Output


class SandboxSession:
    """Steps that share variables; the last expression of a step is echoed as in a notebook.

    To be closed: by `with`, or by `close`.
    """

    tool: dict[str, Any] = tool_schema("python")
    """The tool as chat APIs take it: {"type": "function", "function": {"name": "python", ...}}."""

    def __init__(self, background: Background, session: Session) -> None:
        self._background = background
        self._session = session
        self._closed = False

    def run(self, code: str, *, stdin: str = "", files: Files | None = None, seconds: float | None = None) -> Output:
        """Runs one step and waits for its output; files are written before it. seconds: a limit less than `timeout`."""
        return self._background.wait_for(run_step(self._open(), code, stdin, files, seconds))

    def answer(self, call: Any) -> dict[str, str]:
        """Runs the code of a model's tool call, and gives the message that answers it."""
        return self._background.wait_for(answer_call(self._open(), call))

    def write(self, path: str | os.PathLike[str], content: bytes | str) -> None:
        """Writes a file into the session's folder. Raises InterpreterError."""
        self._background.wait_for(self._open().write(os.fspath(path), to_bytes(content)))

    def read(self, path: str | os.PathLike[str]) -> bytes:
        """The content of a file in the session's folder. Raises InterpreterError if there is none."""
        return self._background.wait_for(self._open().read(os.fspath(path)))

    def files(self) -> list[str]:
        """The paths of the files in the session's folder."""
        return self._background.wait_for(self._open().files())

    def close(self) -> None:
        """Ends the session and its process; does nothing if the sandbox is closed."""
        self._closed = True
        if not self._background.closed:
            self._background.wait_for(self._session.close())

    def _open(self) -> Session:
        if self._closed:
            raise InterpreterError("this session is closed; open a new one with session()")
        return self._session

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __del__(self) -> None:
        if not self._closed:
            self._background.forget(self._session)


class Sandbox:
    """Runs programs in processes of their own.

    workers: programs that run at one time. timeout, memory_mb, isolation, scratch_mb, wall_timeout, output_kb: limits
    of a session, see `slipstick.interpreters.Limits`; docs/sandbox.md says what each isolation prevents. seed: of
    `random` and of numpy; None gives every session different random numbers. interpreter: "local", or
    "remote:http://HOST:PORT" for a service that another machine runs.
    Raises InterpreterError if the machine does not support the settings.
    """

    def __init__(
        self,
        workers: int = 2,
        timeout: float = 10.0,
        memory_mb: int = 1024,
        isolation: str | None = None,
        scratch_mb: int = 16,
        seed: int | None = None,
        *,
        wall_timeout: float | None = None,
        output_kb: int = 20,
        interpreter: str = "local",
    ) -> None:
        settings = {
            "sandbox_workers": workers,
            "timeout": timeout,
            "memory_mb": memory_mb,
            "isolation": isolation,
            "scratch_mb": scratch_mb,
            "wall_timeout": wall_timeout,
            "output_kb": output_kb,
            "interpreter": interpreter,
        }
        self._background = Background(settings, seed)

    @property
    def isolation(self) -> str:
        """How programs are confined: "full", "kernel" or "process"; "remote" if a service decides."""
        return self._background.isolation

    def run(self, code: str, *, stdin: str = "", files: Files | None = None) -> Output:
        """Runs code in a session of its own, as a notebook's first cell; files are written before it."""
        return self._background.wait_for(run_once(self._background.interpreter, code, stdin, files))

    def run_many(self, programs: Iterable[str]) -> list[Output]:
        """Runs every program by itself; outputs are in the order of the programs.

        Simple programs (docs/sandbox.md) may share a process one after another, all others get their own.
        """
        background = self._background
        return background.wait_for(run_many(background.interpreter, programs, background.workers))

    def run_script(self, code: str, *, stdin: str = "", files: Files | None = None) -> Result:
        """Runs a program as `python main.py` does: standard output, standard error and exit code are apart.

        files: written into the scratch folder first. Of each stream at least the first 750 kB and the last 250 kB are
        kept.
        """
        return self._background.wait_for(run_script(self._background.interpreter, code, stdin, files))

    def session(self) -> SandboxSession:
        """A session; close it, or use it in a `with`."""
        return SandboxSession(self._background, self._background.session())

    def close(self) -> None:
        """Ends every process. A closed sandbox runs no more programs."""
        self._background.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
