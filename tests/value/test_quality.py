"""How good values are: ranking within problems, and calibration."""

from __future__ import annotations

import pytest

from slipstick.schema import Metric, Verdict
from slipstick.value.quality import brier_score, calibration_error, judged, reliability, within_problem_auc
from tests.value.scored_samples import sample


def test_auc_is_the_mean_over_problems() -> None:
    rows = [
        sample("a", 0.9, correct=True),
        sample("a", 0.1, correct=False),
        sample("a", 0.95, correct=False),  # the correct one wins one of two pairs
        sample("b", 0.3, correct=True),
        sample("b", 0.3, correct=False),  # a tie
        sample("c", 0.8, correct=True),  # nothing to compare
    ]
    auc = within_problem_auc(rows)
    assert (auc.value, auc.n) == (0.5, 2)
    assert within_problem_auc(rows[-1:]) == Metric(measure="auc", value=0.5, low=0.0, high=1.0, n=0)


def test_telling_easy_problems_from_hard_ones_is_no_merit() -> None:
    rows = [sample("easy", 0.9, correct=True), sample("easy", 0.9, correct=False)]
    rows += [sample("hard", 0.1, correct=False), sample("hard", 0.1, correct=True)]
    assert within_problem_auc(rows).value == 0.5


def test_what_cannot_be_judged_is_left_out() -> None:
    row = sample("a", 0.5, correct=True)
    undecided = row.model_copy(update={"verdict": Verdict(outcome="undecided", method="test")})
    assert judged(
        [row, undecided, row.model_copy(update={"answer": None}), row.model_copy(update={"value": None})]
    ) == [row]


def test_calibration() -> None:
    sure = [sample(f"p{i}", 0.75, correct=i % 4 != 0) for i in range(400)]
    assert calibration_error(sure).value == pytest.approx(0.0, abs=1e-9)
    assert brier_score(sure).value == pytest.approx(0.75 * 0.25)
    boastful = [sample(f"p{i}", 1.2, correct=i % 2 == 0) for i in range(100)]  # a regression's value can lie outside
    assert calibration_error(boastful).value == pytest.approx(0.5)
    (row,) = reliability(boastful)
    assert (row.low, row.high, row.n, row.value, row.correct.value) == (0.9, 1.0, 100, 1.0, 0.5)
    assert row.correct.low < 0.5 < row.correct.high
