"""Tests of answers in parts and of what stands around a value: cases from tests/cases/parts.jsonl."""

import json
from pathlib import Path

import pytest

from slipstick.equivalence import compare
from slipstick.equivalence.normalize.separators import separate

CASES: list[dict[str, str]] = [
    json.loads(line) for line in (Path(__file__).parents[1] / "cases" / "parts.jsonl").read_text("utf-8").splitlines()
]


@pytest.mark.parametrize(
    "case", CASES, ids=[f"{place}-{case['answer'][:20]}-{case['expected'][:20]}" for place, case in enumerate(CASES)]
)
def test_case(case: dict[str, str]) -> None:
    verdict = compare(case["answer"], case["expected"])
    if case["outcome"] == "not correct":
        assert verdict.outcome != "correct", (case["why"], verdict)
    else:
        assert verdict.outcome == case["outcome"], (case["why"], verdict)


@pytest.mark.parametrize(
    ("text", "separated"),
    [
        ("$x=3$\n$y=5$", "x=3; y=5"),
        (r"\(x=3\) \\ \(y=5\)", "x=3; y=5"),
        (r"\[a=1\]" + "\n" + r"\[b=2\]", "a=1; b=2"),
        (r"\begin{align*} x &= 3 \\ y &= 5 \end{align*}", "x = 3; y = 5"),
        (r"\begin{aligned} m+n &= 3+4 \\ &= 7 \end{aligned}", "m+n = 3+4 = 7"),
        ("a = 2b\n= 6", "a = 2b = 6"),
        (r"2 \quad 3", "2; 3"),
        (r"5 \quad \text{cm}", r"5 \text{cm}"),
        (r"x = 3 \quad \text{or} \quad x = 5", r"x = 3 \text{or} x = 5"),
        (r"x \equiv 3 \quad (\bmod 7)", r"x \equiv 3 (\bmod 7)"),
        (r"\begin{pmatrix} 1 \\ 2 \end{pmatrix}", r"\begin{pmatrix} 1 \\ 2 \end{pmatrix}"),
        ("12\napples", "12 apples"),
    ],
)
def test_what_separates_parts(text: str, separated: str) -> None:
    assert separate(text) == separated


@pytest.mark.parametrize(
    ("answer", "expected", "outcomes"),
    [
        ("0 and 1", "[0,1]", ("correct", "incorrect")),
        ("0,1", "[0,1]", ("correct", "incorrect")),
        ("0,1", "[1,0]", ("correct", "correct")),  # a list: no interval
        ("1,2", "(1,2)", ("correct", "incorrect")),
        ("1,2,3", "[1,2,3]", ("correct", "correct")),
        ("[0,1]", "0,1", ("correct", "correct")),
        ("x=1, y=2", "(1,2)", ("correct", "correct")),
        ("(1,3) and (2,4)", "[(1,3),(2,4)]", ("correct", "correct")),
        (r"\{1,2\}", "(1,2)", ("correct", "incorrect")),
        (r"\{1,2\}", r"\{2,1\}", ("correct", "correct")),
    ],
)
def test_what_brackets_mean_is_a_policy(answer: str, expected: str, outcomes: tuple[str, str]) -> None:
    found = [compare(answer, expected, profile=f"slipstick:interval={value}").outcome for value in ("list", "interval")]
    assert tuple(found) == outcomes
