"""Tests of a marked value in a sentence that goes on: the value behind the marker counts, and only one of them."""

import pytest

import slipstick

GOES_ON = [
    ("The answer is 24 pages, and she reads 8 of them today.", "24"),
    ("The answer is 24, and each shelf holds 6.", "24"),
    ("The answer is 24 and each shelf holds 6.", "24"),
    ("The answer is 24 pages and Ann reads 8 a day.", "24"),
    ("The answer is 9 coins in total, 4 of which are silver.", "9"),
    ("The answer is 24 - he walked 4 km a day for 6 days.", "24"),
    ("The answer is 24 – he walked 4 km a day for 6 days.", "24"),
    ("The answer is 24; each of the 4 rows has 6.", "24"),
    ("The answer is 24, with each of the 4 rows having 6.", "24"),
    ("The answer is 24: 6 in each of the 4 rows.", "24"),
    ("The answer is 24, as there are 4 rows with 6 seats.", "24"),
    ("The answer is 24 seats while the other hall has 30.", "24"),
    ("The answer is 24, 6 more than before.", "24"),
    ("The answer is 24, leaving 3.", "24"),
    ("The answer is $24, of which $4 is tax.", "24"),
    ("#### 24 (6 seats in each of 4 rows)", "24"),
    ("#### 24, 6 per row", "24"),
    ("The answer is **24**, and each row has 6.", "24"),
    (r"The answer is \frac{1}{2}, and each gets \frac{1}{4}.", r"\frac{1}{2}"),
    ("The answer is the product of 4 and 6, which is 24.", "24"),
    ("The answer is about 23.6, which rounds to 24.", "24"),
    ("The answers are 2, 3", "2, 3"),
    ("The answer is x = 2, y = 3", "x = 2, y = 3"),
    ("The answer is 20 + 4 = 24", "24"),
    ("The answer is 4 hours and 30 minutes", "270 minutes"),
    ("The answer is 4 red seats and 6 blue seats", "4"),
]
TWO = [
    "The answer is 24. Actually 25",
    "The answer is 24. Wait, it is 25.",
    "It is 24. No wait, 25",
    "The answer is 24, no, 25.",
    "The answer is 24, or rather 25.",
    "The answer is 24, I mean 25.",
    "The answer is 24, wait, 25 seats.",
    "The answer is 24, actually 25.",
    "The answer is 24, or maybe 25.",
    "The answer is 24, but it could be 25.",
    "The answer is 24, it might also be 25",
    "The answer is 24, and also 25 is possible.",
    "The answer is 24, with 25 as an alternative",
    "The answer is 24; alternatively 25 seats",
    "The answer is 24, 25 if you count the last.",
    "The answer is 24, and 25.",
    "The answer is 24, 25",
    "The answer is 24; 25",
    "The answer is 24 - 25",
    "The answer is 24, and the answer is 25.",
]


@pytest.mark.parametrize(("text", "gold"), GOES_ON)
def test_the_value_behind_the_marker_counts(text: str, gold: str) -> None:
    assert slipstick.grade(text, gold).outcome == "correct"


@pytest.mark.parametrize(
    ("text", "other"),
    [
        ("The answer is 24 pages, and she reads 8 of them today.", "8"),
        ("The answer is 24, and each shelf holds 6.", "6"),
        ("The answer is 9 coins in total, 4 of which are silver.", "4"),
        ("The answer is 24, leaving 3.", "3"),
    ],
)
def test_a_number_of_another_clause_is_no_answer(text: str, other: str) -> None:
    assert slipstick.grade(text, other).outcome != "correct"


@pytest.mark.parametrize("kind", [None, "number"])
@pytest.mark.parametrize("text", TWO)
def test_two_values_are_not_the_first_of_them(text: str, kind: str | None) -> None:
    assert slipstick.grade(text, "24", kind=kind).outcome != "correct"
