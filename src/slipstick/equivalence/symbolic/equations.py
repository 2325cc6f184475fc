r"""Compares equations and inequalities: the same up to a constant factor, a cleared denominator or what solves them.

2x+3y=6 is x/3+y/2=1, y=6/x is xy=6, -x>-1 is x<1, x^2-3x+2=0 is (x-1)(x-2)=0. An equation multiplied by something
that may be nothing is another one.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Any

from flint import acb, fmpq, fmpq_mpoly, fmpq_mpoly_ctx, fmpq_poly

from slipstick.equivalence.relations import Relation
from slipstick.equivalence.symbolic.equality import Answer, same_expression
from slipstick.equivalence.symbolic.evaluation import Point, evaluate, precision
from slipstick.equivalence.symbolic.exact import TooLargeError, exact
from slipstick.equivalence.symbolic.expression import Expression, difference, number, replace, symbols
from slipstick.equivalence.symbolic.points import usual_points
from slipstick.equivalence.symbolic.reader import read

MAX_DEGREE = 60
MAX_TERMS = 400
_ORDERS = {"<": ("<", ">"), ">": (">", "<"), r"\leq": (r"\leq", r"\geq"), r"\geq": (r"\geq", r"\leq")}
_EQUALS = frozenset(("=", r"\approx"))
_FACTOR_POINTS = 4


def read_sides(relation: Relation) -> list[Expression] | None:
    """The trees of all sides, None if one of them cannot be read."""
    sides = [read(side) for side in relation.sides]
    return [side for side in sides if side is not None] if all(sides) else None


def same_relation(a: Relation, e: Relation) -> Answer | None:
    """Whether two relations say the same; None if one of them cannot be read."""
    sides_a, sides_e = read_sides(a), read_sides(e)
    if sides_a is None or sides_e is None:
        return None
    if len(a.signs) == len(e.signs) == 1:
        return _same_pair(sides_a, a.signs[0], sides_e, e.signs[0])
    if len(a.signs) != len(e.signs):
        return False, f"{len(sides_a)} sides against {len(sides_e)}"
    return _same_chain(sides_a, a.signs, sides_e, e.signs)


def _same_chain(a: list[Expression], signs_a: tuple[str, ...], e: list[Expression], signs_e: tuple[str, ...]) -> Answer:
    """1 < x + 1 < 3 is 0 < x < 2 and 2 > x > 0: every step the same, from the one end or the other."""
    outcome: Answer = (False, "different relations")
    for step in (1, -1):
        others = e[::step]
        turned = signs_e if step == 1 else tuple(_ORDERS.get(sign, (sign, sign))[1] for sign in reversed(signs_e))
        found = [
            _same_pair(a[place : place + 2], signs_a[place], others[place : place + 2], turned[place])[0]
            for place in range(len(signs_a))
        ]
        if all(found):
            return True, "the same relations"
        if False not in found:
            outcome = (None, "relations that cannot be compared")
    return outcome


def _same_pair(a: list[Expression], sign_a: str, e: list[Expression], sign_e: str) -> Answer:
    kinds = [sign in _ORDERS or ("=" if sign in _EQUALS else sign) for sign in (sign_a, sign_e)]
    if kinds[0] != kinds[1]:
        return False, f"{sign_a} against {sign_e}"
    if kinds[0] == "=" and not (symbols(a[0]) | symbols(a[1]) | symbols(e[0]) | symbols(e[1])):
        return _same_numbers(a, e)
    gap_a, gap_e = difference(*a), difference(*e)
    factor = constant_factor(gap_a, gap_e)
    if factor is None and kinds[0] is not True:
        return _same_zeros(gap_a, gap_e)
    if factor is None:
        return False, "different relations"
    if kinds[0] is True and _ORDERS[sign_a][factor < 0] != sign_e:
        return False, "the opposite inequality, or strict against not strict"
    return True, "the same relation up to a constant factor"


def _same_numbers(a: list[Expression], e: list[Expression]) -> Answer:
    """An equation between numbers says which ones: 2 + 3 = 5 is 5 = 3 + 2."""
    for pair in (e, e[::-1]):
        if all(same_expression(one, other, "", "")[0] for one, other in zip(a, pair, strict=True)):
            return True, "the same numbers"
    return False, "other numbers"


def constant_factor(a: Expression, e: Expression) -> float | None:
    """The real constant k with a = k e, None if there is none."""
    whole = frozenset(symbols(a) | symbols(e))
    if not whole:
        return None
    first: acb | None = None
    agreed = 0
    for _, values in usual_points(a, e):
        with precision(200):
            try:
                value_a, value_e = evaluate(a, Point(values)), evaluate(e, Point(values))
            except (ValueError, OverflowError):
                continue
            if value_a.contains(0) and value_e.contains(0):
                continue
            ratio = value_a / value_e
            if not ratio.is_finite() or value_a.contains(0):
                return None
            if first is None:
                first = ratio
            if not ratio.overlaps(first) or ratio.rel_accuracy_bits() < 60:
                return None
            agreed += 1
            if agreed >= _FACTOR_POINTS:
                break
    if first is None or agreed < _FACTOR_POINTS - 1 or not first.imag.contains(0):
        return None
    return float(first.real.mid())


def solves(values: Sequence[Expression], equation: Relation) -> bool | None:
    """Whether different values are all roots of a polynomial equation, or all real ones; None if it is no such."""
    sides = read_sides(equation)
    if sides is None:
        return None
    gap = difference(*sides)
    free = sorted(symbols(gap))
    if len(free) != 1 or any(symbols(value) for value in values):
        return None
    try:
        top = _Quotient.of(gap, tuple(free), fmpq_mpoly_ctx.get(tuple(free))).top
    except (_NotRationalError, TooLargeError, ZeroDivisionError):
        return None
    if top.is_constant():
        return None
    for value in values:
        if not same_expression(replace(gap, {free[0]: value}), number(0), "", "")[0]:
            return False
    if any(same_expression(one, other, "", "")[0] is not False for one, other in combinations(values, 2)):
        return None
    coefficients = [top[(degree,)] for degree in range(int(top.degrees()[0]) + 1)]
    roots: list[Any] = [pair[0] for pair in fmpq_poly(coefficients).complex_roots()]  # type: ignore[index]
    return len(values) in (len(roots), sum(root.imag.is_zero() for root in roots))


# Rational equations


def _same_zeros(a: Expression, e: Expression) -> Answer:
    """Whether two rational functions, in lowest terms, have the same numerator up to a constant factor."""
    names = tuple(sorted(symbols(a) | symbols(e)))
    try:
        context = fmpq_mpoly_ctx.get(names or ("x",))
        tops = [_Quotient.of(side, names, context).top for side in (a, e)]
    except (_NotRationalError, TooLargeError, ZeroDivisionError):
        found = same_expression(a, e, "", "")
        return found if found[0] is not False else (False, "different equations")
    if any(top.is_zero() for top in tops):
        return all(top.is_zero() for top in tops), "an equation that always holds"
    one, other = (top / top.leading_coefficient() for top in tops)
    return one == other, "the same zeros" if one == other else "different equations"


class _NotRationalError(Exception):
    pass


class _Quotient:
    """A rational function: two polynomials."""

    __slots__ = ("bottom", "top")

    def __init__(self, top: fmpq_mpoly, bottom: fmpq_mpoly) -> None:
        if len(top) > MAX_TERMS or len(bottom) > MAX_TERMS:
            raise TooLargeError
        if not bottom.is_constant():
            shared = top.gcd(bottom)
            top, bottom = top / shared, bottom / shared
        self.top, self.bottom = top, bottom

    @classmethod
    def of(cls, expression: Expression, names: tuple[str, ...], context: fmpq_mpoly_ctx) -> _Quotient:
        head, args, value = expression
        one = context.constant(1)
        if head == "symbol":
            return cls(context.gen(names.index(str(value))), one)
        if head in ("number", "float"):
            return cls(context.constant(fmpq(value.numerator, value.denominator)), one)  # type: ignore[union-attr]
        if head == "^":
            return cls.of(args[0], names, context)._raised(args[1])
        if head not in ("+", "*", "-", "/"):
            raise _NotRationalError
        found = cls.of(args[0], names, context)
        if head == "-":
            return cls(-found.top, found.bottom)
        if head == "/":
            if found.top.is_zero():
                raise ZeroDivisionError
            return cls(found.bottom, found.top)
        for arg in args[1:]:
            following = cls.of(arg, names, context)
            if head == "*":
                found = cls(found.top * following.top, found.bottom * following.bottom)
            else:
                top = found.top * following.bottom + following.top * found.bottom
                found = cls(top, found.bottom * following.bottom)
        return found

    def _raised(self, exponent: Expression) -> _Quotient:
        power = exact(exponent)
        if power is None or power.denominator != 1:
            raise _NotRationalError
        degree = max(1, *map(int, self.top.degrees()), *map(int, self.bottom.degrees()))
        if abs(power) * degree > MAX_DEGREE or (len(self.top) > 3 and abs(power) > 12):
            raise TooLargeError
        if power < 0:
            return _Quotient(self.bottom ** int(-power), self.top ** int(-power))
        return _Quotient(self.top ** int(power), self.bottom ** int(power))
