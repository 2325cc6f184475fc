"""The tree of an expression: exact numbers, symbols, named constants, operations, functions known and unknown."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import NamedTuple


class Expression(NamedTuple):
    """One node of the tree; equal trees are equal tuples.

    Heads without arguments: "number" and "float" (`value` a Fraction; a float shows the fifteen digits and more of a
    floating-point number, so its last ones are noise), "symbol" (`value` its name), "constant" (pi, e, i, infinity).
    "+" and "*" take any number of arguments, "-" is the negative and "/" the reciprocal of one, "^" takes two; "apply"
    is an undefined function, `value` its name; "sum" and "product" have the bound variable as `value` and take
    the first index, the last one and the term; "integral" has its variable as `value` and takes both ends, if there
    are any, and the integrand. All other heads are functions by name.
    """

    head: str
    """"number", "symbol", "+", "sum", ... or the name of a function: see above."""
    args: tuple[Expression, ...] = ()
    """Its arguments, in order."""
    value: Fraction | str | None = None
    """The value of a number, the name of a symbol or of a bound variable: see above."""


def number(value: int | Fraction) -> Expression:
    """An exact number."""
    return Expression("number", (), Fraction(value))


def symbol(name: str) -> Expression:
    """A variable or a parameter."""
    return Expression("symbol", (), name)


def difference(left: Expression, right: Expression) -> Expression:
    """left - right."""
    return Expression("+", (left, Expression("-", (right,))))


def nodes(expression: Expression) -> Iterator[Expression]:
    """Every node of the tree."""
    left = [expression]
    while left:
        node = left.pop()
        yield node
        left.extend(node.args)


def symbols(expression: Expression) -> frozenset[str]:
    """The free symbols: those that no sum or product binds."""
    head, args, value = expression
    if head == "symbol":
        assert isinstance(value, str)
        return frozenset((value,))
    found: set[str] = set()
    for arg in args:
        if arg.head == "symbol":
            assert isinstance(arg.value, str)
            found.add(arg.value)
        elif arg.args:
            found |= symbols(arg)
    if head in ("sum", "product") or (head == "integral" and len(args) == 3):
        found.discard(str(value))
    return frozenset(found)


def heads(expression: Expression) -> frozenset[str]:
    """The heads that occur in the tree."""
    return frozenset(node.head for node in nodes(expression))


_MEROMORPHIC = frozenset(
    {"number", "float", "symbol", "constant", "apply", "+", "*", "-", "/", "exp", "sin", "cos", "tan", "cot", "sec"}
    | {"csc", "sinh", "cosh", "tanh", "coth", "sech", "csch"}
)


def is_meromorphic(expression: Expression) -> bool:
    """Whether a function has no branches, corners or steps: no roots, logarithms, absolute values, floors."""
    return all(
        node.head in _MEROMORPHIC or (node.head == "^" and _is_single_valued(*node.args)) for node in nodes(expression)
    )


def _is_single_valued(base: Expression, exponent: Expression) -> bool:
    if isinstance(exponent.value, Fraction) and exponent.value.denominator == 1:
        return True
    return base.head == "constant" or (isinstance(base.value, Fraction) and base.value > 0)


def replace(expression: Expression, names: dict[str, Expression]) -> Expression:
    """The tree with symbols replaced by name."""
    if expression.head == "symbol":
        return names.get(str(expression.value), expression)
    if not expression.args:
        return expression
    return Expression(expression.head, tuple(replace(arg, names) for arg in expression.args), expression.value)
