"""Chooses among a problem's samples by their values, beside the majority, and says in words which to take."""

from collections.abc import Callable, Iterator, Sequence

from slipstick.equivalence import compare
from slipstick.errors import InputError, UserError, counted
from slipstick.metrics import estimators
from slipstick.metrics.groups import group_problems
from slipstick.metrics.labels import order_formats
from slipstick.metrics.measures import best_of_k, by_problem, maj_at_k, weighted_at_k
from slipstick.metrics.paired import PairedComparison, compare_paired
from slipstick.schema import Metric, Problem, Record, Solution
from slipstick.value.quality import brier_score, calibration_error, within_problem_auc

Same = Callable[[str, str], bool]


class RerankResult(Record):
    """What choosing by value does to one format's samples, beside the majority."""

    format: str
    """Name of the format."""
    group_by: str
    """"set" or "split"; "" for all problems."""
    group: str
    """The set or split; "" for all problems."""
    k: int
    """Samples per problem that are chosen from."""
    max_samples: int
    """Samples of the problem that has most of them."""
    auc: Metric
    """How often the correct one of two samples of a problem has the higher value."""
    brier: Metric
    """Mean squared distance of value and outcome."""
    ece: Metric
    """Expected calibration error."""
    majority: Metric
    """Accuracy of the majority's answer."""
    best: Metric
    """Accuracy of the sample of the highest value."""
    weighted: Metric
    """Accuracy of the vote in which a sample counts as much as its value."""
    best_to_majority: PairedComparison
    """First the majority, second the best."""
    weighted_to_majority: PairedComparison
    """First the majority, second the weighted vote."""

    def named_metrics(self) -> list[Metric]:
        """The quality of the values as metrics of a run."""
        of = {"format": self.format, "group_by": self.group_by, "group": self.group}
        return [metric.model_copy(update=of) for metric in (self.auc, self.brier, self.ece)]


def rerank(
    solutions: Sequence[Solution], *, same: Same, format: str, group_by: str = "", group: str = ""
) -> RerankResult:
    """Majority, best by value and weighted vote over all samples of every problem, and how good the values are.

    k is the fewest samples of any problem; if one has more, its numbers are means over its subsets of k. Raises
    InputError for a solution without verdict or value.
    """
    samples = by_problem(solutions)
    counts, weight = [len(members) for members in samples.values()], estimators.value_weights(solutions)
    k = min(counts)
    majority = {
        problem: estimators.maj_at_k(estimators.count_votes(members, same), k) for problem, members in samples.items()
    }
    highest = {problem: estimators.best_of_k(members, k) for problem, members in samples.items()}
    weighted = {
        problem: estimators.weighted_at_k(members, k, same=same, weight=weight) for problem, members in samples.items()
    }
    return RerankResult(
        format=format,
        group_by=group_by,
        group=group,
        k=k,
        max_samples=max(counts),
        auc=within_problem_auc(solutions),
        brier=brier_score(solutions),
        ece=calibration_error(solutions),
        majority=maj_at_k(solutions, k, same=same),
        best=best_of_k(solutions, k),
        weighted=weighted_at_k(solutions, k, same=same),
        best_to_majority=compare_paired(majority, highest),
        weighted_to_majority=compare_paired(majority, weighted),
    )


def rerank_groups(
    problems: Sequence[Problem], solutions: Sequence[Solution]
) -> Iterator[tuple[RerankResult, list[Solution]]]:
    """For every format, over all problems and over each split: what choosing by value does, and its solutions."""
    group_by, sets, _ = group_problems(problems)
    groups = {"": [problem.id for problem in problems], **sets}
    for format in order_formats({solution.format for solution in solutions}):
        for group, members in groups.items():
            ids = set(members)
            rows = [solution for solution in solutions if solution.format == format and solution.problem_id in ids]
            if rows:
                by = group_by if group else ""
                yield rerank(rows, same=same_answer, format=format, group_by=by, group=group), rows


def same_answer(first: str, second: str) -> bool:
    """Whether two answers mean the same."""
    return compare(first, second).outcome == "correct"


def require_verdicts(solutions: Sequence[Solution], places: Sequence[str]) -> None:
    """Raises InputError if there are no solutions, UserError if one of them has no verdict."""
    where = ", ".join(places)
    if not solutions:
        raise InputError(f"{where} has no solutions")
    missing = next((solution.id for solution in solutions if solution.verdict is None), None)
    if missing:
        raise UserError(f"{where}: solution {missing} has no verdict; grade the run first (slipstick grade RUN)")


def advice(result: RerankResult) -> str:
    """In words, whether to choose by value: never if its ranking cannot be distinguished from chance."""
    return _advice(result) + (f" k is {result.k}{_fewest(result)}." if result.k < result.max_samples else "")


def describe_samples(result: RerankResult) -> str:
    """How many samples of each problem are chosen from."""
    return f"{result.k} samples per problem" + (_fewest(result) if result.k < result.max_samples else "")


def _fewest(result: RerankResult) -> str:
    return f", the fewest samples of any problem (the most are {result.max_samples})"


def _advice(result: RerankResult) -> str:
    auc, k = result.auc, result.k
    share = f"{100 * auc.value:.0f} % of the pairs ({100 * auc.low:.0f}-{100 * auc.high:.0f})"
    if not auc.n:
        return "No problem has both a correct and an incorrect answer among its samples, so there is nothing to rank."
    if auc.low <= 0.5 <= auc.high:
        return (
            "Do not choose by this value: of a correct and an incorrect answer to one problem it prefers the correct "
            f"one in {share}, over {counted(auc.n, 'problem')}; that cannot be distinguished from the 50 % "
            "of a coin. Take the majority."
        )
    if auc.high < 0.5:
        return f"Do not choose by this value: it prefers the correct answer in only {share}, worse than a coin."
    choices = [
        (f"best@{k}", result.best, result.best_to_majority),
        (f"weighted@{k}", result.weighted, result.weighted_to_majority),
    ]
    name, accuracy, test = max(choices, key=lambda choice: choice[1].value)
    ranks = f"It prefers the correct answer in {share}."
    against = f"{name} is correct in {100 * accuracy.value:.1f} %, maj@{k} in {100 * result.majority.value:.1f} %"
    if test.differs and test.difference > 0:
        return f"{ranks} Choose by it: {against} (difference {100 * test.difference:+.1f}, p = {test.p:.2g})."
    if test.differs:
        return f"{ranks} Still take the majority: {against} (p = {test.p:.2g})."
    return f"{ranks} That it chooses better than the majority is not shown: {against} (p = {test.p:.2g})."
