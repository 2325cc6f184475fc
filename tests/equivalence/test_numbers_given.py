"""What Python hands over as an answer: texts and numbers of all kinds; anything else is one message."""

from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy
import pytest
import sympy

from slipstick import compare, compare_many, grade
from slipstick.errors import UserError

NUMBERS = [
    (5, "5"),
    (5.0, "5"),
    (1e-7, "10^{-7}"),
    (Fraction(1, 2), "0.5"),
    (Decimal("0.50"), "1/2"),
    (1 + 2j, "1+2i"),
    (numpy.int64(5), "5"),
    (numpy.float64(0.5), r"\frac{1}{2}"),
    (sympy.Rational(2, 4), "0.5"),
    (sympy.sqrt(2) / 2, r"\frac{1}{\sqrt{2}}"),
    (sympy.pi / 2, r"\frac{\pi}{2}"),
]
OTHERS = [True, b"5", {"answer": 5}, {5}, sympy.Symbol("x"), object]


@pytest.mark.parametrize(("number", "text"), NUMBERS)
def test_a_number_counts_as_its_text_on_either_side(number: Any, text: str) -> None:
    assert compare(number, text).outcome == "correct"
    assert compare(text, number).outcome == "correct"
    assert compare(text, ["7", number]).outcome == "correct"
    assert compare("77", number).outcome == "incorrect"
    assert grade(f"The answer is {text}.", number).outcome == "correct"
    assert [one.outcome for one in compare_many([(number, text), (text, (7, number)), (number, 77)])] == [
        "correct",
        "correct",
        "incorrect",
    ]


@pytest.mark.parametrize("other", OTHERS)
def test_anything_else_is_named(other: Any) -> None:
    with pytest.raises(UserError, match=r"^answer = .*: a text or a number is wanted"):
        compare(other, "5")
    with pytest.raises(UserError, match=r"^expected = .*: a text or a number is wanted$"):
        compare("5", other)
    with pytest.raises(UserError, match=r"^expected\[1\] = .*: a text or a number is wanted$"):
        compare("5", [5, other])
    with pytest.raises(UserError, match=r"^pairs\[1\]: answer = "):
        compare_many([("5", 5), (other, 5)])
    with pytest.raises(UserError, match=r"^attempt = .*: a text, a Solution or a list of messages is wanted$"):
        grade(other, "5")


def test_several_answers_are_no_answer_and_no_gold_is_undecided() -> None:
    with pytest.raises(UserError, match=r"^answer = \['5'\]: a text or a number is wanted$"):
        compare(["5"], "5")  # type: ignore[arg-type]
    with pytest.raises(UserError, match="expected = True"):
        grade("The answer is 5.", True)
    assert grade("The answer is 5.", None).outcome == compare("5", None).outcome == "undecided"  # type: ignore[arg-type]
    with pytest.raises(UserError, match=r"^answer = None: .*; \"\" stands for no answer$"):
        compare(None, "5")  # type: ignore[arg-type]
    assert grade(5, 5).outcome == "correct"
