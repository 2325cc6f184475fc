"""Runs the steps of one session as a notebook runs cells, in a process of its own, a fork of the fork server."""

from __future__ import annotations
import __future__

import ast
import atexit
import builtins
import functools
import gc
import inspect
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
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO, cast

from slipstick.interpreters.guest import surroundings
from slipstick.interpreters.guest.capture import Capture, Captures
from slipstick.interpreters.guest.figures import Figures
from slipstick.interpreters.guest.notebook import IPythonFinder, Notebook, display, is_silenced
from slipstick.interpreters.guest.protocol import Reply, Request, pack_reply, receive

if TYPE_CHECKING:
    import asyncio

_FRAMES = 8
_CAUSES = 8
"""Frames and causes that a traceback shows."""
_FRAMES_ABOVE = 13
"""Frames of ours above a program."""


_FUTURE = functools.reduce(
    operator.or_, (getattr(__future__, name).compiler_flag for name in __future__.all_feature_names)
)
"""Flags of `from __future__` in compiled code."""


class RefusedError(BaseException):
    """The program may not run in this process. Derived from BaseException so that programs do not catch it."""


class Session:
    """One session's variables and the steps it has run.

    built_ins: the built-ins of programs; None for Python's own. admit: called with a step's syntax tree before it runs.
    evaluate: runs compiled code in a namespace, as `eval` does. Both may raise RefusedError. captures: keep what is
    printed; None for ones of its own.
    """

    def __init__(
        self,
        *,
        built_ins: dict[str, Any] | None = None,
        admit: Callable[[ast.Module], None] | None = None,
        evaluate: Callable[[Any, dict[str, Any]], Any] = eval,
        captures: Captures | None = None,
    ) -> None:
        main = types.ModuleType("__main__")
        main.__dict__["__builtins__"] = __builtins__ if built_ins is None else built_ins
        self._admit = admit
        self._evaluate = evaluate
        sys.modules["__main__"] = main
        self._names = main.__dict__
        self._notebook = Notebook(self._names, vars(builtins) if built_ins is None else built_ins)
        self._flags = 0
        self._runner: asyncio.Runner | None = None
        self._figures = Figures()
        self._captures = captures or Captures(1)
        self._sources: dict[str, str] = {}
        self.interrupted = False
        """Whether an error was raised in a library below the program's own code, or by the memory limit."""

    def run(self, request: Request) -> Reply:
        """Runs one cell, or a whole program, which ends as a script does."""
        name = request.name or (f"<step {len(self._sources) + 1}>" if self._sources else "<program>")
        self._sources[name] = request.code
        capture, errors = self._captures.out, self._captures.err if request.split else self._captures.out
        out = sys.stdout = capture.stream()
        err = sys.stderr = errors.stream() if request.split else out
        reply = Reply("ok")
        self._captures.begin()
        try:
            write_files(request.files)
            self._figures.watch()
            self._run(request, name, reply, err)
            if request.mode == "script":
                _end_script()
            else:
                self._figures.keep_open()
        except MemoryError:
            self.interrupted = True
            _lift_memory_limit()
            reply.status, reply.exit_code = "memory", 1
            _print(err, "MemoryError: the memory limit of the session was reached")
        reply.images, left_out = self._figures.take()
        if left_out:
            _print(err, f"{left_out}\n")
        out.flush()
        err.flush()
        if request.split:
            reply.stdout, reply.stderr = capture.take(), errors.take()
        else:
            reply.text = capture.take().rstrip()
        reply.cpu = self._captures.spent()
        return reply

    def _run(self, request: Request, name: str, reply: Reply, err: TextIO) -> None:
        try:
            value = self._execute(request.code, name)
            if value is not None and request.split:
                reply.echo = self._notebook.echo(value)
            elif value is not None:
                _print(err, self._notebook.echo(value))
        except (MemoryError, RefusedError):
            raise
        except SystemExit as end:
            reply.exit_code = exit_code(end)
            if not isinstance(end.code, int | None) and (request.split or isinstance(end.code, str)):
                _print(err, str(end.code))
        except BaseException as error:  # whatever a program raises is part of its output
            frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
            self.interrupted = any(map(_is_program, frames)) and not _is_program(frames[-1])
            reply.status, reply.exit_code, reply.error = "error", 1, name_and_message(error)
            if request.split:
                reply.traceback = format_error(error)
            else:
                _print(err, describe(error, self._sources))

    def _execute(self, code: str, name: str) -> Any:
        """Runs the statements; returns the value of the last one if that is an expression."""
        tree = self._notebook.parse(code, name)
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
        return None if value is None or is_silenced(code, last) else value

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


def _print(out: TextIO, text: str) -> None:
    """Writes a line of ours, on a line of its own."""
    out.flush()
    out.write(text if cast(Capture, out.buffer).ends_line() else f"\n{text}")


def exit_code(end: SystemExit) -> int:
    """The exit code by which Python answers to SystemExit."""
    return end.code & 255 if isinstance(end.code, int) else int(end.code is not None)


def write_files(files: dict[str, str]) -> None:
    """Writes files, whose content is in base64, into the working folder."""
    if files:
        import base64

        for name, content in files.items():
            Path(name).parent.mkdir(parents=True, exist_ok=True)
            Path(name).write_bytes(base64.b64decode(content))


def format_error(error: BaseException) -> str:
    """Python's own traceback, without the frames above the program's."""
    while (trace := error.__traceback__) is not None and trace.tb_frame.f_code.co_filename == __file__:
        error.__traceback__ = trace.tb_next
    return "".join(traceback.format_exception(error))


def name_and_message(error: BaseException) -> list[str]:
    """What kind of error it is and what it says."""
    name, _, message = _last_line(error).partition(": ")
    return [name, message]


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
    try:
        message = error.msg if isinstance(error, SyntaxError) else str(error)
    except Exception:  # a program's own __str__ may fail; the line says so
        message = "<the message cannot be shown>"
    message = " ".join(str(message).split("\n")).strip()
    remedy = surroundings.remedy(error)
    return (f"{name}: {message}" if message else name) + (f" ({remedy})" if remedy else "")


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
    sys.meta_path.insert(0, IPythonFinder())
    sys.set_int_max_str_digits(0)
    _hide_own_frames()


def _hide_own_frames() -> None:
    """Has a program's calls go as deep as in Python: the frames above it do not count in the limit that it sees."""
    set_limit, limit = sys.setrecursionlimit, sys.getrecursionlimit
    sys.setrecursionlimit = lambda depth, /: set_limit(
        depth + _FRAMES_ABOVE if type(depth) is int and depth > 0 else depth
    )
    sys.getrecursionlimit = lambda: limit() - _FRAMES_ABOVE
    sys.setrecursionlimit(limit())


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


def answer(fd: int, number: int, reply: Reply, *, output_kb: int) -> None:
    """Sends the reply to a request."""
    frame = pack_reply(number, reply, output_kb=output_kb)
    while frame:
        frame = frame[os.write(fd, frame) :]


def serve(session: Session, fd: int, *, limits: dict[str, Any]) -> None:
    """Runs the requests received over the socket `fd` until it is closed, or until one was a whole program."""
    seed_libraries(limits["seed"])
    if limits["scratch_mb"]:  # modules that a program has written can be imported
        sys.path.insert(0, "")
    while (received := receive(fd)) is not None:
        number, request = received
        limit_processor(limits["timeout"])
        reply = session.run(request)
        reply.more = request.mode == "cell"
        answer(fd, number, reply, output_kb=limits["output_kb"])
        if not reply.more:
            return
