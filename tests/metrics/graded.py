"""Graded solutions to measure."""

from __future__ import annotations

from slipstick.metrics.labels import metric_label
from slipstick.schema import Block, Metric, Outcome, Solution, Verdict


def attempt(
    problem: str,
    outcome: Outcome = "correct",
    *,
    answer: str | None = "1",
    sample: int = 0,
    format: str = "pot",
    blocks: list[Block] | None = None,
) -> Solution:
    return Solution(
        id=f"{problem}#{format}#{sample}",
        problem_id=problem,
        sample=sample,
        format=format,
        blocks=blocks or [],
        answer=answer,
        verdict=Verdict(outcome=outcome, method="text"),
    )


def equal(a: str, b: str) -> bool:
    return a.lower() == b.lower()


def by_label(metrics: list[Metric]) -> dict[str, Metric]:
    return {metric_label(metric): metric for metric in metrics}


def with_values(flags: list[bool], values: list[float], answers: list[str] | None = None) -> list[Solution]:
    names = answers or ["1" if flag else f"incorrect {place}" for place, flag in enumerate(flags)]
    return [
        attempt("p", "correct" if flag else "incorrect", answer=name, sample=place).model_copy(update={"value": value})
        for place, (flag, value, name) in enumerate(zip(flags, values, names, strict=True))
    ]
