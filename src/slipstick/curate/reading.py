"""Reads the rows of finished runs, one at a time; an invalid line becomes a Drop and stops nothing."""

from __future__ import annotations

import json
from collections.abc import Container, Iterator, Sequence
from io import BytesIO
from pathlib import Path
from typing import IO, NamedTuple, TypeVar

from pydantic import ValidationError

from slipstick.schema import Drop, Problem, Record, Solution
from slipstick.store import Graded, RunFolder

R = TypeVar("R", bound=Record)


class Line(NamedTuple):
    """A line of a run's file."""

    place: int
    """Its number among the lines of all runs, from 0."""
    run: RunFolder
    """The run it was read from."""
    number: int
    """Its number in its file, from 1."""


def read_problems(runs: Sequence[RunFolder]) -> Iterator[tuple[Line, Problem | Drop]]:
    """The problems of all runs, in order; one that two runs have comes twice."""
    place = 0
    for run in runs:
        for number, line in _lines(run.path / "problems.jsonl"):
            yield Line(place, run, number), _record(run.path / "problems.jsonl", number, line, Problem)
            place += 1


def read_solutions(
    runs: Sequence[RunFolder], *, wanted: Container[int] | None = None
) -> Iterator[tuple[Line, Solution | Drop]]:
    """The solutions of all runs, in order, with the verdicts that were given since they were written.

    wanted: places of the lines to read; None reads all.
    """
    place = 0
    for run in runs:
        verdicts = _Verdicts(run.path / "verdicts.jsonl")
        with verdicts:
            for number, drop in verdicts.unreadable:
                yield Line(place, run, number), drop
                place += 1
            for number, line in _lines(run.path / "solutions.jsonl"):
                if wanted is None or place in wanted:
                    item = _record(run.path / "solutions.jsonl", number, line, Solution)
                    yield Line(place, run, number), item if isinstance(item, Drop) else verdicts.apply(item)
                place += 1


def read_chosen(runs: Sequence[RunFolder], places: Container[int]) -> Iterator[tuple[int, Solution]]:
    """The solutions at these places, in order, each with its place."""
    for line, solution in read_solutions(runs, wanted=places):
        if isinstance(solution, Solution):
            yield line.place, solution


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    if path.is_file():
        with path.open("rb") as file:
            yield from enumerate(file, start=1)


def _record(path: Path, number: int, line: bytes, kind: type[R]) -> R | Drop:
    try:
        return kind.model_validate_json(line)
    except ValidationError as error:
        return _unreadable(path, number, line, kind, error)


def _unreadable(path: Path, number: int, line: bytes, kind: type[Record], error: ValidationError) -> Drop:
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"]) or "the line"
    cut = "" if line.endswith(b"\n") else ", cut short"
    return Drop(
        row={"where": f"{path}:{number}", "line": line.decode("utf-8", "replace").rstrip("\n")},
        rule="unreadable",
        reason=f"{path}:{number} is not a {kind.__name__}{cut}: {where}: {first['msg']}",
    )


class _Verdicts:
    """A run's verdicts by the solution's id; only the offset of each line is kept in memory."""

    def __init__(self, path: Path) -> None:
        self.unreadable: list[tuple[int, Drop]] = []
        """Lines of which not even the id can be read."""
        self._path = path
        self._places: dict[str, tuple[int, int]] = {}  # id -> number and offset of its line
        self._file: IO[bytes] = path.open("rb") if path.is_file() else BytesIO()
        at = 0
        for number, line in enumerate(self._file, start=1):
            if (name := _id(line)) is not None:
                self._places[name] = number, at
            else:
                try:
                    Graded.model_validate_json(line)
                except ValidationError as error:
                    self.unreadable.append((number, _unreadable(path, number, line, Graded, error)))
            at += len(line)

    def __enter__(self) -> _Verdicts:
        return self

    def __exit__(self, *error: object) -> None:
        self._file.close()

    def apply(self, solution: Solution) -> Solution | Drop:
        """The solution with its verdict, if it has one."""
        if solution.id not in self._places:
            return solution
        number, at = self._places[solution.id]
        self._file.seek(at)
        line = self._file.readline()
        try:
            graded = Graded.model_validate_json(line)
        except ValidationError as error:
            return _unreadable(self._path, number, line, Graded, error)
        return solution.model_copy(update={"answer": graded.answer, "verdict": graded.verdict})


def _id(line: bytes) -> str | None:
    """The id a line of verdicts.jsonl begins with."""
    if not line.startswith(b'{"id":'):
        return None
    try:
        name = json.JSONDecoder().raw_decode(line.decode("utf-8"), len(b'{"id":'))[0]
    except ValueError:
        return None
    return name if isinstance(name, str) else None
