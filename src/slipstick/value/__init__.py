"""Value models in use: scores for sampled solutions, how good the scores are, and whether to choose by them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from slipstick.metrics import Paired, best_of_k, by_problem, maj_at_k, paired, weighted_at_k
from slipstick.metrics.samples import best, sort_votes, vote, weighing, weighted_vote
from slipstick.schema import Metric, Record, Solution
from slipstick.value.quality import (
    Bin,
    brier_score,
    calibration_error,
    judged,
    probability,
    reliability,
    within_problem_auc,
)
from slipstick.value.scoring import ValueModel, open_value_model, score

__all__ = [
    "Bin",
    "Reranked",
    "ValueModel",
    "brier_score",
    "calibration_error",
    "judged",
    "open_value_model",
    "probability",
    "reliability",
    "rerank",
    "samples_a_problem",
    "say",
    "score",
    "within_problem_auc",
]

Same = Callable[[str, str], bool]
_FEWEST = "the fewest samples of any problem (the most are {found.most})"


class Reranked(Record):
    """What choosing by value does to one format's samples, beside the majority."""

    format: str
    group: str
    """A split, or "" for all problems."""
    k: int
    """Samples a problem that are chosen from."""
    most: int
    """Samples of the problem that has most of them."""
    auc: Metric
    brier: Metric
    ece: Metric
    majority: Metric
    best: Metric
    """The sample of the highest value."""
    weighted: Metric
    """The vote in which a sample counts as much as its value."""
    best_to_majority: Paired
    """First the majority, second the best."""
    weighted_to_majority: Paired
    """First the majority, second the weighted vote."""


def rerank(solutions: Sequence[Solution], *, same: Same, format: str, group: str = "") -> Reranked:
    """Majority, best by value and weighted vote over all samples of every problem, and how good the values are.

    k is the fewest samples of any problem; where one has more, its numbers are means over its subsets of k. Raises
    InputError for a solution without verdict or value.
    """
    samples = by_problem(solutions)
    counts, weigh = [len(members) for members in samples.values()], weighing(solutions)
    k = min(counts)
    majority = {problem: vote(sort_votes(members, same), k) for problem, members in samples.items()}
    highest = {problem: best(members, k) for problem, members in samples.items()}
    weighted = {problem: weighted_vote(members, k, same=same, weigh=weigh) for problem, members in samples.items()}
    return Reranked(
        format=format,
        group=group,
        k=k,
        most=max(counts),
        auc=within_problem_auc(solutions),
        brier=brier_score(solutions),
        ece=calibration_error(solutions),
        majority=maj_at_k(solutions, k, same=same),
        best=best_of_k(solutions, k),
        weighted=weighted_at_k(solutions, k, same=same),
        best_to_majority=paired(majority, highest, "best"),
        weighted_to_majority=paired(majority, weighted, "weighted"),
    )


def say(found: Reranked) -> str:
    """In words, whether to choose by value: never where its ranking cannot be told from chance."""
    return _advice(found) + (f" k is {found.k}, {_FEWEST.format(found=found)}." if found.k < found.most else "")


def samples_a_problem(found: Reranked) -> str:
    """How many samples of each problem are chosen from."""
    return f"{found.k} samples a problem" + (f", {_FEWEST.format(found=found)}" if found.k < found.most else "")


def _advice(found: Reranked) -> str:
    auc, k = found.auc, found.k
    said = f"{100 * auc.value:.0f} % of the pairs ({100 * auc.low:.0f}-{100 * auc.high:.0f})"
    if not auc.n:
        return "No problem has both a right and a wrong answer among its samples, so there is nothing to rank."
    if auc.low <= 0.5 <= auc.high:
        return (
            f"Do not choose by this value: of a right and a wrong answer to one problem it prefers the right one in "
            f"{said}, over {auc.n} problems; that cannot be told from the 50 % of a coin. Take the majority."
        )
    if auc.high < 0.5:
        return f"Do not choose by this value: it prefers the right answer in only {said}, which is worse than a coin."
    ways = [
        (f"best@{k}", found.best, found.best_to_majority),
        (f"weighted@{k}", found.weighted, found.weighted_to_majority),
    ]
    name, value, test = max(ways, key=lambda way: way[1].value)
    ranks = f"It prefers the right answer in {said}."
    against = f"{name} is right in {100 * value.value:.1f} %, maj@{k} in {100 * found.majority.value:.1f} %"
    if test.differs and test.difference > 0:
        return f"{ranks} Choose by it: {against} (difference {100 * test.difference:+.1f}, p = {test.p:.2g})."
    if test.differs:
        return f"{ranks} Still take the majority: {against} (p = {test.p:.2g})."
    return f"{ranks} That it chooses better than the majority is not shown: {against} (p = {test.p:.2g})."
