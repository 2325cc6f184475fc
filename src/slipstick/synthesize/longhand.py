"""Writes small sums out digit by digit, the way people do them on paper."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

_SUM = re.compile(r"(\d+) ([-+*/%]) (\d+)")
_MOST_DIGITS = 4
"""Longer numbers are written down with their result at once; so are sums of single digits."""


def longhand(written: str) -> str | None:
    """The digits of "345 + 27" one after the other, or None where it is no sum of small whole numbers.

    After each digit stands all of the result that is known by then, so that the last number is the result.
    """
    match = _SUM.fullmatch(written)
    if match is None:
        return None
    a, b = int(match[1]), int(match[3])
    longest = max(len(match[1]), len(match[3]))
    if longest > _MOST_DIGITS or longest == 1 or b == 0:
        return None
    return _METHODS[match[2]](a, b)


def _add(a: int, b: int) -> str | None:
    carry, known, lines = 0, "", []
    for x, y in _columns(a, b):
        total = x + y + carry
        known = f"{total % 10}{known}"
        lines.append(f"{x} + {y}{' + 1' if carry else ''} = {total} write {known}")
        carry = total // 10
    if carry:
        lines.append(f"1 write 1{known}")
    return ", ".join(lines)


def _subtract(a: int, b: int) -> str | None:
    if a < b:
        return None
    borrow, known, lines = 0, "", []
    for x, y in _columns(a, b):
        lent = x - y - borrow < 0
        digit = x - y - borrow + 10 * lent
        known = f"{digit}{known}"
        lines.append(f"{x + 10 * lent} - {y}{' - 1' if borrow else ''} = {digit} write {known}")
        borrow = int(lent)
    return ", ".join(lines)


def _multiply(a: int, b: int) -> str | None:
    a, b = max(a, b), min(a, b)
    if b < 10:
        return _multiply_by_digit(a, b)
    if len(f"{a}{b}") > 5:
        return None
    tens, ones = b // 10 * 10, b % 10
    if not ones:
        return f"{_multiply_by_digit(a, tens // 10)}, write {a * b}"
    return f"{a} * {tens} = {a * tens}, {a} * {ones} = {a * ones}, {_add(a * tens, a * ones)}"


def _multiply_by_digit(a: int, b: int) -> str:
    carry, known, lines = 0, "", []
    digits = [int(digit) for digit in reversed(str(a))]
    for place, x in enumerate(digits):
        total = x * b + carry
        last = place == len(digits) - 1
        known = f"{total if last else total % 10}{known}"
        lines.append(f"{x} * {b}{f' + {carry}' if carry else ''} = {total} write {known}")
        carry = total // 10
    return ", ".join(lines)


def _divide(a: int, b: int) -> str | None:
    if b > 12 or a % b:
        return None
    known, lines = "", []
    for current, quotient, rest in _long_division(a, b):
        known = f"{known}{quotient}".lstrip("0")
        lines.append(f"{current} / {b} = {quotient} rest {rest}{f' write {known}' if known else ''}")
    return ", ".join(lines)


def _remainder(a: int, b: int) -> str | None:
    if b > 12:
        return None
    return ", ".join(f"{current} / {b} = {quotient} rest {rest}" for current, quotient, rest in _long_division(a, b))


def _long_division(a: int, b: int) -> list[tuple[int, int, int]]:
    """(what is divided, quotient digit, rest) from the left."""
    rest, rows = 0, []
    for digit in str(a):
        current = 10 * rest + int(digit)
        quotient, rest = divmod(current, b)
        rows.append((current, quotient, rest))
    return rows


def _columns(a: int, b: int) -> list[tuple[int, int]]:
    """The digits of both numbers, ones first, the shorter one filled with zeros."""
    width = max(len(str(a)), len(str(b)))
    pairs = zip(reversed(str(a).zfill(width)), reversed(str(b).zfill(width)), strict=True)
    return [(int(x), int(y)) for x, y in pairs]


_METHODS: Mapping[str, Callable[[int, int], str | None]] = {
    "+": _add,
    "-": _subtract,
    "*": _multiply,
    "/": _divide,
    "%": _remainder,
}
