"""Solves problems: each solution alternates between the model and the interpreter at its own pace."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence

from slipstick.formats import Format, with_num_fewshot
from slipstick.interpreters import Interpreter
from slipstick.models import Model, Reply, Request
from slipstick.schema import Problem, Solution
from slipstick.solve.attempt import attempt, run_code, solution_id, until_code
from slipstick.solve.hybrid import Hybrid, Spent, combine, spent_alone
from slipstick.solve.settings import SolveSettings
from slipstick.solve.voting import is_settled

__all__ = [
    "Hybrid",
    "Metered",
    "SolveSettings",
    "Spent",
    "Strategy",
    "attempt",
    "most_under_way",
    "prepare_format",
    "run_code",
    "solution_id",
    "solve",
    "spent_alone",
    "until_code",
]

Strategy = Format | Hybrid
"""In what a problem can be solved."""
_FIRST = 16
"""Solutions running under a budget until as many have ended and it is known what one costs."""


async def solve(
    problems: Iterable[Problem],
    strategies: Sequence[Strategy],
    *,
    model: Model,
    interpreter: Interpreter,
    settings: SolveSettings,
    on_solution: Callable[[Solution], None],
    done: Mapping[str, Solution] | None = None,
) -> bool:
    """Hands every solution to `on_solution` as it ends: per problem and sample one in each format.

    Gives False where `max_cost` ended it early, else True. A hybrid solution shares its attempts with the formats asked
    for beside it, so nothing is solved twice; it carries the attempt that failed as `previous_attempts`.
    Problems are drawn as there is room for them and solutions are not kept, so memory does not grow with their number.
    done: solutions by id that an interrupted run already has; they are neither made nor handed over again.
    Raises RecipeError where a format has fewer demonstrations than `num_fewshot`, and what the model raises for a
    user's mistake (ModelError), in an ExceptionGroup.
    """
    prepared = [prepare(strategy, settings) for strategy in strategies]
    flow = _Flow(model, interpreter, settings, on_solution, done or {})
    return await flow.run(problems, prepared)


def prepare(strategy: Strategy, settings: SolveSettings) -> Strategy:
    """The format with the shots and stop strings of the settings. Raises RecipeError where it has too few examples."""
    if isinstance(strategy, Hybrid):
        return Hybrid(pot=prepare_format(strategy.pot, settings), cot=prepare_format(strategy.cot, settings))
    return prepare_format(strategy, settings)


def prepare_format(format: Format, settings: SolveSettings) -> Format:
    """One format with them."""
    format = format if settings.num_fewshot is None else with_num_fewshot(format, settings.num_fewshot)
    return format.model_copy(update={"stop": [*format.stop, *settings.stop]})


def most_under_way(settings: SolveSettings, *, spent: float, ended: int) -> int:
    """How many attempts may be running: under a budget no more than it pays for.

    What one costs is all that was spent divided by those that ended: too much rather than too little, as the short
    ones end first and what the others have spent so far is counted too.
    """
    if settings.max_cost is None:
        return settings.max_concurrent_solutions
    if spent >= settings.max_cost:
        return 0
    most = settings.max_concurrent_solutions if ended >= _FIRST else min(settings.max_concurrent_solutions, _FIRST)
    if not spent or not ended:
        return most
    return min(most, int((settings.max_cost - spent) * ended / spent + 1e-6))


class _Flow:
    """The solutions running. One chain is one sample, or the samples of a problem in turn."""

    def __init__(
        self,
        model: Model,
        interpreter: Interpreter,
        settings: SolveSettings,
        on_solution: Callable[[Solution], None],
        done: Mapping[str, Solution],
    ) -> None:
        self._model, self._interpreter, self._settings = Metered(model), interpreter, settings
        self._on_solution, self._done = on_solution, done
        self._under_way = self._ended = 0
        self._stopped = False
        self._room_made = asyncio.Event()

    async def run(self, problems: Iterable[Problem], strategies: Sequence[Strategy]) -> bool:
        """Starts chains as there is room; whether all were drawn."""
        count, together = self._settings.num_samples, self._settings.consistency_threshold is not None
        chains = [range(count)] if together else [range(sample, sample + 1) for sample in range(count)]
        async with asyncio.TaskGroup() as group:
            for problem in problems:
                made: dict[tuple[str, int], asyncio.Task[Solution]] = {}
                for samples in chains:
                    for strategy in strategies:
                        if not together and solution_id(problem, strategy.name, samples[0]) in self._done:
                            continue
                        if not await self._room():
                            return False
                        self._under_way += 1
                        group.create_task(self._draw(problem, strategy, samples, made))
        return not self._stopped

    async def _room(self) -> bool:
        """Waits until one more may begin; False where the budget lets none begin any more."""
        while self._under_way >= self._most():
            if not self._under_way:
                return False
            self._room_made.clear()
            await self._room_made.wait()
        return True

    def _most(self) -> int:
        return most_under_way(self._settings, spent=self._model.spent, ended=self._ended)

    async def _draw(
        self, problem: Problem, strategy: Strategy, samples: range, made: dict[tuple[str, int], asyncio.Task[Solution]]
    ) -> None:
        """One chain, up to its last sample, a settled vote, or the end of the budget."""
        answers: list[str | None] = []
        consistency_threshold = self._settings.consistency_threshold
        try:
            for sample in samples:
                solution = self._done.get(solution_id(problem, strategy.name, sample))
                if solution is None:
                    if self._most() == 0:
                        self._stopped = True
                        return
                    solution = await self._solution(problem, strategy, sample, made)
                    self._on_solution(solution)
                answers.append(solution.answer)
                if consistency_threshold is not None and await is_settled(answers, consistency_threshold):
                    return
        finally:
            self._under_way -= 1
            self._ended += 1
            self._room_made.set()

    async def _solution(
        self, problem: Problem, strategy: Strategy, sample: int, made: dict[tuple[str, int], asyncio.Task[Solution]]
    ) -> Solution:
        async def attempted(format: Format) -> Solution:
            key = (format.name, sample)
            if key not in made:
                made[key] = asyncio.create_task(self._attempt(problem, format, sample))
            return await made[key]

        if isinstance(strategy, Format):
            return await attempted(strategy)
        first, second = strategy.order(problem, self._settings)
        tried = await attempted(first)
        return combine(tried, []) if tried.answer is not None else combine(await attempted(second), [tried])

    async def _attempt(self, problem: Problem, format: Format, sample: int) -> Solution:
        known = self._done.get(solution_id(problem, format.name, sample))
        if known:
            return known
        return await attempt(
            problem,
            format,
            sample=sample,
            model=self._model,
            interpreter=self._interpreter,
            settings=self._settings,
        )


class Metered(Model):
    """A model, and what its replies have cost."""

    def __init__(self, model: Model) -> None:
        self.name = model.name
        self.spent = 0.0
        self._model = model

    async def generate(self, request: Request) -> Reply:
        reply = await self._model.generate(request)
        self.spent += reply.cost
        return reply

    async def close(self) -> None:
        """The model belongs to whoever opened it."""
