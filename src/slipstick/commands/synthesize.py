"""`slipstick synthesize`: problems -> solutions, every program executed, by one of several methods."""

from __future__ import annotations

import asyncio
import tomllib
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Literal

from pydantic import Field
from rich.console import Console

from slipstick.commands import Invocation, ProblemSettings, count, load_order, running, sound_problems
from slipstick.errors import RecipeError, did_you_mean
from slipstick.formats import load_format
from slipstick.interpreters import InterpreterSettings, open_interpreter
from slipstick.progress import progress
from slipstick.recipe import find_recipe, parse_value
from slipstick.schema import Drop, Problem, Solution
from slipstick.store import RunFolder
from slipstick.synthesize import choose_formats, synthesize
from slipstick.synthesize.writer import Writer
from slipstick.synthesize.writing import WORKED_STEPS

_TAUGHT = {
    "teacher": "run_teacher",
    "self_instruct": "run_self_instruct",
    "augment": "run_augment",
    "rejection": "run_rejection",
}
"""Methods that ask a model -> their launcher in `slipstick.commands.teaching`; each has a recipe of its own."""


class SynthesizeRecipe(ProblemSettings, InterpreterSettings):
    """What `slipstick synthesize` can be told where no model writes."""

    method: Literal["worked_steps", "annotations"] = "worked_steps"
    """Where solutions come from: steps in the problems' metadata, or the calculations in their rationales."""

    formats: list[str] = Field(min_length=1)
    """Formats to write in."""
    shares: dict[str, float] | None = None
    """Format -> share of the problems it is written for; None writes every problem in every format that suits it."""
    seed: int = 0
    """Seed of programs that draw random numbers."""


def run_synthesize(order: Invocation, console: Console) -> Path:
    """`slipstick synthesize`: problems -> solutions whose programs were run and came to the gold."""
    if launcher := _TAUGHT.get(_method(order)):
        path: Path = getattr(import_module("slipstick.commands.teaching"), launcher)(order, console)
        return path
    recipe, text = load_order(order, SynthesizeRecipe)
    problems, corrupt = sound_problems(recipe)
    with running(order, "synthesize", recipe, console, text=text, inputs=recipe.files()) as folder:
        asyncio.run(_synthesize(folder, problems, corrupt, recipe, console))
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
    folder: RunFolder,
    problems: Sequence[Problem],
    corrupt: Sequence[Drop],
    recipe: SynthesizeRecipe,
    console: Console,
) -> None:
    writer = _writer(recipe.method)
    formats = [load_format(name) for name in recipe.formats]
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
        planned = len(corrupt) + sum(
            len(choose_formats(problem, formats, shares=recipe.shares, writer=writer)) for problem in problems
        )
        with progress("writing and running", planned, "solutions", console=console, done=finished) as advance:
            for row in corrupt:
                if row.row["id"] not in done:
                    keep(row)
            await synthesize(
                problems,
                formats,
                interpreter=interpreter,
                writer=writer,
                on_solution=keep,
                on_drop=keep,
                shares=recipe.shares,
                done=done,
            )
    finally:
        await interpreter.close()


def _writer(method: str) -> Writer:
    if method == "worked_steps":
        return WORKED_STEPS
    from slipstick.synthesize.annotations import ANNOTATIONS

    return ANNOTATIONS


def _method(order: Invocation) -> str:
    """The method a recipe asks for, whichever settings it has beside it. Raises RecipeError for an unknown one."""
    path = find_recipe(order.target)
    said = dict(override.split("=", 1) for override in order.overrides if override.startswith("method="))
    try:
        table = tomllib.loads(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RecipeError(str(path), [f"not TOML: {error}"]) from error
    method = parse_value(said["method"]) if said else table.get("method", "worked_steps")
    known = ("worked_steps", "annotations", *_TAUGHT)
    if method not in known:
        near = did_you_mean(str(method), known)
        raise RecipeError(str(path), [f"method = {method!r} is no method{near}; known: {', '.join(known)}"])
    return str(method)
