"""How the error that ended a program is told: in short to models, as Python tells it to others."""

from __future__ import annotations

import io
import linecache
import traceback
import types
from collections.abc import Iterator
from pathlib import Path

from slipstick.interpreters.guest import surroundings

_FRAMES = 8
_CAUSES = 8
"""Frames and causes that a short traceback shows."""
_OURS = str(Path(__file__).parent)


def format_error(error: BaseException) -> str:
    """Python's own traceback."""
    return "".join(traceback.format_exception(without_ours(error)))


def without_ours(error: BaseException) -> BaseException:
    """The error, its traceback and those of its causes without our own frames."""
    seen: set[int] = set()
    left: list[BaseException | None] = [error]
    while left:
        each = left.pop()
        if each is None or id(each) in seen:
            continue
        seen.add(id(each))
        own = [trace for trace in _chain(each.__traceback__) if not _is_ours(trace.tb_frame)]
        following = None
        for trace in reversed(own):
            trace.tb_next = following
            following = trace
        each.__traceback__ = following
        left += [each.__cause__, each.__context__]
    return error


def _chain(trace: types.TracebackType | None) -> Iterator[types.TracebackType]:
    while trace is not None:
        yield trace
        trace = trace.tb_next


def _is_ours(frame: types.FrameType) -> bool:
    return frame.f_code.co_filename.startswith(_OURS)


def name_and_message(error: BaseException) -> list[str]:
    """What kind of error it is and what it says."""
    name, _, message = _last_line(error).partition(": ")
    return [name, message]


def remember(name: str, code: str) -> None:
    """Gives tracebacks and `inspect` the source of a step, its last line ended as `linecache` ends it."""
    code = code if code.endswith("\n") else f"{code}\n"
    lines = list(io.StringIO(code, newline=None))  # as Python counts lines
    linecache.cache[name] = (len(code), None, lines, name)


def describe(error: BaseException, sources: dict[str, str]) -> str:
    """A short traceback: the program's own frames, then one line "ErrorType: message"."""
    for name, code in sources.items():
        remember(name, code)
    own = [(frame, line) for frame, line in traceback.walk_tb(error.__traceback__) if is_program(frame)]
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


def is_program(frame: types.FrameType) -> bool:
    """Whether a frame is of the program's own code."""
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
