"""How much each solver's word counts: weights learned from how often it says the label when others do not.

The answers to a problem compete: the odds of an answer are exp of the summed weights of the solvers that say it (a
conditional logit, McFadden 1974). Each weight is one solver's reliability with what it only repeats after others taken
out, which Dawid and Skene (1979), whose solvers err independently, count twice. The labels themselves are the target;
as few are wrong, the weights hold, and a problem's own label never enters the weights it is judged by
(cross-fitting, as in confident learning: Northcutt, Jiang and Chuang 2021, §3).
"""

import zlib
from collections.abc import Sequence
from statistics import fmean

import numpy as np
from numpy.typing import NDArray

from slipstick.audit.votes import Ballot
from slipstick.schema import Record

_FOLDS = 10
_PRIOR = 1.0
"""A solver's weight before anything is known of it, and the precision of that knowledge."""
_TIE = 1e-6
"""Log-odds within which two labels are doubted alike."""
_Floats = NDArray[np.float64]


class Solver(Record):
    """What is known of a solver once all ballots are counted."""

    name: str
    """Model and format, or the name of a run and format."""
    problems: int
    """Problems with a label that it was asked."""
    agreement: float
    """Share of its samples that say the label, the mean over problems."""
    weight: float
    """Log-odds that its word adds to an answer, learned together with all others."""


def judge_ballots(ballots: Sequence[Ballot]) -> dict[str, list[float]]:
    """Problem id -> probability of each candidate, in the ballot's order; the rest to 1 is any other answer."""
    solvers = sorted({name for ballot in ballots for name in ballot.num_samples})
    tables = {ballot.problem_id: _table(ballot, solvers) for ballot in ballots}
    judged: dict[str, list[float]] = {}
    for fold in range(_FOLDS):
        others = [table for name, table in tables.items() if _fold(name) != fold]
        weights = _fit(others, len(solvers))
        for name, table in tables.items():
            if _fold(name) == fold:
                odds = np.exp(table @ weights)
                judged[name] = [float(each) for each in odds / (odds.sum() + 1)]
    return judged


def most_by_prior(ballots: Sequence[Ballot], prior_error_rate: float) -> dict[str, float]:
    """Problem id -> the largest probability that its label is wrong which the solvers' word alone can give.

    If `prior_error_rate` of the N labels are wrong, of the k that solvers doubt at least as much at most
    `prior_error_rate` * N can be: a probability of more than `prior_error_rate` * N / k would claim that more labels
    are wrong than were assumed to be.
    """
    names = sorted({name for ballot in ballots for name in ballot.num_samples})
    tables = [_table(ballot, names) for ballot in ballots]
    weights = _fit(tables, len(names))
    doubts = [_doubt(table @ weights) for table in tables]
    ranked = np.sort(doubts)
    counts = [len(ranked) - int(np.searchsorted(ranked, doubt - _TIE)) for doubt in doubts]
    return {
        ballot.problem_id: min(1.0, prior_error_rate * len(ballots) / count)
        for ballot, count in zip(ballots, counts, strict=True)
    }


def _doubt(scores: _Floats) -> float:
    """Log-odds against the label, whose score is the first."""
    return float(np.log(np.exp(scores[1:]).sum() + 1) - scores[0])


def describe_solvers(ballots: Sequence[Ballot]) -> list[Solver]:
    """The solvers, those whose word counts most first."""
    names = sorted({name for ballot in ballots for name in ballot.num_samples})
    weights = _fit([_table(ballot, names) for ballot in ballots], len(names))
    described = []
    for name, weight in zip(names, weights, strict=True):
        asked = [ballot for ballot in ballots if name in ballot.num_samples]
        agreement = fmean(ballot.candidates[0].shares.get(name, 0.0) for ballot in asked)
        described.append(Solver(name=name, problems=len(asked), agreement=agreement, weight=float(weight)))
    return sorted(described, key=lambda solver: -solver.weight)


def _table(ballot: Ballot, solvers: Sequence[str]) -> _Floats:
    """Candidates x solvers: the share of a solver's samples that say a candidate."""
    rows = [[candidate.shares.get(solver, 0.0) for solver in solvers] for candidate in ballot.candidates]
    return np.array(rows, dtype=np.float64).reshape(len(rows), len(solvers))


def _fit(tables: Sequence[_Floats], solvers: int) -> _Floats:
    """Maximum a posteriori weights, none below zero; labels that no solver gives contribute nothing."""
    from scipy.optimize import minimize

    start = np.full(solvers, _PRIOR)
    # The last row of each is the answer that no solver gave.
    taught = [np.vstack([table, np.zeros((1, solvers))]) for table in tables if table[0].any()]
    if not taught:
        return start
    rows = np.concatenate(taught)
    sizes = np.array([len(table) for table in taught])
    begins = np.concatenate([[0], np.cumsum(sizes)[:-1]])

    def loss(weights: _Floats) -> tuple[float, _Floats]:
        scores = rows @ weights
        peaks = np.maximum.reduceat(scores, begins)
        odds = np.exp(scores - np.repeat(peaks, sizes))
        sums = np.add.reduceat(odds, begins)
        off = weights - _PRIOR
        value = float(-(scores[begins] - peaks - np.log(sums)).sum() + off @ off)
        slope = (odds / np.repeat(sums, sizes)) @ rows - rows[begins].sum(axis=0) + 2 * off
        return value, slope

    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=[(0, None)] * solvers)
    return np.asarray(found.x, dtype=np.float64)


def _fold(problem_id: str) -> int:
    return zlib.crc32(problem_id.encode()) % _FOLDS
