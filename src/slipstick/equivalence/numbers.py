r"""Reads and compares numbers exactly: integers of any size, decimals and their digits, fractions, percent, units.

A unit may be missing, not different. A percentage equals its fraction only when the sign is written. A decimal that
rounds or cuts off an exact value is right only if every digit it shows is and it shows at least six; the noise in a
floating-point number is no digit: 17.999999999999996 is 18.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from slipstick.equivalence.units import read_unit, units_agree
from slipstick.equivalence.vocabulary import NUMBERS, UNITS

MAX_DIGITS = 4000
"""Longer numbers are compared as decimals, without arithmetic; the exponent of a power of ten has the same bound."""
ROUNDED_DIGITS = 6
"""Significant digits from which a rounded decimal stands for the exact value."""
ROUNDED_GOLD_DIGITS = 3
"""Significant digits from which a decimal gold may be the rounding of a more exact answer."""
UNROUNDED_DIGITS = 15
"""Significant digits that tell what a program computed from what somebody rounded."""
_NOISE = Fraction(1, 10**11)

_DIGITS = r"(?:[1-9]\d{0,2}(?:,\d{3})+|[1-9]\d{0,2}(?:[ ]\d{3})+(?!\d)|[1-9]\d{0,2}(?:_\d{3})+(?!\d)|\d+)"
_DECIMAL = rf"(?:{_DIGITS}(?:\.\d*)?|\.\d+)"
_PLAIN = re.compile(r"(?P<minus>-?)\+?(?P<whole>[1-9]\d{0,2}(?:,\d{3})+|\d+)(?:\.(?P<part>\d*))?")
_POWER = r"10\s*\^\s*[{{(]?\s*(?P<{0}>[-+]?\d+)\s*[)}}]?"
_NUMBER = re.compile(
    rf"""(?P<sign>[-+]?)\s*(?P<money>(?:[$€£¥]|(?:Rs|INR|USD|EUR|GBP)\b\.?)?)\s*(?P<sign2>[-+]?)\s*(?:
      (?P<whole>\d+)\s*\\frac\s*\{{\s*(?P<mtop>\d+)\s*\}}\s*\{{\s*(?P<mbottom>\d+)\s*\}}
    | (?P<whole2>\d+)(?:\s+|\s*-\s*and\s*-\s*|\s+and\s+)(?P<mtop2>\d+)\s*/\s*(?P<mbottom2>\d+)
    | \\frac\s*\{{\s*(?P<top>[-+]?{_DECIMAL})\s*\}}\s*\{{\s*(?P<bottom>[-+]?{_DECIMAL})\s*\}}
    | (?P<top2>{_DECIMAL})\s*/\s*(?P<bottom2>{_DECIMAL})
    | \(?(?P<rep>\d*\.\d*)(?:\\(?:overline|bar|dot)\s*\{{?\s*(?P<cycle>\d+)\s*\}}?)\)?
    | (?P<dots>\d*\.\d+)\s*\.\.\.
    | (?P<mantissa>{_DECIMAL})\s*(?:[eE](?P<exponent>[-+]?\d+)(?![A-Za-z])
        |(?:\\times|\\cdot|\*|x|X)\s*{_POWER.format("power")})
    | {_POWER.format("power2")}
    | (?P<based>[0-9A-Fa-f]+)_\{{?\s*(?P<base>[1-9]\d?)\s*\}}?(?!\d)
    | (?P<german>[1-9]\d{{0,2}}(?:\.\d{{3}}){{2,}})(?!\d)
    | (?P<decimal>{_DECIMAL})
    )""",
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Number:
    """A number as it was written."""

    value: Fraction | Decimal
    """Exact; a Decimal only where it is too long for arithmetic."""
    places: int | None = None
    """Digits behind the decimal point, None where the value is no decimal and so exact."""
    significant: int = 0
    """Digits shown, without leading zeros."""
    percent: bool = False
    unit: str = ""
    """Canonical unit, '' where none was written."""
    base: int | None = None


def read_plain(text: str) -> Number | None:
    """The quick way for what most answers are: digits, a sign, commas, a point."""
    match = _PLAIN.fullmatch(text)
    if match is None or len(text) > 100:
        return None
    part = match["part"] or ""
    digits = match["whole"].replace(",", "") + part
    value = Fraction(int(match["minus"] + digits), 10 ** len(part))
    return Number(value, len(part) if part else None, len(digits.lstrip("0")))


def read_number(text: str) -> Number | None:
    """The number a tidied text is, with its unit; None where it is something else."""
    if (plain := read_plain(text)) is not None:
        return plain
    text = _unbracket(text)
    match = _NUMBER.match(text)
    if match is None:
        return _read_words(text)
    rest = text[match.end() :].strip()
    percent = False
    if sign := re.match(r"(?:%|\\?text\s*\{\s*(?:percent|pct|%)\s*\}|per\s?cent(?:age)?\b|pct\b)", rest):
        percent, rest = True, rest[sign.end() :].strip()
    unit = read_unit(rest, glued=bool(rest) and not text[match.end()].isspace()) if rest else ""
    if unit is None:
        return None
    try:
        number = _value(match)
    except (ValueError, ZeroDivisionError):
        return None
    if (match["sign"] == "-") != (match["sign2"] == "-"):
        number = Number(-number.value, number.places, number.significant, base=number.base)
    unit = UNITS.get(match["money"].casefold().rstrip("."), unit)
    return Number(number.value, number.places, number.significant, percent, unit, number.base)


def numbers_equal(answer: Number, expected: Number) -> tuple[bool, str]:
    """Whether two numbers mean the same, and one line why."""
    if not units_agree(answer.unit, expected.unit):
        return False, f"the units differ: {answer.unit} and {expected.unit}"
    if answer.base and expected.base and answer.base != expected.base:
        return (_in_base(answer) == _in_base(expected)), f"base {answer.base} against base {expected.base}"
    if answer.percent == expected.percent:
        return values_equal(answer, expected)
    hundredth = _hundredth(answer if answer.percent else expected)
    pair = (hundredth, expected) if answer.percent else (answer, hundredth)
    if values_equal(*pair)[0]:
        return True, "a percentage and its fraction"
    equal, reason = values_equal(answer, expected)
    return equal, "the percent sign is missing on one side" if equal else reason


def values_equal(answer: Number, expected: Number) -> tuple[bool, str]:
    """Whether the values are the same, digits shown taken into account."""
    if answer.value == expected.value:
        return True, "the same value"
    if isinstance(answer.value, Decimal) or isinstance(expected.value, Decimal):
        return False, "different values"
    if approximates(answer, expected.value) or (_is_unrounded(answer) and approximates(expected, answer.value)):
        return True, "the same value to every digit shown"
    if rounds_to(answer, expected):
        return True, "the expected value is this one, rounded"
    return False, "different values"


def approximates(shown: Number, exact: Fraction) -> bool:
    """Whether a written decimal stands for an exact value: floating-point noise, or rounded with every digit right."""
    if shown.places is None or isinstance(shown.value, Decimal):
        return False
    if shown.significant >= UNROUNDED_DIGITS and abs(shown.value - exact) <= _NOISE * (abs(exact) or Fraction(1, 100)):
        return True
    unit = Fraction(1, 10**shown.places)
    scaled = abs(exact) / unit
    if shown.significant < ROUNDED_DIGITS or scaled.denominator == 1 or (shown.value < 0) != (exact < 0):
        return False
    return abs(shown.value) / unit in (scaled.numerator // scaled.denominator, _round(scaled))


def rounds_to(answer: Number, expected: Number) -> bool:
    """Whether a decimal gold of three digits and more is an exact or unrounded answer, rounded: 50/3 for 16.7."""
    if isinstance(answer.value, Decimal) or isinstance(expected.value, Decimal) or expected.places is None:
        return False
    if (
        not _is_unrounded(answer)
        or expected.significant < ROUNDED_GOLD_DIGITS
        or (answer.value < 0) != (expected.value < 0)
    ):
        return False
    unit = Fraction(1, 10**expected.places)
    return _round(abs(answer.value) / unit) == abs(expected.value) / unit


def _is_unrounded(number: Number) -> bool:
    """Whether a number is exact or shows all digits of a floating-point number, as somebody's rounding does not."""
    return number.places is None or number.significant >= UNROUNDED_DIGITS


def _round(value: Fraction) -> int:
    return (2 * value.numerator + value.denominator) // (2 * value.denominator)


def _hundredth(number: Number) -> Number:
    if isinstance(number.value, Decimal):
        return number
    places = None if number.places is None else number.places + 2
    return Number(number.value / 100, places, number.significant, unit=number.unit)


def _in_base(number: Number) -> int | None:
    digits = str(number.value)
    try:
        return int(digits, number.base or 10) if 2 <= (number.base or 10) <= 36 else None
    except ValueError:
        return None


def _value(match: re.Match[str]) -> Number:
    group = match.groupdict()
    for whole, top, bottom in (("whole", "mtop", "mbottom"), ("whole2", "mtop2", "mbottom2")):
        if group[whole]:
            return Number(Fraction(int(group[whole])) + Fraction(int(group[top]), int(group[bottom])))
    for top, bottom in (("top", "bottom"), ("top2", "bottom2")):
        if group[top]:
            return Number(_fraction(group[top]) / _fraction(group[bottom]))
    if group["cycle"]:
        return Number(_repeating(group["rep"], group["cycle"]))
    if group["dots"]:
        return _read_dots(group["dots"])
    exponent = group["exponent"] or group["power"] or group["power2"]
    if group["based"]:
        return Number(Fraction(int(group["based"])), base=int(group["base"]))
    if group["german"]:
        return Number(Fraction(int(group["german"].replace(".", ""))))
    return _decimal(group["mantissa"] or group["decimal"] or "1", exponent)


def _decimal(digits: str, exponent: str | None) -> Number:
    digits = re.sub(r"[,_ ]", "", digits)
    power = int(exponent or 0)
    whole, _, part = digits.partition(".")
    significant = len((whole + part).lstrip("0"))
    if len(digits) > MAX_DIGITS or abs(power) > MAX_DIGITS:
        return Number(Decimal(f"{digits}E{power}") if abs(power) < 10**15 else Decimal("Infinity"), None, significant)
    value = Fraction(int(whole + part or "0")) * Fraction(10) ** (power - len(part))
    places = len(part) - power
    return Number(value, places if part and places > 0 else None, significant)


def _fraction(digits: str) -> Fraction:
    if len(digits) > MAX_DIGITS:
        raise ValueError("too long")
    return Fraction(re.sub(r"[,_ +]", "", digits))


def _repeating(start: str, cycle: str) -> Fraction:
    part = start.partition(".")[2]
    begin = Fraction(start if part else start + "0")
    return begin + Fraction(int(cycle), (10 ** len(cycle) - 1) * 10 ** len(part))


def _read_dots(digits: str) -> Number:
    """0.333...: the shortest cycle that the shown digits repeat at least twice, else a decimal."""
    part = digits.partition(".")[2]
    for length in range(1, len(part) // 2 + 1):
        cycle = part[-length:]
        repeats = 0
        while part[: len(part) - repeats * length].endswith(cycle):
            repeats += 1
        start = part[: len(part) - repeats * length]
        if repeats * length >= 3 or (repeats >= 2 and length > 1):
            return Number(_repeating(digits.partition(".")[0] + "." + start, cycle))
    return _decimal(digits, None)


def _read_words(text: str) -> Number | None:
    word, _, rest = re.sub(r"^\\text\s*\{\s*(.*?)\s*\}$", r"\1", text).casefold().removeprefix("a ").partition(" ")
    word, _, ones = word.partition("-")
    if word not in NUMBERS or (ones and not 0 < NUMBERS.get(ones, 0) < 10):
        return None
    unit = read_unit(rest, glued=False) if rest else ""
    return None if unit is None else Number(Fraction(NUMBERS[word] + NUMBERS.get(ones, 0)), unit=unit)


def _unbracket(text: str) -> str:
    """(-3) and {5} -> -3 and 5; a bracket with a list in it stays."""
    if text[:1] in "({" and text[-1:] in ")}" and re.fullmatch(r"[({]\s*[-+]?[\d.]+\s*[)}]", text):
        return text[1:-1].strip()
    return text
