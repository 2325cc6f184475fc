"""Which problems a run is about: the settings of a recipe, and the problems they name."""

import logging
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from typing import Self

from pydantic import Field, model_validator

from slipstick.errors import InputError
from slipstick.problems import load_problems
from slipstick.problems.catalogue.local import local_files
from slipstick.problems.catalogue.selection import check_left_out, expand, leaves_out
from slipstick.recipe import Names
from slipstick.schema import Drop, Problem, Record
from slipstick.tabular import OnBad

_LOGGER = logging.getLogger("slipstick")
WRITTEN = "self_instruct"
"""What `leave_out` calls questions that a model writes, as their ids do."""


class ProblemSettings(Record):
    """Settings of problems."""

    problems: Names
    """Sources ("synthetic:mix"), datasets ("gsm8k:test"), suites ("suite:mario-four") or files: one or a list."""
    problems_dir: Path | None = None
    """A folder in which datasets are looked for before the Hub; None uses SLIPSTICK_PROBLEMS_DIR."""
    field_map: dict[str, str | list[str]] = Field(default_factory=dict)
    """Problem field -> key of the row, if the file has keys of its own: {text = "question"}; for `choices` also a
    list of columns, an option each."""
    limit: int | None = Field(default=None, ge=1)
    """Use only the first `limit` problems of each set."""
    label_corrections: Names = Field(default_factory=list)
    """Files of corrected labels, applied as the problems are loaded."""
    leave_out: Names = Field(default_factory=list)
    """Sources of `problems` that are not read: datasets ("camel-math"), or licences of the catalogue ("*NC*",
    "none")."""

    @model_validator(mode="after")
    def _leaves_out_what_there_is(self) -> Self:
        if self.leave_out:
            check_left_out(self.leave_out, more=[*self.problems, WRITTEN])
        return self

    def sources(self) -> list[str]:
        """`problems` without those that are left out."""
        left = self.left_out()
        return [each for one in self.problems for each in expand(one) if each not in left] if left else self.problems

    def left_out(self) -> list[str]:
        """The sources that `leave_out` names, lists of sets taken apart."""
        named = [each for one in self.problems for each in expand(one)] if self.leave_out else []
        return [each for each in named if leaves_out(self.leave_out, each)]

    def files(self) -> list[Path]:
        """The sources that are files, the local files of datasets, and the patches."""
        named = self.sources()
        sources = (Path(source.removeprefix("files:")) for source in [*named, *self.label_corrections])
        local = (local_files(source, problems_dir=self.problems_dir) for source in named)
        return [*(path for path in sources if path.is_file()), *chain.from_iterable(local)]


def take_problems(settings: ProblemSettings) -> list[Problem]:
    """The problems a recipe names. Raises InputError if there are none, or two of the same id."""
    return list(each_problem(settings))


def sound_problems(settings: ProblemSettings) -> tuple[list[Problem], list[Drop]]:
    """The problems a recipe names, and a Drop for every row of a file or dataset that cannot be read.

    Raises InputError if there is no problem, or two of the same id.
    """
    bad: list[Drop] = []

    def on_bad(where: str, reason: str) -> None:
        bad.append(Drop(row={"id": where}, rule="corrupt source row", reason=f"{where}: {reason}"))

    return list(each_problem(settings, on_bad=on_bad)), bad


def each_problem(
    settings: ProblemSettings, *, on_bad: OnBad | None = None, on_notice: Callable[[str], None] | None = None
) -> Iterator[Problem]:
    """The problems a recipe names, one by one; InputError comes at the end, once all mistakes are known.

    on_notice: takes a line for each file with missing golds; None prints it to standard error.
    """
    more = {"on_notice": on_notice} if on_notice else {}
    sources = settings.sources()
    if (left := settings.left_out()) and not on_notice:
        _LOGGER.info(f"left out: {', '.join(left)}")
    loaded = load_problems(
        sources,
        field_map=settings.field_map or None,
        problems_dir=settings.problems_dir,
        label_corrections=settings.label_corrections,
        limit=settings.limit,
        on_bad=on_bad,
        **more,
    )
    seen: set[str] = set()
    twice: dict[str, None] = {}
    for problem in loaded:
        if problem.id in seen:
            twice.setdefault(problem.id)
        seen.add(problem.id)
        yield problem
    if not seen and (sources or not settings.problems):
        raise InputError(f"problems = {settings.problems} contains no problem")
    if twice:
        first = next(iter(twice))
        raise InputError(f"problems = {settings.problems} has {len(twice)} duplicate ids, {first!r} first")


def check_problems(settings: ProblemSettings, *, graded: bool = False) -> None:
    """Raises InputError if the problems cannot be read, are none, or have an id twice.

    graded: also if not one of them has a gold, so that nothing can be graded. The second pass says which have none.
    """
    notices: list[str] = []
    golds = sum(problem.answer is not None for problem in each_problem(settings, on_notice=notices.append))
    if graded and not golds:
        why = "; ".join(notices) or f"problems = {settings.problems} gives none"
        raise InputError(f"no problem has a gold, so nothing can be graded (`slipstick solve` needs none): {why}")
