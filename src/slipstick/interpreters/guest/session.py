"""Runs the steps of one session as a notebook runs cells, in a process of its own, a fork of the fork server."""

from __future__ import annotations
import __future__

import ast
import atexit
import builtins
import functools
import gc
import inspect
import io
import linecache
import operator
import os
import random
import resource
import sys
import threading
import time
import traceback
import types
import warnings
from collections.abc import Callable, Iterator
from typing import IO, TYPE_CHECKING, Any, TextIO, cast

from slipstick.interpreters.guest.notebook import display, is_silenced, parse_cell, show
from slipstick.interpreters.guest.protocol import MAX_REPLY, MAX_REQUEST, pack, receive

if TYPE_CHECKING:
    import asyncio

MAX_OUTPUT = 20_000
"""Bytes kept of one step's output: the first three quarters and the last quarter."""

_HEAD = MAX_OUTPUT * 3 // 4
_TAIL = MAX_OUTPUT - _HEAD
_FRAMES = 8
_CAUSES = 8
"""Frames and causes that a traceback shows."""


_FUTURE = functools.reduce(
    operator.or_, (getattr(__future__, name).compiler_flag for name in __future__.all_feature_names)
)
"""Flags of `from __future__` in compiled code."""


class RefusedError(BaseException):
    """The program may not run in this process. Derived from BaseException so that programs do not catch it."""


class Capture(io.BufferedIOBase):
    """Keeps the head and the tail of what is written, however long it is."""

    def __init__(self) -> None:
        self._head = bytearray()
        self._tail = bytearray()
        self._cut = 0

    def writable(self) -> bool:
        return True

    def close(self) -> None:
        """Does nothing: what a program prints after closing its stdout is still captured."""

    def write(self, data: Any) -> int:
        room = _HEAD - len(self._head)
        size = len(data)
        if room > 0:
            self._head += data[:room]
            data = data[room:]
        if data:
            self._tail += data
            if len(self._tail) > 2 * _TAIL:
                self._trim()
        return size

    def ends_line(self) -> bool:
        """Whether the next character starts a line."""
        last = self._tail or self._head
        return not last or last.endswith(b"\n")

    def take(self) -> str:
        """The text kept since the last call, with a notice of how much was cut."""
        self._trim()
        notice = b"\n... [%d bytes of output cut] ...\n" % self._cut if self._cut else b""
        text = bytes(self._head + notice + self._tail).decode("utf-8", "replace")
        self.__init__()  # type: ignore[misc]
        return text.rstrip()

    def _trim(self) -> None:
        extra = len(self._tail) - _TAIL
        if extra > 0:
            del self._tail[:extra]
            self._cut += extra


class Session:
    """One session's variables and the steps it has run.

    built_ins: the built-ins of programs; None for Python's own. admit: called with a step's syntax tree before it runs.
    evaluate: runs compiled code in a namespace, as `eval` does. Both may raise RefusedError.
    """

    def __init__(
        self,
        *,
        built_ins: dict[str, Any] | None = None,
        admit: Callable[[ast.Module], None] | None = None,
        evaluate: Callable[[Any, dict[str, Any]], Any] = eval,
    ) -> None:
        main = types.ModuleType("__main__")
        main.__dict__["__builtins__"] = __builtins__ if built_ins is None else built_ins
        self._admit = admit
        self._evaluate = evaluate
        sys.modules["__main__"] = main
        self._names = main.__dict__
        self._flags = 0
        self._runner: asyncio.Runner | None = None
        self._capture = Capture()
        self._sources: dict[str, str] = {}
        self.interrupted = False
        """Whether an error was raised in a library below the program's own code, or by the memory limit."""

    def run(self, code: str, *, last: bool = False) -> tuple[str, str]:
        """Status ("ok", "error" or "memory") and output of one step; the `last` one ends as a script does."""
        name = f"<step {len(self._sources) + 1}>" if self._sources else "<program>"
        self._sources[name] = code
        out = io.TextIOWrapper(cast(IO[bytes], self._capture), "utf-8", errors="backslashreplace")
        sys.stdout = sys.stderr = out
        try:
            status = self._run(code, name, out)
            if last:
                _end_script()
        except MemoryError:
            self.interrupted = True
            _lift_memory_limit()
            status = "memory"
            self._print(out, "MemoryError: the memory limit of the session was reached")
        out.flush()
        return status, self._capture.take()

    def _run(self, code: str, name: str, out: TextIO) -> str:
        try:
            value = self._execute(code, name)
            if value is not None:
                self._print(out, show(value))
        except (MemoryError, RefusedError):
            raise
        except SystemExit as end:
            if isinstance(end.code, str):
                self._print(out, end.code)
        except BaseException as error:  # whatever a program raises is part of its output
            frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
            self.interrupted = any(map(_is_program, frames)) and not _is_program(frames[-1])
            self._print(out, describe(error, self._sources))
            return "error"
        return "ok"

    def _execute(self, code: str, name: str) -> Any:
        """Runs the statements; returns the value of the last one if that is an expression."""
        tree = parse_cell(code, name)
        if self._admit is not None:
            self._admit(tree)
        else:  # for inspect.getsource
            linecache.cache[name] = (len(code), None, code.splitlines(keepends=True), name)
        last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
        if tree.body:
            self._value(tree, name, "exec")
        if last is None:
            return None
        expression = ast.Expression(last.value)  # type: ignore[attr-defined]
        value = self._value(expression, name, "eval")
        return None if value is None or is_silenced(code, last) else self._echoed(value)

    def _value(self, tree: ast.Module | ast.Expression, name: str, mode: str) -> Any:
        """What code gives, under the `from __future__` lines of earlier steps; top-level `await` works."""
        code = compile(tree, name, mode, self._flags | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
        self._flags |= code.co_flags & _FUTURE
        value = self._evaluate(code, self._names)
        if not code.co_flags & inspect.CO_COROUTINE:
            return value
        if self._runner is None:
            import asyncio  # few programs need it, and it takes longer to import than most take to run

            self._runner = asyncio.Runner()
        return self._runner.run(value)

    def _echoed(self, value: Any) -> Any:
        """The value of a step, which later steps find as `_`."""
        self._names["_"] = value
        return value

    def _print(self, out: TextIO, text: str) -> None:
        out.flush()
        out.write(text if self._capture.ends_line() else f"\n{text}")


def describe(error: BaseException, sources: dict[str, str]) -> str:
    """A short traceback: the program's own frames, then one line "ErrorType: message"."""
    for name, code in sources.items():
        linecache.cache[name] = (len(code), None, code.splitlines(keepends=True), name)
    own = [(frame, line) for frame, line in traceback.walk_tb(error.__traceback__) if _is_program(frame)]
    lines = traceback.StackSummary.extract(iter(own), limit=-_FRAMES).format()
    if isinstance(error, SyntaxError):
        error.end_offset = None  # one caret, as in the notebooks that models learned from
        lines += _as_in_notebook(traceback.format_exception_only(error)[:-1], sources)
    head = "Traceback (most recent call last):\n" if own else ""
    return f"{head}{''.join(lines)}{''.join(_beside(error))}{_last_line(error)}"


def _beside(error: BaseException) -> Iterator[str]:
    """A line for each error that this one was raised from, and for each error of a group."""
    cause, seen = error.__cause__, {id(error)}
    while cause is not None and id(cause) not in seen and len(seen) < _CAUSES:
        yield f"Caused by {_last_line(cause)}\n"
        seen.add(id(cause))
        cause = cause.__cause__
    if isinstance(error, BaseExceptionGroup):
        for part in error.exceptions[:_CAUSES]:
            yield f"Part of it: {_last_line(part)}\n"


def _as_in_notebook(lines: list[str], sources: dict[str, str]) -> list[str]:
    """Names the step of a SyntaxError as a notebook does: recorded sessions contain exactly that."""
    for number, name in enumerate(sources, 1):
        lines = [line.replace(f'File "{name}"', f"Cell In[{number}]") for line in lines]
    return lines


def _is_program(frame: types.FrameType) -> bool:
    return frame.f_code.co_filename.startswith(("<program>", "<step "))


def _last_line(error: BaseException) -> str:
    name = type(error).__name__
    if isinstance(error, OSError) and _was_raised_in(error, "multiprocessing"):
        return f"{name}: processes cannot be started here; use one process"
    try:
        message = error.msg if isinstance(error, SyntaxError) else str(error)
    except Exception:  # a program's own __str__ may fail; the line says so
        message = "<the message cannot be shown>"
    message = " ".join(str(message).split("\n")).strip()
    return f"{name}: {message}" if message else name


def _was_raised_in(error: BaseException, package: str) -> bool:
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    return bool(frames) and f"/{package}/" in frames[-1].f_code.co_filename


def _lift_memory_limit() -> None:
    """Makes room to report in: the soft limit is a little below the hard one."""
    gc.collect()
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    resource.setrlimit(resource.RLIMIT_AS, (hard, hard))


def _end_script() -> None:
    """As Python ends a script: waits for its threads but for daemons, then calls what is registered with atexit.

    Threads that wait for work, those of a pool, are told first that there is no more.
    """
    threading._shutdown()  # type: ignore[attr-defined]  # what Python itself calls
    atexit._run_exitfuncs()


def prepare() -> None:
    """Settings that every session inherits: warnings are not output, integers of any length can be printed."""
    warnings.showwarning = lambda *_args, **_names: None
    builtins.display = display  # type: ignore[attr-defined]  # as in a notebook
    sys.set_int_max_str_digits(0)


def seed_libraries(seed: int | None) -> None:
    """Seeds `random`, numpy and sympy: with None, every session has different random numbers."""
    random.seed(seed)
    if numpy := sys.modules.get("numpy"):
        numpy.random.seed(None if seed is None else seed % 2**32)
    seed_sympy(seed)


def seed_sympy(seed: int | None) -> None:
    """Seeds sympy's own generator, which chooses how to compute a result: the same in every session."""
    if sympy := sys.modules.get("sympy"):
        sympy.core.random.seed(seed or 0)


def limit_processor(seconds: float) -> None:
    """Limits processor time to `seconds` from now and some to spare, so that the caller's clock ends a step first."""
    cpu = int(time.process_time() + seconds) + 2
    resource.setrlimit(resource.RLIMIT_CPU, (cpu, resource.RLIM_INFINITY))


def answer(fd: int, request: dict[str, Any], status: str, text: str, *, more: bool) -> None:
    """Sends the result of a step; `more` says whether this process can run another."""
    reply = pack({"id": request["id"], "status": status, "text": text, "more": more}, limit=MAX_REPLY)
    while reply:
        reply = reply[os.write(fd, reply) :]


def serve(session: Session, fd: int, *, timeout: float, seed: int | None) -> None:
    """Runs the steps received over the socket `fd` until it is closed, or until a step is marked as the last."""
    seed_libraries(seed)
    while (request := receive(fd, limit=MAX_REQUEST)) is not None:
        limit_processor(timeout)
        status, text = session.run(request["code"], last=request["last"])
        answer(fd, request, status, text, more=not request["last"])
        if request["last"]:
            return
