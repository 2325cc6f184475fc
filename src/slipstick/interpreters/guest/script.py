"""Runs a whole program as `python main.py` does: standard streams over descriptors 0, 1 and 2, and Python's end."""

from __future__ import annotations

import atexit
import builtins
import contextlib
import ctypes
import functools
import gc
import io
import linecache
import os
import re
import resource
import signal
import sys
import threading
import time
import traceback
import types
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from slipstick.interpreters.guest.figures import Figures
from slipstick.interpreters.guest.files import write_files
from slipstick.interpreters.guest.protocol import SOURCE, Reply, Request
from slipstick.interpreters.guest.tracebacks import name_and_message, without_ours

_DESCRIPTOR = re.compile(r"/(?:dev|proc/self|proc/thread-self)/fd/([0-9]{1,3})")
_STREAMS = {"/dev/stdin": 0, "/dev/stdout": 1, "/dev/stderr": 2}
_WRITTEN_AT_ONCE = 400
"""Pieces that a program of a model's prints before its output is written in larger parts."""
TIME_UP = signal.SIGRTMAX
"""The signal by which the fork server asks a script, before it kills it, to write what its streams have buffered."""
_FLUSH_FAILED = 120
"""Exit code of Python if standard output cannot be written at the end."""

_flush_libraries = ctypes.CDLL(None).fflush


class _Lines(io.TextIOWrapper):
    """A text stream that writes its first lines at once, so that they are known whatever becomes of the program."""

    left = _WRITTEN_AT_ONCE

    def write(self, text: str) -> int:
        self.left -= 1
        if self.left == _WRITTEN_AT_ONCE - 1:
            self.reconfigure(line_buffering=True)
        elif not self.left:
            self.reconfigure(line_buffering=False)
            del _Lines.write  # as fast as any other from now on; the process runs no other program
        return super().write(text)


def run(request: Request) -> Reply:
    """Runs a script whose output goes through pipes; the reply has how it ended."""
    name = request.name or "main.py"
    names = become_main(name)
    open_streams(merged=False)
    _open_by_name({name, str(names["__file__"])})
    del builtins.display  # type: ignore[attr-defined]
    warnings.showwarning = warnings._showwarning_orig  # type: ignore[attr-defined]
    lines = list(io.StringIO(request.code, newline=None))  # as Python counts lines
    for each in (name, str(names["__file__"])):
        linecache.cache[each] = (len(request.code), None, lines, each)
    sys.set_int_max_str_digits(sys.int_info.default_max_str_digits)
    reply, figures = Reply("ok"), Figures()
    figures.watch()
    try:
        write_files(request.files)
        # as bytes, because Python looks into a file for its encoding
        code = compile(request.code.encode("utf-8", "surrogatepass"), name, "exec", dont_inherit=True)
        hide_frames()
        exec(code, names)  # noqa: S102 - what this process is for
    except SystemExit as end:
        reply.exit_code = _leave(end)
    except BaseException as error:  # whatever a program raises ends it
        if isinstance(error, SyntaxError) and error.filename == name and error.text is None and error.lineno:
            error.text = lines[error.lineno - 1]  # Python reads it from the file
        if isinstance(error, MemoryError):
            lift_memory_limit()
            reply.status = "memory"
        reply.exit_code, reply.error = -2 if isinstance(error, KeyboardInterrupt) else 1, name_and_message(error)
        reply.exit_code = _report(error) or reply.exit_code
    names = {}
    reply.exit_code = finish() or reply.exit_code
    reply.images, _ = figures.take()
    reply.cpu = time.process_time()
    if reply.exit_code and reply.status == "ok":
        reply.status = "error"
    return reply


def become_main(name: str) -> dict[str, Any]:
    """The variables of a new `__main__`, which is a script of that name."""
    main = types.ModuleType("__main__")
    folder = str(Path.cwd())
    names = main.__dict__
    names |= {"__annotations__": {}, "__builtins__": builtins, "__file__": str(Path(folder, name)), "__cached__": None}
    sys.modules["__main__"] = main
    sys.argv = [name]
    sys.orig_argv = [sys.executable, name]
    if sys.path[0] == "":
        sys.path[0] = folder
    return names


def open_streams(*, merged: bool) -> None:
    """Makes new sys.stdin, sys.stdout and sys.stderr over descriptors 0, 1 and 2, as Python does when it starts.

    merged: both outputs are one stream, of which each line is written at once.
    """
    sys.stdin = sys.__stdin__ = _stream(0, "<stdin>", "surrogateescape")  # type: ignore[misc]
    if merged:
        sys.stdout = sys.stderr = _stream(1, "<stdout>", "backslashreplace", _Lines)
    else:
        sys.stdout = _stream(1, "<stdout>", "surrogateescape")
        sys.stderr = _stream(2, "<stderr>", "backslashreplace")
        sys.stderr.reconfigure(line_buffering=True)
    sys.__stdout__, sys.__stderr__ = sys.stdout, sys.stderr  # type: ignore[misc]
    signal.signal(TIME_UP, _stop)


def finish() -> int:
    """Ends the program as Python does: waits for its threads but for daemons, calls what is registered with `atexit`,
    finalizes its objects, writes what is buffered. The exit code, if that failed, else 0.
    """
    threading._shutdown()  # type: ignore[attr-defined]  # what Python itself calls
    atexit._run_exitfuncs()
    failed = _flush()
    sys.modules.pop("__main__", None)
    gc.collect()
    for stream in (sys.stdout, sys.stderr, sys.__stdout__):
        with contextlib.suppress(Exception):  # what fails now has been told, or Python does not tell it
            stream.flush()  # type: ignore[union-attr]
    _flush_libraries(None)
    return failed


def hide_frames() -> None:
    """Has the recursion limit, and stacks that a program prints, begin with the frame that the caller runs next."""
    ours = {id(frame) for frame, _ in traceback.walk_stack(sys._getframe(1))}
    depth = len(ours) + 1  # `exec` counts too
    get_limit, set_limit, walk = sys.getrecursionlimit, sys.setrecursionlimit, traceback.walk_stack
    set_limit(get_limit() + depth)
    sys.getrecursionlimit = lambda: get_limit() - depth
    sys.setrecursionlimit = lambda limit, /: set_limit(limit + depth if type(limit) is int and limit > 0 else limit)

    def walk_stack(f: types.FrameType | None) -> Iterator[tuple[types.FrameType, int]]:
        start = sys._getframe(1).f_back if f is None else f
        return ((each, line) for each, line in walk(start) if id(each) not in ours)

    traceback.walk_stack = walk_stack


def exit_code(end: SystemExit) -> int:
    """The exit code by which Python answers to SystemExit."""
    return end.code & 255 if isinstance(end.code, int) else int(end.code is not None)


def lift_memory_limit() -> None:
    """Makes room to report in: the soft limit is a little below the hard one."""
    gc.collect()
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    resource.setrlimit(resource.RLIMIT_AS, (hard, hard))


def _stream(number: int, name: str, errors: str, kind: type[io.TextIOWrapper] = io.TextIOWrapper) -> io.TextIOWrapper:
    raw = io.FileIO(number, "w" if number else "r", closefd=False)
    raw.name = name
    stream = kind(io.BufferedWriter(raw) if number else io.BufferedReader(raw), "utf-8", errors, newline="\n")
    stream.mode = "w" if number else "r"  # type: ignore[misc]
    return stream


def _stop(*_: object) -> None:
    """Writes what is buffered, and ends the process."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):  # it may be closed, be anything, or be writing right now
            stream.flush()
    os._exit(0)


def _flush() -> int:
    """Writes what is buffered in the standard streams; `_FLUSH_FAILED` if that fails."""
    failed = 0
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None and not getattr(stream, "closed", False):  # a program's own may lack it
                stream.flush()
        except Exception as error:  # the descriptor may be closed, the stream be anything
            failed = _FLUSH_FAILED
            if stream is sys.stdout and sys.stderr is not None:
                line = "".join(traceback.format_exception_only(error))
                print(f"Exception ignored in: {stream!r}\n{line}", end="", file=sys.stderr)
    return failed


def _leave(end: SystemExit) -> int:
    """The exit code of SystemExit; what is no code is printed on standard error."""
    if not isinstance(end.code, int | None):
        print(end.code, file=sys.stderr)
    return exit_code(end)


def _report(error: BaseException) -> int:
    """Has the error told by `sys.excepthook`, which may end the program itself; then its exit code, else 0."""
    without_ours(error)
    sys.last_type, sys.last_value, sys.last_traceback = type(error), error, error.__traceback__
    try:
        sys.excepthook(type(error), error, error.__traceback__)
    except SystemExit as end:
        return _leave(end)
    except BaseException as second:
        print("Error in sys.excepthook:", file=sys.stderr)
        sys.__excepthook__(type(second), without_ours(second), second.__traceback__)
        print("\nOriginal exception was:", file=sys.stderr)
        sys.__excepthook__(type(error), error, error.__traceback__)
    finally:
        del sys.last_type, sys.last_value, sys.last_traceback
    return 0


def _open_by_name(source: set[str]) -> None:
    """Lets programs, and Python's tracebacks, open the script and the standard streams by name, without /proc.

    source: the names of the script.
    """

    def number_of(file: Any) -> int | None:
        if isinstance(file, int):
            return None
        try:
            name = os.fsdecode(file)
        except (TypeError, ValueError):
            return None
        if name in source:
            os.lseek(SOURCE, 0, os.SEEK_SET)
            return SOURCE
        found = _DESCRIPTOR.fullmatch(name)
        return int(found[1]) if found else _STREAMS.get(name)

    def wrapped(plain: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(plain)
        def open(file: Any, mode: str = "r", *arguments: Any, **named: Any) -> Any:
            number = number_of(file)
            if number is not None and len(arguments) < 6:
                named.setdefault("opener", lambda *_: os.dup(number))
            return plain(file, mode, *arguments, **named)

        return open

    plain_open = os.open

    @functools.wraps(plain_open)
    def open_descriptor(path: Any, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
        number = number_of(path)
        return plain_open(path, flags, mode, dir_fd=dir_fd) if number is None else os.dup(number)

    builtins.open = io.open = wrapped(io.open)
    os.open = open_descriptor
