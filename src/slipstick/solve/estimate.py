"""Says from a few problems what all of them will take, with 95 % intervals."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from rich.table import Table

from slipstick.progress import duration
from slipstick.schema import Problem, Solution
from slipstick.solve.hybrid import Spent, spent_alone

PROBLEMS = 20
"""Problems that an estimate solves."""
_RESAMPLES = 2000


class Range(NamedTuple):
    """A quantity and its 95 % interval."""

    value: float
    """The estimate."""
    low: float
    """Lower end of the interval."""
    high: float
    """Upper end of the interval."""

    def times(self, factor: float) -> Range:
        """The quantity in another unit."""
        return Range(self.value * factor, self.low * factor, self.high * factor)


def choose(problems: Iterable[Problem], total: int, *, seed: int) -> Iterator[Problem]:
    """PROBLEMS of `total` problems, one chosen from each of so many equal stretches; all if there are no more."""
    draw = random.Random(seed)
    count = min(PROBLEMS, total)
    chosen = {draw.randrange(part * total // count, (part + 1) * total // count) for part in range(count)}
    return (problem for place, problem in enumerate(problems) if place in chosen)


def extrapolate(
    solutions: Iterable[Solution], *, problems: int, listed: Collection[str], seed: int
) -> dict[str, Range]:
    """Field of Spent -> what `problems` problems will take: the mean over those solved, times their number.

    The interval is the percentile bootstrap over problems (Efron and Tibshirani 1993, section 13.3).
    listed: the formats of the recipe, so that no attempt counts twice.
    """
    by_problem: defaultdict[str, Spent] = defaultdict(Spent)
    for solution in solutions:
        by_problem[solution.problem_id] = by_problem[solution.problem_id].plus(spent_alone(solution, listed))
    totals = bootstrap(list(by_problem.values()), problems=problems, seed=seed)
    return dict(zip(Spent._fields, totals, strict=True))


def bootstrap(rows: Sequence[tuple[float, ...]], *, problems: int, seed: int) -> list[Range]:
    """What each column will sum to over `problems` problems; rows: one a problem that was tried."""
    draw = random.Random(seed)
    means = [_mean(draw.choices(rows, k=len(rows))) for _ in range(_RESAMPLES)]
    whole = _mean(rows)
    return [
        Range(value, *_percentiles([mean[place] for mean in means], (0.025, 0.975))).times(problems)
        for place, value in enumerate(whole)
    ]


def estimate_table(title: str, found: Mapping[str, Range], *, rows: Mapping[str, Range], at_once: int) -> Table:
    """What a run will take. found: by field of Spent; rows: what else will come of it, by the name shown."""
    table = Table(title=title, box=None, title_justify="left")
    for name in ("", "estimate", "95 % interval"):
        table.add_column(name, justify="right" if name else "left")
    for name, many in rows.items():
        _add_row(table, name, many, "{:,.0f}".format)
    _add_row(table, "prompt tokens", found["prompt_tokens"], "{:,.0f}".format)
    _add_row(table, "new tokens", found["tokens"], "{:,.0f}".format)
    _add_row(table, "US dollars", found["cost"], "{:,.2f}".format)
    _add_row(table, f"time, {at_once} at a time", found["seconds"].times(1 / at_once), duration)
    return table


def _add_row(table: Table, name: str, found: Range, show: Callable[[float], str]) -> None:
    if not found.value:
        table.add_row(name, "unknown", "the model does not say")
    else:
        table.add_row(name, show(found.value), f"{show(found.low)} to {show(found.high)}")


def _mean(rows: Collection[tuple[float, ...]]) -> tuple[float, ...]:
    return tuple(sum(column) / len(rows) for column in zip(*rows, strict=True))


def _percentiles(figures: list[float], shares: Iterable[float]) -> list[float]:
    ordered = sorted(figures)
    return [ordered[min(len(ordered) - 1, int(share * len(ordered)))] for share in shares]
