"""Arithmetic trees as Python source: whole numbers stay whole, and exact fractions are used if floats would show."""

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction

from slipstick.exact import NoValueError, decimal
from slipstick.synthesize.annotations.trees import (
    UNKNOWN,
    Call,
    Name,
    Number,
    Operation,
    Solve,
    Tree,
    evaluate,
    replaced,
)

Computed = int | float | Fraction
"""The value of a variable of a program."""
_OPERATORS: Mapping[str, Callable[[Computed, Computed], Computed]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "**": operator.pow,
}
_PRECEDENCE = {"+": 1, "-": 1, "*": 2, "/": 2, "//": 2, "**": 4}
_ATOM = 5


@dataclass(frozen=True)
class Written:
    """A piece of Python and its value there."""

    text: str
    """The source."""
    value: Computed
    """As Python has it."""
    binds: int = _ATOM
    """How tightly its outermost operator binds; a higher one needs no brackets."""


def write_tree(tree: Tree, values: Mapping[str, Computed], *, exact: bool) -> Written:
    """Python for a tree whose names hold `values`; with `exact` what is not whole is a Fraction.

    Raises NoValueError if Python has no value for it.
    """
    if isinstance(tree, Number):
        return write_number(tree.value, exact=exact)
    if isinstance(tree, Name):
        return Written(tree.name, values[tree.name])
    if isinstance(tree, Call):
        return _write_call(tree, values, exact=exact)
    if isinstance(tree, Solve):
        raise NoValueError("an equation is a statement of its own")
    left, right = (write_tree(side, values, exact=exact) for side in (tree.left, tree.right))
    if tree.sign == "-" and tree.left == Number(Fraction(0)):
        return Written(f"-{_enclosed(right, 3)}", -right.value, 2)
    if tree.sign == "/":
        return _write_division(left, right, exact=exact)
    level = _PRECEDENCE[tree.sign]
    # Python groups from the left, powers from the right
    text = f"{_enclosed(left, level + (tree.sign == '**'))} {tree.sign} {_enclosed(right, level + (tree.sign == '-'))}"
    try:
        value = _OPERATORS[tree.sign](left.value, right.value)
    except (OverflowError, ZeroDivisionError, ValueError) as error:
        raise NoValueError(str(error)) from error
    return Written(text.replace(" ** ", "**"), value, level)


def write_number(value: Fraction, *, exact: bool) -> Written:
    """A number: 12, 0.25, 3 / 8 or Fraction(1, 3)."""
    if value.denominator == 1:
        return Written(str(int(value)), int(value), _ATOM if value >= 0 else 2)
    if digits := decimal(value):
        return Written(f'Fraction("{digits}")', value) if exact else Written(digits, float(digits))
    if exact:
        return Written(f"Fraction({value.numerator}, {value.denominator})", value)
    return Written(f"{value.numerator} / {value.denominator}", value.numerator / value.denominator, 2)


def _write_division(left: Written, right: Written, *, exact: bool) -> Written:
    if not right.value:
        raise NoValueError("a division by zero")
    if isinstance(left.value, int) and isinstance(right.value, int):
        if not left.value % right.value:
            return Written(f"{_enclosed(left, 2)} // {_enclosed(right, 3)}", left.value // right.value, 2)
        if exact:
            return Written(f"Fraction({left.text}, {right.text})", Fraction(left.value, right.value))
    try:
        value = left.value / right.value
    except OverflowError as error:
        raise NoValueError(str(error)) from error
    return Written(f"{_enclosed(left, 2)} / {_enclosed(right, 3)}", value, 2)


def _write_call(tree: Call, values: Mapping[str, Computed], *, exact: bool) -> Written:
    written = [write_tree(argument, values, exact=exact) for argument in tree.arguments]
    if tree.function == "sqrt" and exact:
        raise NoValueError("a root is not a fraction")
    exactly = evaluate(tree, {name: Fraction(value) for name, value in values.items()})
    whole = exactly.denominator == 1 and tree.function not in ("sqrt", "log")
    return Written(
        f"{tree.function}({', '.join(each.text for each in written)})", int(exactly) if whole else float(exactly)
    )


def _enclosed(written: Written, level: int) -> str:
    return written.text if written.binds >= level else f"({written.text})"


def write_solve(tree: Solve, name: str, values: Mapping[str, Computed]) -> tuple[list[str], Computed]:
    """The lines that solve an equation for `name`, and the solution."""
    sides = []
    for side in (tree.left, tree.right):
        own = replaced(side, lambda leaf: Name(name) if leaf == UNKNOWN else leaf)
        sides.append(_write_side(own, {**values, name: Fraction(1)}).text)
    value = evaluate(tree, {key: Fraction(each) for key, each in values.items()})
    lines = [f'{name} = symbols("{name}")', f"{name} = solve(Eq({sides[0]}, {sides[1]}), {name})[0]"]
    return lines, int(value) if value.denominator == 1 else value


def _write_side(tree: Tree, values: Mapping[str, Computed]) -> Written:
    """A side of an equation: unchanged, decimals as exact ones, nothing computed."""
    if isinstance(tree, Number):
        digits = decimal(tree.value)
        if tree.value.denominator == 1:
            return Written(str(tree.value), tree.value)
        return Written(
            f'Rational("{digits}")' if digits else f"Rational({tree.value.numerator}, {tree.value.denominator})", 0
        )
    if isinstance(tree, Name):
        return Written(tree.name, values[tree.name])
    if not isinstance(tree, Operation):
        raise NoValueError("an equation of sums and products only")
    if tree.sign == "/" and isinstance(tree.left, Number) and isinstance(tree.right, Number):
        share = evaluate(tree, {})
        return Written(f"Rational({share.numerator}, {share.denominator})", share)
    left, right = _write_side(tree.left, values), _write_side(tree.right, values)
    if tree.sign == "-" and tree.left == Number(Fraction(0)):
        return Written(f"-{_enclosed(right, 3)}", 0, 2)
    level = _PRECEDENCE[tree.sign]
    text = f"{_enclosed(left, level)} {tree.sign} {_enclosed(right, level + (tree.sign in '-/'))}"
    return Written(text.replace(" ** ", "**"), 0, level)
