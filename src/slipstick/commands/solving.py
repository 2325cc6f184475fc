"""The verbs that solve and measure: solve, evaluate, execute, report."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Self

from pydantic import Field, model_validator
from rich.console import Console

from slipstick.alarms import Alarm
from slipstick.commands import Invocation, count, load_order, running, settings_for_run
from slipstick.commands.drawing import MAY_CHANGE, SolveRecipe, SolveResult, check_problems, draw
from slipstick.commands.sanity_checks import raise_alarms, rerun, training_overlap
from slipstick.comparison import compare_folders
from slipstick.equivalence import check_profile
from slipstick.evaluate import evaluate, reproduced_outputs
from slipstick.execute import re_execute
from slipstick.formats import load_format
from slipstick.interpreters import InterpreterSettings, open_interpreter
from slipstick.models import Model, open_model
from slipstick.models.replay import ReplayModel
from slipstick.progress import progress
from slipstick.recipe import check_settings
from slipstick.report import comparison_table, metrics_table, write_report
from slipstick.schema import Metric, Output, Problem, Record, Solution
from slipstick.store import RunFolder


class GradeSettings(Record):
    """How answers are judged and counted."""

    profile: str = "slipstick"
    """Whose rules of equality: slipstick's own, or a published grader's."""
    ks: list[int] = Field(default_factory=list)
    """k for pass@k and maj@k."""
    averages: dict[str, list[str]] = Field(default_factory=dict)
    """Means over sets beside that over all: {in-domain = ["gsm8k", "math"]}."""


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


class ReportRecipe(Record):
    """What `slipstick report` can be told."""

    against: str | None = None
    """Folder of another run on the same problems, to compare with."""


def run_solve(order: Invocation, console: Console) -> Path:
    """`slipstick solve`: problems -> solutions in a run folder."""
    recipe, text = load_order(order, SolveRecipe)
    check_problems(recipe)
    model, inputs = open_model(recipe.model, recipe), _inputs(recipe)
    with running(order, "solve", recipe, console, text=text, inputs=inputs, may_change=MAY_CHANGE) as folder:
        _finish(folder, asyncio.run(draw(folder, model, recipe, console)))
    return folder.path


def run_evaluate(order: Invocation, console: Console) -> Path:
    """`slipstick evaluate`: solve, grade, count, report."""
    recipe, text = load_order(order, EvaluateRecipe)
    check_profile(recipe.profile)
    check_problems(recipe)
    model, inputs = open_model(recipe.model, recipe), _inputs(recipe)
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
            _finish(folder, drawn)
    return folder.path


def run_execute(order: Invocation, console: Console) -> Path:
    """`slipstick execute RUN`: runs every program of a run again, into a run of its own, and compares the outputs."""
    source = RunFolder(order.target)
    recipe = settings_for_run(order, source.run(), InterpreterSettings)
    out = order.out or source.path.with_name(f"{source.path.name}-executed")
    order = Invocation(order.target, order.overrides, order.limit, out, order.resume, order.overwrite)
    problems = list(islice(source.problems(), order.limit))
    chosen = {problem.id for problem in problems}
    before = [solution for solution in source.solutions() if solution.problem_id in chosen]
    with running(order, "execute", recipe, console, inputs=[source.path / "solutions.jsonl"]) as folder:
        folder.write_problems(problems)
        after = asyncio.run(_execute_all(folder, before, recipe, console))
        recorded = {s.id: [block.text for block in s.blocks if isinstance(block, Output)] for s in before}
        metrics = reproduced_outputs(after, lambda solution: recorded[solution.id])
        folder.finish("finished", counts=count(problems, after), metrics=metrics)
        console.print(metrics_table(metrics))
    return folder.path


def run_report(order: Invocation, console: Console) -> Path:
    """`slipstick report RUN`: writes the page of a run anew, prints its table, and compares it with another run."""
    recipe = check_settings({}, ReportRecipe, overrides=order.overrides)
    folder = RunFolder(order.target)
    other = RunFolder(recipe.against) if recipe.against else None
    comparison = compare_folders(folder, other) if other else None
    console.print(metrics_table(folder.metrics()))
    if comparison:
        console.print(comparison_table(comparison))
        for line in comparison.findings():
            console.print(line, highlight=False, soft_wrap=True)
    page = write_report(folder, out=order.out, comparison=comparison)
    console.print(f"report: {page}", highlight=False, soft_wrap=True)
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


def _finish(folder: RunFolder, drawn: SolveResult) -> None:
    counts = {"problems": drawn.problems, "solutions": drawn.solutions}
    folder.finish("finished" if drawn.finished else "stopped", counts=counts, metrics=[])


def _compare_with_recording(model: Model, solutions: Sequence[Solution]) -> list[Metric]:
    if not isinstance(model, ReplayModel):
        return []
    return reproduced_outputs(
        solutions, lambda solution: model.recorded_outputs(solution.problem_id, solution.sample, format=solution.format)
    )


async def _execute_all(
    folder: RunFolder, solutions: Sequence[Solution], recipe: InterpreterSettings, console: Console
) -> list[Solution]:
    interpreter = open_interpreter(recipe)
    done = {solution.id for solution in folder.solutions()}
    work = iter([solution for solution in solutions if solution.id not in done])
    executed = len(done)

    async def again(solution: Solution) -> Solution:
        # Both formats that a hybrid solution can be in are laid out alike where there is a program.
        format = load_format("pot" if solution.format == "hybrid" else solution.format)
        earlier = [await again(attempt) for attempt in solution.previous_attempts]
        return (await re_execute(solution, interpreter, format=format)).model_copy(
            update={"previous_attempts": earlier}
        )

    async def worker() -> None:
        nonlocal executed
        for solution in work:
            folder.append(await again(solution))
            executed += 1
            advance(executed)

    try:
        with progress("executing", len(solutions), "solutions", console=console, done=executed) as advance:
            async with asyncio.TaskGroup() as group:
                for _ in range(recipe.sandbox_workers):
                    group.create_task(worker())
    finally:
        await interpreter.close()
    return list(folder.solutions())


def _inputs(recipe: SolveRecipe) -> list[Path]:
    model = Path(recipe.model.partition(":")[2])
    return [*recipe.files(), model / "model.safetensors" if model.is_dir() else model]
