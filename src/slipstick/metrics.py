"""Turns graded solutions into numbers, each with its 95 % interval and its count.

Every measure is first one value a problem, then the mean over problems: a problem that was sampled more often does not
weigh more.
`undecided` is never counted correct.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from math import comb, sqrt
from typing import NamedTuple

from slipstick.errors import InputError
from slipstick.schema import Code, Metric, Outcome, Output, Problem, Solution

Z95 = 1.959963984540054  # the 97.5th percentile of the normal distribution
SHARES = ("accuracy", "pass@", "maj@", "executed", "no_answer", "undecided", "outputs_equal")


class Name(NamedTuple):
    """What a metric's name says: "accuracy/pot/known" is ("accuracy", "pot", "known")."""

    measure: str
    format: str
    group: str
    """A split, "topic=…" for a topic, "" for all problems."""


def wilson(successes: float, n: float) -> tuple[float, float]:
    """The 95 % score interval of a share (Wilson 1927); (0, 1) where nothing was counted."""
    if n <= 0:
        return 0.0, 1.0
    share, weight = successes / n, Z95**2 / n
    middle = (share + weight / 2) / (1 + weight)
    half = sqrt(weight * share * (1 - share) + weight**2 / 4) / (1 + weight)
    low = 0.0 if successes <= 0 else max(0.0, middle - half)
    high = 1.0 if successes >= n else min(1.0, middle + half)
    return low, high


def accuracy(solutions: Iterable[Solution]) -> Metric:
    """Share of problems solved; with several samples a problem, the mean over problems of the share of correct samples.

    Raises InputError for a solution that has not been graded.
    """
    return _over_problems("accuracy", solutions, value=_share_correct, k=1)


def pass_at_k(solutions: Iterable[Solution], k: int) -> Metric:
    """Chance that at least one of k samples is correct, unbiased: 1 - C(n-c, k) / C(n, k) (Chen et al. 2021, §2.1).

    Raises ValueError where a problem has fewer than k samples, InputError for a solution that has not been graded.
    """
    return _over_problems(f"pass@{k}", solutions, value=lambda samples: _pass(samples, k), k=k)


def maj_at_k(solutions: Iterable[Solution], k: int, *, same: Callable[[str, str], bool]) -> Metric:
    """Self-consistency (Wang et al. 2022): the answer most of k samples agree on, agreement being `same(a, b)`.

    The exact expectation over all subsets of k samples. Answers that tie share their credit; a sample without an
    answer does not vote; where nobody votes the problem is not solved.
    Raises ValueError where a problem has fewer than k samples, InputError for a solution that has not been graded.
    """
    return _over_problems(f"maj@{k}", solutions, value=lambda samples: _vote(_ballot(samples, same), k), k=k)


def summarize(
    problems: Iterable[Problem], solutions: Iterable[Solution], *, ks: Sequence[int], same: Callable[[str, str], bool]
) -> list[Metric]:
    """All metrics of a run: for every format over all problems, over every split and over every topic.

    Names are "measure/format", "measure/format/split" and "accuracy/format/topic=…"; splits and topics are those of
    `Problem.metadata`, where there is more than one. pass@k and maj@k appear where every problem of a format has
    several samples, for those `ks` that all of them can serve. Formats come in alphabetical order, hybrid last.
    Raises InputError for a solution that has not been graded or that answers none of the problems.
    """
    known = {problem.id: problem for problem in problems}
    attempts: dict[str, dict[str, list[Solution]]] = {}
    for solution in solutions:
        if solution.problem_id not in known:
            raise InputError(f"solution {solution.id} answers problem {solution.problem_id}, which is not in this run")
        attempts.setdefault(solution.format, {}).setdefault(solution.problem_id, []).append(solution)
    groups = _groups(known.values())
    metrics = []
    for layout in order_formats(attempts):
        samples = attempts[layout]
        fewest = min(map(len, samples.values()))
        usable = [k for k in sorted(set(ks)) if 1 <= k <= fewest] if fewest > 1 else []
        measured = {problem: _measure(samples[problem], usable, same) for problem in samples}
        for group, members in groups.items():
            metrics += _group_metrics(layout, group, [measured[problem] for problem in members if problem in measured])
    return metrics


def order_formats(formats: Iterable[str]) -> list[str]:
    """Formats in the order tables show them: alphabetical, the combination of all others last."""
    return sorted(set(formats), key=lambda layout: (layout == "hybrid", layout))


def parse_name(name: str) -> Name:
    """The parts of a metric's name, "" for those it does not have."""
    measure, _, rest = name.partition("/")
    layout, _, group = rest.partition("/")
    return Name(measure, layout, group)


def is_share(name: str) -> bool:
    """Whether a metric is a share between 0 and 1, which people read in percent."""
    return parse_name(name).measure.startswith(SHARES)


def ran(solution: Solution) -> bool | None:
    """Whether the last program of a solution ran to its end; None where it wrote none."""
    code = [place for place, block in enumerate(solution.blocks) if isinstance(block, Code)]
    if not code:
        return None
    after = solution.blocks[code[-1] + 1 : code[-1] + 2]
    return bool(after) and isinstance(after[0], Output) and after[0].status == "ok"


class _Value(NamedTuple):
    """One problem's value of a measure, and how many independent draws stand behind it at most."""

    value: float
    draws: float


def _groups(problems: Iterable[Problem]) -> dict[str, list[str]]:
    """Group -> ids of its problems; "" is everything. A key with a single value makes no groups."""
    everything: list[str] = []
    splits: dict[str, list[str]] = {}
    topics: dict[str, list[str]] = {}
    for problem in problems:
        everything.append(problem.id)
        if "split" in problem.metadata:
            splits.setdefault(str(problem.metadata["split"]), []).append(problem.id)
        if "topic" in problem.metadata:
            topics.setdefault(f"topic={problem.metadata['topic']}", []).append(problem.id)
    groups = {"": everything}
    groups.update(splits if len(splits) > 1 else {})
    groups.update(dict(sorted(topics.items())) if len(topics) > 1 else {})
    return groups


def _measure(samples: list[Solution], ks: Sequence[int], same: Callable[[str, str], bool]) -> dict[str, _Value]:
    """Every measure of one problem's samples in one format."""
    n = len(samples)
    values = {"accuracy": _Value(_share_correct(samples), n)}
    values |= {f"pass@{k}": _Value(_pass(samples, k), n / k) for k in ks}
    if ks:
        ballot = _ballot(samples, same)
        values |= {f"maj@{k}": _Value(_vote(ballot, k), n / k) for k in ks}
    ends = [end for end in map(ran, samples) if end is not None]
    if ends:
        values["executed"] = _Value(sum(ends) / len(ends), len(ends))
    for outcome in ("no_answer", "undecided"):
        values[outcome] = _Value(sum(_outcome(sample) == outcome for sample in samples) / n, n)
    return values


def _group_metrics(layout: str, group: str, measured: Sequence[Mapping[str, _Value]]) -> list[Metric]:
    """The metrics of one format over one group of problems; of a topic only the accuracy."""
    measures = list(dict.fromkeys(measure for values in measured for measure in values))
    if group.startswith("topic="):
        measures = [measure for measure in measures if measure == "accuracy"]
    place = f"{layout}/{group}" if group else layout
    return [
        _mean(f"{measure}/{place}", [values[measure] for values in measured if measure in values])
        for measure in measures
    ]


def _over_problems(
    name: str, solutions: Iterable[Solution], *, value: Callable[[list[Solution]], float], k: int
) -> Metric:
    problems: dict[str, list[Solution]] = {}
    for solution in solutions:
        problems.setdefault(solution.problem_id, []).append(solution)
    return _mean(name, [_Value(value(samples), len(samples) / k) for samples in problems.values()])


def _mean(name: str, values: Sequence[_Value]) -> Metric:
    """The mean over problems with Wilson's interval at the effective sample size (Korn and Graubard 1998, §2).

    n problems with mean p and variance v of their values are worth n p (1 - p) / v independent yes-or-no problems:
    n where each was sampled once (then this is Wilson's interval itself), more where samples of a problem differ, never
    more than the draws there were. Unlike a t interval or a bootstrap it stays within 0 and 1 and does not collapse
    when all problems are solved.
    """
    n = len(values)
    if not n:
        return Metric(name=name, value=0.0, low=0.0, high=1.0, n=0)
    mean = sum(each.value for each in values) / n
    variance = sum((each.value - mean) ** 2 for each in values) / n
    size = float(n)
    if 0 < mean < 1:
        draws = sum(each.draws for each in values)
        binary = n * mean * (1 - mean)
        size = binary / variance if variance * draws > binary else draws
    low, high = wilson(mean * size, size)
    return Metric(name=name, value=mean, low=min(low, mean), high=max(high, mean), n=n)


def _outcome(solution: Solution) -> Outcome:
    if solution.verdict is None:
        raise InputError(f"solution {solution.id} has no verdict; grade the run first (slipstick grade)")
    return solution.verdict.outcome


def _share_correct(samples: Sequence[Solution]) -> float:
    return sum(_outcome(sample) == "correct" for sample in samples) / len(samples)


def _need(samples: int, k: int) -> None:
    if not 1 <= k <= samples:
        raise ValueError(f"k = {k}, but a problem has {samples} samples; k must lie between 1 and that")


def _pass(samples: Sequence[Solution], k: int) -> float:
    n, correct = len(samples), sum(_outcome(sample) == "correct" for sample in samples)
    _need(n, k)
    return 1 - comb(n - correct, k) / comb(n, k)


class _Ballot(NamedTuple):
    """The votes of one problem's samples."""

    classes: list[tuple[int, float]]
    """For each class of equal answers its votes and the share of them that are correct."""
    silent: int
    """Samples without an answer."""


def _ballot(samples: Sequence[Solution], same: Callable[[str, str], bool]) -> _Ballot:
    """Sorts samples into classes; an answer joins the first class whose first answer is the same."""
    outcomes: dict[str, list[bool]] = {}
    for sample in samples:
        correct = _outcome(sample) == "correct"
        if sample.answer is not None:
            outcomes.setdefault(sample.answer, []).append(correct)
    classes: dict[str, list[bool]] = {}
    for answer, correct_ones in outcomes.items():
        first = next((known for known in classes if same(known, answer)), answer)
        classes.setdefault(first, []).extend(correct_ones)
    votes = [(len(members), sum(members) / len(members)) for members in classes.values()]
    return _Ballot(votes, len(samples) - sum(size for size, _ in votes))


def _vote(ballot: _Ballot, k: int) -> float:
    """Expected credit of the vote over all subsets of k samples.

    Summed over the class that wins and the votes t it wins with: the subsets in which it has t and no other has more.
    """
    total = sum(size for size, _ in ballot.classes) + ballot.silent
    _need(total, k)
    subsets = comb(total, k)
    credit = 0.0
    for place, (size, correct) in enumerate(ballot.classes):
        if not correct:
            continue
        others = [size for other, (size, _) in enumerate(ballot.classes) if other != place]
        for t in range(1, min(size, k) + 1):
            for ties, ways in _no_rival_above(others, ballot.silent, votes=t, rest=k - t).items():
                credit += correct * (comb(size, t) * ways / (subsets * (ties + 1)))  # whole numbers divide exactly
    return credit


def _no_rival_above(others: Sequence[int], silent: int, *, votes: int, rest: int) -> dict[int, int]:
    """Number of ties -> ways to draw `rest` samples from other classes and silent ones, none with more than `votes`."""
    rivals = [size for size in others if size >= votes]
    harmless = silent + sum(size for size in others if size < votes)  # cannot even tie, so they need no bookkeeping
    drawn: dict[tuple[int, int], int] = {(0, 0): 1}  # (samples drawn from rivals, rivals that tie) -> ways
    for place, size in enumerate(rivals, 1):
        room = harmless + votes * (len(rivals) - place)  # what all that is still to come can take
        grown: dict[tuple[int, int], int] = {}
        for (count, ties), ways in drawn.items():
            for more in range(max(0, rest - count - room), min(votes, rest - count) + 1):
                key = (count + more, ties + (more == votes))
                grown[key] = grown.get(key, 0) + ways * comb(size, more)
        drawn = grown
    by_ties: dict[int, int] = {}
    for (count, ties), ways in drawn.items():
        by_ties[ties] = by_ties.get(ties, 0) + ways * comb(harmless, rest - count)
    return by_ties
