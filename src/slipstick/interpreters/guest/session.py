"""Runs the steps of one session as a notebook runs cells, in a process of its own, a fork of the fork server."""

from __future__ import annotations
import __future__

import ast
import builtins
import contextlib
import functools
import inspect
import io
import operator
import os
import random
import resource
import sys
import time
import traceback
import types
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from slipstick.interpreters.guest import files, script
from slipstick.interpreters.guest.capture import Captures
from slipstick.interpreters.guest.figures import Figures
from slipstick.interpreters.guest.notebook import IPythonFinder, Notebook, display, is_silenced
from slipstick.interpreters.guest.protocol import Reply, Request, pack_reply, receive
from slipstick.interpreters.guest.tracebacks import describe, format_error, is_program, name_and_message, remember

if TYPE_CHECKING:
    import asyncio

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
        main.__dict__["__builtins__"] = builtins if built_ins is None else built_ins
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
        self.hide_frames = False
        """Whether the next step is the first in a process of its own, where frames of ours are hidden from it."""
        self.interrupted = False
        """Whether an error was raised in a library below the program's own code, or by the memory limit."""

    def run(self, request: Request) -> Reply:
        """Runs one cell; or a whole program of a model's, which ends as a script does, its output through pipes."""
        name = request.name or (f"<step {len(self._sources) + 1}>" if self._sources else "<program>")
        self._sources[name] = request.code
        reply = Reply("ok")
        self._captures.begin()
        self._figures.watch()
        if request.mode == "script":
            script.open_streams(merged=True)
            self._names["__file__"] = name
            sys.argv = [name]
            self._attempt(request, name, reply)
            del self._names, self._notebook  # so that the program's objects are finalized
            script.finish()
            reply.images, left_out = self._figures.take()
            reply.text += left_out and f"\n{left_out}"
            reply.cpu = self._captures.spent()
            return reply
        capture, errors = self._captures.out, self._captures.err if request.split else self._captures.out
        out = sys.stdout = capture.stream()
        err = sys.stderr = errors.stream() if request.split else out
        self._attempt(request, name, reply)
        self._figures.keep_open()
        reply.images, left_out = self._figures.take()
        reply.text += left_out and f"\n{left_out}"
        out.flush()
        err.flush()
        if request.split:
            reply.stdout, reply.stderr = capture.take(), errors.take() + (reply.text and f"{reply.text}\n")
            reply.text = ""
        else:
            before = "" if capture.ends_line() or not reply.text else "\n"
            reply.text = f"{capture.take()}{before}{reply.text}".rstrip()
        reply.cpu = self._captures.spent()
        return reply

    def _attempt(self, request: Request, name: str, reply: Reply) -> None:
        """Runs the code; the reply gets how that ended, and as text what follows what the program has printed."""
        try:
            files.write_files(request.files)
            with _input(request.stdin):
                value = self._execute(request.code, name)
            if value is not None and request.split:
                reply.echo = self._notebook.echo(value)
            elif value is not None:
                reply.text = self._notebook.echo(value)
        except MemoryError:
            self.interrupted = True
            script.lift_memory_limit()
            reply.status, reply.exit_code = "memory", 1
            reply.error = ["MemoryError", "the memory limit of the session was reached"]
            message = ": ".join(reply.error)
            reply.traceback, reply.text = (message, "") if request.split else ("", message)
        except RefusedError:
            raise
        except SystemExit as end:
            if sys.stdin.closed:  # by `exit()`; the next step finds its end again
                sys.stdin = Path(os.devnull).open(encoding="utf-8")  # noqa: SIM115
            reply.exit_code = script.exit_code(end)
            if isinstance(end.code, str) or (request.split and not isinstance(end.code, int | None)):
                reply.text = str(end.code)
        except BaseException as error:  # whatever a program raises is part of its output
            frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
            self.interrupted = any(map(is_program, frames)) and not is_program(frames[-1])
            reply.status, reply.exit_code, reply.error = "error", 1, name_and_message(error)
            if request.split:
                reply.traceback = format_error(error)
            else:
                reply.text = describe(error, self._sources)

    def _execute(self, code: str, name: str) -> Any:
        """Runs the statements; returns the value of the last one if that is an expression."""
        tree = self._notebook.parse(code, name)
        if self._admit is not None:
            self._admit(tree)
        else:  # for inspect.getsource
            remember(name, code)
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
        if self.hide_frames:
            self.hide_frames = False
            script.hide_frames()
        value = self._evaluate(code, self._names)
        if not code.co_flags & inspect.CO_COROUTINE:
            return value
        if self._runner is None:
            import asyncio  # few programs need it, and it takes longer to import than most take to run

            self._runner = asyncio.Runner()
        return self._runner.run(value)


@contextlib.contextmanager
def _input(text: str) -> Iterator[None]:
    """Gives a cell its standard input; without any, `input()` raises EOFError as before."""
    if not text:
        yield
        return
    before, sys.stdin = sys.stdin, io.StringIO(text)
    try:
        yield
    finally:
        sys.stdin = before


def prepare() -> None:
    """Settings that every session inherits: warnings are not output, integers of any length can be printed."""
    warnings.showwarning = lambda *_args, **_names: None
    builtins.display = display  # type: ignore[attr-defined]  # as in a notebook
    sys.meta_path.insert(0, IPythonFinder())
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


def answer(fd: int, number: int, reply: Reply, *, output_kb: int) -> None:
    """Sends the reply to a request."""
    frame = pack_reply(number, reply, output_kb=output_kb)
    while frame:
        frame = frame[os.write(fd, frame) :]


def serve(session: Session, fd: int, *, limits: dict[str, Any]) -> None:
    """Runs the requests received over the socket `fd` until it is closed, or until one was a whole program."""
    seed_libraries(limits["seed"])
    session.hide_frames = True
    if limits["scratch_mb"]:  # modules that a program has written can be imported
        sys.path.insert(0, "")
    while (received := receive(fd)) is not None:
        number, request = received
        limit_processor(limits["timeout"])
        if request.mode in ("write", "list", "read"):
            reply = files.look(request)
        else:
            reply = script.run(request) if request.mode == "script" and request.split else session.run(request)
        reply.more = request.mode != "script"
        answer(fd, number, reply, output_kb=limits["output_kb"])
        if not reply.more:
            return
