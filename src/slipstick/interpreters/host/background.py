"""An interpreter in an event loop of a thread of its own, and what both kinds of sandbox do with it.

So it serves callers without an event loop, those within one, and those with several one after another.
"""

from __future__ import annotations

import asyncio
import os
import sys
import threading
import warnings
from base64 import b64encode
from collections.abc import Callable, Coroutine, Iterable, Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import Any, TypeVar
from weakref import WeakSet

from pydantic import ValidationError

from slipstick.errors import InterpreterError
from slipstick.interpreters import Interpreter, InterpreterSettings, Result, Script, Session, open_interpreter
from slipstick.interpreters.host.files import check_path
from slipstick.replies.arguments import UnreadableCallError, check_name, read_arguments
from slipstick.schema import Output

T = TypeVar("T")
Files = Mapping[str, bytes | str] | Mapping[Path, bytes | str]
"""Path -> content; text is written as UTF-8."""


class Background:
    """One interpreter and the thread it runs in."""

    def __init__(self, settings: dict[str, Any], seed: int | None) -> None:
        """settings: those of `InterpreterSettings` that are not their defaults. Raises InterpreterError."""
        try:
            checked = InterpreterSettings(**settings)
        except ValidationError as error:
            mistakes = [
                f"{_shown(each['loc'][0])} is {each['input']}; {each['msg'].lower()}" for each in error.errors()
            ]
            raise InterpreterError("; ".join(mistakes)) from error
        self.workers = checked.sandbox_workers
        self.interpreter: Interpreter = open_interpreter(checked, seed=seed)
        self._sessions: WeakSet[Session] = WeakSet()
        self._loop = asyncio.new_event_loop()
        self._process = os.getpid()
        self._closing = threading.Lock()
        self.closed = False
        """Whether it runs no more programs."""
        self._thread = threading.Thread(target=_serve, args=(self._loop,), name="slipstick-sandbox", daemon=True)
        self._thread.start()

    def start(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        """Starts a coroutine in the thread. Raises InterpreterError if this is closed."""
        if self.closed:
            work.close()
            raise InterpreterError("this Sandbox is closed; open a new one")
        if os.getpid() != self._process:
            work.close()
            raise InterpreterError("this Sandbox was opened before a fork; open one in each process that uses it")
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def wait_for(self, work: Coroutine[Any, Any, T]) -> T:
        """The result of a coroutine that runs in the thread; an interrupt cancels it."""
        future = self.start(work)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    async def result_of(self, work: Coroutine[Any, Any, T]) -> T:
        """As `wait_for`, for callers in an event loop of their own."""
        return await asyncio.wrap_future(self.start(work))

    def close(self) -> None:
        """Ends every process."""
        with self._closing:
            if self.closed:
                return
            ending = self.start(_end_all(list(self._sessions), self.interpreter))
            self.closed = True
        try:
            ending.result()
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()

    @property
    def isolation(self) -> str:
        """How programs are confined: "full", "kernel" or "process"; "remote" if a service decides."""
        return self.interpreter.isolation or "remote"

    def session(self) -> Session:
        """A fresh session. Raises InterpreterError if this is closed."""
        session = self.interpreter.session()
        self._sessions.add(session)
        return session

    def forget(self, session: Session) -> None:
        """Warns of a session that was not closed, and has it closed without waiting: the collector may run anywhere."""
        if self._may_forget("a session of a Sandbox"):
            asyncio.run_coroutine_threadsafe(session.close(), self._loop)

    def __del__(self) -> None:
        if "_thread" in vars(self) and self._may_forget("a Sandbox"):
            self.closed = True
            loop = self._loop
            ending = asyncio.run_coroutine_threadsafe(_end_all(list(self._sessions), self.interpreter), loop)
            ending.add_done_callback(lambda _: loop.call_soon_threadsafe(loop.stop))

    def _may_forget(self, what: str, *, pid: Callable[[], int] = os.getpid) -> bool:
        # As a default, because at its end Python takes the modules' names away before it deletes a global of a script.
        if self.closed or pid() != self._process or not sys or sys.is_finalizing():  # then all ends with this process
            return False
        warnings.warn(f"{what} was not closed; use `with`, or close it", ResourceWarning, stacklevel=3)
        return True


async def run_once(interpreter: Interpreter, code: str, stdin: str, files: Files | None) -> Output:
    """Runs code in a session of its own."""
    session = interpreter.session()
    try:
        return await run_step(session, code, stdin, files, None)
    finally:
        await session.close()


async def run_step(session: Session, code: str, stdin: str, files: Files | None, seconds: float | None) -> Output:
    """Runs one step of a session, with standard input and files if there are any."""
    if not stdin and not files:
        return await session.run(code, seconds=seconds)
    step = Script(code, stdin, files=encoded(files or {}), timeout=seconds, together=True)
    return (await session.run_cell(step)).output()


async def run_script(interpreter: Interpreter, code: str, stdin: str, files: Files | None) -> Result:
    """Runs a program as `python main.py` does."""
    return await interpreter.run_script(Script(code, stdin, files=encoded(files or {})))


async def run_many(interpreter: Interpreter, programs: Iterable[str], workers: int) -> list[Output]:
    """Runs every program by itself; outputs are in the order of the programs. Raises InterpreterError."""
    outputs: dict[int, Output] = {}
    numbered = list(enumerate(programs))
    waiting = iter(numbered)

    async def work() -> None:
        for number, program in waiting:
            outputs[number] = await interpreter.run_program(program)

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(min(workers, len(numbered))):
                group.create_task(work())
    except* InterpreterError as errors:
        raise errors.exceptions[0] from None
    return [outputs[number] for number, _ in numbered]


async def answer_call(session: Session, call: Any) -> dict[str, str]:
    """Runs the code of a model's tool call as a step of a session; the message that answers the call.

    call: an element of `tool_calls`, as JSON or as an object of the package `openai`. Without an id, as in
    the messages of chat templates, the answer has no `tool_call_id`. What cannot be read of it is told to the model.
    """
    if not isinstance(call, Mapping):
        call = {"id": call.id, "function": {"name": call.function.name, "arguments": call.function.arguments}}
    function = call.get("function") or call
    name, arguments = function.get("name"), function.get("arguments", "")
    try:
        check_name(name, "python", arguments)
        codes = read_arguments(arguments)
        outputs = [await session.run(code) for code in codes]
        content = "\n".join(output.text for output in outputs if output.text) or "(no output)"
    except UnreadableCallError as error:
        content = f"Error: {error}"
    named = {} if call.get("id") is None else {"tool_call_id": str(call["id"])}
    return {"role": "tool", **named, "content": content}


def to_bytes(content: bytes | str) -> bytes:
    """The content of a file."""
    return content.encode("utf-8", "surrogatepass") if isinstance(content, str) else bytes(content)


def encoded(files: Files) -> dict[str, str]:
    """Files as a step takes them, in base64. Raises InterpreterError for a path that leads out of the folder."""
    named = ((check_path(os.fspath(path)), content) for path, content in files.items())
    return {path: b64encode(to_bytes(content)).decode("ascii") for path, content in named}


async def _end_all(sessions: Iterable[Session], interpreter: Interpreter) -> None:
    for session in sessions:
        await session.close()
    await interpreter.close()


def _serve(loop: asyncio.AbstractEventLoop) -> None:
    try:
        loop.run_forever()
    finally:
        loop.close()


def _shown(name: object) -> str:
    return "workers" if name == "sandbox_workers" else str(name)
