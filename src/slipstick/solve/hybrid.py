"""Two formats combined: the second is used if the first gives no answer (MAmmoTH, section 2.4)."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from slipstick.formats import Format
from slipstick.schema import Code, Problem, Record, Solution
from slipstick.solve.settings import SolveSettings


class Hybrid(Record):
    """A program first, words if that gives no answer."""

    pot: Format
    """The format of programs."""
    cot: Format
    """The format of words."""

    @property
    def name(self) -> str:
        """What a recipe calls it."""
        return "hybrid"

    def order(self, problem: Problem, settings: SolveSettings) -> tuple[Format, Format]:
        """Which format is tried first, and which if that gives no answer."""
        words_first = problem.kind == "choice" and settings.hybrid_choice == "cot"
        return (self.cot, self.pot) if words_first else (self.pot, self.cot)


class Spent(NamedTuple):
    """What solutions took."""

    prompt_tokens: int = 0
    """Tokens of all prompts."""
    tokens: int = 0
    """Tokens that were generated."""
    cost: float = 0.0
    """US dollars."""
    seconds: float = 0.0
    """Wall-clock seconds."""

    def plus(self, other: Spent) -> Spent:
        """Both together."""
        return Spent(
            self.prompt_tokens + other.prompt_tokens,
            self.tokens + other.tokens,
            self.cost + other.cost,
            self.seconds + other.seconds,
        )

    def minus(self, other: Spent) -> Spent:
        """What is left without the other."""
        return self.plus(Spent(-other.prompt_tokens, -other.tokens, -other.cost, -other.seconds))


def combine(chosen: Solution, previous_attempts: list[Solution]) -> Solution:
    """The hybrid solution that an attempt becomes, with the attempts before it and all their cost."""
    total = _spent(chosen)
    for solution in previous_attempts:
        total = total.plus(_spent(solution))
    named = {
        "id": f"{chosen.problem_id}#hybrid#{chosen.sample}",
        "format": "hybrid",
        "previous_attempts": previous_attempts,
        "thought_tokens": sum(solution.thought_tokens for solution in (chosen, *previous_attempts)),
        "cached_replies": sum(solution.cached_replies for solution in (chosen, *previous_attempts)),
    }
    return chosen.model_copy(update={**named, **total._asdict()})


def spent_alone(solution: Solution, listed: Collection[str]) -> Spent:
    """What a solution took, without attempts that are recorded separately because their format is `listed` too."""
    total = _spent(solution)
    if solution.format != "hybrid":
        return total
    before = [(attempt.format, _spent(attempt)) for attempt in solution.previous_attempts]
    last = total
    for _, spent in before:
        last = last.minus(spent)
    written_as = "pot" if any(isinstance(block, Code) for block in solution.blocks) else "cot"
    alone = Spent()
    for format, spent in [*before, (written_as, last)]:
        alone = alone if format in listed else alone.plus(spent)
    return alone


def _spent(solution: Solution) -> Spent:
    return Spent(solution.prompt_tokens, solution.tokens, solution.cost, solution.seconds)
