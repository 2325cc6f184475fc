"""Tests of equations and inequalities as trees: factors, denominators, chains, roots."""

import pytest

from slipstick.equivalence.relations import read_relation
from slipstick.equivalence.symbolic.comparison import compare_solutions
from slipstick.equivalence.symbolic.equations import same_relation


def same(a: str, e: str) -> bool | None:
    relation_a, relation_e = read_relation(a), read_relation(e)
    assert relation_a and relation_e
    found = same_relation(relation_a, relation_e)
    return found and found[0]


@pytest.mark.parametrize("factor", ["2", "-3", r"\frac{1}{7}", r"\sqrt{2}", r"\pi"])
def test_a_constant_factor_leaves_an_equation_what_it_is(factor: str) -> None:
    assert same(rf"{factor}(x^2+y^2)={factor}\cdot 9", "x^2+y^2=9")


@pytest.mark.parametrize("factor", ["x", "y", "(x-1)", "x^2"])
def test_a_factor_that_may_be_nothing_does_not(factor: str) -> None:
    assert not same(f"{factor}(x+y)={factor}", "x+y=1")


@pytest.mark.parametrize(
    ("a", "e"),
    [
        (r"y=\frac{6}{x}", "xy=6"),
        (r"\frac{x-1}{2}=\frac{y+3}{5}", "5x-2y=11"),
        (r"\frac{1}{x}+\frac{1}{y}=\frac{1}{4}", "4x+4y=xy"),
        (r"z=\frac{x^2-1}{x-1}", "z=x+1"),
        ("23^{1.5}=y", "y=23^{1.5}"),
    ],
)
def test_a_cleared_denominator(a: str, e: str) -> None:
    assert same(a, e)
    assert same(e, a)


@pytest.mark.parametrize(
    ("a", "e", "expected"),
    [
        ("2x+y<4", "-2x-y>-4", True),
        ("2x+y<4", "-2x-y<-4", False),
        ("x+y\\leq 1", "x+y<1", False),
        ("x+y=1", "x+y<1", False),
        ("x+y\\neq 1", "2x+2y\\neq 2", True),
        ("a<b<c", "c>b>a", True),
        ("a<b<c", "2a<2b<2c", True),
        ("a<b<c", "b<a<c", False),
        ("a=b=c", "c=b=a", True),
        ("a=b=c", "a=b", False),
    ],
)
def test_inequalities_and_chains(a: str, e: str, expected: bool | None) -> None:
    assert same(a, e) is expected


def test_equations_between_numbers() -> None:
    assert same("2+3=5", "5=3+2")
    assert not same("2+3=5", "2+2=4")


def test_a_relation_that_cannot_be_read() -> None:
    assert same("area = the product", "x=1") is None


@pytest.mark.parametrize(
    ("values", "equation", "expected"),
    [
        (["x=2", "x=-2"], "x^2=4", True),
        (["2", "-2"], "x^2=4", True),
        (["2", "-3"], "x^2=4", False),
        (["2"], "x^2=4", False),
        (["2"], "x^3=8", True),
        ([r"1+\sqrt{2}", r"1-\sqrt{2}"], "x^2-2x-1=0", True),
        (["i", "-i"], "x^2+1=0", True),
        (["1", "2", "3"], "(x-1)(x-2)(x-3)=0", True),
        (["1", "2"], "(x-1)(x-2)(x-3)=0", False),
        (["3"], r"\frac{x^2-9}{x+3}=0", True),
        (["1", "2"], "x+y=3", None),
        (["0"], r"\sin x=0", None),
        (["1", "1"], "x^2=1", None),
    ],
)
def test_what_solves_an_equation(values: list[str], equation: str, expected: bool | None) -> None:
    assert compare_solutions(values, equation) is expected
