"""Answers that mean the same are one candidate."""

from __future__ import annotations

import pytest

from slipstick.audit.votes import Vote, count_votes, majority_disagreement
from slipstick.schema import Problem


def test_answers_vote_by_meaning() -> None:
    problem = Problem(id="p", text="?", answer="1,200", kind="number")
    said = ["1200", "$1200.00", "30", "30.0", "1e9" * 50, None]
    ballot = count_votes(problem, [Vote("a", answer) for answer in said])
    assert [(each.answer, each.samples) for each in ballot.candidates] == [("1,200", 2), ("30", 2)]
    assert ballot.candidates[0].shares == {"a": pytest.approx(2 / 6)} and ballot.num_samples == {"a": 6}
    assert majority_disagreement(ballot) == pytest.approx(2 / 6)
    assert majority_disagreement(count_votes(problem, [])) == 0
