r"""Reads single values of any kind: a number with its unit, or a quantity in several units, "1 hour 30 minutes"."""

import functools
import re
from dataclasses import replace
from fractions import Fraction

from slipstick.equivalence.values.numbers import Number, read_number
from slipstick.equivalence.values.units import conversion

_MAX_LENGTH = 100
_TWO_PARTS = re.compile(r"(?=.*[\w\"'}].*[A-Za-z¢'\"])(?:[-+$€£]?\s*\d|an?\s|[a-z]+[\s-])", re.IGNORECASE | re.DOTALL)
_IN_TEXT = re.compile(r"\\text\s*\{\s*([-+]?\d[^{}]*?)\s*\}")
"""A quantity that stands in \\text as a whole: 3 hours 20 minutes."""
_CUT = re.compile(r"\s*,\s*(?:and\s+)?|\s+and\s+|(?<=[A-Za-z.'\"])\s*(?=\d)")
_COLON = re.compile(r"(\d{1,3}):([0-5]\d)(?::([0-5]\d))?\s*(hours?|hrs?|h|minutes?|mins?)", re.IGNORECASE)
_HOURS = re.compile(r"(\d{1,3})\s?h\s?([0-5]\d)")
_TWO_QUOTES = re.compile(r"(\d{1,6})\s?'\s?-?\s?(\d{1,2}(?:\.\d+)?)\s?(?:\"|'')")
_ONE_QUOTE = re.compile(r"(\d{1,6}(?:\.\d+)?)\s?('{1,2}|\")")
_AND_A_HALF = re.compile(r"(?:an?|one|1)\s+(\w+)\s+and\s+a\s+(half|quarter)", re.IGNORECASE)
_ANGLES = {"'": "arcminute", '"': "arcsecond", "''": "arcsecond"}
_LENGTHS = {"'": "foot", '"': "inch", "''": "inch"}


def read_quantity(text: str) -> Number | None:
    """The number a tidied text is, with its unit; a quantity in several units is read in the first of them."""
    return _read_quantity(text) if len(text) <= _MAX_LENGTH else read_number(text)


def read_quoted(text: str, other: str) -> Number | None:
    r"""A quantity of ' and \", as a length or as an angle by what stands on the other side of the comparison.

    5'3\" is feet and inches beside anything but an angle. 5' or 3\" alone is read only beside a length, an angle, a
    number without a unit or the same mark; beside anything else it may be either, and is None, as is any other text.
    """
    two, one = _TWO_QUOTES.fullmatch(text), _ONE_QUOTE.fullmatch(text)
    if two is None and one is None:
        return None
    beside, quoted = read_quantity(other), _ONE_QUOTE.fullmatch(other)
    unit = beside.unit if beside else ""
    is_angle = bool(unit) and conversion(unit, "arcminute") is not None
    if two:
        minutes, seconds = int(two[1]), Fraction(two[2])
        return Number(minutes + seconds / 60, unit="arcminute") if is_angle and seconds < 60 else read_quantity(text)
    assert one is not None
    number = read_number(one[1])
    says_nothing = (beside is not None and not unit) or (quoted is not None and _ANGLES[quoted[2]] == _ANGLES[one[2]])
    if number is None or not (is_angle or says_nothing or (unit and conversion(unit, "foot"))):
        return None
    return replace(number, unit=(_ANGLES if is_angle else _LENGTHS)[one[2]])


@functools.lru_cache(maxsize=10_000)
def _read_quantity(text: str) -> Number | None:
    if inner := _IN_TEXT.fullmatch(text):
        text = inner[1]
    number = read_number(text)
    if number is not None or not _TWO_PARTS.match(text):
        return number
    flat = re.sub(r"\\text\s*\{([^{}]*)\}", r" \1 ", text).strip()
    if match := _COLON.fullmatch(flat):
        return _colon(match)
    if match := _HOURS.fullmatch(flat):  # as French writes 1 h 30
        return Number(Fraction(int(match[1])) + Fraction(int(match[2]), 60), unit="hour")
    if (match := _TWO_QUOTES.fullmatch(flat)) and Fraction(match[2]) < 12:
        return Number(int(match[1]) + Fraction(match[2]) / 12, unit="foot")
    if match := _AND_A_HALF.fullmatch(flat):
        return read_number(f"{'3/2' if match[2].casefold() == 'half' else '5/4'} {match[1]}")
    return _sum([re.sub(r"(?<=\d)(?=[A-Za-z])", " ", part) for part in _CUT.split(flat)])


def _colon(match: re.Match[str]) -> Number:
    """1:30 hours, 2:05 min."""
    unit = "hour" if match[4][0] in "hH" else "minute"
    return Number(Fraction(int(match[1])) + Fraction(int(match[2]), 60) + Fraction(int(match[3] or 0), 3600), unit=unit)


def _sum(parts: list[str]) -> Number | None:
    """Parts in ever smaller units of one kind, each less than one of the unit before it."""
    if not 2 <= len(parts) <= 4:
        return None
    first = read_number(parts[0])
    if first is None or not first.unit or first.percent or not isinstance(first.value, Fraction):
        return None
    total, before = abs(first.value), Number(Fraction(0), unit=first.unit)
    for part in parts[1:]:
        read = _part(part, before.unit)
        if read is None or not read.unit or read.percent or not isinstance(read.value, Fraction) or read.value < 0:
            return None
        factor = conversion(read.unit, before.unit)
        if factor is None or factor[1] or factor[0] >= 1 or read.value * factor[0] >= 1:
            return None
        whole = conversion(read.unit, first.unit)
        if whole is None:
            return None
        total += read.value * whole[0]
        before = read
    return Number(-total if first.value < 0 else total, unit=first.unit)


def _part(text: str, before: str) -> Number | None:
    """One part; ' and \" are minutes and seconds behind degrees, m is minutes behind hours."""
    quotes = re.fullmatch(r"(\d+(?:\.\d+)?)\s*('{1,2}|\")", text)
    if quotes and before in ("degree", "arcminute"):
        return Number(Fraction(quotes[1]), unit=_ANGLES[quotes[2]])
    read = read_number(text)
    if read and read.unit == "m" and before == "hour":
        return Number(read.value, unit="minute")
    return read
