"""The verbs that make data and weights: synthesize, train."""

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
from slipstick.train.settings import TrainSettings


class SynthesizeRecipe(ProblemSettings, InterpreterSettings):
    """What `slipstick synthesize` can be told."""

    formats: list[str] = Field(min_length=1)
    """Formats to write in."""
    shares: dict[str, float] | None = None
    """Format -> share of the problems it is written for; None writes every problem in every format that suits it."""
    seed: int = 0
    """Seed of programs that draw random numbers."""


class TrainRecipe(TrainSettings):
    """What `slipstick train` can be told."""

    data: str
    """Run folder whose correct solutions are learnt from."""
    limit: int | None = Field(default=None, ge=1)
    """Take only the first so many solutions."""


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


def run_train(order: Order, console: Console) -> Path:
    """`slipstick train`: correct solutions -> a Hugging Face folder, `model` in the run folder."""
    from slipstick.train import train

    recipe, text = load_order(order, TrainRecipe)
    source = RunFolder(recipe.data)
    problems = {problem.id: problem for problem in source.problems()}
    solutions = [s for s in source.solutions() if s.verdict and s.verdict.outcome == "correct"][: recipe.limit]
    inputs = [source.path / "solutions.jsonl"]
    with running(order, "train", recipe, console, text=text, inputs=inputs) as folder:
        with progress("training", recipe.tokens, "tokens", console=console) as advance:
            trained = train(
                [(solution, problems[solution.problem_id]) for solution in solutions],
                settings=recipe,
                out=folder.path / "model",
                progress=lambda done, total, loss: advance(done, f"loss {loss:.3f}"),
            )
        counts = trained.model_dump(exclude={"loss", "seconds"})
        folder.finish("finished", counts=counts, metrics=[])
    console.print(
        f"{trained.parameters:,} parameters, {trained.steps:,} steps, {trained.tokens:,} tokens in "
        f"{trained.seconds:,.0f} s; {folder.path / 'model'}",
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
