"""The one sampler: solutions of many problems side by side, as many of each as a policy wants, under one budget.

A chain is a problem in one strategy: the policy says which solutions come first, and when all of those have ended,
which come next. Chains run side by side and none waits for another.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from slipstick.formats import Format
from slipstick.interpreters import Interpreter
from slipstick.schema import Problem, Solution, Verdict
from slipstick.solve.attempt import attempt, solution_id
from slipstick.solve.hybrid import Hybrid, combine
from slipstick.solve.monitor import Monitor
from slipstick.solve.policies import SamplingPolicy
from slipstick.solve.settings import SolveSettings

Strategy = Format | Hybrid
"""How a problem can be solved."""
_Shared = dict[tuple[str, int], asyncio.Task[Solution]]
"""The attempts at one problem by format and sample: a hybrid solution shares them with the other formats."""
_FIRST = 16
"""Solutions that run under a budget until as many have ended and it is known what one costs."""


async def sample(
    problems: Iterable[Problem],
    strategies: Sequence[Strategy],
    *,
    policy: SamplingPolicy,
    monitor: Monitor,
    interpreter: Interpreter,
    settings: SolveSettings,
    on_solution: Callable[[Solution], None],
    grade: Callable[[Solution, Problem], Verdict] | None = None,
    done: Mapping[str, Solution] | None = None,
) -> bool:
    """Passes every solution that the policy wants to `on_solution` as it ends; False if `max_cost` ended it early.

    Problems are read as there is room for them and solutions are not kept, so memory does not grow with their number.
    policy: is asked in a thread if answers differ, so it may compare them. monitor: sees every reply of its model.
    settings: `num_samples` and `temperature` are ignored, the policy sets both. grade: judges solutions of problems
    with a gold before the policy sees them. done: solutions by id that an interrupted run already has; they are neither
    sampled nor passed on again, but the policy sees them.
    Raises what the model raises for a user's mistake (ModelError), in an ExceptionGroup.
    """
    work = _Work(policy, monitor, interpreter, settings, on_solution, grade, done or {})
    room = Room(settings, monitor)
    async with asyncio.TaskGroup() as group:
        for problem in problems:
            shared: _Shared = {}
            for strategy in strategies:
                chain = _Chain(problem, strategy, work, room, shared)
                if not await chain.resume():
                    continue
                if not await room.enter(new=True):
                    return False
                group.create_task(chain.run())
    return not room.closed


class Room:
    """How many solutions may run: `max_concurrent_solutions`, and under a budget no more than it pays for.

    What one costs is all that was spent, by an interrupted run and an earlier stage too, divided by those that ended:
    too much rather than too little, as the short ones end first and what the others have spent so far is counted too.
    """

    def __init__(self, settings: SolveSettings, monitor: Monitor) -> None:
        self.closed = False
        """Whether the budget let a solution not begin."""
        self._settings, self._monitor = settings, monitor
        self._running = 0
        self._further: deque[asyncio.Future[bool]] = deque()  # of chains that have begun: they go first
        self._new: deque[asyncio.Future[bool]] = deque()

    async def enter(self, *, new: bool = False) -> bool:
        """Waits until one more may begin; False if the budget allows no more. new: the first one of its chain."""
        waiting: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        (self._new if new else self._further).append(waiting)
        self._admit()
        return await waiting

    def leave(self) -> None:
        """One has ended."""
        self._running -= 1
        self._admit()

    def _admit(self) -> None:
        while queue := self._further or self._new:
            allowed = self._running < self._most()
            if not allowed and self._running:
                return  # what runs has still to show what it costs
            self.closed = self.closed or not allowed
            waiting = queue.popleft()
            if not waiting.cancelled():
                self._running += allowed
                waiting.set_result(allowed)

    def _most(self) -> int:
        settings, left = self._settings, self._settings.max_cost
        if left is None:
            return settings.max_concurrent_solutions
        left -= self._monitor.cost
        if left <= 0:
            return 0
        ended, spent = self._monitor.paid_for, self._monitor.cost
        most = settings.max_concurrent_solutions if ended >= _FIRST else min(settings.max_concurrent_solutions, _FIRST)
        return min(most, int(left * ended / spent + 1e-6)) if spent and ended else most


class _Work(NamedTuple):
    policy: SamplingPolicy
    monitor: Monitor
    interpreter: Interpreter
    settings: SolveSettings
    on_solution: Callable[[Solution], None]
    grade: Callable[[Solution, Problem], Verdict] | None
    done: Mapping[str, Solution]


class _Chain:
    """The solutions of one problem in one strategy."""

    def __init__(self, problem: Problem, strategy: Strategy, work: _Work, room: Room, shared: _Shared) -> None:
        self._problem, self._strategy, self._work = problem, strategy, work
        self._room, self._shared = room, shared
        self._solutions: list[Solution] = []
        self._wanted: Sequence[float] = []

    async def resume(self) -> bool:
        """Takes over what an interrupted run has done; whether anything is left to sample."""
        await self._plan()
        while self._wanted:
            known = [self._done(place) for place in range(len(self._solutions), self._end())]
            if not all(known):
                return True
            self._solutions += [solution for solution in known if solution]
            await self._plan()
        return False

    async def run(self) -> None:
        """Samples up to the last solution wanted, or the end of the budget; the room is entered for the first one."""
        entered = True
        while self._wanted:
            async with asyncio.TaskGroup() as group:
                tasks: list[Solution | asyncio.Task[Solution | None]] = []
                for place, temperature in enumerate(self._wanted, start=len(self._solutions)):
                    known = self._done(place)
                    tasks.append(known or group.create_task(self._one(place, temperature, entered=entered)))
                    entered = entered and known is not None
            ended = [each.result() if isinstance(each, asyncio.Task) else each for each in tasks]
            if not all(ended):
                return
            self._solutions += [solution for solution in ended if solution]
            await self._plan()

    async def _plan(self) -> None:
        policy, answers = self._work.policy, {solution.answer for solution in self._solutions}
        compares = len(answers) > 1  # which may take seconds
        self._wanted = await asyncio.to_thread(policy, self._solutions) if compares else policy(self._solutions)

    def _end(self) -> int:
        return len(self._solutions) + len(self._wanted)

    def _done(self, place: int) -> Solution | None:
        return self._work.done.get(solution_id(self._problem, self._strategy.name, place))

    async def _one(self, place: int, temperature: float, *, entered: bool) -> Solution | None:
        """One solution; None if the budget does not let it begin."""
        if not entered and not await self._room.enter():
            return None
        try:
            solution = await self._solve(place, temperature)
            if self._work.grade and self._problem.answer is not None:
                verdict = await asyncio.to_thread(self._work.grade, solution, self._problem)
                solution = solution.model_copy(update={"verdict": verdict})
            self._work.on_solution(solution)
            self._work.monitor.add(solution, self._problem)
            return solution
        finally:
            self._room.leave()

    async def _solve(self, place: int, temperature: float) -> Solution:
        async def attempted(format: Format) -> Solution:
            key = (format.name, place)
            if key not in self._shared:
                self._shared[key] = asyncio.create_task(self._attempt(format, place, temperature))
            return await self._shared[key]

        if isinstance(self._strategy, Format):
            return await attempted(self._strategy)
        first, second = self._strategy.order(self._problem, self._work.settings)
        tried = await attempted(first)
        return combine(tried, []) if tried.answer is not None else combine(await attempted(second), [tried])

    async def _attempt(self, format: Format, place: int, temperature: float) -> Solution:
        known = self._work.done.get(solution_id(self._problem, format.name, place))
        return known or await attempt(
            self._problem,
            format,
            sample=place,
            model=self._work.monitor,
            interpreter=self._work.interpreter,
            settings=self._work.settings.model_copy(update={"temperature": temperature}),
        )
