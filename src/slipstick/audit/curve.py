"""How good a ranking of suspects is, if people have said which labels are wrong."""

from collections.abc import Container, Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from slipstick.audit.ranking import Suspect
from slipstick.audit.votes import Ballot, majority_disagreement
from slipstick.drawing import Entry, along, as_file, charted, line, nice_axis, numbered, percent_grid, up
from slipstick.errors import InputError
from slipstick.schema import Metric
from slipstick.store import write_atomically

_RESAMPLES = 1000
_COLOURS = (1, 4, 2, 3)
_DASHES = ("", "6 4", "8 3 2 3", "1 3")


class Point(NamedTuple):
    """A place in the ranking: what reading down to it finds."""

    read: int
    """Suspects read, all of the same score together."""
    found: int
    """Wrong labels among them."""
    precision: float
    """Share of wrong labels among those read."""
    recall: float
    """Share of all wrong labels that are found."""


class Rankings(NamedTuple):
    """Rankings of the same problems, and the truth about their labels."""

    scores: dict[str, list[float]]
    """Name of a ranking -> score of each problem."""
    wrong: list[bool]
    """Whether each problem's label is wrong."""

    def metrics(self) -> list[Metric]:
        """The average precision of each ranking."""
        return [average_precision(name, scores, self.wrong) for name, scores in self.scores.items()]


def rank_with_vote(suspects: Sequence[Suspect], ballots: Iterable[Ballot], known_errors: Container[str]) -> Rankings:
    """The audit's ranking and that of a plain vote, if there are votes. known_errors: ids of wrong labels.

    Raises InputError if none of the suspects is known to be wrong.
    """
    wrong = [suspect.id in known_errors for suspect in suspects]
    if not any(wrong):
        raise InputError(f"known_errors corrects none of these {len(suspects):,} problems: their ids must be the same")
    shares = {ballot.problem_id: majority_disagreement(ballot) for ballot in ballots}
    scores = {"audit": [suspect.score for suspect in suspects]}
    if shares:
        scores["majority vote"] = [shares.get(suspect.id, 0.0) for suspect in suspects]
    return Rankings(scores, wrong)


def precision_recall(scores: Sequence[float], wrong: Sequence[bool]) -> list[Point]:
    """The curve from the highest score down; suspects of one score are one point. Empty if no label is wrong."""
    total = sum(wrong)
    if not total:
        return []
    read, found = _points(np.asarray(scores, dtype=float), np.asarray(wrong, dtype=bool))
    return [Point(int(n), int(k), float(k / n), float(k / total)) for n, k in zip(read, found, strict=True)]


def average_precision(ranking: str, scores: Sequence[float], wrong: Sequence[bool], *, seed: int = 0) -> Metric:
    """Mean precision over the wrong labels, suspects of equal score together, with a bootstrap over problems."""
    values, truth = np.asarray(scores, dtype=float), np.asarray(wrong, dtype=bool)
    generator = np.random.default_rng(seed)
    resampled = []
    for _ in range(_RESAMPLES):
        chosen = generator.integers(0, len(values), len(values))
        resampled.append(_average(values[chosen], truth[chosen]))
    low, high = (float(end) for end in np.quantile(resampled, (0.025, 0.975)))
    middle = _average(values, truth)
    low, high = min(low, middle), max(high, middle)
    return Metric(
        measure="average_precision", group_by="ranking", group=ranking, value=middle, low=low, high=high, n=len(values)
    )


def gain(
    scores: Sequence[float], baseline: Sequence[float], wrong: Sequence[bool], *, seed: int = 0
) -> tuple[float, float, float]:
    """How many times the average precision is that of a baseline, and its 95 % interval, on the same bootstraps."""
    ours, theirs, truth = np.asarray(scores), np.asarray(baseline), np.asarray(wrong, dtype=bool)
    generator = np.random.default_rng(seed)
    ratios = []
    for _ in range(_RESAMPLES):
        chosen = generator.integers(0, len(truth), len(truth))
        if below := _average(theirs[chosen], truth[chosen]):
            ratios.append(_average(ours[chosen], truth[chosen]) / below)
    low, high = (float(end) for end in np.quantile(ratios, (0.025, 0.975)))
    return _average(ours, truth) / _average(theirs, truth), low, high


def draw_curves(path: Path, rankings: Mapping[str, Sequence[float]], wrong: Sequence[bool]) -> None:
    """Writes a picture of the precision and recall of rankings of the same problems, by their names.

    Each is drawn in steps: up to a recall, the precision with which it is reached; the area below is the average
    precision.
    """
    axis, across = nice_axis(0, 1), nice_axis(0, 1)
    ticks = [(across.share(tick), label) for tick, label in zip(across.ticks, across.labels(100), strict=True)]
    found = f"{sum(wrong):,} wrong or ambiguous labels of {len(wrong):,}"
    parts = [*percent_grid(axis), *numbered(ticks, f"recall, % of the {found}")]
    chance = up(axis.share(sum(wrong) / len(wrong)))
    parts.append(line([(along(0), chance), (along(1), chance)], colour="var(--soft)", dashes="2 3"))
    legend = []
    for place, (name, scores) in enumerate(rankings.items()):
        colour, dashes = f"var(--c{_COLOURS[place % len(_COLOURS)]})", _DASHES[place % len(_DASHES)]
        steps = _steps(precision_recall(scores, wrong))
        parts.append(line([(along(x), up(axis.share(y))) for x, y in steps], colour=colour, dashes=dashes))
        legend.append(Entry(f"precision, {name}", colour, dashes=dashes))
    legend.append(Entry("precision in any order", "var(--soft)", dashes="2 3"))
    write_atomically(path, as_file(charted(parts, legend)))


def _steps(points: Sequence[Point]) -> list[tuple[float, float]]:
    """The corners of a curve that keeps each precision from the recall before to its own."""
    before, corners = 0.0, list[tuple[float, float]]()
    for point in points:
        if point.recall > before:
            corners += [(before, point.precision), (point.recall, point.precision)]
            before = point.recall
    return corners


def _points(scores: NDArray[np.float64], wrong: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """How many are read and how many of them are wrong, at the end of each run of equal scores."""
    order = np.argsort(-scores, kind="stable")
    ranked = scores[order]
    ends = np.append(ranked[1:] != ranked[:-1], True)
    return np.arange(1, len(ranked) + 1)[ends], np.cumsum(wrong[order])[ends]


def _average(scores: NDArray[np.float64], wrong: NDArray[np.bool_]) -> float:
    if not wrong.any():
        return 0.0
    read, found = _points(scores, wrong)
    return float((np.diff(found, prepend=0) * found / read).sum() / wrong.sum())
