"""95 % intervals: of a share, of a mean over problems, of a mean over sets, of a ratio."""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, sqrt
from typing import TYPE_CHECKING, NamedTuple

from slipstick.schema import Metric

if TYPE_CHECKING:
    import numpy

Z95 = 1.959963984540054  # the 97.5th percentile of the normal distribution
RESAMPLES = 2000
"""Bootstrap resamples: with more, the ends move by less than a tenth of the interval's width."""

_ADDED = 4
"""Problems that a set is thought to have beside its own, as Agresti and Coull (1998) have two of yes and two of no."""


class ProblemValue(NamedTuple):
    """One problem's value of a measure."""

    value: float
    """The value."""
    trials: float
    """The most independent trials it can rest on: its samples, or samples / k for a measure of k samples."""


class Estimate(NamedTuple):
    """A number, its 95 % interval and the count of problems behind it."""

    value: float
    """The number."""
    low: float
    """Lower end of the interval."""
    high: float
    """Upper end of the interval."""
    n: int
    """Problems it was measured on."""

    def metric(self, measure: str, *, format: str = "", group_by: str = "", group: str = "") -> Metric:
        """The estimate as the metric of a measure over a group."""
        return Metric(measure=measure, format=format, group_by=group_by, group=group, **self._asdict())


def wilson(successes: float, n: float) -> tuple[float, float]:
    """The 95 % score interval of a share (Wilson 1927); (0, 1) if nothing was counted."""
    if n <= 0:
        return 0.0, 1.0
    share, weight = successes / n, Z95**2 / n
    middle = (share + weight / 2) / (1 + weight)
    half = sqrt(weight * share * (1 - share) + weight**2 / 4) / (1 + weight)
    low = 0.0 if successes <= 0 else max(0.0, middle - half)
    high = 1.0 if successes >= n else min(1.0, middle + half)
    return low, high


def mean(values: Sequence[ProblemValue]) -> Estimate:
    """The mean over problems with Wilson's interval at the effective sample size (Korn and Graubard 1998, §2).

    n problems with mean p and variance v of their values are worth n p (1 - p) / v independent yes-or-no problems:
    n if each was sampled once (then this is Wilson's interval itself), more if samples of a problem differ, never more
    than the trials there were. Unlike a t interval or a bootstrap it stays within 0 and 1 and does not collapse if all
    problems are solved.
    """
    n = len(values)
    if not n:
        return Estimate(0.0, 0.0, 1.0, 0)
    middle = sum(each.value for each in values) / n
    variance = sum((each.value - middle) ** 2 for each in values) / n
    size = float(n)
    if 0 < middle < 1:
        trials = sum(each.trials for each in values)
        binary = n * middle * (1 - middle)
        size = binary / variance if variance * trials > binary else trials
    low, high = wilson(middle * size, size)
    return Estimate(middle, min(low, middle), max(high, middle), n)


def average(sets: Sequence[Sequence[ProblemValue]]) -> Estimate:
    """The mean over sets of the mean over a set's problems: each set weighs the same, as in papers' "AVG" columns.

    The interval is Wilson's at the effective number of problems, as that of `mean` (Korn and Graubard 1998): p (1 - p)
    by the variance of the mean, the sum of the sets' own. A set of few problems shows little of its variance, so four
    problems of the mean of all sets are added to its share, and four of what all sets show together to how much less
    than yes or no its values vary: unlike a bootstrap it does not collapse. `n` counts problems.
    """
    parts = [values for values in sets if len(values)]
    if not parts:
        return Estimate(0.0, 0.0, 1.0, 0)
    shares = [sum(each.value for each in part) / len(part) for part in parts]
    middle, n = sum(shares) / len(parts), sum(map(len, parts))
    binary = middle * (1 - middle)
    if not 0 < middle < 1:
        size = len(parts) ** 2 / sum(1 / len(part) for part in parts)
    else:
        spreads = [_spread(part, share) for part, share in zip(parts, shares, strict=True)]
        added = _ADDED * binary
        usual = (sum(seen for seen, _ in spreads) + added) / (sum(most for _, most in spreads) + added)
        variance = 0.0
        for part, share, (seen, most) in zip(parts, shares, spreads, strict=True):
            near = (share * len(part) + _ADDED * middle) / (len(part) + _ADDED)
            least = len(part) / sum(each.trials for each in part)
            variance += max(least, (seen + added * usual) / (most + added)) * near * (1 - near) / len(part)
        size = binary * len(parts) ** 2 / variance
    low, high = wilson(middle * size, size)
    return Estimate(middle, min(low, middle), max(high, middle), n)


def _spread(part: Sequence[ProblemValue], share: float) -> tuple[float, float]:
    """How much the values of a set vary, and how much they would as yes and no; (0, 0) of one, which shows nothing."""
    n = len(part)
    if n == 1:
        return 0.0, 0.0
    squares = sum((each.value - share) ** 2 for each in part)
    return squares * n / (n - 1), n * share * (1 - share) + squares / (n - 1)


def bootstrap_means(values: numpy.ndarray, rng: numpy.random.Generator, resamples: int = RESAMPLES) -> numpy.ndarray:
    """Means of that many resamples, with replacement, of the values; equal values are chosen together."""
    import numpy as np

    distinct, times = np.unique(values, return_counts=True)
    counts = rng.multinomial(len(values), times / len(values), size=resamples)
    means: np.ndarray = counts @ distinct / len(values)
    return means


def ratio(above: Sequence[float], below: Sequence[float]) -> Estimate | None:
    """Sum over problems of one quantity by the sum of another, as of tokens by correct answers; None if either is 0.

    The interval is that of a ratio of means on the scale of logarithms (linearisation: Cochran 1977, §6.5).
    """
    n, total, count = len(above), sum(above), sum(below)
    if not total or not count:
        return None
    value = total / count
    spread = sum((up - value * down) ** 2 for up, down in zip(above, below, strict=True))
    error = sqrt(spread * n / max(1, n - 1)) / total
    return Estimate(value, value * exp(-Z95 * error), value * exp(Z95 * error), n)
