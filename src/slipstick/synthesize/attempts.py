"""Draws attempts from a teacher, for each problem as many as a plan asks for, and grades each as it ends."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence

from slipstick.formats import Format
from slipstick.grade import grade
from slipstick.interpreters import Interpreter
from slipstick.models import Model
from slipstick.schema import Problem, Solution
from slipstick.solve import Metered, SolveSettings, attempt, most_under_way, solution_id

Plan = Callable[[Sequence[Solution]], Sequence[float]]
"""A problem's graded attempts in one format so far, in order -> temperatures of those to draw next; none: enough."""


async def draw_attempts(
    problems: Iterable[Problem],
    formats: Sequence[Format],
    *,
    plan: Plan,
    model: Model,
    interpreter: Interpreter,
    settings: SolveSettings,
    on_attempt: Callable[[Solution], None],
    done: Mapping[str, Solution] | None = None,
) -> bool:
    """Hands every attempt to `on_attempt` as it ends, with its verdict where the problem has a gold.

    The attempts of a problem in one format are a chain: its next ones are planned when all that were asked for have
    ended. Chains run side by side and none waits for another. Gives False where `max_cost` ended it early.
    settings: `num_samples` and `temperature` do not count, the plan says both.
    done: attempts by id that an interrupted run already has; the plan hears of them as if they were drawn now.
    Raises what the model raises for a user's mistake (ModelError), in an ExceptionGroup.
    """
    return await _Flow(plan, model, interpreter, settings, on_attempt, done or {}).run(problems, formats)


def is_correct(solution: Solution) -> bool:
    """Whether it was judged correct."""
    return solution.verdict is not None and solution.verdict.outcome == "correct"


class _Flow:
    def __init__(
        self,
        plan: Plan,
        model: Model,
        interpreter: Interpreter,
        settings: SolveSettings,
        on_attempt: Callable[[Solution], None],
        done: Mapping[str, Solution],
    ) -> None:
        self._plan, self._model, self._interpreter = plan, Metered(model), interpreter
        self._settings, self._on_attempt, self._done = settings, on_attempt, done
        self._under_way = self._ended = 0
        self._stopped = False
        self._room = asyncio.Condition()
        self._chains = asyncio.Semaphore(settings.max_concurrent_solutions)

    async def run(self, problems: Iterable[Problem], formats: Sequence[Format]) -> bool:
        """Starts a chain as there is room for one; whether all came to their end."""
        async with asyncio.TaskGroup() as group:
            for problem in problems:
                for format in formats:
                    await self._chains.acquire()
                    if self._stopped:
                        return False
                    group.create_task(self._chain(problem, format))
        return not self._stopped

    async def _chain(self, problem: Problem, format: Format) -> None:
        attempts: list[Solution] = []
        try:
            while not self._stopped and (temperatures := self._plan(attempts)):
                async with asyncio.TaskGroup() as group:
                    drawn = [
                        group.create_task(self._one(problem, format, sample, temperature))
                        for sample, temperature in enumerate(temperatures, start=len(attempts))
                    ]
                attempts += [ended for task in drawn if (ended := task.result())]
        finally:
            self._chains.release()

    async def _one(self, problem: Problem, format: Format, sample: int, temperature: float) -> Solution | None:
        """An attempt that ended; None where the budget lets none begin any more."""
        known = self._done.get(solution_id(problem, format.name, sample))
        if known:
            return known
        if not await self._begin():
            self._stopped = True
            return None
        try:
            solution = await attempt(
                problem,
                format,
                sample=sample,
                model=self._model,
                interpreter=self._interpreter,
                settings=self._settings.model_copy(update={"temperature": temperature}),
            )
            if problem.answer is not None:
                verdict = await asyncio.to_thread(grade, solution, problem)
                solution = solution.model_copy(update={"verdict": verdict})
            self._on_attempt(solution)
            return solution
        finally:
            async with self._room:
                self._under_way -= 1
                self._ended += 1
                self._room.notify_all() if self._most() == 0 else self._room.notify(2)

    async def _begin(self) -> bool:
        """Waits until one more may begin; False where none may any more."""
        async with self._room:
            while self._under_way >= self._most():
                if not self._under_way:
                    return False
                await self._room.wait()
            self._under_way += 1
            return True

    def _most(self) -> int:
        return most_under_way(self._settings, spent=self._model.spent, ended=self._ended)
