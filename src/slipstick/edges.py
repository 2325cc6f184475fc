"""The edges: what the operating system, a decoder or pydantic raises about a user's file, as one message that names it.

Whoever reads a file that a user may have made, moved or damaged does it within `reading`, or row by row by `to_record`.
What the system refuses anywhere else (a full disk, a folder that may not be written to) the doors turn into a message
by `refused_by_system`. Everything else that is raised is a bug of ours and keeps its traceback.
"""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError

from slipstick.errors import InputError, RunFolderError, UserError
from slipstick.schema import RECORD_FORMAT

R = TypeVar("R", bound=BaseModel)
T = TypeVar("T")

_ELSEWHERE = "choose another place with --out"
_REMEDIES = {
    errno.ENOSPC: "free some space; nothing that was written is lost, and --resume continues a run",
    errno.EDQUOT: "free some space; nothing that was written is lost, and --resume continues a run",
    errno.EACCES: f"change its permissions, or {_ELSEWHERE}",
    errno.EPERM: f"change its permissions, or {_ELSEWHERE}",
    errno.EROFS: _ELSEWHERE,
    errno.ENOENT: "is the path right, and its folder there?",
    errno.ENOTDIR: "a part of the path is a file",
    errno.EISDIR: "name a file",
    errno.EEXIST: f"remove it, or {_ELSEWHERE}",
    errno.ENOTEMPTY: _ELSEWHERE,
    errno.ELOOP: "a link in the path leads back to itself: remove it",
    errno.ENAMETOOLONG: "choose a shorter name",
    errno.EINVAL: "the file system does not take this: choose another place",
    errno.EIO: "the disk has a fault",
    errno.EMFILE: "too many files are open: raise `ulimit -n`",
}
_WILDCARDS = "*?["
_MOST_ENTRIES = 200_000
"""Files and folders that are looked at below one that a user names."""


def refused_by_system(error: OSError) -> UserError | None:
    """What the system refused, and what can be done, as a message; None for what no user can change."""
    remedy = _REMEDIES.get(error.errno or 0)
    if remedy is None:
        return None
    names = [shorten(str(name)) for name in (error.filename, error.filename2) if name is not None]
    return UserError(
        ": ".join([" -> ".join(names), f"{error.strerror}: {remedy}"] if names else [f"{error}: {remedy}"])
    )


@contextmanager
def reading(path: Path | str, *, kind: type[UserError] = InputError) -> Iterator[None]:
    """Turns whatever reading a file raises into one error of this kind, which names the file."""
    name = shorten(str(path))
    try:
        yield
    except FileNotFoundError as error:
        raise kind(f"{name} does not exist") from error
    except OSError as error:
        raise kind(f"{name} cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise kind(
            f"{name} is not UTF-8 (byte {error.start}: {error.object[error.start]:#04x}): save it as UTF-8"
        ) from error
    except ValidationError as error:
        raise kind(f"{name} is damaged, or not what it is named for: {first_mistake(error)}") from error
    except RecursionError as error:
        raise kind(f"{name} is nested too deeply to be read") from error
    except ValueError as error:  # JSON, TOML; an integer of more digits than Python reads
        raise kind(f"{name} cannot be read: {shorten(str(error))}") from error


def open_rows(path: Path) -> BinaryIO:
    """Opens a file of rows. Raises InputError for a folder, and for a device, which may never end."""
    if path.exists() and not path.is_file():
        raise InputError(f"{path} is a folder or a device, not a file of rows")
    return path.open("rb")


def whole_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """The lines of a file of ours with their numbers, one at a time; a torn last line is passed over."""
    with reading(path), open_rows(path) as file:
        for number, line in enumerate(file, start=1):
            if line.endswith(b"\n"):
                yield number, line


def read_text(path: Path | str) -> str:
    """A user's file as text. Raises InputError."""
    with reading(path):
        return Path(path).read_text("utf-8")


def read_json(path: Path, kind: TypeAdapter[T]) -> T:
    """A file of a run that is one JSON value, as a record. Raises RunFolderError."""
    with reading(path, kind=RunFolderError):
        data = path.read_bytes()
        try:
            found = kind.validate_json(data)
        except ValidationError as error:
            if unknown := _unknown_fields(error):
                raise RunFolderError(_by_another_version(path, path.parent, unknown)) from error
            aside = f"`slipstick repair {path.parent}` moves it aside"
            remedy = "put it back from a copy, or make the run again" if path.name == "run.json" else aside
            raise RunFolderError(f"{path} is damaged ({first_mistake(error)}): {remedy}") from error
        if _made_by(path.parent)[1] > RECORD_FORMAT:
            raise RunFolderError(_by_another_version(path, path.parent, []))
        return found


def to_record(line: bytes, kind: type[R], path: Path, number: int) -> R:
    """A line of a file of ours as a record. Raises InputError with file, line and what to do."""
    try:
        return kind.model_validate_json(line)
    except ValidationError as error:
        where = f"{path}:{number}"
        if unknown := _unknown_fields(error):
            raise InputError(_by_another_version(where, path.parent, unknown)) from error
        raise damaged_row(path, number, f"is not a valid {kind.__name__}: {first_mistake(error)}") from error


def damaged_row(path: Path, number: int, what: str) -> InputError:
    """The error of a row that cannot be read; of a row of a run it names the command that puts such rows aside."""
    remedy = f"; `slipstick repair {path.parent}` moves such rows aside" if (path.parent / "run.json").is_file() else ""
    return InputError(f"{path}:{number} {what}{remedy}")


def first_mistake(error: ValidationError) -> str:
    """The first thing that a validation found, with its place."""
    first = error.errors(include_url=False, include_context=False)[0]
    where = ".".join(str(part) for part in first["loc"]) or "the line"
    return f"{where}: {shorten(str(first['msg']))}"


def is_pattern(path: Path | str) -> bool:
    """Whether a path stands for those that fit it, as "runs/*" does; what exists under that very name does not."""
    return any(sign in str(path) for sign in _WILDCARDS) and not Path(path).exists()


def paths_that_fit(pattern: Path | str) -> list[Path]:
    """The paths that fit a pattern, absolute or below the current folder, in order."""
    path = Path(pattern)
    return sorted(Path(path.anchor).glob(str(path.relative_to(path.anchor))))


def without_wildcards(name: str) -> str:
    """What a run is named after if it is made from the files that fit a pattern: "out" for "out_*"."""
    return "".join(sign for sign in name if sign not in f"{_WILDCARDS}]").strip("_-.")


def files_below(folder: Path) -> Iterator[Path]:
    """The files below a folder, in order of their names; links to folders and hidden folders are not followed.

    What may not be listed is passed over. Raises InputError once too much has been looked at, as below `/`.
    """
    looked = 0
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        looked += len(folders) + len(files)
        if looked > _MOST_ENTRIES:
            raise InputError(f"{folder} has more than {_MOST_ENTRIES:,} files and folders: name a folder inside it")
        yield from (Path(place, name) for name in sorted(files))


def shorten(text: str, most: int = 200) -> str:
    """A text for a message, cut in its middle if it is long."""
    return text if len(text) <= most else f"{text[: most // 2]}[{len(text):,} characters]{text[-most // 4 :]}"


def _unknown_fields(error: ValidationError) -> list[str]:
    found = error.errors(include_url=False, include_context=False, include_input=False)
    return [".".join(map(str, each["loc"])) for each in found if each["type"] == "extra_forbidden"]


def _by_another_version(what: Path | str, folder: Path, unknown: list[str]) -> str:
    made_by, record_format = _made_by(folder)
    fields = f": it has `{'`, `'.join(unknown[:5])}`" if unknown else ""
    return (
        f"{what} was written by another version of slipstick ({made_by}, format {record_format}) and cannot be read by "
        f"this one ({version('slipstick')}, format {RECORD_FORMAT}){fields}. Use that version, or make the run again"
    )


def _made_by(folder: Path) -> tuple[str, int]:
    """The version that made a run and the format of its records, as far as its run.json says."""
    try:
        run: Any = json.loads((folder / "run.json").read_bytes())
    except (OSError, ValueError, RecursionError):
        return "unknown", 0
    if not isinstance(run, dict):
        return "unknown", 0
    versions, record_format = run.get("versions"), run.get("record_format")
    made_by = versions.get("slipstick") if isinstance(versions, dict) else None
    return str(made_by or "unknown"), record_format if isinstance(record_format, int) else 1
