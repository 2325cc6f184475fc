"""Writes small sums out digit by digit, the way people do them on paper.

Each column begins with what is left of the numbers, so that the digits it needs always stand in the same place: the
scratchpad of Nye et al. 2021 (arXiv 2112.00114, figure 1), with the digits of the result written as they become known.
"""

import re
from collections.abc import Callable, Mapping

_SUM = re.compile(r"(\d+) ([-+*/%]) (\d+)")
_MOST_DIGITS = 4
"""Longer numbers are written down with their result at once; so are sums of single digits."""


def longhand(written: str) -> str | None:
    """The columns of "345 + 27" one after the other, or None if it is not a sum of small integers.

    After each column comes the part of the result that is known by then, so that the last number is the result.
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
    carry, known = 0, ""
    lines: list[str] = []
    while a or b:
        total = a % 10 + b % 10 + carry
        known = f"{total % 10}{known}"
        column = f"{a % 10} + {b % 10}{' + 1' if carry else ''} = {total} write {known}"
        lines.append(f"{a} + {b}: {column}" if lines and max(a, b) > 9 else column)
        a, b, carry = a // 10, b // 10, total // 10
    if carry:
        lines.append(f"1 write 1{known}")
    return ", ".join(lines)


def _subtract(a: int, b: int) -> str | None:
    if a < b:
        return None
    borrow, known = 0, ""
    lines: list[str] = []
    while a or b:
        x, y = a % 10, b % 10
        lent = x - y - borrow < 0
        digit = x - y - borrow + 10 * lent
        known = f"{digit}{known}"
        column = f"{x + 10 * lent} - {y}{' - 1' if borrow else ''} = {digit} write {known}"
        lines.append(f"{a} - {b}: {column}" if lines and a > 9 else column)
        a, b, borrow = a // 10, b // 10, int(lent)
    # Leading zeros of a difference are removed.
    shorter = f", that is {int(known)}" if known != str(int(known)) else ""
    return ", ".join(lines) + shorter


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
    carry, known = 0, ""
    lines: list[str] = []
    while a:
        total = a % 10 * b + carry
        known = f"{total % 10 if a >= 10 else total}{known}"
        column = f"{a % 10} * {b}{f' + {carry}' if carry else ''} = {total} write {known}"
        lines.append(f"{a} * {b}: {column}" if lines and a > 9 else column)
        a, carry = a // 10, total // 10
    return ", ".join(lines)


def _divide(a: int, b: int) -> str | None:
    if b > 12 or a % b:
        return None
    known, lines = "", list[str]()
    for left, current, quotient, rest in _long_division(a, b):
        known = f"{known}{quotient}".lstrip("0")
        column = f"{current} / {b} = {quotient} rest {rest}{f' write {known}' if known else ''}"
        lines.append(f"{left}: {column}" if lines and len(left) > 1 else column)
    return ", ".join(lines)


def _remainder(a: int, b: int) -> str | None:
    if b > 12:
        return None
    rows = _long_division(a, b)
    return ", ".join(
        f"{f'{left}: ' if place and len(left) > 1 else ''}{current} / {b} = {quotient} rest {rest}"
        for place, (left, current, quotient, rest) in enumerate(rows)
    )


def _long_division(a: int, b: int) -> list[tuple[str, int, int, int]]:
    """(digits still to come down, what is divided, quotient digit, rest) from the left."""
    rest, rows, digits = 0, [], str(a)
    for place, digit in enumerate(digits):
        current = 10 * rest + int(digit)
        quotient, rest = divmod(current, b)
        rows.append((digits[place:], current, quotient, rest))
    return rows


_METHODS: Mapping[str, Callable[[int, int], str | None]] = {
    "+": _add,
    "-": _subtract,
    "*": _multiply,
    "/": _divide,
    "%": _remainder,
}
