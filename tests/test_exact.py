"""Expressions have exact values, and what is no arithmetic has none; number words are one table."""

from __future__ import annotations

from fractions import Fraction

import pytest

from slipstick.exact import NoValueError, decimal, evaluate
from slipstick.number_words import CARDINALS, MAGNITUDES, ORDINALS, PARTS
from slipstick.problems.synthetic.paper import FUNCTIONS, show


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("7 // 2", "3"),
        ("7 / 2", "3.5"),
        ("1 / 8 + 1", "1.125"),
        ("Fraction(2, 6)", "1/3"),
        ("-(3 - 5) ** 2", "-4"),
        ("comb(5, 2) % 3", "1"),
        ("1 / 3 - 1 / 3", "0"),
        ("-1 / 40", "-0.025"),
        ("2.5 + 1", "3.5"),
        ("0.1 + 0.2", "0.3"),
    ],
)
def test_exact_values(expression: str, expected: str) -> None:
    assert show(evaluate(expression, {}, FUNCTIONS)) == expected


@pytest.mark.parametrize(
    "expression",
    ["x + 1", "__import__('os')", "'a' * 3", "1 < 2", "[1]", "comb.real", "True + 1", "(" * 5000 + "1", ""],
)
def test_anything_else_is_no_arithmetic(expression: str) -> None:
    with pytest.raises(NoValueError, match="no arithmetic"):
        evaluate(expression, {"y": 1}, FUNCTIONS)


@pytest.mark.parametrize(
    "expression", ["1 / 0", "1 // 0", "0 ** -1", "9 ** 9 ** 9", "factorial(10 ** 6)", "comb(2, -1)"]
)
def test_what_has_no_value_or_a_huge_one_is_refused_before_it_is_computed(expression: str) -> None:
    with pytest.raises(NoValueError):
        evaluate(expression, {})


def test_only_the_operators_and_functions_that_are_allowed() -> None:
    for expression in ("2 ** 3", "max(1, 2)"):
        with pytest.raises(NoValueError):
            evaluate(expression, {}, functions={}, operators="+-*/")
    assert evaluate("2 + 3 * x", {"x": 4}, functions={}, operators="+-*/") == 14


def test_large_numbers_have_a_divisor() -> None:
    assert evaluate("gcd(120000, 360000)", {}) == 120000 and evaluate("isqrt(10 ** 12)", {}) == 10**6


def test_decimals_that_end() -> None:
    assert [decimal(Fraction(value)) for value in ("1/8", "-7/2", "3", "1/3")] == ["0.125", "-3.5", "3", None]


def test_number_words() -> None:
    assert list(CARDINALS.values()) == [*range(20), *range(20, 100, 10)]
    assert CARDINALS["thirteen"] == 13 and ORDINALS["twentieth"] == 20 and MAGNITUDES["million"] == 10**6
    assert PARTS["half"] == 2 and PARTS["third"] == 3 and "second" not in PARTS
