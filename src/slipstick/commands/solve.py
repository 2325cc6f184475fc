"""`slipstick solve`: problems -> solutions in a run folder."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from rich.console import Console

from slipstick.commands import Invocation
from slipstick.commands.collection import Collection
from slipstick.commands.estimates import print_estimate
from slipstick.commands.running import running
from slipstick.commands.solve_recipe import MAY_CHANGE, SolveRecipe, input_files, load_solving, opened
from slipstick.errors import counted
from slipstick.formats.recorded import record_formats
from slipstick.interpreters import Interpreter
from slipstick.models import Model, open_model
from slipstick.problems.settings import check_problems, each_problem
from slipstick.solve import formats_in, load_strategies, policy_of, prepare
from slipstick.solve.attempt import solution_id
from slipstick.solve.estimate import PROBLEMS, choose, extrapolate
from slipstick.solve.monitor import Monitor
from slipstick.solve.policies import still_wanted
from slipstick.store import RunFolder


class SolveResult(NamedTuple):
    """How solving went."""

    problems: int
    """Problems of the run."""
    solutions: int
    """Solutions in the run folder."""
    finished: bool
    """False if a budget or an estimate ended it early; what is done is kept, and `--resume` continues."""


def run_solve(invocation: Invocation, console: Console) -> Path:
    """`slipstick solve`: problems -> solutions in a run folder."""
    recipe, text, invocation = load_solving(invocation, SolveRecipe)
    check_problems(recipe)
    model, inputs = invocation.model or open_model(recipe.model, recipe), input_files(recipe)

    async def work() -> SolveResult:
        async with opened(recipe, model, invocation) as interpreter:
            return await collect(folder, recipe, model, interpreter, console)

    with running(invocation, "solve", recipe, console, text=text, inputs=inputs, may_change=MAY_CHANGE) as folder:
        solved = invocation.run_async(work())
        finish(folder, solved)
    if solved.finished:
        found = f"{counted(solved.solutions, 'solution')} of {counted(solved.problems, 'problem')}: {folder.path}"
        after = "" if invocation.goes_on else f"\nnext: slipstick grade {folder.path}"
        console.print(f"\n{found}{after}", highlight=False, soft_wrap=True)
    return folder.path


async def collect(
    folder: RunFolder, recipe: SolveRecipe, model: Model, interpreter: Interpreter, console: Console
) -> SolveResult:
    """Every solution the recipe asks for, into the folder, in the order asked for once all are there."""
    began, total = time.monotonic(), folder.write_problems(each_problem(recipe))
    problems = folder.problems()
    loaded = load_strategies(recipe.formats, recipe, problems_dir=recipe.problems_dir, field_map=recipe.field_map)
    strategies = [prepare(strategy, recipe) for strategy in loaded]
    record_formats(folder, formats_in(strategies), named=recipe.formats)
    async with Collection(folder, recipe, Monitor(model), interpreter, console) as collection:
        finished = await collection.sample(
            choose(problems, total, seed=recipe.seed) if recipe.estimate else problems,
            strategies,
            policy=policy_of(recipe),
            planned=(min(total, PROBLEMS) if recipe.estimate else total) * recipe.num_samples * len(recipe.formats),
        )
    if finished and recipe.estimate:
        _print_estimate(folder, recipe, total, seconds=time.monotonic() - began, console=console)
    elif finished:
        folder.rearrange(_asked_order(folder, recipe))
    return SolveResult(total, collection.solutions(), finished and not recipe.estimate)


def finish(folder: RunFolder, solved: SolveResult) -> None:
    """Closes the record of a run that solved problems: finished, or stopped early."""
    counts = {"problems": solved.problems, "solutions": solved.solutions}
    folder.finish("finished" if solved.finished else "stopped", counts=counts, metrics=[])


def _asked_order(folder: RunFolder, recipe: SolveRecipe) -> Iterator[str]:
    """The ids of all solutions in order, without those that a vote which is settled after all does not need."""
    index, names = folder.index(), recipe.format_names()
    for problem in folder.problems():
        ids = {name: [solution_id(problem, name, sample) for sample in range(recipe.num_samples)] for name in names}
        if recipe.consistency_threshold is not None:
            found = {name: [index[key] for key in ids[name] if key in index] for name in names}
            ids = {name: [row.id for row in still_wanted(policy_of(recipe), found[name])] for name in names}
        for sample in range(recipe.num_samples):
            yield from (ids[name][sample] for name in names if sample < len(ids[name]))


def _print_estimate(folder: RunFolder, recipe: SolveRecipe, total: int, *, seconds: float, console: Console) -> None:
    chosen = {problem.id for problem in choose(folder.problems(), total, seed=recipe.seed)}
    solved = [solution for solution in folder.solutions() if solution.problem_id in chosen]
    found = extrapolate(solved, problems=total, listed=recipe.format_names(), seed=recipe.seed)
    title = f"{counted(total, 'problem')}, judged by {len(chosen)}"
    print_estimate(title, found, recipe, seconds=seconds, console=console)
