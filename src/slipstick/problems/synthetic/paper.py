"""How the arithmetic of worked steps is shown: values as people write them, expressions as on paper."""

import re
from collections.abc import Mapping
from fractions import Fraction

from slipstick.exact import COUNTING, Functions, Value, decimal

FUNCTIONS: Functions = {**COUNTING, "Fraction": Fraction, "max": max, "min": min}
"""What a worked step may call."""
_WORD = re.compile(r"[A-Za-z_]\w*")
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


def show(value: Value) -> str:
    """'7', '2.5' if the decimal ends, else '2/3'."""
    return decimal(value, max_places=60) or f"{value.numerator}/{value.denominator}"


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
