"""The one sampler: rounds of a policy, verdicts before the next round, one budget over all chains."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from slipstick.formats import load_format
from slipstick.grade import grade
from slipstick.interpreters import InterpreterSettings, open_interpreter
from slipstick.models import Reply, Request
from slipstick.models.fake import FakeModel
from slipstick.schema import Problem, Solution
from slipstick.solve.monitor import Monitor
from slipstick.solve.policies import SamplingPolicy, SamplingStep, is_correct, scheduled
from slipstick.solve.scheduler import sample
from slipstick.solve.settings import SolveSettings

COT = load_format("cot")
PROBLEMS = [Problem(id=f"p/{n}", text="?", answer=str(n), kind="number") for n in range(6)]


def late_is_correct(request: Request) -> Reply:
    """Problem n is solved from sample n on, at a tenth of a dollar."""
    number = int(request.problem.id[2:])
    said = number if request.sample >= number else -1
    return Reply(text=f"The answer is {said}.", tokens=3, cost=0.1)


def run(
    policy: SamplingPolicy, monitor: Monitor | None = None, **settings: float
) -> tuple[bool, list[Solution], Monitor]:
    solutions: list[Solution] = []
    monitor = monitor or Monitor(FakeModel(late_is_correct))

    async def work() -> bool:
        interpreter = open_interpreter(InterpreterSettings(sandbox_workers=1))
        try:
            return await sample(
                PROBLEMS,
                [COT],
                policy=policy,
                monitor=monitor,
                interpreter=interpreter,
                settings=SolveSettings.model_validate(settings),
                on_solution=solutions.append,
                grade=grade,
            )
        finally:
            await interpreter.close()

    return asyncio.run(work()), solutions, monitor


def test_a_policy_sees_verdicts_and_sets_temperatures() -> None:
    steps = [SamplingStep(temperature=0, num_samples=1), SamplingStep(temperature=0.6, num_samples=3)]
    finished, solutions, monitor = run(scheduled(steps, stop_after_correct=1))
    assert finished and len([s for s in solutions if s.problem_id == "p/0"]) == 1
    assert all(len([s for s in solutions if s.problem_id == f"p/{n}"]) == 4 for n in range(1, 6))
    model = monitor.model
    assert isinstance(model, FakeModel)
    assert {(r.sample == 0, r.sampling.temperature) for r in model.requests} == {(True, 0.0), (False, 0.6)}
    assert monitor.replies == monitor.solutions == len(solutions)


def test_a_policy_of_ones_own_goes_on_until_it_has_enough() -> None:
    def until_two(solutions: Sequence[Solution]) -> list[float]:
        return [0.5] if sum(map(is_correct, solutions)) < 2 and len(solutions) < 5 else []

    _, solutions, _ = run(until_two)
    counts = [len([s for s in solutions if s.problem_id == f"p/{n}"]) for n in range(6)]
    assert counts == [2, 3, 4, 5, 5, 5]


def test_one_budget_holds_over_all_chains() -> None:
    policy = scheduled([SamplingStep(temperature=0, num_samples=20)])
    finished, solutions, monitor = run(policy, max_cost=3.0, max_concurrent_solutions=7)
    assert not finished and len(solutions) == 30 and round(monitor.cost, 6) == 3.0


@pytest.mark.parametrize("before", [40, 4])
def test_a_budget_knows_what_an_interrupted_run_paid(before: int) -> None:
    monitor = Monitor(FakeModel(late_is_correct))
    monitor.resume(before / 10, before)  # ten cents each, as `late_is_correct` takes
    policy = scheduled([SamplingStep(temperature=0, num_samples=20)])
    finished, solutions, _ = run(policy, monitor, max_cost=before / 10 + 0.5, max_concurrent_solutions=64)
    assert not finished and len(solutions) == 5


def test_a_budget_holds_over_two_stages_of_a_run() -> None:
    monitor = Monitor(FakeModel(late_is_correct))
    policy = scheduled([SamplingStep(temperature=0, num_samples=4)])
    finished, first, _ = run(policy, monitor, max_cost=3.0, max_concurrent_solutions=64)
    assert finished and len(first) == 24
    finished, second, _ = run(policy, monitor, max_cost=3.0, max_concurrent_solutions=64)
    assert not finished and len(second) == 6 and round(monitor.cost, 6) == 3.0
