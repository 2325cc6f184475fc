"""Reads rows from JSON files: one object a line or one array of objects, gzipped or not."""

from __future__ import annotations

import difflib
import gzip
import json
import zlib
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, cast

from slipstick.errors import InputError


class Row(NamedTuple):
    """One object of a file and where it stood."""

    where: str
    """"path:line" for messages; the element's number instead of the line in a file that is one array."""
    number: int
    """Line, or element of the array, counted from 1."""
    values: dict[str, Any]


def read_rows(path: Path | str) -> Iterator[Row]:
    """The rows of a file, one at a time (a file that is one array is read whole); blank lines are passed over.

    Raises InputError at once where there is no such file, and with file and line when it comes to a line that is
    no JSON object, to the cut end of a gzip file, or to the end of a file without rows.
    """
    path = Path(path)
    require_file(path)
    return _rows(path)


def require_file(path: Path) -> None:
    """Raises InputError, naming the nearest file beside it, where `path` is no file."""
    if path.is_file():
        return
    if path.is_dir():
        inside = sorted(entry.name for entry in path.iterdir() if entry.is_file() and ".json" in entry.name)
        listing = f"; name one of its files: {', '.join(inside[:5])}" if inside else ""
        raise InputError(f"{path} is a folder, not a file of rows{listing}")
    beside = [entry.name for entry in path.parent.iterdir() if entry.is_file()] if path.parent.is_dir() else []
    near = difflib.get_close_matches(path.name, beside, n=1, cutoff=0.6)
    hint = f" (did you mean `{path.parent / near[0]}`?)" if near else ""
    raise InputError(f"{path} does not exist{hint}")


def _rows(path: Path) -> Iterator[Row]:
    found = False
    for row in _objects(path):
        found = True
        yield row
    if not found:
        raise InputError(f"{path} holds no rows; a row is one JSON object on a line of its own")


def _objects(path: Path) -> Iterator[Row]:
    lines = ((number, line) for number, line in _lines(path) if line.strip())
    first = next(lines, None)
    if first is None:
        return
    if first[1].lstrip().startswith("["):
        text = first[1] + "".join(line for _, line in lines)
        elements = _decode(text, str(path))
        for number, element in enumerate(elements, start=1):
            yield _row(f"{path}:{number}", number, element)
        return
    for number, line in chain([first], lines):
        where = f"{path}:{number}"
        yield _row(where, number, _decode(line, where))


def _row(where: str, number: int, value: object) -> Row:
    if not isinstance(value, dict):
        raise InputError(f"{where} is {_json_type(value)}, not a JSON object: {_short(json.dumps(value))}")
    return Row(where, number, value)


def _decode(text: str, where: str) -> Any:
    try:
        value = json.loads(text)
        if "\\ud" in text.lower():
            json.dumps(value, ensure_ascii=False).encode()  # half a surrogate pair could not be written again
        return value
    except json.JSONDecodeError as error:
        line = f" line {error.lineno}" if error.lineno > 1 else ""
        hint = "; a row is one JSON object on a line of its own" if text.strip() == "{" else ""
        raise InputError(
            f"{where} is not valid JSON:{line} column {error.colno}: {error.msg}: {_short(text)}{hint}"
        ) from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{where} is JSON that cannot be read: {error}") from error


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    number = 0
    try:
        with _open(path) as file:
            for number, line in enumerate(file, start=1):
                yield number, line.decode("utf-8-sig" if number == 1 else "utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"{path}:{number} is not UTF-8: byte {error.object[error.start]:#04x}") from error
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise InputError(f"{path} is a damaged gzip file, cut or altered behind line {number}: {error}") from error
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from error


def _open(path: Path) -> BinaryIO:
    with path.open("rb") as file:
        zipped = file.read(2) == b"\x1f\x8b"
    return cast(BinaryIO, gzip.open(path, "rb")) if zipped else path.open("rb")


def _json_type(value: object) -> str:
    names = {list: "an array", str: "a string", int: "a number", float: "a number", bool: "true or false"}
    return names.get(type(value), "null")


def _short(text: str) -> str:
    text = text.strip()
    return text if len(text) <= 80 else f"{text[:77]}..."
