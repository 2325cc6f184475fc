"""Finds runs, and reads what a page shows from a run's folder; what a stopped run has is graded for the page alone."""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import count
from pathlib import Path
from typing import NamedTuple

from slipstick.comparison import SOLVING
from slipstick.edges import is_pattern, paths_that_fit
from slipstick.errors import InputError
from slipstick.evaluate import GradeSettings, evaluate
from slipstick.recipe import check_settings
from slipstick.schema import Metric, Problem, Run, Solution
from slipstick.store import RunFolder, is_run

_MOST_LOOKED_AT = 20_000


class RunContent(NamedTuple):
    """A run as its page shows it."""

    run: Run
    """Its record."""
    problems: list[Problem]
    """Its problems."""
    solutions: list[Solution]
    """Its solutions, graded if the run has verdicts or its page needs them."""
    metrics: list[Metric]
    """Its numbers, or those of what there is."""
    planned: int
    """Solutions that the run makes if it goes on to its end; 0 if that is not known."""
    graded_here: bool
    """Whether the verdicts were made for the page and are in no file."""

    @property
    def partial(self) -> str:
        """How much of the run there is, in words; "" if that is all."""
        if self.run.status == "finished" or not self.planned or len(self.solutions) >= self.planned:
            return ""
        share = len(self.solutions) / self.planned
        return f"partial: {len(self.solutions):,} of {self.planned:,} planned solutions ({share:.0%})"


def read_run(folder: RunFolder) -> RunContent:
    """What a run's folder holds. A run that solves and has no numbers yet is graded as far as it went, by its profile.

    Nothing is written. Raises what reading the folder raises (InputError, RunFolderError).
    """
    run, problems, solutions, metrics = folder.run(), _problems(folder), list(folder.solutions()), folder.metrics()
    planned = _planned(run, len(problems)) if run.verb in SOLVING else 0
    if metrics or run.verb not in SOLVING or not solutions or not any(problem.answer for problem in problems):
        return RunContent(run, problems, solutions, metrics, planned, graded_here=False)
    own = {key: value for key, value in run.recipe.items() if key in GradeSettings.model_fields}
    settings = check_settings(own, GradeSettings, overrides=[])
    # `evaluate` grades with worker processes; what is already graded, as after a stop while counting, is graded again
    fresh = [solution.model_copy(update={"verdict": None}) for solution in solutions]
    graded, metrics = evaluate(problems, fresh, ks=settings.ks, averages=settings.averages, profile=settings.profile)
    return RunContent(run, problems, graded, metrics, planned, graded_here=True)


def find_runs(targets: Iterable[str]) -> list[RunFolder]:
    """The runs that targets name: run folders, folders that hold runs, patterns such as "runs/*".

    A run inside a run, as a round of self-training is, is not looked for. Raises InputError if there is none.
    """
    targets = list(targets)
    found: dict[Path, RunFolder] = {}
    for target in targets:
        paths = sorted(paths_that_fit(target), key=_natural) if is_pattern(target) else [Path(target)]
        if not is_pattern(target) and not paths[0].exists():
            raise InputError(f"{target} does not exist: name run folders, or a folder that holds runs")
        for path in paths:
            found |= {each.resolve(): RunFolder(each) for each in _runs_below(path, count())}
    if not found:
        raise InputError(f"{', '.join(targets)}: no run folder is there (a run folder has a run.json)")
    return list(found.values())


def _problems(folder: RunFolder) -> list[Problem]:
    """A training run has none, and a run that was killed early may have none yet."""
    return list(folder.problems()) if (folder.path / "problems.jsonl").is_file() else []


def _planned(run: Run, problems: int) -> int:
    formats: Sequence[str] = run.recipe.get("formats") or []
    return problems * int(run.recipe.get("num_samples") or 1) * len(formats)


def _runs_below(path: Path, seen: Iterator[int]) -> Iterator[Path]:
    """seen: counts what is looked at on the way. Raises InputError if that is more than a folder of runs holds."""
    if _is_run(path):
        yield path
        return
    if next(seen) > _MOST_LOOKED_AT:
        raise InputError(
            f"more than {_MOST_LOOKED_AT:,} files and folders that are no runs, the last in {path.parent}: name a "
            "folder nearer to the runs, or the runs themselves"
        )
    try:
        inside = sorted(path.iterdir(), key=_natural)
    except OSError:  # a file, or a folder that may not be listed
        return
    for each in inside:
        if not each.name.startswith(".") and not (each.is_symlink() and not _is_run(each)):
            yield from _runs_below(each, seen)


def _is_run(path: Path) -> bool:
    try:
        return is_run(path)
    except OSError:  # a folder that may not be looked into
        return False


def _natural(path: Path) -> list[tuple[int, str]]:
    """checkpoint-200 before checkpoint-1000."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", str(path))]
