"""Draws solutions into a run folder: takes up what is there, watches, stops at a budget, or estimates."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping
from contextlib import asynccontextmanager
from typing import NamedTuple

from pydantic import Field
from rich.console import Console
from rich.table import Table

from slipstick.commands import ProblemSettings, each_problem
from slipstick.commands.monitor import Tally
from slipstick.errors import UserError
from slipstick.formats import load_format
from slipstick.interpreters import InterpreterSettings, open_interpreter
from slipstick.models import Model, ModelSettings
from slipstick.progress import duration, progress
from slipstick.schema import Solution
from slipstick.solve import Hybrid, SolveSettings, Spent, Strategy, solution_id, solve, spent_alone
from slipstick.solve.estimate import PROBLEMS, Range, choose, extrapolate
from slipstick.store import RunFolder

MAY_CHANGE = frozenset(
    {"estimate", "max_cost", "price_in", "price_out"}
    | {"base_url", "max_concurrent_requests", "request_timeout", "max_concurrent_solutions", "sandbox_workers"}
)
"""Settings that may differ when a run is resumed: they say how it is worked, not what comes out."""
_LOOK_SECONDS = 1.0
_AT_ONCE = 32
"""Requests that an estimate of the time reckons with where the server's concurrency is still to be found out."""
_UNPRICED = 16
"""Replies after which a budget must have a price to go by."""


class SolveRecipe(ProblemSettings, SolveSettings, ModelSettings, InterpreterSettings):
    """What `slipstick solve` can be told."""

    model: str
    """"openai:NAME", "hf:PATH", "replay:FILE", "fake:FILE"."""
    formats: list[str] = Field(min_length=1)
    """Formats to solve in, and "hybrid"."""
    estimate: bool = False
    """Solve only a few problems, say what all of them will take, and stop."""


class SolveResult(NamedTuple):
    """How drawing went."""

    problems: int
    solutions: int
    finished: bool
    """False where a budget or an estimate ended it early; what is done is kept, and `--resume` goes on."""


def check_problems(recipe: ProblemSettings) -> None:
    """Raises InputError where the problems cannot be read, are none, or have an id twice."""
    deque(each_problem(recipe), maxlen=0)


async def draw(folder: RunFolder, model: Model, recipe: SolveRecipe, console: Console) -> SolveResult:
    """Every solution the recipe asks for, into the folder, where they lie in the order asked for once all are there."""
    total = folder.write_problems(each_problem(recipe))
    done, spent = take_up(folder, recipe.formats)
    tally = Tally(model, spent=spent)
    began = time.monotonic()
    interpreter = open_interpreter(recipe, seed=recipe.seed)
    try:
        await note_card(folder, model, console)
        asked = min(total, PROBLEMS) if recipe.estimate else total
        problems = folder.problems()
        chosen = choose(problems, total, seed=recipe.seed) if recipe.estimate else problems
        planned = asked * recipe.num_samples * len(recipe.formats)
        async with watched(planned, tally, done=len(done), console=console) as keep:

            def on_solution(solution: Solution) -> None:
                folder.append(solution)
                keep(solution)
                check_price(tally, recipe, spent)

            finished = await solve(
                tally.hear_of(chosen),
                strategies_of(recipe.formats),
                model=tally,
                interpreter=interpreter,
                settings=within_budget(recipe, spent),
                on_solution=on_solution,
                done=done,
            )
    finally:
        await interpreter.close()
        await model.close()
    drawn = SolveResult(total, len(done) + tally.solutions, finished and not recipe.estimate)
    if drawn.finished:
        folder.rearrange(_asked_order(folder, recipe))
    elif recipe.estimate and finished:
        print_estimate(folder, recipe, drawn, seconds=time.monotonic() - began, console=console)
    else:
        console.print(out_of_money(tally, recipe), highlight=False, soft_wrap=True)
    return drawn


def strategies_of(formats: Collection[str]) -> list[Strategy]:
    """The formats of a recipe, "hybrid" among them, as what a problem is solved in."""
    hybrid = Hybrid(pot=load_format("pot"), cot=load_format("cot"))
    return [hybrid if name == "hybrid" else load_format(name) for name in formats]


def take_up(folder: RunFolder, formats: Collection[str]) -> tuple[Mapping[str, Solution], float]:
    """What an interrupted run has done, and spent in dollars; solutions that ended in an error are made again."""
    spent, failed = Spent(), set()
    for solution in folder.solutions():
        spent = spent.plus(spent_alone(solution, formats))
        if any(attempt.finish == "error" for attempt in (solution, *solution.previous_attempts)):
            failed.add(solution.id)
    if failed:
        folder.rearrange(key for key in folder.index() if key not in failed)
        (folder.path / "verdicts.jsonl").unlink(missing_ok=True)
    return folder.index(), spent.cost


def check_price(tally: Tally, recipe: SolveRecipe, spent: float) -> None:
    """Raises UserError where there is a budget and nothing had a price by now; spent: before this run was taken up."""
    if recipe.max_cost is not None and tally.replies >= _UNPRICED and tally.cost == spent:
        raise UserError(
            f"max_cost = {recipe.max_cost} cannot hold, as nobody knows what {recipe.model} costs: "
            "set price_in and price_out, or leave max_cost out"
        )


def within_budget(recipe: SolveRecipe, spent: float) -> SolveSettings:
    """The settings with what is left of `max_cost`."""
    return recipe if recipe.max_cost is None else recipe.model_copy(update={"max_cost": recipe.max_cost - spent})


def _asked_order(folder: RunFolder, recipe: SolveRecipe) -> Iterator[str]:
    for problem in folder.problems():
        for sample in range(recipe.num_samples):
            for name in recipe.formats:
                yield solution_id(problem, name, sample)


@asynccontextmanager
async def watched(
    planned: int, tally: Tally, *, done: int, console: Console
) -> AsyncIterator[Callable[[Solution], None]]:
    """Shows progress every second; yields what is to be told of every solution."""
    with progress("solving", planned, "solutions", console=console, done=done) as advance:

        async def look() -> None:
            while True:
                await asyncio.sleep(_LOOK_SECONDS)
                advance(done + tally.solutions, tally.note())

        looking = asyncio.create_task(look())
        try:
            yield tally.add
        finally:
            looking.cancel()
            advance(done + tally.solutions, tally.note())


async def note_card(folder: RunFolder, model: Model, console: Console) -> None:
    """What a server says of the model it serves goes into the run's record; a change since is pointed out."""
    card = await model.describe()
    versions = folder.run().versions
    for key, value in card.items():
        if versions.get(key, value) != value:
            console.print(f"{key} was {versions[key]}, now it is {value}", highlight=False, soft_wrap=True)
    folder.note(versions={**versions, **card})


def out_of_money(tally: Tally, recipe: SolveRecipe) -> str:
    """What a run says that its budget ended."""
    return (
        f"\nStopped at ${tally.cost:,.4f} of max_cost = {recipe.max_cost}; {tally.solutions:,} solutions were made. "
        "To go on: the same command with --resume and a higher max_cost"
    )


def print_estimate(
    folder: RunFolder, recipe: SolveRecipe, drawn: SolveResult, *, seconds: float, console: Console
) -> None:
    """The table of what the whole run will take."""
    solved = min(PROBLEMS, drawn.problems)
    chosen = {problem.id for problem in choose(folder.problems(), drawn.problems, seed=recipe.seed)}
    mine = [solution for solution in folder.solutions() if solution.problem_id in chosen]
    found = extrapolate(mine, problems=drawn.problems, listed=recipe.formats, seed=recipe.seed)
    title = f"{drawn.problems:,} problems, judged by {solved}"
    show_estimate(title, found, recipe, seconds=seconds, console=console)


def show_estimate(
    title: str,
    found: Mapping[str, Range],
    recipe: SolveRecipe,
    *,
    rows: Mapping[str, Range] | None = None,
    seconds: float,
    console: Console,
) -> None:
    """A table of what a run will take; found: by field of Spent; rows: what else will come of it, named as shown."""
    at_once = min(
        recipe.max_concurrent_solutions,
        _AT_ONCE if recipe.max_concurrent_requests == "auto" else recipe.max_concurrent_requests,
    )
    table = Table(title=title, box=None, title_justify="left")
    for name in ("", "estimate", "95 % interval"):
        table.add_column(name, justify="right" if name else "left")
    for name, many in (rows or {}).items():
        _add_row(table, name, many, "{:,.0f}".format)
    _add_row(table, "prompt tokens", found["prompt_tokens"], "{:,.0f}".format)
    _add_row(table, "new tokens", found["tokens"], "{:,.0f}".format)
    _add_row(table, "US dollars", found["cost"], "{:,.2f}".format)
    _add_row(table, f"time, {at_once} at a time", found["seconds"].times(1 / at_once), duration)
    console.print(table)
    console.print(
        f"They took {duration(seconds)}. Their solutions are kept: the same command with --resume and estimate = false "
        "does the rest",
        highlight=False,
        soft_wrap=True,
    )


def _add_row(table: Table, name: str, found: Range, show: Callable[[float], str]) -> None:
    if not found.value:
        table.add_row(name, "unknown", "the model does not say")
    else:
        table.add_row(name, show(found.value), f"{show(found.low)} to {show(found.high)}")
