"""Reads the equations of a worked solution, calculator annotations and plain text alike, and evaluates them exactly."""

import re
from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise
from typing import NamedTuple

from slipstick import exact
from slipstick.schema import Record

ANNOTATION = re.compile(r"<<([^<>]*)>>")
"""GSM8K's calculator annotation: <<48/2=24>>."""
_NUMBER = re.compile(
    r"(?<=\$)\d{1,3}(?: \d{3})+(?:\.\d+)?(?!\d)"  # $80 000
    r"|(?:(?<![\w.])|(?<=[A-Za-z$]))\d+(?:,\d{3})*(?:\.\d+)?|(?<![\w.])\.\d+"
)
_SIGNS = str.maketrans("×·÷–—−[]{}", "**/---()()")
_TIMES = re.compile(r"(?<=[\d)%])\s*[xX]\s*(?=[($.\d])")
_BY_FRACTION = re.compile(r"/ +(\d+/\d+)")
_RUN_LEFT = re.compile(r"[\d.,$%()+\-*/ ]+$")
_RUN_RIGHT = re.compile(r"[ $]*(-?[ $]*(?:\d[\d,]*(?:\.\d+)?|\.\d+)%?)((?:[ ]*[+\-*/][ $(]*[\d.][\d.,]*[%)]*)*)")
_SAID_BEFORE = re.compile(r"(?:\b(?:and|of|by|from|per|plus|minus|times|over|every|[a-z])|[:=^|\d])\s*$", re.IGNORECASE)
_SAID_AFTER = re.compile(
    r"\s*(?:thousand|million|billion|hundred|dozen|k\b|m\b|r\b|rem|with|and\s+\d|:|\d|\^|/)", re.IGNORECASE
)
_LONGEST = 200
"""Characters of an expression beyond which it is not read."""
_MOST_DIGITS = 40
"""Longer numbers are skipped."""
_TOLERANCE = Fraction(1, 100)
_SCALES = (100, 1000, 60)
"""Factors of units that may have changed in passing: per cent and cents, thousands, minutes."""


class Equation(Record):
    """`left = right` as a worked solution has it."""

    left: str
    """The expression as written, its signs those of Python."""
    right: str
    """The result it is given, as written."""
    line: int
    """Line of the solution, from 1."""
    annotated: bool
    """Whether it is a calculator annotation rather than plain text."""
    holds: bool
    """Whether the expression evaluates to the result: exactly, rounded as far as is written, or in another unit."""


class _Side(NamedTuple):
    text: str
    value: Fraction


def read_equations(solution: str) -> list[Equation]:
    """All equations of a solution that can be read, line by line, those of the text before the annotations.

    Passed over: those with words, variables or powers in them, and those that only set a value.
    """
    found = []
    for number, line in enumerate(solution.translate(_SIGNS).splitlines(), start=1):
        plain = ANNOTATION.sub("", line)
        for text, annotated in ((plain, False), *((inside, True) for inside in ANNOTATION.findall(line))):
            for left, right in _pairs(_TIMES.sub("*", text)):
                holds = any(_equal(left.value, side) for side in right)
                found.append(
                    Equation(left=left.text, right=right[0].text, line=number, annotated=annotated, holds=holds)
                )
    return found


def numbers(text: str) -> list[Fraction]:
    """The numbers of a text in order, thousands separators read over; per cent signs, units and signs left aside."""
    cleaned = (match[0].replace(",", "").replace(" ", "") for match in _NUMBER.finditer(text))
    short = (number for number in cleaned if len(number) <= _MOST_DIGITS)
    return [Fraction(int(number)) if number.isdecimal() else Fraction(number) for number in short]


def evaluate(expression: str) -> Fraction | None:
    """The exact value of an arithmetic expression, None if it is not one or divides by zero."""
    cleaned = re.sub(r"([\d.]+)%", r"(\1/100)", expression.replace("$", "").replace(",", "")).strip()
    if not cleaned or len(cleaned) > _LONGEST:
        return None
    cleaned = re.sub(r"(?<![\d.])0+(?=\d)", "", _BY_FRACTION.sub(r"/(\1)", cleaned))
    try:
        return Fraction(exact.evaluate(cleaned, {}, functions={}, operators="+-*/"))
    except exact.NoValueError:
        return None


def _pairs(text: str) -> Iterator[tuple[_Side, list[_Side]]]:
    """Each expression before an equals sign, and what may be meant by what follows it: a sum, or its first number."""
    parts = text.split("=")
    for before, after in pairwise(parts):
        left, right = _left(before), _right(after)
        if left and right:
            yield left, right


def _left(before: str) -> _Side | None:
    before = before.rstrip()[-2 * _LONGEST :]
    match = _RUN_LEFT.search(before, max(0, len(before) - _LONGEST))
    if match is None or _SAID_BEFORE.search(before[: match.start()]):
        return None
    if match[0][0] != " " and before[: match.start()][-1:].isalnum():
        return None  # a part of a name or of a number of another notation
    run = match[0].strip(" ,")
    if run[:1] in "+-*/).," or not re.search(r"\d\)?\s*[%]?\s*[-+*/]", run):
        return None
    value = evaluate(run)
    return None if value is None else _Side(run, value)


def _right(after: str) -> list[_Side]:
    match = _RUN_RIGHT.match(after, 0, _LONGEST)
    if match is None or _SAID_AFTER.match(after, match.end()):
        return []
    first, rest = match[1].replace(" ", ""), match[2]
    sides = [(first, evaluate(first)), *([(first + rest, evaluate(first + rest))] if rest else [])]
    return [_Side(text.strip("$,"), value) for text, value in sides if value is not None]


def _equal(value: Fraction, result: _Side) -> bool:
    shown = result.value
    if value.denominator > 1 and shown.denominator == 1 and abs(value - shown) < 1:
        return True  # rounded to a whole, up or down
    whole = value.denominator == shown.denominator == 1
    if value == shown or (not whole and abs(value - shown) <= _TOLERANCE * max(abs(value), abs(shown))):
        return True
    return any(value in (shown * scale, shown / scale) for scale in _SCALES)
