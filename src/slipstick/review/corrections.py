"""What comes of reviewers' decisions: if enough of them agree, corrections of labels."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

from slipstick.problems.label_corrections import AMBIGUOUS, Correction
from slipstick.review.decisions import Decision, differ
from slipstick.review.queue import Item, Said

State = Literal["right", "corrected", "ambiguous", "bad sample", "reviewers differ", "too few reviewers", "open"]


class Standing(NamedTuple):
    """An item and where it stands."""

    item: Item
    state: State
    decisions: list[Decision]
    """Those that count: without the skipped ones."""


def stand(items: Iterable[Item], said: Said, *, min_reviewers: int = 1) -> list[Standing]:
    """Where each item stands. min_reviewers: how many have to agree; one who disagrees blocks it."""
    standings = []
    for item in items:
        made = [decision for decision in said.get(item.id, {}).values() if decision.decision != "skip"]
        standings.append(Standing(item, _state(item, made, min_reviewers), made))
    return standings


def agreed_corrections(standings: Iterable[Standing]) -> list[Correction]:
    """A correction for every label that reviewers agree is wrong or ambiguous.

    A problem that stands in several items (two samples of it) is corrected once, and not at all where they contradict.
    """
    by_problem: dict[str, list[Standing]] = {}
    for standing in standings:
        if standing.state in ("corrected", "ambiguous"):
            by_problem.setdefault(standing.item.problem.id, []).append(standing)
    found = []
    for same in by_problem.values():
        decisions = [decision for standing in same for decision in standing.decisions]
        if not differ(decisions):
            found.append(_correction(same[0], decisions))
    return found


def _state(item: Item, made: Sequence[Decision], min_reviewers: int) -> State:
    if not made:
        return "open"
    if differ(made):
        return "reviewers differ"
    if len(made) < min_reviewers:
        return "too few reviewers"
    match made[0].decision:
        case "accept":
            return "right"
        case "correct":
            return "corrected"
        case _:
            return "bad sample" if item.solution else "ambiguous"


def _correction(standing: Standing, decisions: Sequence[Decision]) -> Correction:
    notes = dict.fromkeys(decision.note for decision in decisions if decision.note)
    return Correction(
        id=standing.item.problem.id,
        who=", ".join(sorted({decision.reviewer for decision in decisions})),
        when=max(decision.when for decision in decisions),
        old=standing.item.problem.answer,
        new=decisions[0].correction or AMBIGUOUS,
        why="; ".join(notes) or "; ".join(standing.item.notes[:1]) or "reviewed",
    )
