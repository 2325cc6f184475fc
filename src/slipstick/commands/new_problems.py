"""What the methods of `slipstick synthesize` that make new problems share.

What a teacher writes lies in a run of its own, `questions` in the run folder; the problems that came of it and their
solutions lie in the run folder itself.
"""

import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from slipstick.commands import Invocation
from slipstick.commands.estimates import print_estimate
from slipstick.commands.questions import QuestionRecipe
from slipstick.commands.running import running
from slipstick.commands.solve_recipe import MAY_CHANGE, input_files, opened
from slipstick.commands.teaching import teach
from slipstick.interpreters import Interpreter
from slipstick.models import Model
from slipstick.schema import Problem, Solution
from slipstick.solve.monitor import Monitor
from slipstick.store import RunFolder
from slipstick.synthesize.estimate import extrapolate_units
from slipstick.synthesize.selection import Method, TeacherInput, by_problem


@dataclass
class NewProblems:
    """A run that makes new problems and has them answered."""

    invocation: Invocation
    recipe: QuestionRecipe
    method: Method
    """How the new problems are answered."""
    unit: str
    """What an estimate counts: "requests" or "problems"."""
    total: int
    """How many of those there are."""
    unit_of: Callable[[Problem], str]
    """The unit that a new problem came of."""
    console: Console
    make: Callable[[RunFolder, Monitor | None, Interpreter], Awaitable[TeacherInput | None]]
    """Makes the problems; None if a budget ended it."""


def run_new_problems(work: NewProblems, text: str, *, model: Model | None, files: Sequence[Path] = ()) -> Path:
    """Makes new problems and has them answered. files: further inputs."""
    recipe, console = work.recipe, work.console
    inputs = [*input_files(recipe), *files]
    with running(
        work.invocation, "synthesize", recipe, console, text=text, inputs=inputs, may_change=MAY_CHANGE
    ) as folder:
        finished = work.invocation.run_async(_make_and_answer(folder, work, model))
        folder.finish("finished" if finished else "stopped", counts=folder.run().counts, metrics=[])
    console.print(f"{folder.path}", highlight=False, soft_wrap=True)
    return folder.path


async def _make_and_answer(folder: RunFolder, work: NewProblems, model: Model | None) -> bool:
    began, recipe, console = time.monotonic(), work.recipe, work.console
    monitor = Monitor(model) if model else None
    async with opened(recipe, model, work.invocation) as interpreter:
        made = await work.make(folder, monitor, interpreter)
        if made is None:
            return False
        console.print(f"{len(made.problems):,} new problems, {len(made.refused):,} refused", highlight=False)
        finished = await teach(folder, made, recipe, work.method, monitor, interpreter, console)
    if finished and recipe.estimate:
        _print_estimate(folder, made, work, seconds=time.monotonic() - began)
    return finished and not recipe.estimate


def _print_estimate(folder: RunFolder, made: TeacherInput, work: NewProblems, *, seconds: float) -> None:
    """By request or by parent: what writing questions and answering them took, and how many rows came of it."""
    spent: defaultdict[str, list[Solution]] = defaultdict(list)
    rows: defaultdict[str, int] = defaultdict(int)
    part = folder.path / "questions"
    for reply in RunFolder(part).solutions() if part.is_dir() else ():
        spent[reply.id if work.unit == "requests" else reply.problem_id].append(reply)
    index, ids = folder.index(), by_problem(folder)
    for problem in made.problems:
        attempts = [index[key] for key in ids.get(problem.id, [])]
        spent[work.unit_of(problem)] += attempts
        rows[work.unit_of(problem)] += len(work.method.review(problem, attempts).kept) if attempts else 1
    found, more = extrapolate_units(spent, rows, total=work.total, seed=work.recipe.seed)
    title = f"{work.total:,} {work.unit}, judged by {len(spent)}"
    print_estimate(title, found, work.recipe, rows=more, seconds=seconds, console=work.console)
