"""`slipstick synthesize` with method = "teacher": a model's attempts by a schedule; the correct ones are kept."""

import time
from pathlib import Path
from typing import Literal

from pydantic import Field
from rich.console import Console

from slipstick.commands import Invocation
from slipstick.commands.estimates import print_estimate
from slipstick.commands.running import running
from slipstick.commands.solve_recipe import MAY_CHANGE, input_files, opened
from slipstick.commands.teaching import TeachingRecipe, teach
from slipstick.errors import counted
from slipstick.formats import FormatNames
from slipstick.models import open_model
from slipstick.problems.settings import sound_problems
from slipstick.solve.estimate import choose
from slipstick.solve.monitor import Monitor
from slipstick.synthesize.estimate import extrapolate_units
from slipstick.synthesize.selection import Method, TeacherInput, by_problem


class TeacherRecipe(TeachingRecipe):
    """Settings of `slipstick synthesize` with `method = "teacher"`."""

    method: Literal["teacher"] = "teacher"
    """A model's attempts by a schedule."""
    formats: FormatNames = Field(min_length=1)
    """Formats to write in."""
    stop_after_correct: int | None = Field(default=None, ge=1)
    """Stop sampling a problem in a format once it has so many correct attempts; None takes all."""


def run_teacher(invocation: Invocation, recipe: TeacherRecipe, text: str, console: Console) -> Path:
    """A model's attempts by a schedule; the correct ones are kept."""
    problems, corrupt = sound_problems(recipe)
    method = recipe.sampling(stop_after_correct=recipe.stop_after_correct)
    asked = TeacherInput(problems, refused=corrupt)
    return run_teaching(invocation, recipe, text, asked, method, console=console)


def run_teaching(
    invocation: Invocation,
    recipe: TeachingRecipe,
    text: str,
    asked: TeacherInput,
    method: Method,
    *,
    console: Console,
) -> Path:
    """Samples what a method asks for, or for an estimate a few of it, and selects."""
    teacher, inputs = invocation.model or open_model(recipe.model, recipe), input_files(recipe)
    total = len(asked.problems)
    few = list(choose(asked.problems, total, seed=recipe.seed)) if recipe.estimate else asked.problems

    async def work() -> bool:
        began, mine = time.monotonic(), asked._replace(problems=few)
        async with opened(recipe, teacher, invocation) as interpreter:
            finished = await teach(folder, mine, recipe, method, Monitor(teacher), interpreter, console)
        if finished and recipe.estimate:
            index, ids = folder.index(), by_problem(folder)
            sampled = {problem.id: [index[key] for key in ids.get(problem.id, [])] for problem in few}
            rows = {problem.id: len(method.review(problem, sampled[problem.id]).kept) for problem in few}
            found, more = extrapolate_units(sampled, rows, total=total, seed=recipe.seed)
            title, seconds = f"{counted(total, 'problem')}, judged by {len(few)}", time.monotonic() - began
            print_estimate(title, found, recipe, rows=more, seconds=seconds, console=console)
        return finished and not recipe.estimate

    with running(invocation, "synthesize", recipe, console, text=text, inputs=inputs, may_change=MAY_CHANGE) as folder:
        selected = invocation.run_async(work())
        counts = folder.run().counts if selected else {"problems": total, "solutions": len(folder.index())}
        folder.finish("finished" if selected else "stopped", counts=counts, metrics=[])
    console.print(f"{folder.path}", highlight=False, soft_wrap=True)
    return folder.path
