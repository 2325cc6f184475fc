"""Compares two runs on the same problems: how much better one is, how surely, how many problems would show it."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping, Sequence
from math import ceil, comb, sqrt
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from slipstick.metrics.estimators import outcome_of, share_correct
from slipstick.metrics.intervals import Z95, bootstrap_means
from slipstick.metrics.measures import Samples, by_problem
from slipstick.schema import Record, Solution

if TYPE_CHECKING:
    import numpy

ALPHA = 0.05
POWER = 0.8
TESTS = {"mcnemar": "McNemar's exact test", "permutation": "paired permutation test"}
_MOST = 10_000_000
"""Problems beyond which no number is given."""
_PERMUTATIONS = 10_000
"""Random changes of sign in the test for several samples a problem."""
_Z_POWER = 0.8416212335729143  # the 80th percentile of the normal distribution


class PairedComparison(Record):
    """A measure of two runs on the same problems, and the paired test of their difference."""

    format: str
    """Format of the solutions that were compared: "pot", or "cot to pot"."""
    group: str
    """Set or split that was compared; "" for all problems."""
    measure: str = "accuracy"
    """What was compared: accuracy, pass@4, maj@4, ..."""
    n: int = Field(ge=1)
    """Problems that both runs have."""
    first: float
    """Accuracy, or the other measure, of the first run on them."""
    second: float
    """That of the second."""
    difference: float
    """Second less first."""
    low: float
    """Lower end of the difference's 95 % interval (bootstrap by problem)."""
    high: float
    """Its upper end."""
    only_first: int
    """Problems on which the first run does better."""
    only_second: int
    """Problems on which the second does."""
    p: float
    """Chance of a difference at least as large if both were equally good, by `test`, two-sided."""
    test: Literal["mcnemar", "permutation"] = "mcnemar"
    """McNemar's exact test, or with several samples a problem the paired permutation test."""
    more_problems_needed: int | None
    """Further problems with which a true difference of this size is found 4 times in 5; 0 if these are enough, None if
    there is no difference at all or it would take more than ten million."""

    undecided: tuple[int, int] = (0, 0)
    """Undecided solutions of the first run, and of the second; they count as not correct."""
    solutions: tuple[int, int] = (0, 0)
    """All solutions of the first run, and of the second."""
    hinges_on_undecided: bool = False
    """Whether another run would be shown to be better, or none, if the undecided solutions of one were correct and
    those of the other incorrect."""

    @property
    def label(self) -> str:
        """What was compared, in words: "pot", "pot, gsm8k", "pot, maj@4, gsm8k"."""
        return ", ".join(
            [self.format, *([self.measure] if self.measure != "accuracy" else []), *filter(None, [self.group])]
        )

    @property
    def test_name(self) -> str:
        """The test, in words."""
        return TESTS[self.test]

    @property
    def shown_p(self) -> str:
        """p as tables show it, "open" if undecided solutions could turn what it says."""
        p = f"{self.p:.3f}" if self.p >= 0.001 else "<0.001"
        return f"{p}, open" if self.hinges_on_undecided else p

    @property
    def differs(self) -> bool:
        """Whether the runs differ by more than luck, at the 5 % level."""
        return self.p < ALPHA


def accuracy_by_problem(solutions: Iterable[Solution]) -> dict[str, float]:
    """Problem id -> share of its samples that are correct. Raises InputError for an ungraded solution."""
    return {problem: share_correct(samples) for problem, samples in by_problem(solutions).items()}


def accuracy_ranges(solutions: Iterable[Solution]) -> dict[str, tuple[float, float]]:
    """Problem id -> the share of its samples that are correct, and what it would be if the undecided ones were.

    Raises InputError for an ungraded solution.
    """
    samples = by_problem(solutions)
    most = undecided_as_correct(samples)
    return {problem: (share_correct(members), share_correct(most[problem])) for problem, members in samples.items()}


def undecided_as_correct(samples: Samples) -> Samples:
    """The samples with each that is undecided as correct, for the most that a measure can be; themselves if none is."""
    if not any(outcome_of(one) == "undecided" for members in samples.values() for one in members):
        return samples
    return {problem: [_as_correct(one) for one in members] for problem, members in samples.items()}


def _as_correct(solution: Solution) -> Solution:
    if solution.verdict is None or solution.verdict.outcome != "undecided":
        return solution
    return solution.model_copy(update={"verdict": solution.verdict.model_copy(update={"outcome": "correct"})})


def compare_paired(
    first: Mapping[str, float],
    second: Mapping[str, float],
    *,
    most: tuple[Mapping[str, float], Mapping[str, float]] | None = None,
    format: str = "",
    group: str = "",
    measure: str = "accuracy",
    seed: int = 0,
) -> PairedComparison:
    """Compares two runs by a measure's values on the problems that both have (of accuracy: `accuracy_by_problem`).

    The test is McNemar's, exact, if each problem was sampled once; with several samples a problem it is the paired
    permutation test, of which McNemar's is the special case, with 10,000 seeded changes of sign.
    most: the values of both if their undecided solutions were correct (`undecided_as_correct`).
    Raises ValueError if they have no problem in common.
    """
    import numpy as np

    common = [problem for problem in first if problem in second]
    if not common:
        raise ValueError("the two have no problem in common")
    gains = np.array([second[problem] - first[problem] for problem in common])
    rng = np.random.default_rng(seed)
    low, high = (float(end) for end in np.quantile(bootstrap_means(gains, rng, 10_000), (0.025, 0.975)))
    only_first, only_second = int((gains < 0).sum()), int((gains > 0).sum())
    binary = _is_binary(gains)
    n, difference = len(common), float(gains.mean())
    ends = [] if most is None else [[second[name] - most[0][name], most[1][name] - first[name]] for name in common]
    return PairedComparison(
        format=format,
        group=group,
        measure=measure,
        n=n,
        first=sum(first[problem] for problem in common) / n,
        second=sum(second[problem] for problem in common) / n,
        difference=difference,
        low=min(low, difference),
        high=max(high, difference),
        only_first=only_first,
        only_second=only_second,
        p=_test(gains, seed),
        test="mcnemar" if binary else "permutation",
        more_problems_needed=_more_problems_needed(gains, binary),
        hinges_on_undecided=any(_shown(np.array(end), seed) != _shown(gains, seed) for end in zip(*ends, strict=True)),
    )


def _shown(gains: numpy.ndarray, seed: int) -> int:
    """1 if the second is shown to be better, -1 if the first is, 0 if neither is."""
    if _test(gains, seed) >= ALPHA:
        return 0
    return 1 if gains.sum() > 0 else -1


def differs_on_average(sets: Sequence[Sequence[float]], *, seed: int = 0) -> bool:
    """Whether the mean over sets of the mean gain of a set's problems is more than luck, at the 5 % level.

    The test is that of `compare_paired` with gains that weigh as much as in the mean: on sets of one size the same.
    """
    import numpy as np

    largest = max(map(len, sets))
    gains = np.concatenate([np.array(values, dtype=float) * (largest / len(values)) for values in sets])
    return _test(gains, seed) < ALPHA


def _is_binary(gains: numpy.ndarray) -> bool:
    import numpy as np

    return bool(np.isin(gains, (-1, 0, 1)).all())


def _test(gains: numpy.ndarray, seed: int) -> float:
    """p of McNemar's exact test if all gains are -1, 0 or 1, else of the permutation test."""
    if _is_binary(gains):
        return mcnemar(int((gains < 0).sum()), int((gains > 0).sum()))
    return _permutation_test(gains, seed)


@functools.lru_cache(maxsize=4096)
def mcnemar(only_first: int, only_second: int) -> float:
    """Two-sided p of McNemar's exact test (McNemar 1947): a fair coin for each problem on which the two differ."""
    tosses, fewer = only_first + only_second, min(only_first, only_second)
    return min(1.0, float(2 * sum(comb(tosses, heads) for heads in range(fewer + 1)) / 2**tosses))


def power(difference: float, discordant: float, n: int) -> float:
    """Chance that McNemar's exact test finds (p < 0.05) a true difference with n problems, one sample each.

    difference: of the accuracies; discordant: share of problems that one run solves and the other does not.
    Exact: a sum over the number of such problems and over which run solves them.
    Raises ValueError if the difference is larger than the share it is part of.
    """
    import numpy as np
    from scipy.stats import binom

    difference = abs(difference)
    if not difference <= discordant <= 1:
        raise ValueError(f"difference = {difference} must not exceed discordant = {discordant}")
    if not discordant or not n:
        return 0.0
    tosses = np.arange(int(binom.ppf(1e-9, n, discordant)), int(binom.ppf(1 - 1e-9, n, discordant)) + 1)
    # The most heads of the rarer side that are still significant: P(X <= c) <= 0.025.
    critical = binom.ppf(ALPHA / 2, tosses, 0.5)
    critical = np.where(2 * binom.cdf(critical, tosses, 0.5) < ALPHA, critical, critical - 1)
    towards = (discordant + difference) / (2 * discordant)
    found = binom.cdf(critical, tosses, 1 - towards) + binom.cdf(critical, tosses, towards)
    return float((binom.pmf(tosses, n, discordant) * found).sum())


def problems_needed(difference: float, discordant: float) -> int | None:
    """Problems with which a true difference is found 4 times in 5; None for no difference or above ten million.

    The approximation of Connor (1987, Biometrics 43) says where to search; the result is the first number at which
    `power` of the exact test is that high, to one in a thousand.
    """
    difference = abs(difference)
    if difference == 0:
        return None
    spread = max(0.0, discordant - difference**2)
    near = (Z95 * sqrt(discordant) + _Z_POWER * sqrt(spread)) ** 2 / difference**2
    if near > _MOST:
        return None
    low, high = max(1, int(near * 0.8)), int(near * 1.4) + 40
    if high > 50_000:  # here the approximation is as good as the test
        return ceil(near)
    while high - low > max(1, high // 1000):
        middle = (low + high) // 2
        low, high = (low, middle) if power(difference, discordant, middle) >= POWER else (middle, high)
    return high


def _more_problems_needed(gains: numpy.ndarray, binary: bool) -> int | None:
    """Problems beyond these with which a true difference of this size is found 4 times in 5."""
    difference, n = float(gains.mean()), len(gains)
    if binary:
        needed = problems_needed(difference, float((gains != 0).mean()))
    else:
        near = (Z95 + _Z_POWER) ** 2 * float(gains.var()) / difference**2 if difference else _MOST + 1
        needed = max(ceil(near), _fewest_for_test(float((gains != 0).mean()))) if near <= _MOST else None
    return None if needed is None else max(0, needed - n)


def _fewest_for_test(differing: float) -> int:
    """Problems of which 4 times in 5 so many differ that changes of sign can show anything: p is 2 / 2**n or more."""
    from scipy.stats import binom

    fewest = next(n for n in range(1, 100) if 2 / 2**n < ALPHA)
    n = ceil(fewest / differing)
    while binom.sf(fewest - 1, n, differing) < POWER:
        n += max(1, n // 100)
    return n


def _permutation_test(gains: numpy.ndarray, seed: int) -> float:
    """Two-sided p: how often random signs make the sum of gains as large; in whatever order they are."""
    import numpy as np

    gains, rng = np.sort(gains[gains != 0]), np.random.default_rng(seed)
    if not len(gains):
        return 1.0
    sums = np.concatenate(
        [rng.choice((-1.0, 1.0), size=(500, len(gains))) @ gains for _ in range(_PERMUTATIONS // 500)]
    )
    return float((1 + (np.abs(sums) >= abs(gains.sum()) - 1e-9).sum()) / (1 + _PERMUTATIONS))
