"""Reads what a page shows from a run's folder; what a stopped run has is graded for the page alone."""

from collections.abc import Sequence
from typing import NamedTuple

from slipstick.evaluate import GradeSettings, evaluate
from slipstick.recipe import check_settings
from slipstick.schema import Metric, Problem, Run, Solution
from slipstick.store import RunFolder

_SOLVING = ("solve", "evaluate")


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
    planned = _planned(run, len(problems)) if run.verb in _SOLVING else 0
    if metrics or run.verb not in _SOLVING or not solutions or not any(problem.answer for problem in problems):
        return RunContent(run, problems, solutions, metrics, planned, graded_here=False)
    own = {key: value for key, value in run.recipe.items() if key in GradeSettings.model_fields}
    settings = check_settings(own, GradeSettings, overrides=[])
    # `evaluate` grades with worker processes; what is already graded, as after a stop while counting, is graded again
    fresh = [solution.model_copy(update={"verdict": None}) for solution in solutions]
    graded, metrics = evaluate(problems, fresh, ks=settings.ks, averages=settings.averages, profile=settings.profile)
    return RunContent(run, problems, graded, metrics, planned, graded_here=True)


def _problems(folder: RunFolder) -> list[Problem]:
    """A training run has none, and a run that was killed early may have none yet."""
    return list(folder.problems()) if (folder.path / "problems.jsonl").is_file() else []


def _planned(run: Run, problems: int) -> int:
    formats: Sequence[str] = run.recipe.get("formats") or []
    return problems * int(run.recipe.get("num_samples") or 1) * len(formats)
