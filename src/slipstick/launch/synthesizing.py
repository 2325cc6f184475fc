"""`slipstick synthesize`: problems -> solutions, every program executed, by one of several methods."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from pydantic import Field
from rich.console import Console

from slipstick.formats import load_format
from slipstick.interpreters import InterpreterSettings, open_interpreter
from slipstick.launch import Order, ProblemSettings, count, load_order, running, take_problems
from slipstick.progress import progress
from slipstick.schema import Drop, Problem, Solution
from slipstick.store import RunFolder
from slipstick.synthesize import choose_layouts, synthesize


class SynthesizeRecipe(ProblemSettings, InterpreterSettings):
    """What `slipstick synthesize` can be told."""

    formats: list[str] = Field(min_length=1)
    """Formats to write in."""
    shares: dict[str, float] | None = None
    """Format -> share of the problems it is written for; None writes every problem in every format that suits it."""
    seed: int = 0
    """Seed of programs that draw random numbers."""


def run_synthesize(order: Order, console: Console) -> Path:
    """`slipstick synthesize`: problems -> solutions whose programs were run and came to the gold."""
    recipe, text = load_order(order, SynthesizeRecipe)
    problems = take_problems(recipe)
    with running(order, "synthesize", recipe, console, text=text, inputs=recipe.files()) as folder:
        asyncio.run(_synthesize(folder, problems, recipe, console))
        solutions = list(folder.solutions())
        dropped = len(list(folder.dropped()))
        folder.finish("finished", counts=count(problems, solutions, dropped=dropped), metrics=[])
    console.print(
        f"{len(solutions):,} solutions of {len(problems):,} problems kept, {dropped:,} dropped; {folder.path}",
        highlight=False,
        soft_wrap=True,
    )
    return folder.path


async def _synthesize(
    folder: RunFolder, problems: Sequence[Problem], recipe: SynthesizeRecipe, console: Console
) -> None:
    layouts = [load_format(name) for name in recipe.formats]
    interpreter = open_interpreter(recipe, seed=recipe.seed)
    folder.write_problems(problems)
    done = {solution.id for solution in folder.solutions()} | {row.row["id"] for row in folder.dropped()}
    finished = len(done)

    def keep(row: Solution | Drop) -> None:
        nonlocal finished
        folder.append(row)
        finished += 1
        advance(finished)

    try:
        planned = sum(len(choose_layouts(problem, layouts, shares=recipe.shares)) for problem in problems)
        with progress("writing and running", planned, "solutions", console=console, done=finished) as advance:
            await synthesize(
                problems,
                layouts,
                interpreter=interpreter,
                on_solution=keep,
                on_drop=keep,
                shares=recipe.shares,
                done=done,
            )
    finally:
        await interpreter.close()
