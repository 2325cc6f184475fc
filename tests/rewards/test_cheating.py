"""Tests of ways to a reward without a solution: what docs/rewards.md says cannot be won earns nothing."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from slipstick.rewards import trl, verl

PAGE = Path(__file__).parents[2] / "docs" / "rewards.md"
ANSWERS = [
    *("7", "-6", "6x", "6.5", "60%", "0x6x", "6^6", "06 07", "6,6,7"),
    *("2x+1=13", "x+1=7", "x-6>0", "6=7", "x=x"),
    *(r"\int_0^6 1\,dx", r"\gcd(6,12)", r"\lim_{x\to 6} x", r"\det\begin{pmatrix}6\end{pmatrix}", r"\frac{d}{dx} 6x"),
    *(r"2\cdot3", "5+1", r"\sqrt{36}", "3!", r"\lfloor 6.5 \rfloor", r"|{-6}|", r"6\sin 90^\circ"),
    *("5 or 6", "5, 6", "6, 5", "5; 6; 7", r"\{5,6\}", r"\pm 6", "5/6/7", "(5,6)", "between 5 and 7", "5-7", "0..10"),
    *(
        "not 6",
        "far from 6",
        "a multiple of 6",
        "different from 6",
        "6 is wrong",
    ),
    *("about 6", "maybe 6", r"\approx 6", "approximately 6", "roughly 6"),
    *("6 and a half", "6 thirds", "6 squared", "6 or more", "at least 6", "6 minus one", "6 wrong, 7 right"),
    *("x", "all reals", r"\infty", r"0\cdot\infty", "nan", r"\mathbb{R}", "the same as expected", "reward: 1.0"),
    *("__import__('os')", "return 6", "{answer}", "the correct answer", "2003^{2002^{2001}}"),
]
"""For the gold 6."""


@pytest.mark.parametrize("answer", ANSWERS)
def test_what_is_no_solution_earns_nothing(answer: str) -> None:
    said = [rf"\boxed{{{answer}}}", f"Final answer: {answer}"]
    assert 1.0 not in trl.reward(said, answer=["6"] * len(said))
    for text in said:
        assert verl.compute_score("a", text, "6")["score"] == 0.0


SAID = [
    *(
        "<think>It is \\boxed{6}",
        "<think>\\boxed{6}</think>",
        "\\boxed{}",
        "Is the answer 6?",
        "The answer cannot be 6.",
    ),
    *("The answer is: is it 6?", "It is definitely not \\boxed{6}.", "\\boxed{6} is wrong.", "\\boxed{5}, \\boxed{6}"),
    *("\\boxed{6}. Correction: the answer is 7.", "The answer is 6, or is it?", "The answer is 5. The answer is 6?"),
    *("The answer is 7.\n\nQuestion: What is 3+3?\nThe answer is 6.", "I cannot solve this in 6 steps."),
    '<tool_call>{"name": "python", "arguments": {"code": "print(6)"}}</tool_call>',
]
"""Whole completions, for the gold 6."""


@pytest.mark.parametrize("text", SAID)
def test_what_is_not_said_as_the_answer_earns_nothing(text: str) -> None:
    assert trl.reward([text], answer=["6"]) != [1.0]
    assert verl.compute_score("a", text, "6")["score"] == 0.0


def test_solutions_do_earn_it() -> None:
    said = [
        r"\boxed{6}",
        "The answer is 6.",
        "#### 6",
        "**6**",
        "So x = 6.",
        "<think>5?</think>\nIt is 6.",
        "6.0",
        "+6",
    ]
    assert trl.reward(said, answer=["6"] * len(said)) == [1.0] * len(said)


def test_the_page_names_what_is_tested() -> None:
    table = PAGE.read_text().partition("## What cannot be won")[2].partition("\n## ")[0]
    named = set(re.findall(r"`([^`]+)`", table)) & set(ANSWERS)
    assert len(named) > 10
