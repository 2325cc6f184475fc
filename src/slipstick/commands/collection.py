"""The one run session: fills a run folder with sampled solutions, resumable at any instant and within its budget."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Self

from pydantic import Field
from rich.console import Console

from slipstick.commands import ProblemSettings, each_problem
from slipstick.errors import UserError
from slipstick.formats import load_format
from slipstick.interpreters import Interpreter, InterpreterSettings, open_interpreter
from slipstick.models import Model, ModelSettings
from slipstick.progress import duration, progress
from slipstick.schema import Problem, Solution, Verdict
from slipstick.solve import Hybrid, Monitor, SamplingPolicy, SolveSettings, Spent, Strategy, sample, spent_alone
from slipstick.solve.estimate import Range, estimate_table
from slipstick.store import RunFolder

MAY_CHANGE = frozenset(
    {"estimate", "max_cost", "price_in", "price_out"}
    | {"base_url", "max_concurrent_requests", "request_timeout", "max_concurrent_solutions", "sandbox_workers"}
)
"""Settings that may differ when a run is resumed: they say how it is worked, not what comes out."""
_LOOK_SECONDS = 1.0
_AT_ONCE = 32
"""Requests that an estimate of the time assumes if the server's concurrency is still to be found out."""
_UNPRICED = 16
"""Replies after which a budget must have a price to go by."""


class SolveRecipe(ProblemSettings, SolveSettings, ModelSettings, InterpreterSettings):
    """Settings of `slipstick solve`."""

    model: str
    """"openai:NAME", "hf:PATH", "replay:FILE", "fake:FILE"."""
    formats: list[str] = Field(min_length=1)
    """Formats to solve in, and "hybrid"."""
    estimate: bool = False
    """Solve only a few problems, say what all of them will take, and stop."""


class Collection:
    """A run folder, and the model and interpreter that fill it; whoever opened these closes them."""

    def __init__(
        self, folder: RunFolder, recipe: SolveRecipe, monitor: Monitor, interpreter: Interpreter, console: Console
    ) -> None:
        self.folder, self.recipe, self.monitor, self.console = folder, recipe, monitor, console
        self.done: Mapping[str, Solution] = {}
        """Solutions by id that an interrupted run already had."""
        self._interpreter, self._before = interpreter, monitor.solutions

    async def __aenter__(self) -> Self:
        """Takes over what an interrupted run has done and spent, and notes what the server says of itself."""
        self.monitor.resume(_take_over(self.folder, self.recipe.formats))
        self.done = self.folder.index()
        card = await self.monitor.model.describe()
        versions = self.folder.run().versions
        for key, value in card.items():
            if versions.get(key, value) != value:
                self._say(f"{key} was {versions[key]}, now it is {value}")
        self.folder.note(versions={**versions, **card})
        return self

    async def __aexit__(self, *error: object) -> None:
        """Leaves all files as they are: every solution is on disk already."""

    async def sample(
        self,
        problems: Iterable[Problem],
        strategies: Sequence[Strategy],
        *,
        policy: SamplingPolicy,
        planned: int,
        settings: SolveSettings | None = None,
        grade: Callable[[Solution, Problem], Verdict] | None = None,
        change: Callable[[Solution], Solution] = lambda solution: solution,
    ) -> bool:
        """Every solution the policy wants and the folder lacks, appended as it ends; False if a budget ended it early.

        planned: most solutions there will be. change: what is kept of a solution.
        Raises UserError if there is a budget and nothing has a price.
        """
        monitor = self.monitor

        def keep(solution: Solution) -> None:
            self.folder.append(change(solution))
            self._check_price()

        with progress("solving", planned, "solutions", console=self.console, done=len(self.done)) as advance:

            async def look() -> None:
                while True:
                    await asyncio.sleep(_LOOK_SECONDS)
                    advance(self.solutions(), monitor.note())

            looking = asyncio.create_task(look())
            try:
                finished = await sample(
                    problems,
                    strategies,
                    policy=policy,
                    monitor=monitor,
                    interpreter=self._interpreter,
                    settings=settings or self.recipe,
                    on_solution=keep,
                    grade=grade,
                    done=self.done,
                )
            finally:
                looking.cancel()
                advance(self.solutions(), monitor.note())
        if not finished:
            self._say(
                f"\nStopped at ${monitor.cost:,.4f} of max_cost = {self.recipe.max_cost}; {monitor.solutions:,} "
                "solutions were made. To continue: the same command with --resume and a higher max_cost"
            )
        return finished

    def solutions(self) -> int:
        """How many the folder holds."""
        return len(self.done) + self.monitor.solutions - self._before

    def _check_price(self) -> None:
        most, monitor = self.recipe.max_cost, self.monitor
        if most is not None and monitor.replies >= _UNPRICED and monitor.cost == monitor.cost_before:
            raise UserError(
                f"max_cost = {most} cannot be enforced: no price is known for {self.recipe.model}. Set price_in and "
                "price_out, or remove max_cost"
            )

    def _say(self, line: str) -> None:
        self.console.print(line, highlight=False, soft_wrap=True)


def print_estimate(
    title: str,
    found: Mapping[str, Range],
    recipe: SolveRecipe,
    *,
    rows: Mapping[str, Range] | None = None,
    seconds: float,
    console: Console,
) -> None:
    """What all will take. found: by field of Spent; rows: what else will come of it; seconds: what these took."""
    most = recipe.max_concurrent_requests
    at_once = min(recipe.max_concurrent_solutions, _AT_ONCE if most == "auto" else most)
    console.print(estimate_table(title, found, rows=rows or {}, at_once=at_once))
    console.print(
        f"They took {duration(seconds)}. Their solutions are kept: the same command with --resume and estimate = false "
        "does the rest",
        highlight=False,
        soft_wrap=True,
    )


@asynccontextmanager
async def opened(recipe: SolveRecipe, model: Model | None) -> AsyncIterator[Interpreter]:
    """The interpreter of a recipe; it and the model, opened before, are closed in the end."""
    interpreter = open_interpreter(recipe, seed=recipe.seed)
    try:
        yield interpreter
    finally:
        await interpreter.close()
        if model:
            await model.close()


def strategies_of(formats: Iterable[str]) -> list[Strategy]:
    """The formats of a recipe, "hybrid" among them, as what a problem is solved in."""
    hybrid = Hybrid(pot=load_format("pot"), cot=load_format("cot"))
    return [hybrid if name == "hybrid" else load_format(name) for name in formats]


def check_problems(recipe: ProblemSettings) -> None:
    """Raises InputError if the problems cannot be read, are none, or have an id twice."""
    deque(each_problem(recipe), maxlen=0)


def _take_over(folder: RunFolder, formats: Sequence[str]) -> float:
    """US dollars that an interrupted run has spent; solutions that ended in an error are removed, to be made again."""
    spent, failed = Spent(), set()
    for solution in folder.solutions():
        spent = spent.plus(spent_alone(solution, formats))
        if any(attempt.finish == "error" for attempt in (solution, *solution.previous_attempts)):
            failed.add(solution.id)
    if failed:
        folder.rearrange(key for key in folder.index() if key not in failed)
        (folder.path / "verdicts.jsonl").unlink(missing_ok=True)
    return spent.cost
