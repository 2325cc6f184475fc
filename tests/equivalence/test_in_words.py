"""Tests of numbers that words make of other numbers: "half of 24", "7 degrees below zero"."""

import pytest

from slipstick import compare, grade

SAME = [
    ("half of 24", "12"),
    ("one third of 12", "4"),
    ("two thirds of 9", "6"),
    ("10% of 50", "5"),
    ("10 percent of 50", "5"),
    ("twice 12", "24"),
    ("three times 4", "12"),
    ("5 squared", "25"),
    ("the square of 5", "25"),
    ("5 cubed", "125"),
    ("2 to the power of 5", "32"),
    ("the square root of 16", "4"),
    ("the reciprocal of 4", "1/4"),
    ("5 factorial", "120"),
    ("5 plus 3", "8"),
    ("5 minus 3", "2"),
    ("the sum of 3 and 4", "7"),
    ("the difference between 4 and 9", "5"),
    ("one less than 29", "28"),
    ("5 fewer than twenty", "15"),
    ("2 more than 5", "7"),
    ("the negative of 7", "-7"),
    ("one in four", "1/4"),
    ("7 degrees below zero", "-7"),
    ("7°C below zero", "-7 degrees"),
    ("3 feet below sea level", "-3"),
    ("negative 7", "-7"),
    ("an hour and a half", "90 minutes"),
    ("an hour and 20 minutes", "80 minutes"),
    ("2 hours and a half", "2.5 hours"),
    ("a quarter of an hour", "15 minutes"),
    ("5 times as many", "5"),
    ("10 times bigger", "10"),
    ("5 more than Tom", "5"),
    ("only 5", "5"),
]
OTHERS = [
    ("half of 24", "24"),
    ("one third of 12", "12"),
    ("5 squared", "5"),
    ("one less than 29", "29"),
    ("one less than 29", "1"),
    ("the negative of 7", "7"),
    ("7 degrees below zero", "7"),
    ("7 degrees above zero", "-7"),
    ("3 feet below sea level", "3"),
    ("an hour and 20 minutes", "20 minutes"),
    ("at least 5", "5"),
    ("less than 5", "5"),
    ("just under 5", "5"),
    ("5 or less", "5"),
    ("a multiple of 5", "5"),
    ("5 divided by 0", "0"),
    ("5/0 of 3", "1"),
    ("5 fewer than Tom", "5 more"),
]


@pytest.mark.parametrize(("said", "gold"), SAME)
def test_what_words_make_of_a_number_is_computed(said: str, gold: str) -> None:
    assert compare(said, gold).outcome == "correct"
    assert grade(f"The answer is {said}.", gold).outcome == "correct"


@pytest.mark.parametrize(("said", "gold"), OTHERS)
def test_the_number_in_the_words_is_another_one(said: str, gold: str) -> None:
    assert compare(said, gold).outcome != "correct"
    assert grade(f"The answer is {said}.", gold).outcome != "correct"


@pytest.mark.parametrize(("said", "gold"), [("5 squared", "25"), ("half of 24", "12"), ("5 plus 3", "8")])
def test_what_is_left_to_compute_is_left_in_words_too(said: str, gold: str) -> None:
    assert compare(said, gold, profile="slipstick-strict").outcome == "incorrect"
