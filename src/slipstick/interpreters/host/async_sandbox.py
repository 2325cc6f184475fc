"""`slipstick.AsyncSandbox`: `slipstick.Sandbox` for callers in an event loop; its methods are awaited."""

from __future__ import annotations

import asyncio
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


class AsyncSandboxSession:
    """As `SandboxSession`. To be closed: by `async with`, or by `close`."""

    tool: dict[str, Any] = tool_schema("python")
    """The tool as chat APIs take it: {"type": "function", "function": {"name": "python", ...}}."""

    def __init__(self, background: Background, session: Session) -> None:
        self._background = background
        self._session = session
        self._closed = False

    async def run(
        self, code: str, *, stdin: str = "", files: Files | None = None, seconds: float | None = None
    ) -> Output:
        """Runs one step; files are written before it. seconds: a limit less than `timeout`."""
        return await self._background.result_of(run_step(self._open(), code, stdin, files, seconds))

    async def answer(self, call: Any) -> dict[str, str]:
        """Runs the code of a model's tool call, and gives the message that answers it."""
        return await self._background.result_of(answer_call(self._open(), call))

    async def write(self, path: str | os.PathLike[str], content: bytes | str) -> None:
        """Writes a file into the session's folder. Raises InterpreterError."""
        await self._background.result_of(self._open().write(os.fspath(path), to_bytes(content)))

    async def read(self, path: str | os.PathLike[str]) -> bytes:
        """The content of a file in the session's folder. Raises InterpreterError if there is none."""
        return await self._background.result_of(self._open().read(os.fspath(path)))

    async def files(self) -> list[str]:
        """The paths of the files in the session's folder."""
        return await self._background.result_of(self._open().files())

    async def close(self) -> None:
        """Ends the session and its process; does nothing if the sandbox is closed."""
        self._closed = True
        if not self._background.closed:
            await self._background.result_of(self._session.close())

    aclose = close

    def _open(self) -> Session:
        if self._closed:
            raise InterpreterError("this session is closed; open a new one with session()")
        return self._session

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def __del__(self) -> None:
        if not self._closed:
            self._background.forget(self._session)


class AsyncSandbox:
    """Runs programs in processes of their own; settings are those of `Sandbox`.

    Steps run in a thread of its own: it may be used in several event loops, and nothing that a caller does in its loop
    delays them. To be closed: by `async with`, or by `close`.
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

    async def run(self, code: str, *, stdin: str = "", files: Files | None = None) -> Output:
        """Runs code in a session of its own, as a notebook's first cell; files are written before it."""
        return await self._background.result_of(run_once(self._background.interpreter, code, stdin, files))

    async def run_many(self, programs: Iterable[str]) -> list[Output]:
        """Runs every program by itself; outputs are in the order of the programs."""
        background = self._background
        return await background.result_of(run_many(background.interpreter, programs, background.workers))

    async def run_script(self, code: str, *, stdin: str = "", files: Files | None = None) -> Result:
        """Runs a program as `python main.py` does; see `Sandbox.run_script`."""
        return await self._background.result_of(run_script(self._background.interpreter, code, stdin, files))

    def session(self) -> AsyncSandboxSession:
        """A session; close it, or use it in an `async with`."""
        return AsyncSandboxSession(self._background, self._background.session())

    async def close(self) -> None:
        """Ends every process. A closed sandbox runs no more programs."""
        await asyncio.to_thread(self._background.close)

    aclose = close

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
