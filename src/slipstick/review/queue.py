"""What there is to decide, in order, and which of it a reviewer is shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from pydantic import Field

from slipstick.review.decisions import Decision, differ
from slipstick.schema import Problem, Record, Solution

Show = Literal["open", "skipped", "disagreements", "all"]
Said = Mapping[str, Mapping[str, Decision]]
"""Item -> reviewer -> what the reviewer says of it."""


class Item(Record):
    """A suspect, or a sample of a run's solutions, to be decided upon."""

    id: str
    """The problem's id for a suspect, the solution's for a sample."""
    problem: Problem
    solution: Solution | None = None
    """The sample; None where the problem's label is in question."""
    notes: list[str] = Field(default_factory=list)
    """What speaks against it, a line each."""


def choose(items: Sequence[Item], said: Said, reviewer: str, show: Show) -> list[Item]:
    """The items a reviewer is shown, in their order.

    open: those the reviewer has not decided upon; skipped: those put off; disagreements: those reviewers differ on.
    """
    match show:
        case "open":
            return [item for item in items if reviewer not in said.get(item.id, {})]
        case "skipped":
            own = ((item, said.get(item.id, {}).get(reviewer)) for item in items)
            return [item for item, made in own if made and made.decision == "skip"]
        case "disagreements":
            return [item for item in items if differ(list(said.get(item.id, {}).values()))]
        case "all":
            return list(items)
