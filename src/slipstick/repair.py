"""Makes a damaged run readable again: sound rows stay, all others are moved into a file beside, NAME.damaged.

Rows are never changed. Two rows that stand on one line become two lines. A solution whose problem is missing is moved
too, unless problems.jsonl itself was damaged: the run's command with --resume then writes its problems again.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

from pydantic import BaseModel, TypeAdapter, ValidationError

from slipstick.edges import read_json, reading
from slipstick.errors import RunFolderError
from slipstick.formats.recorded import FORMATS, RecordedFormat
from slipstick.parts import replacing
from slipstick.schema import Drop, Metric, Problem, Record, Solution
from slipstick.store import Graded, RunFolder

DAMAGED = ".damaged"
"""Ending of the file that takes what cannot be read."""
_KINDS: dict[str, type[BaseModel]] = {
    "problems.jsonl": Problem,
    "solutions.jsonl": Solution,
    "verdicts.jsonl": Graded,
    "dropped.jsonl": Drop,
    FORMATS: RecordedFormat,
}
_DECODER = json.JSONDecoder()


class Repaired(Record):
    """A file of a run that was repaired."""

    name: str
    """Its name."""
    kept: int
    """Rows that stayed."""
    moved: int
    """Rows that were moved; 1 for a file that was moved whole."""
    beside: str
    """Where they are now."""


def repair(path: Path | str) -> list[Repaired]:
    """Moves what cannot be read out of a run's files; gives the files that were changed.

    A run that lost solutions or problems is `stopped` afterwards, so that it can be continued. Raises RunFolderError
    if run.json itself cannot be read or a live process writes to the run.
    """
    folder = RunFolder(path)
    run = folder.run()
    with folder.locked():
        found = [_repair_json(folder.path / "metrics.json")]
        for name in [*_KINDS, *(name for name in (*run.files, "alarms.jsonl") if name.endswith(".jsonl"))]:
            found.append(_repair_rows(folder, name, _KINDS.get(name)))
        repaired = [each for each in found if each]
        lost_problems = (folder.path / f"problems.jsonl{DAMAGED}").exists() and folder.run().status == "stopped"
        if not lost_problems:  # now, or in a repair since which the run was not continued
            repaired += _repair_orphans(folder)
    return repaired


def _will_change(folder: RunFolder, name: str) -> None:
    """Before a file is changed: a kill afterwards must not leave a run with fewer rows that calls itself finished."""
    if name in ("problems.jsonl", "solutions.jsonl") and folder.run().status != "stopped":
        folder.note(status="stopped")


def _repair_json(path: Path) -> Repaired | None:
    if not path.exists():
        return None
    try:
        read_json(path, TypeAdapter(list[Metric]))
    except RunFolderError:
        return _move_whole(path)
    return None


def _repair_rows(folder: RunFolder, name: str, kind: type[BaseModel] | None) -> Repaired | None:
    """kind: what a row must be; None: any JSON object."""
    path = folder.path / name
    if path.is_dir():
        _will_change(folder, name)
        return _move_whole(path)
    return _sort_rows(folder, name, lambda line: _rows_in(line, kind)) if path.exists() else None


def _repair_orphans(folder: RunFolder) -> list[Repaired]:
    solutions, problems = folder.path / "solutions.jsonl", folder.path / "problems.jsonl"
    if not problems.is_file() or not solutions.is_file():
        return []
    with problems.open("rb") as file:
        ids = {json.loads(line)["id"] for line in file}
    if not ids:
        raise RunFolderError(
            f"{problems} is empty, and {solutions} is not: the run's command with --resume writes its problems again"
        )
    moved = _sort_rows(folder, solutions.name, lambda line: [line] if json.loads(line)["problem_id"] in ids else [])
    return [moved] if moved else []


def _sort_rows(folder: RunFolder, name: str, sound: Callable[[bytes], list[bytes]]) -> Repaired | None:
    """Rewrites a file with what is sound in each of its lines; what is not goes to the file beside."""
    path = folder.path / name
    beside = path.with_name(path.name + DAMAGED)
    kept, bad = 0, list[bytes]()
    changed = False
    with reading(path), path.open("rb") as file:
        for line in file:
            rows = sound(line)
            kept += len(rows)
            changed = changed or rows != [line]
            if not rows and line.strip():
                bad.append(line if line.endswith(b"\n") else line + b"\n")
    if not changed:
        return None
    _will_change(folder, name)
    if bad:
        _add_once(beside, b"".join(bad))
    with path.open("rb") as old, replacing(path) as new:
        for line in old:
            new.writelines(sound(line))
    return Repaired(name=name, kept=kept, moved=len(bad), beside=str(beside))


def _add_once(path: Path, rows: bytes) -> None:
    """Adds rows to a file unless they are its last: then a repair was killed after it had added them."""
    before = path.read_bytes() if path.exists() else b""
    if not before.endswith(rows):
        with replacing(path) as new:
            new.writelines([before, rows])


def _rows_in(line: bytes, kind: type[BaseModel] | None) -> list[bytes]:
    """The rows of a line, each with its newline: the line itself, several that were joined, or none."""
    if line.endswith(b"\n") and _is_row(line, kind):
        return [line]
    try:
        text, at, rows = line.decode("utf-8").strip(), 0, list[bytes]()
        while at < len(text):
            _, end = _DECODER.raw_decode(text, at)
            rows.append(f"{text[at:end].strip()}\n".encode())
            at = end + len(text[end:]) - len(text[end:].lstrip())
    except (ValueError, RecursionError):
        return []
    return rows if all(_is_row(row, kind) for row in rows) else []


def _is_row(line: bytes, kind: type[BaseModel] | None) -> bool:
    try:
        if kind is None:
            return isinstance(json.loads(line), dict)
        kind.model_validate_json(line)
    except (ValidationError, ValueError, RecursionError):
        return False
    return True


def _move_whole(path: Path) -> Repaired:
    beside = path.with_name(path.name + DAMAGED)
    number = 1
    while beside.exists():
        number += 1
        beside = path.with_name(f"{path.name}{DAMAGED}-{number}")
    shutil.move(path, beside)
    return Repaired(name=path.name, kept=0, moved=1, beside=str(beside))
