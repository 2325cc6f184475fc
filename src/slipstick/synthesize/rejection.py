"""Samples until a problem has enough correct solutions, and tries hard problems more often.

DART-Math (Tong et al. 2024, section 2.2): plain rejection sampling leaves a corpus of easy problems, since those are
solved at every try. `uniform` wants the same number of correct solutions of every problem; `prop2diff` wants them in
proportion to the share of first attempts that failed, at least one and at most `num_correct`.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from math import ceil
from typing import Literal

from pydantic import Field

from slipstick.schema import Drop, Problem, Record, Solution
from slipstick.solve.policies import SamplingPolicy, is_correct
from slipstick.synthesize.teacher import drop


class RejectionSettings(Record):
    """Settings of rejection sampling."""

    num_correct: int = Field(default=4, ge=1, le=100_000)
    """Target: correct solutions per problem and format."""
    allocation: Literal["uniform", "prop2diff"] = "uniform"
    """"uniform": the same target for every problem; "prop2diff": in proportion to its failure rate (DART)."""
    probes: int = Field(default=4, ge=1, le=100_000)
    """First attempts from which "prop2diff" estimates a problem's failure rate."""
    max_attempts: int = Field(default=32, ge=1, le=100_000)
    """Maximum number of attempts per problem and format."""


def until_correct(settings: RejectionSettings, *, temperature: float) -> SamplingPolicy:
    """Attempts until as many are correct as are wanted, or there were `max_attempts`."""

    def policy(attempts: Sequence[Solution]) -> list[float]:
        left = settings.max_attempts - len(attempts)
        if settings.allocation == "prop2diff" and len(attempts) < settings.probes:
            return [temperature] * min(left, settings.probes - len(attempts))
        missing = wanted(settings, attempts) - sum(map(is_correct, attempts))
        if missing <= 0:
            return []
        # Hard problems get several attempts together, so that the run does not end with single attempts one by one.
        return [temperature] * min(left, max(missing, len(attempts) // 2))

    return policy


def wanted(settings: RejectionSettings, attempts: Sequence[Solution]) -> int:
    """Target number of correct solutions of a problem."""
    if settings.allocation == "uniform":
        return settings.num_correct
    probes = attempts[: settings.probes]
    failed = sum(not is_correct(attempt) for attempt in probes)
    return max(1, ceil(settings.num_correct * failed / max(1, len(probes))))


def refuse_without_gold(problems: Iterable[Problem]) -> list[Drop]:
    """A drop for each problem that has no gold."""
    reason = "without a gold no attempt can be graded"
    return [
        Drop(row=problem.model_dump(mode="json"), rule="no gold", reason=reason)
        for problem in problems
        if problem.answer is None
    ]


def take_enough(
    settings: RejectionSettings, kept: Sequence[Solution], attempts: Sequence[Solution]
) -> tuple[list[Solution], list[Drop]]:
    """The first correct solutions in each format, as many as are wanted, and the rest as drops.

    kept: the correct ones of `attempts`; attempts: all at one problem, in the order of their samples.
    """
    enough = {
        name: wanted(settings, [attempt for attempt in attempts if attempt.format == name])
        for name in {attempt.format for attempt in attempts}
    }
    taken: list[Solution] = []
    surplus: list[Drop] = []
    counts = Counter[str]()
    for solution in kept:
        counts[solution.format] += 1
        most = enough[solution.format]
        if counts[solution.format] <= most:
            taken.append(solution)
        else:
            surplus.append(drop(solution, "more than wanted", f"{most} correct in {solution.format} were enough"))
    return taken, surplus
