"""Whole outputs of models, right and wrong, in eight languages and the dialects of fourteen families."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import slipstick

OUTPUTS = Path(__file__).parent / "cases" / "outputs.jsonl"
ROWS: list[dict[str, Any]] = [json.loads(line) for line in OUTPUTS.read_text("utf-8").splitlines()]


def test_the_outputs_are_of_many_families_and_languages() -> None:
    assert len({row["family"] for row in ROWS}) >= 12
    assert len({row["language"] for row in ROWS}) >= 8
    labels = Counter(row["label"] for row in ROWS)
    assert labels[True] >= 110
    assert labels[False] >= 35


@pytest.mark.parametrize("row", ROWS, ids=[row["id"] for row in ROWS])
def test_right_outputs_are_accepted_and_wrong_ones_are_not(row: dict[str, Any]) -> None:
    for profile in ("slipstick", "slipstick-strict"):
        verdict = slipstick.grade(row["output"], row["expected"], kind=row.get("kind"), profile=profile)
        assert (verdict.outcome == "correct") == row["label"], row["what"]
