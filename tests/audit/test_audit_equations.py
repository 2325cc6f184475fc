"""Equations of worked solutions are read and calculated again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from slipstick.audit.equations import evaluate, read_equations

CASES = Path(__file__).parents[1] / "cases" / "equations.jsonl"


@pytest.mark.parametrize("case", list(map(json.loads, CASES.read_text().splitlines())), ids=lambda case: case["text"])
def test_equations_are_read_and_worked_out(case: dict[str, object]) -> None:
    found = [[each.left, each.right, each.holds] for each in read_equations(str(case["text"]))]
    assert found == case["equations"], case["why"]


@pytest.mark.parametrize(
    "hostile", ["__import__('os')", "(" * 5000 + "1", "1/0", "9" * 500, "a+b", "", "1 if 2 else 3"]
)
def test_only_arithmetic_is_evaluated(hostile: str) -> None:
    assert evaluate(hostile) is None
