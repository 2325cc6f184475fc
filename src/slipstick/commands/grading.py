"""Grades a run's solutions, and writes and shows what comes of it: verdicts, numbers, alarms, page."""

from collections.abc import Sequence
from contextlib import suppress

from rich.console import Console

from slipstick.alarms import (
    Alarm,
    empty_answers,
    failed_requests,
    ignored_settings,
    shares_of_solutions,
    unmarked_answers,
    write_alarms,
)
from slipstick.commands import count
from slipstick.errors import UserError
from slipstick.evaluate import GradeSettings, evaluate
from slipstick.formats.recorded import formats_of
from slipstick.judge import JUDGED
from slipstick.report import metrics_table, write_report
from slipstick.sanity_checks import left_out
from slipstick.schema import Metric, Problem, Solution
from slipstick.store import RunFolder


def grade_run(
    folder: RunFolder,
    problems: Sequence[Problem],
    solutions: Sequence[Solution],
    recipe: GradeSettings,
    *,
    more: Sequence[Metric] = (),
    alarms: Sequence[Alarm] = (),
    status: str = "finished",
    settled: bool = False,
    console: Console,
) -> None:
    """Grades a run's solutions, writes verdicts, numbers and page into its folder and prints the table."""
    ks, averages = recipe.ks, recipe.averages
    with console.status("grading"):
        graded, metrics = evaluate(
            problems,
            solutions,
            ks=ks,
            averages=averages,
            profile=recipe.profile,
            settled=settled or is_settled(folder),
            programs=_with_programs(folder, solutions),
        )
    metrics += more
    folder.write_verdicts(graded)
    (folder.path / JUDGED).unlink(missing_ok=True)  # it was of other verdicts; what the judge said is kept
    folder.finish(status, counts=count(problems, graded), metrics=metrics)
    console.print(metrics_table(metrics))
    left = left_out(problems, graded, ks=ks, averages=averages)
    shares = [*failed_requests(metrics), *empty_answers(metrics), *shares_of_solutions(metrics)]
    alarms = [*alarms, *shares, *unmarked_answers(graded), *ignored_settings(folder.run().versions), *left]
    write_alarms(folder.path, alarms)
    for alarm in alarms:
        console.print("alarm", style="bold red", end="")
        console.print(f" {alarm.name}: ", end="", highlight=False, markup=False)
        console.print(alarm.message, highlight=False, markup=False, soft_wrap=True)
    console.print(f"report: {write_report(folder)}", highlight=False, soft_wrap=True)


def is_settled(folder: RunFolder) -> bool:
    """Whether the problems of a run were sampled until their vote was settled."""
    return folder.run().recipe.get("consistency_threshold") is not None


def _with_programs(folder: RunFolder, solutions: Sequence[Solution]) -> list[str]:
    """The formats of solutions in which programs are run; not those that nothing here knows, or that combine others."""
    load, found = formats_of([folder.path]), []
    for name in {solution.format for solution in solutions}:
        with suppress(UserError):
            found += [name] if load(name).executes != "never" else []
    return found
