"""Tests of replies that name an option where nothing but the gold, a letter, says that one is asked for."""

import pytest

from slipstick import grade


@pytest.mark.parametrize(
    ("text", "gold", "outcome"),
    [
        ("The correct option is (C) Jupiter, with a diameter of about 139,820 km.", "C", "correct"),
        ("The correct option is (B) Saturn, with a diameter of about 116,460 km.", "C", "incorrect"),
        ("C. Jupiter", "C", "correct"),
        ("B. Saturn", "C", "incorrect"),
        ("(C) Jupiter", "(C)", "correct"),
        ("Answer: C (139,820 km)", "C", "correct"),
        ("C, because Jupiter has 139,820 km", "C", "correct"),
        ("Jupiter is the largest, so C.", "C", "correct"),
        ("(C) is wrong. (B) is right.", "C", "incorrect"),
        ("C or D", "C", "incorrect"),
    ],
)
def test_a_gold_of_one_letter_asks_for_an_option(text: str, gold: str, outcome: str) -> None:
    assert grade(text, gold).outcome == outcome


@pytest.mark.parametrize(
    ("text", "gold"),
    [
        ("The answer is C = 5", "C"),
        ("The answer is 2C", "C"),
        ("So V = A + 2C.", "C"),
        ("The answer is A + B.", "A"),
        ("The answer is C - 1", "C"),
        (r"\boxed{A+C}", "C"),
        ("A dog has four legs.", "A"),
        ("B. Wait, maybe C or D.", "C"),
        ("A. Mercury\nB. Venus\nC. Jupiter", "C"),
    ],
)
def test_a_letter_in_a_formula_or_a_list_is_none(text: str, gold: str) -> None:
    assert grade(text, gold).outcome != "correct"


@pytest.mark.parametrize("text", ["The answer is $A$.", "The constant is $\\boxed{A}$.", "A"])
def test_a_letter_that_is_a_quantity_is_still_found(text: str) -> None:
    assert grade(text, "A").outcome == "correct"
