"""Tests of values: exact ones, balls, precision restored, and comparisons of expressions."""

import threading
from fractions import Fraction
from typing import Any

import flint
import pytest

from slipstick.equivalence.symbolic.equality import same_expression
from slipstick.equivalence.symbolic.evaluation import Point, evaluate, precision
from slipstick.equivalence.symbolic.exact import TooLargeError, divides_by_zero, exact
from slipstick.equivalence.symbolic.expression import Expression
from slipstick.equivalence.symbolic.reader import read


def tree(text: str) -> Expression:
    """The tree of a text that can be read."""
    found = read(text)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2+3*4", 14),
        (r"\frac{1}{2}+\frac{1}{3}", Fraction(5, 6)),
        ("2^{-3}", Fraction(1, 8)),
        ("(-2)^3", -8),
        ("(-1)^{1000001}", -1),
        ("5!", 120),
        ("5!!", 15),
        (r"\binom{10}{3}", 120),
        ("nPr(5,2)", 20),
        (r"\sum_{k=1}^{100} k", 5050),
        (r"\prod_{k=1}^{4} \frac{k}{k+1}", Fraction(1, 5)),
        (r"\sum_{k=5}^{4} k", 0),
        ("17 % 5", 2),
        (r"-7 \mod 3", 2),
        (r"\lfloor -\frac{7}{2}\rfloor", -4),
        ("gcd(12, 18)", 6),
        ("lcm(4, 6, 10)", 60),
        ("max(1, 3, 2)", 3),
        ("|3-5|", 2),
    ],
)
def test_exact_values(text: str, value: Any) -> None:
    assert exact(tree(text)) == value


@pytest.mark.parametrize("text", [r"\sqrt{2}", r"\pi", "2^{1/2}", "x", r"\ln 2", "i"])
def test_what_has_no_exact_value(text: str) -> None:
    assert exact(tree(text)) is None


@pytest.mark.parametrize(
    "text", ["9^{9^9}", "10^{100000}", "100000!", r"\sum_{k=1}^{10^9} k", r"\prod_{k=1}^{999} k^k", "((4!)!)!"]
)
def test_what_is_too_large_to_write_down(text: str) -> None:
    with pytest.raises(TooLargeError):
        exact(tree(text))


def test_division_by_nothing() -> None:
    with pytest.raises(ZeroDivisionError):
        exact(tree("1/(2-2)"))
    assert divides_by_zero(tree(r"\frac{x}{3-3}"))
    assert not divides_by_zero(tree(r"\frac{x}{3}"))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (r"\sqrt{2}", "1.41421356237309504880"),
        (r"\sqrt[3]{-8}", "-2"),
        ("sqrt(-4)", "2i"),
        (r"\sin\frac{\pi}{6}", "0.5"),
        (r"e^{i\pi}", "-1"),
        (r"\log_2 8", "3"),
        (r"\log 1000", "3"),
        ("atan2(1, -1)", "2.35619449019234492885"),
        (r"\int_0^1 3x^2 dx", "1"),
        (r"\lfloor\log_2 8\rfloor", "3"),
        ("0^{1/2}", "0"),
    ],
)
def test_balls_hold_the_value(text: str, value: Any) -> None:
    number = complex(value.replace("i", "j"))
    with precision(200):
        found = evaluate(tree(text), Point(common_log=True))
        assert abs(complex(found) - number) < 1e-15
        assert found.rel_accuracy_bits() > 100 or abs(found) < 1e-40


@pytest.mark.parametrize("text", ["9^{9^{9^9}}", "1/0", r"\tan(10^{1000})", r"\ln 0", "0^{-1/2}", r"\infty"])
def test_what_has_no_value_is_not_finite(text: str) -> None:
    with precision(200):
        assert not evaluate(tree(text), Point()).is_finite()


def test_terms_are_counted_over_all_sums() -> None:
    with precision(200), pytest.raises(OverflowError, match="1,000 terms"):
        evaluate(tree(r"\sum_{k=1}^{100}\sum_{j=1}^{100} \sqrt{k+j}"), Point())


def test_a_programs_own_precision_is_put_back() -> None:
    before = flint.ctx.prec
    try:
        flint.ctx.prec = 77
        same_expression(tree(r"\sqrt{8}"), tree(r"2\sqrt{2}"), "", "")
        assert flint.ctx.prec == 77
        with pytest.raises(RuntimeError), precision(300):
            raise RuntimeError
        assert flint.ctx.prec == 77
    finally:
        flint.ctx.prec = before


def test_threads_do_not_take_each_others_precision() -> None:
    pairs = [(tree(r"\sqrt{8}"), tree(r"2\sqrt{2}")), (tree(r"\sin 2x"), tree(r"2\sin x\cos x"))]
    found: list[bool | None] = []

    def work() -> None:
        found.extend(same_expression(a, e, "", "")[0] for _ in range(50) for a, e in pairs)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 400
    assert all(found)


@pytest.mark.parametrize(
    ("a", "e"),
    [
        (r"\frac{1}{2^{98}}", r"\frac{1}{2^{99}}"),
        (r"\frac{1}{2004!}", r"\frac{1}{2006!}"),
        (r"\sqrt{2}+10^{-60}", r"\sqrt{2}"),
        (r"e^{-1000}", r"e^{-1001}"),
        (r"10^{-300}\pi", r"0"),
        (r"\sin(10^{-100})", "0"),
        (r"10^{1000}\pi+1", r"10^{1000}\pi+2"),
    ],
)
def test_what_nearly_agrees_is_never_the_same(a: str, e: str) -> None:
    assert same_expression(tree(a), tree(e), a, e)[0] is not True
    assert same_expression(tree(e), tree(a), e, a)[0] is not True
