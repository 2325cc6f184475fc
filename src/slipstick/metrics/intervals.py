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


def average(sets: Sequence[Sequence[float]], *, seed: int = 0) -> Estimate:
    """The mean over sets of the mean over a set's problems: each set weighs the same, as in papers' "AVG" columns.

    The interval is a bootstrap by problem within each set (stratified); if all problems of every set have one value,
    which a bootstrap cannot vary, it is the mean of Wilson's ends. `n` counts problems.
    """
    import numpy as np

    parts = [np.asarray(values, dtype=float) for values in sets if len(values)]
    if not parts:
        return Estimate(0.0, 0.0, 1.0, 0)
    middle = float(np.mean([part.mean() for part in parts]))
    n = sum(len(part) for part in parts)
    if not any(part.std() for part in parts):
        ends = [wilson(part.sum(), len(part)) for part in parts]
        low, high = (float(sum(end) / len(parts)) for end in zip(*ends, strict=True))
        return Estimate(middle, low, high, n)
    rng = np.random.default_rng(seed)
    means = np.mean([bootstrap_means(part, rng) for part in parts], axis=0)
    low, high = (float(end) for end in np.quantile(means, (0.025, 0.975)))
    return Estimate(middle, min(low, middle), max(high, middle), n)


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
