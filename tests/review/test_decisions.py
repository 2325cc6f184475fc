"""Decisions are added one by one, and undone by another line."""

from __future__ import annotations

import multiprocessing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from slipstick.errors import InputError
from slipstick.review.decisions import Decision, DecisionKind, DecisionStore, current_decisions, last_of


def decide(
    item: str, reviewer: str, decision: DecisionKind, correction: str | None = None, *, minute: int = 0
) -> Decision:
    when = datetime(2026, 3, 1, tzinfo=UTC) + timedelta(minutes=minute)
    return Decision(item=item, reviewer=reviewer, when=when, decision=decision, correction=correction)


def test_the_store_only_grows_and_heals_a_torn_line(tmp_path: Path) -> None:
    store = DecisionStore(tmp_path / "reviews.jsonl")
    assert store.read() == []
    store.add(decide("r/1", "ann", "accept"))
    whole = store.path.read_bytes()
    store.path.write_bytes(whole + whole[:30])  # as a kill leaves it
    assert [each.item for each in store.read()] == ["r/1"]
    store.add(decide("r/2", "ann", "skip"))
    assert [each.item for each in store.read()] == ["r/1", "r/2"] and store.path.read_bytes().startswith(whole)
    store.path.write_bytes(b'{"item": 3}\n')
    with pytest.raises(InputError, match=r"reviews\.jsonl:1 is not a valid Decision"):
        store.read()


def add_many(path: str, reviewer: str) -> None:
    for n in range(20):
        DecisionStore(Path(path)).add(decide(f"r/{n}", reviewer, "accept"))


def test_reviewers_write_at_once(tmp_path: Path) -> None:
    path = tmp_path / "reviews.jsonl"
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=add_many, args=(str(path), name)) for name in ("ann", "bob", "cy")]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
    assert len(DecisionStore(path).read()) == 60


def test_undo_takes_back_the_last_that_stands() -> None:
    made = [
        *(decide("r/1", "ann", "accept"), decide("r/1", "bob", "reject"), decide("r/2", "ann", "correct", "9")),
        *(decide("r/2", "ann", "undo"), decide("r/1", "ann", "correct", "3")),
    ]
    assert current_decisions(made)["r/1"]["ann"].correction == "3" and "r/2" not in current_decisions(made)
    back = [*made, decide("r/1", "ann", "undo")]
    assert current_decisions(back)["r/1"]["ann"].decision == "accept" and last_of(back, "ann") == made[0]
    assert current_decisions(back)["r/1"]["bob"].decision == "reject" and last_of([], "ann") is None
    assert current_decisions([decide("r/1", "ann", "undo")]) == {}
