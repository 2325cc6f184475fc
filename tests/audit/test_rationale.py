"""A worked solution that contradicts itself or its label."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from slipstick.audit.rationale import contradictions, read_rationale
from slipstick.schema import Problem

CASES = Path(__file__).parents[1] / "cases" / "contradictions.jsonl"


@pytest.mark.parametrize("case", list(map(json.loads, CASES.read_text().splitlines())), ids=lambda case: case["why"])
def test_contradictions_of_a_worked_solution(case: dict[str, object]) -> None:
    problem = Problem(id="p", text=str(case["question"]), answer=str(case["answer"]), rationale=case["rationale"])
    assert [each.signal for each in contradictions(problem, read_rationale(problem))] == case["signals"]
