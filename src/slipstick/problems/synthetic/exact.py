"""Works out short expressions exactly, with integers and fractions and without running them as Python."""

from __future__ import annotations

import ast
import math
import operator
import re
from collections.abc import Callable, Mapping
from fractions import Fraction
from functools import lru_cache

Value = int | Fraction
Functions = Mapping[str, Callable[..., Value]]

FUNCTIONS: Functions = {
    "comb": math.comb,
    "factorial": math.factorial,
    "gcd": math.gcd,
    "isqrt": math.isqrt,
    "lcm": math.lcm,
    "perm": math.perm,
    "Fraction": Fraction,
    "max": max,
    "min": min,
}
"""What a worked step may call."""
_WORD = re.compile(r"[A-Za-z_]\w*")


def evaluate(expression: str, values: Mapping[str, Value], functions: Functions = FUNCTIONS) -> Value:
    """The exact value of an expression over integers, the names in `values` and calls of `functions`.

    Raises ValueError for anything else and ZeroDivisionError where it divides by zero.
    """
    value = _evaluate(_parse(expression), values, functions)
    return value.numerator if value.denominator == 1 else value


def show(value: Value) -> str:
    """'7', '2.5' where the decimal ends, else '2/3'."""
    if value.denominator == 1:
        return str(value.numerator)
    twos, fives, rest = 0, 0, value.denominator
    while rest % 2 == 0:
        twos, rest = twos + 1, rest // 2
    while rest % 5 == 0:
        fives, rest = fives + 1, rest // 5
    if rest != 1:
        return f"{value.numerator}/{value.denominator}"
    places = max(twos, fives)
    digits = str(abs(value.numerator) * 10**places // value.denominator).rjust(places + 1, "0")
    return f"{'-' if value < 0 else ''}{digits[:-places]}.{digits[-places:]}"


def substitute(expression: str, values: Mapping[str, Value]) -> str:
    """The expression as it is written on paper: names replaced by their values, Python by what people write."""

    def number(match: re.Match[str]) -> str:
        value = values.get(match[0])
        if value is None:
            return match[0]
        return f"({show(value)})" if value < 0 else show(value)

    written = _WORD.sub(number, expression)
    for code, paper in _ON_PAPER:
        written = code.sub(paper, written)
    return written


def called(expression: str) -> list[str]:
    """The functions of FUNCTIONS that an expression calls, in order."""
    return [word for word in _WORD.findall(expression) if word in FUNCTIONS]


@lru_cache(maxsize=4096)
def _parse(expression: str) -> ast.expr:
    return ast.parse(expression, mode="eval").body


def _evaluate(node: ast.expr, values: Mapping[str, Value], functions: Functions) -> Value:
    match node:
        case ast.Constant(value=int() as number):
            return number
        case ast.Name(id=name) if name in values:
            return values[name]
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_evaluate(operand, values, functions)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATIONS:
            a, b = _evaluate(left, values, functions), _evaluate(right, values, functions)
            return _OPERATIONS[type(op)](a, b)
        case ast.Call(func=ast.Name(id=name), args=args) if name in functions:
            return functions[name](*(_evaluate(arg, values, functions) for arg in args))
    raise ValueError(f"`{ast.unparse(node)}` is no arithmetic over the known names {', '.join(values) or '(none)'}")


_ON_PAPER = tuple(
    (re.compile(code), paper)
    for code, paper in (
        (r"//", "/"),
        (r" \*\* ", "^"),
        (r"Fraction\((\S+), (\S+)\)", r"\1 / \2"),
        (r"comb\(", "C("),
        (r"perm\(", "P("),
        (r"factorial\((\w+)\)", r"\1!"),
        (r"isqrt\((\w+)\)", r"sqrt \1"),
    )
)
_OPERATIONS: Mapping[type[ast.operator], Callable[[Value, Value], Value]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: Fraction,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
}
