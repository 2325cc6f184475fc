"""What a graded run is checked for before anyone believes its number; the findings are its alarms."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path

from slipstick.alarms import Alarm, answers_of, overlap, rerun_differs
from slipstick.interpreters import Interpreter
from slipstick.metrics.intervals import ProblemValue, mean
from slipstick.metrics.measures import describe_left_out, gradable, missing_sets, problems_by_set
from slipstick.models import Model
from slipstick.schema import Metric, Problem, Solution
from slipstick.solve import solve
from slipstick.solve.estimate import PROBLEMS, choose
from slipstick.solve.scheduler import Strategy
from slipstick.solve.settings import SolveSettings
from slipstick.store import RunFolder, is_run

_RERUN_FROM = 10
"""A rerun is worth its price if a run has so many times its problems."""
_DATASETS = re.compile(r"^datasets:\s*\n((?:\s*-.*\n)+)", re.MULTILINE)


def left_out(
    problems: Sequence[Problem],
    solutions: Sequence[Solution],
    *,
    ks: Sequence[int],
    averages: Mapping[str, Sequence[str]],
) -> Iterator[Alarm]:
    """An alarm for everything that was asked for and could not be counted."""
    sets = problems_by_set(problems)
    lines = list(describe_left_out(problems, solutions, ks))
    for name, members in averages.items():
        if missing := missing_sets(sets, members):
            lines.append(f"average {name} left out, as the run has no problem of {', '.join(missing)}")
    if ungraded := len(problems) - len(gradable(problems)):
        lines.append(f"{ungraded:,} of {len(problems):,} problems have no gold, so no metric counts them")
    return (Alarm(name="left_out", message=line) for line in lines)


async def rerun(
    problems: Sequence[Problem],
    solutions: Sequence[Solution],
    strategies: Sequence[Strategy],
    *,
    model: Model,
    interpreter: Interpreter,
    settings: SolveSettings,
    same: Callable[[str, str], bool],
) -> tuple[list[Alarm], list[Metric]]:
    """Solves 20 problems of a run again, in its formats, and compares the answers.

    Nothing if the run was sampled at a temperature, has a budget, or has fewer than ten times as many problems.
    """
    if settings.temperature > 0 or settings.max_cost is not None or len(problems) < _RERUN_FROM * PROBLEMS:
        return [], []
    again: list[Solution] = []
    await solve(
        choose(problems, len(problems), seed=settings.seed),
        strategies,
        model=model,
        interpreter=interpreter,
        settings=settings.model_copy(update={"num_samples": 1, "consistency_threshold": None}),
        on_solution=again.append,
    )
    again = [solution for solution in again if not solution.failed]  # a server that failed says nothing
    before = answers_of(solutions)
    alarms = list(rerun_differs(before, answers_of(again), same=same))
    return alarms, list(_agreement(before, again, {name for alarm in alarms for name in alarm.solutions}))


def training_overlap(model: str, problems: Sequence[Problem]) -> list[Alarm]:
    """The alarms of an evaluation on problems that a model's folder says it was trained on.

    Looked at are the README's `datasets` and, if the model lies in a `slipstick train` run, that run's data.
    """
    folder = Path(model.partition(":")[2])
    if not folder.is_dir():
        return []
    return list(overlap(problems, _trained_on(folder), sources=_card_sources(folder)))


def _agreement(before: dict[str, str | None], again: Sequence[Solution], differ: set[str]) -> Iterator[Metric]:
    formats = dict.fromkeys(solution.format for solution in again)
    for format in formats:
        names = [solution.id for solution in again if solution.format == format and solution.id in before]
        if names:
            equal = mean([ProblemValue(float(name not in differ), 1) for name in names])
            yield equal.metric("rerun_equal", format=format)


def _card_sources(folder: Path) -> list[str]:
    """`datasets` in the front matter of the model's card."""
    card = folder / "README.md"
    text = card.read_text("utf-8", errors="replace") if card.is_file() else ""
    front = text.split("---\n")[1] if text.startswith("---\n") and text.count("---\n") > 1 else ""
    match = _DATASETS.search(front)
    return [line.strip().lstrip("- ").strip("'\"") for line in match[1].splitlines()] if match else []


def _trained_on(folder: Path) -> Iterator[Problem]:
    """The problems of the data run behind a training run whose `model` this folder is."""
    home = folder.parent
    if not is_run(home):
        return iter(())
    run = RunFolder(home).run()
    data = run.recipe.get("data") or []
    folders = [Path(place) for place in ([data] if isinstance(data, str) else data) if isinstance(place, str)]
    return chain.from_iterable(RunFolder(place).problems() for place in folders if (place / "problems.jsonl").is_file())
