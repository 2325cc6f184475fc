"""What happens inside one session: a step comes in, runs as a notebook cell would, and its output goes back.

Runs in a process of its own, a fork of `parent`: imports nothing but the standard library.
"""

from __future__ import annotations

import ast
import gc
import io
import linecache
import os
import random
import resource
import socket
import sys
import time
import traceback
import types
import warnings
from typing import IO, Any, TextIO, cast

from slipstick.interpreters.frames import MAX_REPLY, MAX_REQUEST, FrameError, pack, receive
from slipstick.interpreters.notebook import show

MAX_OUTPUT = 20_000
"""Bytes of output that are kept of one step: the first three quarters and the last quarter."""

_HEAD = MAX_OUTPUT * 3 // 4
_TAIL = MAX_OUTPUT - _HEAD
_FRAMES = 8


class Capture(io.BufferedIOBase):
    """Keeps the head and the tail of what is written, whatever its size."""

    def __init__(self) -> None:
        self._head = bytearray()
        self._tail = bytearray()
        self._cut = 0

    def writable(self) -> bool:
        return True

    def close(self) -> None:
        """Nothing: a program that closes its stdout can still be heard."""

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
        """All that was kept since the last time, as text; says how much was cut."""
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


class Steps:
    """One session's memory and the steps it has run."""

    def __init__(self) -> None:
        main = types.ModuleType("__main__")
        main.__dict__["__builtins__"] = __builtins__
        sys.modules["__main__"] = main
        self._names = main.__dict__
        self._capture = Capture()
        self._sources: dict[str, str] = {}

    def run(self, code: str) -> tuple[str, str]:
        """Status ("ok", "error" or "memory") and output of one step."""
        name = f"<step {len(self._sources) + 1}>" if self._sources else "<program>"
        self._sources[name] = code
        out = io.TextIOWrapper(cast(IO[bytes], self._capture), "utf-8", errors="backslashreplace")
        sys.stdout = sys.stderr = out
        try:
            status = self._run(code, name, out)
        except MemoryError:
            _lift_memory_limit()
            status = "memory"
            self._say(out, "MemoryError: the memory limit of the session was reached")
        out.flush()
        return status, self._capture.take()

    def _run(self, code: str, name: str, out: TextIO) -> str:
        try:
            value = _execute(code, name, self._names)
            if value is not None:
                self._say(out, show(value))
        except MemoryError:
            raise
        except SystemExit as end:
            if isinstance(end.code, str):
                self._say(out, end.code)
        except BaseException as error:  # whatever a program raises is its output
            self._say(out, describe(error, self._sources))
            return "error"
        return "ok"

    def _say(self, out: TextIO, text: str) -> None:
        out.flush()
        out.write(text if self._capture.ends_line() else f"\n{text}")


def _execute(code: str, name: str, names: dict[str, Any]) -> Any:
    """Runs the statements; returns the value of the last one if it is an expression."""
    tree = ast.parse(code, name)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    if tree.body:
        exec(compile(tree, name, "exec", dont_inherit=True), names)  # noqa: S102 - what this process is for
    if last is None:
        return None
    expression = ast.Expression(last.value)  # type: ignore[attr-defined]
    return eval(compile(expression, name, "eval", dont_inherit=True), names)  # noqa: S307 - what this process is for


def describe(error: BaseException, sources: dict[str, str]) -> str:
    """A short traceback: the program's own frames, then one line "ErrorType: message"."""
    for name, code in sources.items():
        linecache.cache[name] = (len(code), None, code.splitlines(keepends=True), name)
    own = [(frame, line) for frame, line in traceback.walk_tb(error.__traceback__) if _is_program(frame)]
    lines = traceback.StackSummary.extract(iter(own), limit=-_FRAMES).format()
    if isinstance(error, SyntaxError):
        lines += traceback.format_exception_only(error)[:-1]
    head = "Traceback (most recent call last):\n" if own else ""
    return f"{head}{''.join(lines)}{_last_line(error)}"


def _is_program(frame: types.FrameType) -> bool:
    return frame.f_code.co_filename.startswith(("<program>", "<step "))


def _last_line(error: BaseException) -> str:
    name = type(error).__name__
    try:
        message = error.msg if isinstance(error, SyntaxError) else str(error)
    except Exception:  # a program's own __str__ may fail; the line says so
        message = "<the message cannot be shown>"
    message = " ".join(str(message).split("\n")).strip()
    return f"{name}: {message}" if message else name


def _lift_memory_limit() -> None:
    """Room to report in: the soft limit stands a little under the hard one."""
    gc.collect()
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    resource.setrlimit(resource.RLIMIT_AS, (hard, hard))


def prepare() -> None:
    """What every session inherits from its parent: warnings are no output, integers print whatever their length."""
    warnings.showwarning = lambda *_args, **_names: None
    sys.set_int_max_str_digits(0)


def _seed(seed: int | None) -> None:
    """Every session draws numbers of its own, or, with a seed, the same ones."""
    if seed is not None:  # without one, `random` seeds itself anew in every fork
        random.seed(seed)
    if numpy := sys.modules.get("numpy"):
        numpy.random.seed(None if seed is None else seed % 2**32)


def serve(connection: socket.socket, *, seconds: float, seed: int | None) -> None:
    """Runs the steps that come over `connection` until it ends; never returns."""
    try:
        _seed(seed)
        steps = Steps()
        while (request := receive(connection, limit=MAX_REQUEST)) is not None:
            cpu = int(time.process_time() + seconds) + 2
            resource.setrlimit(resource.RLIMIT_CPU, (cpu, resource.RLIM_INFINITY))
            status, text = steps.run(request["code"])
            connection.sendall(pack({"id": request["id"], "status": status, "text": text}, limit=MAX_REPLY))
    except (FrameError, OSError):
        pass
    finally:
        os._exit(0)
