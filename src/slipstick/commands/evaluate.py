"""`slipstick evaluate`: solve, grade, count, report."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from pydantic import model_validator
from rich.console import Console

from slipstick.alarms import Alarm
from slipstick.commands import Invocation, count, load_order, running
from slipstick.commands.drawing import MAY_CHANGE, SolveRecipe, check_problems, draw
from slipstick.commands.sanity_checks import raise_alarms, rerun, training_overlap
from slipstick.commands.solve import finish, input_files
from slipstick.equivalence import check_profile
from slipstick.evaluate import GradeSettings, evaluate, reproduced_outputs
from slipstick.models import Model, open_model
from slipstick.models.replay import ReplayModel
from slipstick.report import metrics_table, write_report
from slipstick.schema import Metric, Problem, Solution
from slipstick.store import RunFolder


class EvaluateRecipe(SolveRecipe, GradeSettings):
    """What `slipstick evaluate` can be told."""

    rerun: bool = True
    """Whether 20 problems are solved a second time at the end, to see that answers stay: at temperature 0, without a
    budget, where there are 200 and more."""

    @model_validator(mode="after")
    def _serve_ks(self) -> Self:
        beyond = [k for k in self.ks if k > self.num_samples]
        if beyond:
            raise ValueError(
                f"pass@{beyond[0]} needs num_samples = {beyond[0]} or more, but num_samples = {self.num_samples}"
            )
        return self


def run_evaluate(order: Invocation, console: Console) -> Path:
    """`slipstick evaluate`: solve, grade, count, report."""
    recipe, text = load_order(order, EvaluateRecipe)
    check_profile(recipe.profile)
    check_problems(recipe)
    model, inputs = open_model(recipe.model, recipe), input_files(recipe)
    with running(order, "evaluate", recipe, console, text=text, inputs=inputs, may_change=MAY_CHANGE) as folder:
        drawn = asyncio.run(draw(folder, model, recipe, console))
        if drawn.finished:
            solutions = list(folder.solutions())
            problems = list(folder.problems())
            alarms, more = _rerun(recipe, problems, solutions)
            alarms += training_overlap(recipe.model, problems)
            more += _compare_with_recording(model, solutions)
            judge(folder, problems, solutions, recipe, more=more, alarms=alarms, console=console)
        else:
            finish(folder, drawn)
    return folder.path


def judge(
    folder: RunFolder,
    problems: Sequence[Problem],
    solutions: Sequence[Solution],
    recipe: GradeSettings,
    *,
    more: Sequence[Metric] = (),
    alarms: Sequence[Alarm] = (),
    console: Console,
) -> None:
    """Grades a run's solutions, writes verdicts, numbers and page into its folder and prints the table."""
    with console.status("grading"):
        graded, metrics = evaluate(problems, solutions, ks=recipe.ks, averages=recipe.averages, profile=recipe.profile)
    metrics += more
    folder.write_verdicts(graded)
    folder.finish("finished", counts=count(problems, graded), metrics=metrics)
    console.print(metrics_table(metrics))
    raise_alarms(folder, problems, graded, metrics, recipe=recipe, found=alarms, console=console)
    console.print(f"report: {write_report(folder)}", highlight=False, soft_wrap=True)


def _rerun(
    recipe: EvaluateRecipe, problems: Sequence[Problem], solutions: Sequence[Solution]
) -> tuple[list[Alarm], list[Metric]]:
    return asyncio.run(rerun(recipe, problems, solutions, profile=recipe.profile)) if recipe.rerun else ([], [])


def _compare_with_recording(model: Model, solutions: Sequence[Solution]) -> list[Metric]:
    if not isinstance(model, ReplayModel):
        return []
    return reproduced_outputs(
        solutions, lambda solution: model.recorded_outputs(solution.problem_id, solution.sample, format=solution.format)
    )
