"""`slipstick evaluate`: solve, grade, count, report."""

from collections.abc import Sequence
from pathlib import Path
from typing import Self

from pydantic import model_validator
from rich.console import Console

from slipstick.alarms import Alarm
from slipstick.commands import Invocation
from slipstick.commands.grading import grade_run
from slipstick.commands.judged import ask_judge, opened_judge
from slipstick.commands.running import running
from slipstick.commands.solve import SolveResult, collect, finish
from slipstick.commands.solve_recipe import MAY_CHANGE, SolveRecipe, input_files, load_solving, opened
from slipstick.equivalence import check_profile
from slipstick.evaluate import GradeSettings, reproduced_outputs, same_by
from slipstick.judge import JudgeSettings
from slipstick.models import Model, open_model
from slipstick.models.replay import ReplayModel
from slipstick.problems.settings import check_problems
from slipstick.sanity_checks import rerun, training_overlap
from slipstick.schema import Metric, Solution
from slipstick.solve import load_strategies
from slipstick.store import RunFolder
from slipstick.trackers import TrackerSettings, check_trackers, open_trackers, track_metrics


class EvaluateRecipe(SolveRecipe, GradeSettings, JudgeSettings, TrackerSettings):
    """Settings of `slipstick evaluate`."""

    rerun: bool = True
    """Whether 20 problems are solved a second time at the end, to see that answers stay; only at temperature 0, without
    a budget, and with 200 problems or more."""

    @model_validator(mode="after")
    def _serve_ks(self) -> Self:
        beyond = [k for k in self.ks if k > self.num_samples]
        if beyond:
            raise ValueError(
                f"pass@{beyond[0]} needs num_samples = {beyond[0]} or more, but num_samples = {self.num_samples}"
            )
        return self


def run_evaluate(invocation: Invocation, console: Console) -> Path:
    """`slipstick evaluate`: solve, grade, count, report."""
    recipe, text, invocation = load_solving(invocation, EvaluateRecipe)
    check_profile(recipe.profile)
    check_trackers(recipe.report_to)
    check_problems(recipe, graded=True)
    # Solutions stay; they are graded again.
    may_change = MAY_CHANGE.union(*(each.model_fields for each in (GradeSettings, JudgeSettings, TrackerSettings)))
    with opened_judge(recipe, invocation) as judge:
        model, inputs = invocation.model or open_model(recipe.model, recipe), input_files(recipe)
        with running(
            invocation, "evaluate", recipe, console, text=text, inputs=inputs, may_change=may_change
        ) as folder:
            solved, alarms, metrics = invocation.run_async(_solve_and_check(folder, recipe, model, invocation, console))
            if solved.finished:
                solutions, problems = list(folder.solutions()), list(folder.problems())
                alarms += training_overlap(recipe.model, problems)
                metrics += _compare_with_recording(model, solutions)
                grade_run(folder, problems, solutions, recipe, more=metrics, alarms=alarms, console=console)
                with open_trackers(folder, recipe, console) as track:
                    track_metrics(track, folder.metrics())
            else:
                finish(folder, solved)
        if solved.finished:
            ask_judge(folder, recipe, judge, profile=recipe.profile, invocation=invocation, console=console)
    return folder.path


async def _solve_and_check(
    folder: RunFolder, recipe: EvaluateRecipe, model: Model, invocation: Invocation, console: Console
) -> tuple[SolveResult, list[Alarm], list[Metric]]:
    async with opened(recipe, model, invocation) as interpreter:
        solved = await collect(folder, recipe, model, interpreter, console)
        if not solved.finished or not recipe.rerun:
            return solved, [], []
        alarms, metrics = await rerun(
            list(folder.problems()),
            list(folder.solutions()),
            load_strategies(recipe.formats, recipe, problems_dir=recipe.problems_dir, field_map=recipe.field_map),
            model=model,
            interpreter=interpreter,
            settings=recipe,
            same=same_by(recipe.profile),
        )
    return solved, alarms, metrics


def _compare_with_recording(model: Model, solutions: Sequence[Solution]) -> list[Metric]:
    if not isinstance(model, ReplayModel):
        return []
    return reproduced_outputs(
        solutions, lambda solution: model.recorded_outputs(solution.problem_id, solution.sample, format=solution.format)
    )
