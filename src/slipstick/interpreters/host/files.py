"""Files of a session's scratch folder, seen from the caller's side: what is asked, and what an answer says."""

import base64
import json
from collections.abc import Awaitable, Callable
from pathlib import PurePosixPath

from slipstick.errors import InterpreterError
from slipstick.interpreters import Result
from slipstick.interpreters.guest.protocol import PART, Request

MOST_MB = 16
"""Megabytes of the longest file that is written at one time."""


def require_scratch(megabytes: int) -> None:
    """Raises InterpreterError if a session's `scratch_mb` gives it no folder."""
    if not megabytes:
        raise InterpreterError("this session has no folder for files (scratch_mb is 0); set scratch_mb=16")


def check_path(path: str) -> str:
    """The path of a file, relative to the scratch folder. Raises InterpreterError if it leads out of it."""
    parts = PurePosixPath(path).parts
    if not parts or PurePosixPath(path).is_absolute() or ".." in parts or "\0" in path:
        raise InterpreterError(f"`{path}` lies outside the session's folder; name it relative to that, as `data/a.csv`")
    return path


def write_request(path: str, content: bytes) -> Request:
    """Has a file written. Raises InterpreterError if it is too long."""
    if len(content) > MOST_MB << 20:
        raise InterpreterError(f"`{path}` has {len(content):,} bytes; at most {MOST_MB} MB can be written at one time")
    return Request("", "write", files={check_path(path): base64.b64encode(content).decode("ascii")})


def list_request() -> Request:
    """Asks for the names of all files."""
    return Request("", "list")


def written(path: str, result: Result) -> None:
    """Raises InterpreterError if a file could not be written."""
    if result.status != "ok":
        raise InterpreterError(f"`{path}` cannot be written into the session's folder: {_reason(result)}")


def listed(result: Result) -> list[str]:
    """The names of all files, of which the program may have said anything. Raises InterpreterError."""
    try:
        names = json.loads(result.data)
    except (ValueError, RecursionError):
        names = None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise InterpreterError(f"the files of the session cannot be listed: {_reason(result)}")
    return names


async def read_file(path: str, run: Callable[[Request], Awaitable[Result]], *, most: int) -> bytes:
    """A file of at most so many bytes, in parts. Raises InterpreterError."""
    content = bytearray()
    while len(content) <= most:
        result = await run(Request("", "read", name=check_path(path), start=len(content)))
        if result.status != "ok":
            raise InterpreterError(f"`{path}` cannot be read from the session's folder: {_reason(result)}")
        try:
            part = base64.b64decode(result.data, validate=True)
        except ValueError as error:
            raise InterpreterError(f"`{path}` cannot be read: the session's program has broken its Python") from error
        content += part
        if len(part) < PART:
            return bytes(content)
    raise InterpreterError(f"`{path}` has more than the {most >> 20} MB of the session's folder; raise scratch_mb")


def _reason(result: Result) -> str:
    return ": ".join(result.error) or result.stderr.strip() or result.text or result.status
