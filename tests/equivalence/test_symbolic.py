"""Tests of symbolic comparison from tests/cases/symbolic.jsonl, and that hostile formulas neither hang nor raise."""

import json
from pathlib import Path
from typing import Any

import pytest

from slipstick.equivalence import compare
from slipstick.equivalence.layers import decide

CASES = [json.loads(line) for line in (Path(__file__).parents[1] / "cases" / "symbolic.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("case", CASES, ids=[f"{case['answer'][:20]}-{case['expected'][:20]}" for case in CASES])
def test_case(case: dict[str, Any]) -> None:
    verdict = compare(case["answer"], case["expected"], kind=case["kind"], profile=case.get("profile", "slipstick"))
    if case["outcome"] == "not correct":
        assert verdict.outcome != "correct", verdict
    else:
        assert verdict.outcome == case["outcome"], (case["why"], verdict)


HOSTILE = [
    "9^9^9^9", "10^{10^{10}}", "((((3!)!)!)!)!", "100000000!", r"\binom{10^9}{5\cdot 10^8}", "2003^{2002^{2001}}",
    r"\sum_{k=1}^{1000}\sum_{j=1}^{1000}\sum_{i=1}^{1000} \frac{1}{k+j}", r"\prod_{k=1}^{1000} k^k", "(x+1)^{100000}",
    "(a+b+c+d+f+g+h)^{60}=1", "x^{60}y^{60}z^{60}=1", "x*" * 900 + "x", "x/" * 600 + "x", "x+" * 900 + "x",
    r"\tan(10^{10^{5}})", "e^{e^{e^{e^{e^{e^{10}}}}}}", r"\int_0^1 x^{x^{x^{x}}} dx", r"\int_0^{10^9}\sin(x^2) dx",
    r"\sqrt[1000]{x}", "999!^{999!}", "1 1/" + "9" * 4500, "0." + "3" * 9000,
    r"\gcd(" + "6," * 500 + "6)", "1e999999999",
]  # fmt: skip


@pytest.mark.parametrize("gold", ["7", "x^2+1", "y=2x"])
@pytest.mark.parametrize("hostile", HOSTILE, ids=lambda text: text[:20])
def test_no_formula_hangs_or_raises(hostile: str, gold: str) -> None:
    assert decide(hostile, gold).equal is not True
    assert decide(gold, hostile).equal is not True
