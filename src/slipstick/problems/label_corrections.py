"""Corrections of labels: a file of their own, applied whenever its problems are loaded; sources stay as they are."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from pydantic import ValidationError

from slipstick.errors import InputError
from slipstick.schema import Problem, Record
from slipstick.tabular import read_rows

AMBIGUOUS = "ambiguous"
"""The value of `new` for a problem without a single correct answer."""


class Correction(Record):
    """A line of a file of corrections: one problem's label, corrected."""

    id: str
    """The problem's id."""
    who: str
    """Who says so; several names with commas between them."""
    when: datetime
    """Since when; a date will do."""
    old: str | list[str] | None
    """The label as the source has it."""
    new: str | list[str]
    """The correct answer, several acceptable ones, or "ambiguous": then the problem is left out."""
    why: str
    """One line: what is wrong with the label."""


class Placed(NamedTuple):
    """A correction and its file and line."""

    correction: Correction
    """The correction itself."""
    where: str
    """"path:line"."""


def read_corrections(files: Iterable[Path | str]) -> dict[str, Placed]:
    """Problem id -> its correction, of all files.

    Raises InputError, with file and line, for a line that is not a correction and for a second one of the same problem
    that says something else.
    """
    corrections: dict[str, Placed] = {}
    for file in files:
        for row in read_rows(file):
            try:
                correction = Correction.model_validate(row.values)
            except ValidationError as error:
                first = error.errors()[0]
                key = ".".join(map(str, first["loc"]))
                raise InputError(f"{row.where} is not a correction: {key}: {first['msg']}") from error
            earlier = corrections.get(correction.id)
            if earlier and (earlier.correction.old, earlier.correction.new) != (correction.old, correction.new):
                raise InputError(
                    f"{row.where} corrects {correction.id} to {correction.new!r}, but {earlier.where} to "
                    f"{earlier.correction.new!r}: keep one of the two lines"
                )
            corrections.setdefault(correction.id, Placed(correction, row.where))
    return corrections


def apply_corrections(
    problems: Iterable[Problem], files: Sequence[Path | str], *, whole: bool = True
) -> Iterator[Problem]:
    """The problems with their labels corrected, without those that are ambiguous.

    A corrected problem loses its rationale, which leads to the old label, and `metadata["label_correction"]` says who
    corrected it, when and why. A problem that has the new label already is left as it is. Raises InputError if a
    correction's `old` is not the label that the source has, or, at the end of a `whole` source, if no correction is
    about any of its problems.
    """
    corrections = read_corrections(files)
    met = False
    for problem in problems:
        placed = corrections.get(problem.id)
        met = met or placed is not None
        corrected = _apply(problem, placed) if placed else problem
        if corrected:
            yield corrected
    if whole and corrections and not met:
        names = ", ".join(map(str, files))
        raise InputError(f"{names} corrects none of these problems; its first id is {next(iter(corrections))}")


def _apply(problem: Problem, placed: Placed) -> Problem | None:
    correction = placed.correction
    if problem.answer == correction.new:
        return problem
    if problem.answer != correction.old:
        raise InputError(
            f"{placed.where} corrects {problem.id} from {correction.old!r}, but its label is {problem.answer!r}: the "
            "correction was made for another version of the source; check the problem, then fix or remove the line"
        )
    if correction.new == AMBIGUOUS:
        return None
    said = correction.model_dump(mode="json", include={"who", "when", "old", "why"})
    known = {key: value for key, value in problem.metadata.items() if key != "steps"}
    about = known | {"label_correction": said}
    return problem.model_copy(update={"answer": correction.new, "rationale": None, "metadata": about})
