"""Exact arithmetic: evaluates expressions in Python's syntax over integers and fractions, without running them.

Audit's equations, the steps of synthetic problems and the trees of annotations share these operators and functions.
Two evaluators stay apart, as they mean something else: `equivalence.symbolic.exact` has larger limits, which decide a
verdict, and no value (None) for what is not rational; `equivalence.profiles.syntax_tree` computes in floats, as
published graders do.
"""

import ast
import math
import operator
from collections.abc import Callable, Collection, Mapping
from fractions import Fraction
from functools import lru_cache

Value = int | Fraction
Functions = Mapping[str, Callable[..., Value]]

MAX_BITS = 400
"""A power whose result would have more bits than about this is not computed."""
MAX_COUNTED = {"factorial": 50, "perm": 50, "comb": 1000}
"""Largest arguments of functions that grow fast."""


class NoValueError(ValueError):
    """Text that is no arithmetic, or arithmetic without a value."""


def evaluate(
    expression: str,
    values: Mapping[str, Value],
    functions: Functions | None = None,
    operators: Collection[str] | None = None,
) -> Value:
    """The exact value of an expression over numbers and the names in `values`; a whole one is an int.

    functions: what may be called; None: FUNCTIONS. operators: which of OPERATORS are known; None: all.
    Raises NoValueError for anything else, and for a division by zero or a power that is too large.
    """
    try:
        node = _parse(expression)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise NoValueError(f"`{expression[:80]}` is no arithmetic") from error
    reading = _Reading(
        expression, values, FUNCTIONS if functions is None else functions, OPERATORS if operators is None else operators
    )
    value = reading.value(node)
    return value.numerator if value.denominator == 1 else value


def decimal(value: Value, max_places: int = 12) -> str | None:
    """ "0.125" for 1/8; None for a value with more decimal places than `max_places`."""
    places = next((places for places in range(max_places + 1) if not 10**places % value.denominator), None)
    if places is None:
        return None
    digits = str(abs(value.numerator) * 10**places // value.denominator).rjust(places + 1, "0")
    sign = "-" if value < 0 else ""
    return f"{sign}{digits[:-places]}.{digits[-places:]}" if places else f"{sign}{digits}"


@lru_cache(maxsize=4096)
def _parse(expression: str) -> ast.expr:
    return ast.parse(expression, mode="eval").body


class _Reading:
    """One pass over the syntax tree of one expression."""

    def __init__(
        self, text: str, values: Mapping[str, Value], functions: Functions, operators: Collection[str]
    ) -> None:
        self._text, self._values, self._functions, self._operators = text, values, functions, operators

    def value(self, node: ast.expr) -> Value:
        match node:
            case ast.Constant(value=bool()):
                pass
            case ast.Constant(value=int() as number):
                return number
            case ast.Constant(value=float()):
                return Fraction(ast.get_source_segment(self._text, node) or "")
            case ast.Name(id=name) if name in self._values:
                return self._values[name]
            case ast.UnaryOp(op=ast.USub() | ast.UAdd() as sign, operand=operand):
                return -self.value(operand) if isinstance(sign, ast.USub) else self.value(operand)
            case ast.BinOp(left=left, op=op, right=right) if SIGNS.get(type(op)) in self._operators:
                return OPERATORS[SIGNS[type(op)]](self.value(left), self.value(right))
            case ast.Call(func=ast.Name(id=name), args=args) if name in self._functions:
                return self._functions[name](*map(self.value, args))
        known = ", ".join(self._values) or "(none)"
        raise NoValueError(f"`{ast.unparse(node)}` is no arithmetic over the known names {known}")


def power(base: Value, exponent: Value) -> Value:
    """base ** exponent; a root is as exact as a float. Raises NoValueError for what is too large or not real."""
    base, exponent = Fraction(base), Fraction(exponent)
    size = max(base.numerator.bit_length(), base.denominator.bit_length())
    if exponent.denominator == 1:
        if abs(exponent) * size > MAX_BITS or (not base and exponent < 0):
            raise NoValueError("a power that is too large")
        return base ** int(exponent)
    if base < 0 or size > MAX_BITS or abs(exponent) > 50:
        raise NoValueError("a power without a real value")
    return _from_float(float(base) ** float(exponent))


def _by(divide: Callable[[Fraction, Value], Value]) -> Callable[[Value, Value], Value]:
    """A division that says so if it is by zero."""

    def divided(left: Value, right: Value) -> Value:
        if not right:
            raise NoValueError("a division by zero")
        return divide(Fraction(left), right)

    return divided


def _root(value: Value) -> Value:
    if value < 0:
        raise NoValueError("the square root of a negative number")
    return power(value, Fraction(1, 2))


def _log(value: Value, base: Value) -> Value:
    if value <= 0 or base <= 0 or base == 1:
        raise NoValueError("a logarithm without a value")
    return _from_float(math.log(value, base))


def _from_float(value: float) -> Fraction:
    if not math.isfinite(value):
        raise NoValueError("a result that is no number")
    return Fraction(repr(value))


def _counting(function: Callable[..., int]) -> Callable[..., Value]:
    """A function of whole numbers from 0 on, such as `comb`."""
    name = function.__name__

    def counted(*values: Value) -> Value:
        if any(value.denominator != 1 or value < 0 for value in values):
            raise NoValueError(f"{name} of what is no whole number from 0 on")
        if name in MAX_COUNTED and max(values) > MAX_COUNTED[name]:
            raise NoValueError(f"{name} of a number that is too large")
        return function(*map(int, values))

    return counted


OPERATORS: Mapping[str, Callable[[Value, Value], Value]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": _by(operator.truediv),
    "//": _by(operator.floordiv),
    "%": _by(operator.mod),
    "**": power,
}
SIGNS: Mapping[type[ast.operator], str] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.FloorDiv: "//",
    ast.Mod: "%",
    ast.Pow: "**",
}
COUNTING: Functions = {
    function.__name__: _counting(function)
    for function in (math.comb, math.factorial, math.gcd, math.isqrt, math.lcm, math.perm)
}
"""Functions of whole numbers, by their names in `math`."""
FUNCTIONS: Functions = {
    **COUNTING,
    "sqrt": _root,
    "log": _log,
    "floor": math.floor,
    "ceil": math.ceil,
    "min": min,
    "max": max,
    "abs": abs,
}
"""What an expression may call, by the name it has in Python; all but the built-ins come from `math`."""
