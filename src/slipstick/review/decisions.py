"""The store of reviewers' decisions: lines that are only ever added; several reviewers may add at the same time."""

import fcntl
import os
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Literal

from slipstick.equivalence import compare
from slipstick.schema import Record
from slipstick.store import read_records

DecisionKind = Literal["accept", "correct", "reject", "skip", "undo"]


class Decision(Record):
    """A line of reviews.jsonl: what a reviewer said of an item."""

    item: str
    """The item's id: a problem's for a suspect, a solution's for a sample."""
    reviewer: str
    """Who decided."""
    when: datetime
    """When it was decided."""
    decision: DecisionKind
    """Of a suspect: `accept` the label is correct, `correct` it is incorrect, `reject` the problem is ambiguous. Of a
    sample: `accept` a good solution, `correct` good but the problem's label is incorrect, `reject` a bad one. `undo`
    cancels the reviewer's last decision."""
    correction: str | None = None
    """The correct answer, for `correct`."""
    note: str = ""
    """Why, in the reviewer's words."""


class DecisionStore:
    """A file of decisions. A last line that was cut by a kill is skipped, and removed when the next one is added."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def add(self, decision: Decision) -> None:
        """Adds a decision; it is on disk when this returns, not mixed with that of another process."""
        with self.path.open("ab+") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.seek(0)
            whole = file.read().rfind(b"\n") + 1
            file.truncate(whole)
            file.write(f"{decision.model_dump_json()}\n".encode())
            file.flush()
            os.fsync(file.fileno())

    def read(self) -> list[Decision]:
        """All decisions in the order they were made. Raises InputError, with file and line, for an invalid line."""
        return list(read_records(self.path, Decision, missing_ok=True))


def current_decisions(decisions: Iterable[Decision]) -> dict[str, dict[str, Decision]]:
    """Item -> reviewer -> the reviewer's last decision that was not undone."""
    said: dict[tuple[str, str], list[Decision]] = {}
    for decision in decisions:
        earlier = said.setdefault((decision.item, decision.reviewer), [])
        if decision.decision != "undo":
            earlier.append(decision)
        elif earlier:
            earlier.pop()
    now: dict[str, dict[str, Decision]] = {}
    for (item, reviewer), made in said.items():
        if made:
            now.setdefault(item, {})[reviewer] = made[-1]
    return now


def last_of(decisions: Iterable[Decision], reviewer: str) -> Decision | None:
    """A reviewer's last decision that was not undone; None if there is none."""
    made: list[Decision] = []
    for decision in decisions:
        if decision.reviewer != reviewer:
            continue
        if decision.decision != "undo":
            made.append(decision)
        elif made:
            made.pop()
    return made[-1] if made else None


def differ(decisions: Sequence[Decision]) -> bool:
    """Whether reviewers disagree: another decision, or corrections that do not mean the same."""
    made = [decision for decision in decisions if decision.decision != "skip"]
    return any(not _same(made[0], other) for other in made[1:])


def _same(one: Decision, other: Decision) -> bool:
    if one.decision != other.decision or one.correction is None or other.correction is None:
        return (one.decision, one.correction) == (other.decision, other.correction)
    return one.correction == other.correction or compare(one.correction, other.correction).outcome == "correct"
