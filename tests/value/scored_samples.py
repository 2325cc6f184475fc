"""Scored, graded samples for tests of value models."""

from __future__ import annotations

from slipstick.schema import Solution, Verdict


def sample(problem: str, value: float, *, correct: bool, answer: str | None = None, number: int = 0) -> Solution:
    """A scored, graded sample."""
    said = answer if answer is not None else "1" if correct else "0"
    outcome = "correct" if correct else "incorrect"
    verdict = Verdict(outcome=outcome, method="test")
    name = f"{problem}#pot#{number}"
    return Solution(
        id=name, problem_id=problem, sample=number, format="pot", blocks=[], answer=said, verdict=verdict, value=value
    )
