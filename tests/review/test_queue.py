"""What a reviewer is shown."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from slipstick.review.decisions import Decision, DecisionKind, current_decisions
from slipstick.review.queue import Item, select_items
from slipstick.schema import Problem

PROBLEMS = [Problem(id=f"r/{n}", text=f"What is {n} [b]and[/b] 1?", answer=str(n + 1)) for n in range(4)]


def decide(
    item: str, reviewer: str, decision: DecisionKind, correction: str | None = None, *, minute: int = 0
) -> Decision:
    when = datetime(2026, 3, 1, tzinfo=UTC) + timedelta(minutes=minute)
    return Decision(item=item, reviewer=reviewer, when=when, decision=decision, correction=correction)


def test_what_a_reviewer_is_shown() -> None:
    items = [Item(id=problem.id, problem=problem) for problem in PROBLEMS]
    said = current_decisions(
        [
            *(decide("r/0", "ann", "accept"), decide("r/1", "ann", "skip"), decide("r/2", "ann", "correct", "3.0")),
            *(decide("r/2", "bob", "correct", "3"), decide("r/0", "bob", "reject")),
        ]
    )
    shown = {
        show: [item.id for item in select_items(items, said, "ann", show)]
        for show in ("open", "skipped", "disagreements", "all")
    }
    assert shown == {"open": ["r/3"], "skipped": ["r/1"], "disagreements": ["r/0"], "all": [p.id for p in PROBLEMS]}
    assert [item.id for item in select_items(items, said, "bob", "open")] == ["r/1", "r/3"]
