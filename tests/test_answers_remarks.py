"""Tests of what replies say behind an answer about it: what it is not, that it was checked, what a name has."""

import pytest

from slipstick import grade

SAID_OF_IT = [
    ("Final answer: 6 (not 5)", "6", "correct"),
    ("Final answer: 6 (not 5)", "5", "incorrect"),
    ("#### 6 (not 5)", "6", "correct"),
    ("<answer>6 (not 5)</answer>", "6", "correct"),
    ("The answer is **6** (not 5).", "6", "correct"),
    ("The answer is 6 apples (not 5 apples).", "6", "correct"),
    ("The answer is 6 (rounded).", "6", "correct"),
    ("Answer: 3.14 (rounded to 2 decimal places)", "3.14", "correct"),
    ("The answer is 6 (I double-checked).", "6", "correct"),
    ("The answer is 12 (we verified this above).", "12", "correct"),
    ("The answer is 1/2 (in lowest terms)", "1/2", "correct"),
    ("The answer is 6 rather than 5.", "6", "correct"),
    ("The answer is 6 instead of 5.", "5", "incorrect"),
]
CHANGES_IT = [
    ("Answer: 3.6 (rounded to 4)", "3.6"),
    ("The answer is 12 (it should be 13).", "12"),
    ("The answer is 12 (I am not sure).", "12"),
    ("The answer is 42 (43)", "42"),
    ("The answer is 6 (not 6)", "6"),
    ("The answer is 6 (wrong).", "6"),
    ("The answer is 5 (base 7)", "5"),
    ("The answer is Tom (or Ann).", "Tom"),
    ("The answer is Tom (12) and Ann (12).", "Tom"),
    ("The answer is not Tom, who has 12 points.", "Tom"),
    ("The answer is Not Tom.", "Tom"),
    ("The answer is Tom, with 12 points, and Ann, with 12 points.", "Tom"),
    ("The answer is Tom, who tied with Ann.", "Tom"),
    ("The answer is Tom, with 12 points, or maybe Ann.", "Tom"),
    ("The answer is Yes (if n is even).", "Yes"),
]
OF_A_NAME = [
    ("The answer is Tom (12 points).", "Tom", "correct"),
    ("Answer: Mary Smith (12 points)", "Mary Smith", "correct"),
    ("The answer is red (5 balls).", "red", "correct"),
    ("Answer: Tom, with 12 points", "Tom", "correct"),
    ("The answer is Tom, who has 12 points.", "Tom", "correct"),
    ("The answer is Tom - 12 points.", "Tom", "correct"),
    ("The answer is Tom with 12 points.", "12", "correct"),
    ("Tom wins, not Ann.", "Tom", "correct"),
    ("Tom wins, not Ann.", "Ann", "incorrect"),
    ("Ann, not Tom.", "Ann", "correct"),
    ("The answer is Ann (not Tom).", "Ann", "correct"),
    ("The answer is Ann rather than Tom.", "Tom", "incorrect"),
    ("The answer is Tom, who beat Ann.", "Tom", "correct"),
    ("The answer is Yes (12 is even).", "Yes", "correct"),
    ("The answer is True (5 > 3).", "True", "correct"),
]


@pytest.mark.parametrize(("text", "gold", "outcome"), [*SAID_OF_IT, *OF_A_NAME])
def test_what_is_only_said_of_an_answer_is_no_part_of_it(text: str, gold: str, outcome: str) -> None:
    assert grade(text, gold).outcome == outcome


@pytest.mark.parametrize(("text", "gold"), CHANGES_IT)
def test_what_may_make_it_another_answer_stays(text: str, gold: str) -> None:
    assert grade(text, gold).outcome != "correct"
