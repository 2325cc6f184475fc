"""Ranks problems by how likely their label is wrong: the weights of all evidence, added up as log-odds."""

from collections.abc import Iterable, Mapping, Sequence
from math import exp, log
from statistics import fmean
from typing import Literal

from pydantic import Field

from slipstick.audit.rationale import (
    Evidence,
    contradictions,
    program_differs,
    read_rationale,
    step_evidence,
)
from slipstick.audit.reliability import judge_ballots, most_by_prior
from slipstick.audit.votes import Ballot
from slipstick.schema import Problem, Record

PRIOR_ERROR_RATE = 0.05
"""Share of labels that are wrong or ambiguous before anything is known of them."""
_FLOOR = 1e-9
_NAMED = 4
"""Solvers that are named after an answer."""
_SHOWN = 3
"""Answers that are named in addition to the label."""


class Suspect(Record):
    """A problem and how likely its label is wrong."""

    id: str
    """The problem's id."""
    rank: int
    """1 for the most suspicious."""
    score: float
    """Probability that the label is wrong: the weights of all evidence added to the prior log-odds."""
    looks: Literal["wrong", "ambiguous", "correct"]
    """`wrong` if an error is likelier than not; `correct` if the evidence does not make it likelier than it was before;
    `ambiguous` in between, and if solvers disagree with the label without agreeing among themselves."""
    gold: str | list[str]
    """The label."""
    answer: str | None
    """What the solvers say instead, the likeliest of their answers; None if all agree with the label."""
    evidence: list[Evidence] = Field(default_factory=list)
    """Heaviest first."""


def audit(
    problems: Iterable[Problem],
    ballots: Iterable[Ballot] = (),
    *,
    programs: Mapping[str, str] | None = None,
    prior_error_rate: float = PRIOR_ERROR_RATE,
) -> list[Suspect]:
    """Every problem with a label, the most suspicious first; ties keep the problems' order.

    ballots: what samples of solvers say (`count_votes`), of some or all problems. programs: problem id -> what a
    program made from the worked solution printed. prior_error_rate: share of labels assumed to be wrong before. The
    word of the solvers never claims that more labels are wrong than that (`most_by_prior`).
    """
    asked = {ballot.problem_id: ballot for ballot in ballots if ballot.num_samples}
    judged = judge_ballots(list(asked.values()))
    most = most_by_prior(list(asked.values()), prior_error_rate)
    labelled = [(problem, read_rationale(problem)) for problem in problems if problem.answer]
    lengths = [count for _, worked in labelled if (count := worked.steps())]
    usual = fmean(lengths) if lengths else 0.0
    suspects = []
    for problem, worked in labelled:
        perhaps = [program_differs(problem, (programs or {}).get(problem.id)), step_evidence(worked.steps(), usual)]
        evidence = [*contradictions(problem, worked), *(each for each in perhaps if each)]
        if problem.id in judged:
            room = _log_odds(most[problem.id]) - _log_odds(prior_error_rate)
            evidence.append(_weigh(asked[problem.id], judged[problem.id], room))
        suspects.append(
            _suspect(problem, evidence, prior_error_rate, asked.get(problem.id), judged.get(problem.id, []))
        )
    suspects.sort(key=lambda suspect: -suspect.score)
    return [suspect.model_copy(update={"rank": rank}) for rank, suspect in enumerate(suspects, start=1)]


def _weigh(ballot: Ballot, chances: Sequence[float], room: float) -> Evidence:
    """What the solvers say, as odds against the label. room: the largest weight that the prior leaves it."""
    weight = min(-_log_odds(chances[0]), room)
    says = [f"{ballot.candidates[0].samples} of {sum(ballot.num_samples.values())} samples say the label"]
    for rival in ballot.rivals()[:_SHOWN]:
        says.append(f"{rival.samples} say {rival.answer} ({_names(rival.shares)})")
    return Evidence(signal="votes", weight=round(weight, 4), says="; ".join(says))


def _log_odds(probability: float) -> float:
    inside = min(max(probability, _FLOOR), 1 - _FLOOR)
    return log(inside / (1 - inside))


def _suspect(
    problem: Problem, evidence: list[Evidence], prior: float, ballot: Ballot | None, chances: Sequence[float]
) -> Suspect:
    odds = _log_odds(prior) + sum(each.weight for each in evidence)
    rivals = list(zip(chances[1:], ballot.rivals(), strict=True)) if ballot else []
    best = max(rivals, key=lambda pair: pair[0], default=None)
    split = best is not None and max(best[0], chances[0]) < 0.5
    doubted = odds > _log_odds(prior)
    return Suspect(
        id=problem.id,
        rank=1,
        score=1 / (1 + exp(-odds)),
        looks="ambiguous" if split else "wrong" if odds >= 0 else "ambiguous" if doubted else "correct",
        gold=problem.answer or "",
        answer=best[1].answer if best else None,
        evidence=sorted(evidence, key=lambda each: -each.weight),
    )


def _names(shares: Mapping[str, float]) -> str:
    names = sorted(shares, key=lambda solver: (-shares[solver], solver))
    return ", ".join(names[:_NAMED]) + (f" and {len(names) - _NAMED} more" if len(names) > _NAMED else "")
