r"""Tests of a value that is said twice: in brackets, behind "i.e." or "or"; two different values are no answer."""

import pytest

import slipstick
from slipstick.equivalence.glosses import without_gloss

SAME = [
    ("1/4 (25%)", "1/4"),
    ("1/4 (25%)", "25%"),
    (r"\frac{1}{4} (0.25)", "0.25"),
    ("30% (0.3)", "30%"),
    ("2 km (2000 m)", "2000 m"),
    ("90 minutes (1 hour and 30 minutes)", "90"),
    ("24 (4 × 6)", "24"),
    ("24 (4 rows × 6 seats)", "24"),
    ("24 (4 × 6 = 24)", "24"),
    ("$24 (4 tickets × $6)", "$24"),
    ("9/4 (i.e. 2.25)", "9/4"),
    ("9/4, i.e. 2.25", "9/4"),
    ("9/4, or 2.25", "9/4"),
    ("1.5 hours, or 90 minutes", "1.5"),
    ("2/7 (about 0.286)", "2/7"),
    (r"\sqrt{3} (1.732)", r"\sqrt{3}"),
    ("0.286 (2/7)", "2/7"),
    ("x = 9/4 (2.25)", "9/4"),
    ("4(6)", "24"),
]
DIFFERENT = [
    ("24 (25)", "24"),
    ("24 (25)", "25"),
    ("24 (4 × 7)", "24"),
    ("24 (4 × 7)", "28"),
    ("1/4 (30%)", "1/4"),
    ("1/4 (30%)", "30%"),
    ("2 km (200 m)", "2 km"),
    ("9/4, i.e. 2.5", "9/4"),
    ("9/4 or 2.5", "9/4"),
    ("24, 25", "24"),
    ("4(6)", "4"),
    ("4(6)", "6"),
    ("4 (6)", "6"),
    ("2/7 (0.3)", "0.3"),
]


@pytest.mark.parametrize(("answer", "gold"), SAME)
def test_a_value_said_twice_is_one_value_in_answer_and_gold(answer: str, gold: str) -> None:
    assert slipstick.compare(answer, gold).outcome == "correct"
    assert slipstick.compare(gold, answer).outcome == "correct"


@pytest.mark.parametrize(("answer", "gold"), DIFFERENT)
def test_two_values_are_neither(answer: str, gold: str) -> None:
    assert slipstick.compare(answer, gold).outcome != "correct"


@pytest.mark.parametrize("text", ["f (3)", "(x+1) (1+x)", "2 (2)", "3 (x)", r"\binom{5}{2} (3)", "A or B", "7 (wrong)"])
def test_products_and_words_stay(text: str) -> None:
    assert without_gloss(text) == text


@pytest.mark.parametrize(
    ("text", "gold"),
    [
        ("The answer is 1/4 (25%).", "1/4"),
        ("#### 24 (4 × 6)", "24"),
        ("The answer is $24 (4 tickets × $6)", "24"),
        ("The answer is 90 minutes (1 hour and 30 minutes)", "90"),
        (r"$\boxed{\frac{1}{4} (25\%)}$", "1/4"),
        ("So it is 9/4 (2.25).", "9/4"),
    ],
)
def test_in_a_whole_reply(text: str, gold: str) -> None:
    assert slipstick.grade(text, gold).outcome == "correct"
    assert slipstick.grade(text, gold, profile="slipstick-strict").outcome == "correct"
