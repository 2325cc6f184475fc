"""An accuracy that a judge with known error rates helped to measure, corrected for them; a judge's agreement."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from slipstick.metrics.intervals import RESAMPLES, Estimate, ProblemValue, mean, wilson

if TYPE_CHECKING:
    import numpy

_JEFFREYS = 0.5
"""What Jeffreys's prior adds to the count of each outcome."""
_OUTCOMES = ((1.0, 0.0, 0.0), (0.0, 1.0, 1.0), (0.0, 1.0, 0.0))
"""What can become of a sample, as the shares of a `JudgedProblem`: correct by rules, by the judge, by neither."""


class Confusion(NamedTuple):
    """How often a judge called labelled answers correct; a reply that is neither label counts as "not correct"."""

    true_positives: int
    """Correct answers that it calls correct."""
    false_negatives: int
    """Correct answers that it does not call correct."""
    true_negatives: int
    """Incorrect answers that it does not call correct."""
    false_positives: int
    """Incorrect answers that it calls correct."""

    def sensitivity(self) -> Estimate:
        """The share of correct answers that the judge calls correct, with Wilson's interval."""
        return share(self.true_positives, self.true_positives + self.false_negatives)

    def specificity(self) -> Estimate:
        """The share of incorrect answers that the judge does not call correct, with Wilson's interval."""
        return share(self.true_negatives, self.true_negatives + self.false_positives)

    def tells(self) -> bool:
        """Whether both rates were measured and the judge is better than chance: sensitivity + specificity > 1."""
        tp, fn, tn, fp = self
        return tp * tn > fn * fp

    def kappa(self) -> Estimate:
        """Cohen's kappa of the judge and the labels: 1 if they always agree, 0 if as often as by chance.

        The interval is that of a Dirichlet posterior of the four shares (Jeffreys's prior, a fixed seed), so that it
        has a width if they always agree. 0 if nothing was counted, or if all answers have one label and the judge gives
        it.
        """
        import numpy as np

        draws = np.random.default_rng(0).dirichlet(np.array(self) + _JEFFREYS, size=RESAMPLES)
        low, high = np.quantile(_kappa(draws), [0.025, 0.975])
        value = float(_kappa(np.array([self], dtype=float))[0])
        return Estimate(value, min(float(low), value), max(float(high), value), sum(self))


def share(count: int, n: int) -> Estimate:
    """A share with Wilson's interval; 0 of 0 may be anything."""
    return Estimate(count / n if n else 0.0, *wilson(count, n), n)


def _kappa(cells: numpy.ndarray) -> numpy.ndarray:
    """Kappa of each row of counts or shares, in the order of a `Confusion`; 0 where chance explains everything."""
    import numpy as np

    tp, fn, tn, fp = cells.T
    total = cells.sum(axis=1) ** 2
    by_chance = (tp + fn) * (tp + fp) + (tn + fp) * (tn + fn)
    beyond = total - by_chance
    agreed = np.sqrt(total) * (tp + tn) - by_chance
    found: numpy.ndarray = np.divide(agreed, beyond, out=np.zeros_like(beyond), where=beyond > 0)
    return found


class JudgedProblem(NamedTuple):
    """What rules and a judge say of one problem's samples, each a share of all of them."""

    rules: float
    """Samples that are correct by rules, of which the judge is not asked."""
    asked: float
    """Samples of which the judge is asked."""
    judged: float
    """Samples that the judge calls correct, of those that it is asked of."""
    samples: int
    """How many samples there are."""


def corrected(problems: Sequence[JudgedProblem], confusion: Confusion) -> Estimate | None:
    """The accuracy by rules, and of what the judge was asked the share that is correct given its error rates.

    That share x is what the judge calls correct, its false positives taken off and its false negatives added:
    x = (judged - (1 - specificity) asked) / (sensitivity + specificity - 1), between 0 and `asked` (Rogan and Gladen
    1978; of judges: Lee et al. 2025, arXiv 2511.21140). Samples that are correct by rules are taken for correct.
    The interval carries both uncertainties. It is that of a posterior in which the error rates are Beta distributions
    and problems are weighed by a Bayesian bootstrap (Rubin 1981), both with Jeffreys's prior and a fixed seed. Unlike
    that of the delta method it holds near 0 and 1, and it has a width if the judge made no error.
    None if the error rates are not known, or those of a judge that tells nothing (sensitivity + specificity <= 1).
    """
    import numpy as np

    tp, fn, tn, fp = confusion
    if not problems or not confusion.tells():
        return None
    if not any(one.asked for one in problems):
        return mean([ProblemValue(one.rules, one.samples) for one in problems])
    weights: dict[tuple[float, ...], float] = defaultdict(float)
    for one in problems:
        weights[one[:3]] += 1
    seen = np.array(list(weights)).T @ np.array(list(weights.values())) / len(problems)
    value = float(_accuracy(seen, tp / (tp + fn), tn / (tn + fp)))
    for outcome in _OUTCOMES:
        weights[outcome] += _JEFFREYS
    rng = np.random.default_rng(0)
    draws = np.array(list(weights)).T @ rng.dirichlet(list(weights.values()), size=RESAMPLES).T
    sensitivity = rng.beta(tp + _JEFFREYS, fn + _JEFFREYS, size=RESAMPLES)
    specificity = rng.beta(tn + _JEFFREYS, fp + _JEFFREYS, size=RESAMPLES)
    low, high = np.quantile(_accuracy(draws, sensitivity, specificity), [0.025, 0.975])
    return Estimate(value, min(float(low), value), max(float(high), value), len(problems))


def _accuracy(
    shares: numpy.ndarray, sensitivity: float | numpy.ndarray, specificity: float | numpy.ndarray
) -> numpy.ndarray:
    """Accuracy by the shares of rules, asked and judged, a row each; of a judge that tells nothing, one of the ends."""
    import numpy as np

    rules, asked, judged = shares
    told = np.maximum(sensitivity + specificity - 1, 1e-9)
    found: numpy.ndarray = rules + np.clip((judged - (1 - specificity) * asked) / told, 0, asked)
    return found
