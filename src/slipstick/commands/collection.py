"""The one run session: fills a run folder with sampled solutions, resumable at any instant and within its budget."""

import functools
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Self

from rich.console import Console

from slipstick.alarms import ignored_settings
from slipstick.commands.controlled import controlled
from slipstick.commands.resumed import drop_failed, take_over
from slipstick.commands.solve_recipe import SolveRecipe
from slipstick.interpreters import Interpreter
from slipstick.progress import watched_progress
from slipstick.schema import Problem, Solution, Verdict
from slipstick.solve.monitor import Monitor
from slipstick.solve.policies import SamplingPolicy
from slipstick.solve.scheduler import Strategy, sample
from slipstick.store import RunFolder


class Collection:
    """A run folder, and the model and interpreter that fill it; whoever opened these closes them."""

    def __init__(
        self, folder: RunFolder, recipe: SolveRecipe, monitor: Monitor, interpreter: Interpreter, console: Console
    ) -> None:
        self.folder, self.recipe, self.monitor, self.console = folder, recipe, monitor, console
        self.done: Mapping[str, Solution] = {}
        """Solutions by id that an interrupted run already had."""
        self._interpreter, self._before = interpreter, monitor.solutions
        self._print = functools.partial(console.print, highlight=False, soft_wrap=True)

    async def __aenter__(self) -> Self:
        """Takes over what an interrupted run has done, spent and sent, and notes what the server says of itself."""
        self.monitor.resume(*take_over(self.folder, self.recipe.format_names()))
        self.done = self.folder.index()
        await self.monitor.model.keep_in(self.folder.path)
        card, versions = await self.monitor.model.describe(), self.folder.run().versions
        differ = [key for key, value in card.items() if versions.get(key, value) != value]
        changed = [f"{key} was {versions[key]}, now it is {card[key]}" for key in differ]
        for line in (*changed, *(alarm.message for alarm in ignored_settings(card))):
            self._print(line)
        self.folder.note(versions={**versions, **card})
        return self

    async def __aexit__(self, *error: object) -> None:
        """Leaves all files as they are: every solution is on disk already."""
        if error[0] is not None and (waits := self.monitor.model.progress()):
            self._print(f"\n{waits}. What was submitted goes on at the provider, and --resume fetches it")

    async def sample(
        self,
        problems: Iterable[Problem],
        strategies: Sequence[Strategy],
        *,
        policy: SamplingPolicy,
        planned: int,
        grade: Callable[[Solution, Problem], Verdict] | None = None,
        change: Callable[[Solution], Solution] = lambda solution: solution,
    ) -> bool:
        """Every solution the policy wants and the folder lacks, appended as it ends; False if a budget ended it early.

        planned: most solutions there will be. change: what is kept of a solution.
        Raises UserError if there is a budget and nothing has a price.
        """

        def keep(solution: Solution) -> None:
            self.folder.append(change(solution))
            self.monitor.require_price(self.recipe.max_cost, self.recipe.model)

        def state() -> tuple[float, str]:
            return self.solutions(), self.monitor.note()

        def solve(problems: Iterable[Problem]) -> Awaitable[bool]:
            return sample(
                problems,
                strategies,
                policy=policy,
                monitor=self.monitor,
                interpreter=self._interpreter,
                settings=self.recipe,
                on_solution=keep,
                grade=grade,
                done=self.done,
            )

        async with (
            controlled(self.folder, self.monitor, planned=planned, solutions=self.solutions),
            watched_progress("solving", planned, "solutions", console=self.console, done=len(self.done), state=state),
        ):
            finished = await solve(problems)
            while finished and self.monitor.ask_again:
                self.monitor.ask_again = False
                again = drop_failed(self.folder)
                self.done, self._before = self.folder.index(), self.monitor.solutions
                finished = await solve(problem for problem in self.folder.problems() if problem.id in again)
        self.monitor.require_usable()
        if self.monitor.cached:
            self._print(f"{self.monitor.cached:,} of {self.monitor.replies:,} replies came from the cache")
        if not finished:
            self._print(
                f"\nStopped at ${self.monitor.cost:,.4f} of max_cost = {self.recipe.max_cost}; "
                f"{self.monitor.solutions:,} solutions were made. To continue: the same command with --resume and a "
                "higher max_cost"
            )
        return finished

    def solutions(self) -> int:
        """How many the folder holds."""
        return len(self.done) + self.monitor.solutions - self._before
