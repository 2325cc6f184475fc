"""What reviewers' decisions amount to: if enough of them agree, corrections of labels."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from slipstick.errors import UserError
from slipstick.problems.label_corrections import AMBIGUOUS, Correction, read_corrections
from slipstick.review.decisions import Decision, differ
from slipstick.review.queue import CurrentDecisions, Item
from slipstick.store import write_records

State = Literal["accepted", "corrected", "ambiguous", "bad sample", "reviewers differ", "too few reviewers", "open"]


class ReviewedItem(NamedTuple):
    """An item and what its reviewers' decisions amount to."""

    item: Item
    """The item."""
    state: State
    """What the decisions amount to."""
    decisions: list[Decision]
    """The reviewers' decisions, without the skipped ones."""


def summarize_decisions(
    items: Iterable[Item], decisions: CurrentDecisions, *, min_reviewers: int = 1
) -> list[ReviewedItem]:
    """The state of each item. min_reviewers: how many have to agree; one who disagrees blocks it."""
    reviewed = []
    for item in items:
        made = [decision for decision in decisions.get(item.id, {}).values() if decision.decision != "skip"]
        reviewed.append(ReviewedItem(item, _state(item, made, min_reviewers), made))
    return reviewed


def agreed_corrections(reviewed: Iterable[ReviewedItem]) -> list[Correction]:
    """A correction for every label that reviewers agree is incorrect or ambiguous.

    A problem of several items (two samples of it) is corrected once, and not at all if their decisions differ.
    """
    by_problem: dict[str, list[ReviewedItem]] = {}
    for each in reviewed:
        if each.state in ("corrected", "ambiguous"):
            by_problem.setdefault(each.item.problem.id, []).append(each)
    found = []
    for same in by_problem.values():
        decisions = [decision for each in same for decision in each.decisions]
        if not differ(decisions):
            found.append(_correction(same[0], decisions))
    return found


def write_corrections(path: Path, corrections: Sequence[Correction]) -> None:
    """Writes a file of label corrections; an existing one may only grow. Raises UserError if a line would be lost."""
    if path.exists():
        new = {(each.id, str(each.new)) for each in corrections}
        lost = [name for name, line in read_corrections([path]).items() if (name, str(line.correction.new)) not in new]
        if lost:
            raise UserError(
                f"{path} has {len(lost)} corrections that these reviews do not, {lost[0]} first: write to another file "
                "with --set corrections_file=FILE; a recipe takes several (label_corrections = [...])"
            )
    write_records(path, corrections)


def _state(item: Item, made: Sequence[Decision], min_reviewers: int) -> State:
    if not made:
        return "open"
    if differ(made):
        return "reviewers differ"
    if len(made) < min_reviewers:
        return "too few reviewers"
    match made[0].decision:
        case "accept":
            return "accepted"
        case "correct":
            return "corrected"
        case _:
            return "bad sample" if item.solution else "ambiguous"


def _correction(reviewed: ReviewedItem, decisions: Sequence[Decision]) -> Correction:
    notes = dict.fromkeys(decision.note for decision in decisions if decision.note)
    return Correction(
        id=reviewed.item.problem.id,
        who=", ".join(sorted({decision.reviewer for decision in decisions})),
        when=max(decision.when for decision in decisions),
        old=reviewed.item.problem.answer,
        new=decisions[0].correction or AMBIGUOUS,
        why="; ".join(notes) or "; ".join(reviewed.item.notes[:1]) or "reviewed",
    )
