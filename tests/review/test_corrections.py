"""What decisions amount to, and the corrections agreed on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from slipstick.review.corrections import agreed_corrections, summarize_decisions
from slipstick.review.decisions import Decision, DecisionKind, current_decisions
from slipstick.review.queue import Item
from slipstick.schema import Problem, Solution

PROBLEMS = [Problem(id=f"r/{n}", text=f"What is {n} [b]and[/b] 1?", answer=str(n + 1)) for n in range(4)]


def decide(
    item: str, reviewer: str, decision: DecisionKind, correction: str | None = None, *, minute: int = 0
) -> Decision:
    when = datetime(2026, 3, 1, tzinfo=UTC) + timedelta(minutes=minute)
    return Decision(item=item, reviewer=reviewer, when=when, decision=decision, correction=correction)


def test_where_items_stand_and_what_is_corrected() -> None:
    sample = Solution(id="r/3#cot#0", problem_id="r/3", format="cot", blocks=[])
    items = [Item(id=problem.id, problem=problem, notes=["line 1 is false"]) for problem in PROBLEMS]
    items.append(Item(id=sample.id, problem=PROBLEMS[3], solution=sample))
    made = [
        *(decide("r/0", "ann", "correct", "7"), decide("r/0", "bob", "correct", "7.0", minute=5)),
        *(decide("r/1", "ann", "reject"), decide("r/1", "bob", "skip")),
        *(decide("r/2", "ann", "accept"), decide("r/2", "bob", "reject")),
        decide("r/3#cot#0", "ann", "reject"),
    ]
    states = {each.item.id: each.state for each in summarize_decisions(items, current_decisions(made))}
    assert states == {
        **{"r/0": "corrected", "r/1": "ambiguous", "r/2": "reviewers differ", "r/3": "open"},
        "r/3#cot#0": "bad sample",
    }
    first, second = agreed_corrections(summarize_decisions(items, current_decisions(made)))
    assert (first.id, first.who, first.old, first.new, first.why) == ("r/0", "ann, bob", "1", "7", "line 1 is false")
    assert first.when.minute == 5 and (second.id, second.new) == ("r/1", "ambiguous")
    (only,) = agreed_corrections(summarize_decisions(items, current_decisions(made), min_reviewers=2))
    assert only.id == "r/0"
    clash = [decide("r/3", "ann", "correct", "8"), decide("r/3#cot#0", "bob", "correct", "9")]
    assert agreed_corrections(summarize_decisions(items, current_decisions(clash))) == []
