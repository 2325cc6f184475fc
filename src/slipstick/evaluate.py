"""A benchmark run: what was solved is graded, counted and summarised."""

from collections.abc import Callable, Collection, Mapping, Sequence

from pydantic import Field

from slipstick.equivalence import compare
from slipstick.execute import outputs_equal
from slipstick.grade import grade_solutions
from slipstick.metrics.intervals import wilson
from slipstick.metrics.measures import summarize
from slipstick.schema import Metric, Output, Problem, Record, Solution


class GradeSettings(Record):
    """Settings of grading and counting."""

    profile: str = "slipstick"
    """Whose rules of equality: slipstick's own, with policies ("slipstick:percent=value"), or a published grader's."""
    ks: list[int] = Field(default_factory=list)
    """k for pass@k and maj@k."""
    averages: dict[str, list[str]] = Field(default_factory=dict)
    """Means over sets, in addition to that over all: {in-domain = ["gsm8k", "math"]}."""


def evaluate(
    problems: Sequence[Problem],
    solutions: Sequence[Solution],
    *,
    ks: Sequence[int] = (),
    averages: Mapping[str, Sequence[str]] | None = None,
    profile: str = "slipstick",
    workers: int | None = None,
    settled: bool = False,
    programs: Collection[str] = (),
) -> tuple[list[Solution], list[Metric]]:
    """The solutions with their verdicts, and every metric per format and set and, with `ks`, pass@k and maj@k.

    averages: name -> sets, for means over sets. settled: whether problems were sampled until their vote was settled
    (`consistency_threshold`). programs: formats that run programs. Raises what `slipstick.metrics.summarize` raises.
    """
    graded = list(grade_solutions(solutions, problems, profile=profile, workers=workers))
    metrics = summarize(
        problems, graded, ks=ks, same=same_by(profile), averages=averages, settled=settled, programs=programs
    )
    return graded, metrics


def same_by(profile: str) -> Callable[[str, str], bool]:
    """Whether two answers vote together: they mean the same by a profile's rules."""

    def same(first: str, second: str) -> bool:
        return compare(first, second, profile=profile).outcome == "correct"

    return same


def reproduced_outputs(solutions: Sequence[Solution], recorded: Callable[[Solution], Sequence[str]]) -> list[Metric]:
    """Per format, the share of recorded interpreter outputs that ours equal; `n` counts outputs.

    recorded: solution -> the outputs of its recording, in order. Where we have fewer outputs, the rest of
    the recorded ones count as different.
    """
    metrics = []
    for format in sorted({solution.format for solution in solutions} - {"hybrid"}):
        equal = total = 0
        for solution in solutions:
            if solution.format == format:
                theirs = recorded(solution)
                ours = [block.text for block in solution.blocks if isinstance(block, Output)]
                equal += sum(map(outputs_equal, theirs, ours))
                total += len(theirs)
        if total:
            low, high = wilson(equal, total)
            metrics.append(
                Metric(measure="outputs_equal", format=format, value=equal / total, low=low, high=high, n=total)
            )
    return metrics
