r"""Reads and compares numbers exactly: integers of any size, decimals and their digits, fractions, percent, units.

A unit may be missing, not different. A percentage equals its fraction only when the sign is written. A decimal that
rounds or cuts off an exact value is correct only if every digit it shows is and it shows at least six; the noise in a
floating-point number is ignored: 17.999999999999996 is 18.
"""

import functools
import re
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction

from slipstick.equivalence.normalize.vocabulary import UNITS
from slipstick.equivalence.policies import SLIPSTICK, Policy
from slipstick.equivalence.values.numerals import read_numeral, read_ordinal, read_part
from slipstick.equivalence.values.units import conversion, read_unit
from slipstick.number_words import CARDINALS, MAGNITUDES, PARTS

MAX_DIGITS = 4000
"""Longer numbers are compared as decimals, without arithmetic; the exponent of a power of ten has the same bound."""
ROUNDED_DIGITS = 6
"""Significant digits from which a rounded decimal counts as the exact value."""
ROUNDED_GOLD_DIGITS = 3
"""Significant digits from which a decimal gold may be the rounding of a more exact answer."""
UNROUNDED_DIGITS = 15
"""Significant digits that distinguish what a program computed from what a person rounded."""
_NOISE = Fraction(1, 10**11)

_DIGITS = (
    r"(?:[1-9]\d{0,2}(?:,\d{3})+|[1-9]\d{0,2}(?:[ ]\d{3})+(?!\d)|[1-9]\d{0,2}(?:_\d{3})+(?!\d)"
    r"|[1-9]\d{0,2}(?:'\d{3})+(?!\d)|[1-9]\d?(?:,\d\d)+,\d{3}(?![\d,])|\d+)"
)
_DECIMAL = rf"(?:{_DIGITS}(?:\.\d*)?|\.\d+)"
_PERCENT = re.compile(
    r"%|\\?text\s*\{\s*(?:percent|pct|%)\s*\}|per\s?cent(?:age)?\b(?: points?\b)?|pct\b", re.IGNORECASE
)
_UNTEXT = re.compile(r"^\\text\s*\{\s*(.*?)\s*\}$")
_MONEY_LETTERS = {"k": 10**3, "K": 10**3, "M": 10**6, "mn": 10**6, "B": 10**9, "bn": 10**9}
_BASES = {"two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10,
          "twelve": 12, "sixteen": 16}  # fmt: skip
_PLAIN = re.compile(r"(?P<minus>-?)\+?(?P<whole>[1-9]\d{0,2}(?:,\d{3})+|\d+)(?:\.(?P<part>\d*))?")
_SIGNED = re.compile(r"([-+]?)\s*\(\s*([^(),]*)\s*\)")
"""A quantity in brackets, with a sign or without: -(25 ft)."""
_POWER = r"10\s*(?:\^|\*\*)\s*[{{(]?\s*(?P<{0}>[-+]?\d+)\s*[)}}]?"
_NUMBER = re.compile(
    rf"""(?P<sign>[-+]?)\s*(?P<money>(?:(?:US\s?)?\$|[€£¥]|(?:Rs|INR|USD|EUR|GBP)\b\.?)?)\s*(?P<sign2>[-+]?)\s*(?:
      (?P<whole>\d+)\s*\\frac\s*\{{\s*(?P<mtop>\d+)\s*\}}\s*\{{\s*(?P<mbottom>\d+)\s*\}}
    | (?P<whole2>\d+)(?:\s+|\s*-\s*and\s*-\s*|\s+and\s+)(?P<mtop2>\d+)\s*/\s*(?P<mbottom2>\d+)
    | \\frac\s*\{{\s*(?P<top>[-+]?{_DECIMAL})\s*\}}\s*\{{\s*(?P<bottom>[-+]?{_DECIMAL})\s*\}}
    | (?P<top2>{_DECIMAL})\s*/\s*(?P<bottom2>{_DECIMAL})
    | (?P<dotted>\d*\.\d*\\dot\s*\{{?\d\}}?\d*\\dot\s*\{{?\d\}}?)
    | \(?(?P<rep>\d*\.\d*)(?:\\(?:overline|bar|dot)\s*\{{?\s*(?P<cycle>\d+)\s*\}}?)\)?
    | (?P<rep2>\d*\.\d*)\((?P<cycle2>\d+)\)(?!\d)
    | (?P<dots>\d*\.\d+)\s*\.\.\.
    | (?P<said>\d*\.\d+)\s*(?:repeating|recurring)$
    | (?P<literal>0[bBoOxX][0-9A-Fa-f]+)(?![\w.])
    | (?P<mantissa>{_DECIMAL})\s*(?:[eE](?P<exponent>[-+]?\d+)(?![A-Za-z])
        |(?:\\times|\\cdot|\*|x|X)\s*{_POWER.format("power")})
    | {_POWER.format("power2")}
    | (?:\\text\s*\{{\s*)?(?P<based>[0-9A-Fa-f]+)(?:\s*\}})?
      (?:_\s*\{{?\s*(?:\\text\s*\{{)?\s*|\s+(?:in\s+)?base[\s-]+)(?P<base>[1-9]\d?|[a-z]{{3,8}})\s*\}}{{0,2}}(?!\d)
    | (?P<german>[1-9]\d{{0,2}}(?:\.\d{{3}}){{2,}}(?:,\d+)?|[1-9]\d{{0,2}}(?:\.\d{{3}})+,\d+)(?!\d)
    | (?P<decimal>{_DECIMAL})
    )""",
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Number:
    """A number as it was written."""

    value: Fraction | Decimal
    """Exact; a Decimal only if it is too long for arithmetic."""
    places: int | None = None
    """Digits behind the decimal point, None if the value is no decimal and so exact."""
    significant: int = 0
    """Digits shown, without leading zeros."""
    percent: bool = False
    unit: str = ""
    """Canonical unit, '' if none was written."""
    base: int | None = None


@functools.lru_cache(maxsize=10_000)
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
    """The number a tidied text is, with its unit; None if it is something else."""
    if (plain := read_plain(text)) is not None:
        return plain
    text = _unbracket(text)
    if signed := _SIGNED.fullmatch(text):
        inside = read_number(signed[2])
        return replace(inside, value=-inside.value if signed[1] == "-" else inside.value) if inside else None
    match = _NUMBER.match(text)
    if match is None:
        return _read_words(text)
    rest = text[match.end() :].strip()
    glued = bool(rest) and not (text[match.end()].isspace() or text[match.end() - 1].isspace())
    if match["sign2"] and not match["money"]:
        return None
    percent, parts, rest = _read_percent(rest)
    part, more, rest = _read_part(rest, match) if rest else (1, Fraction(0), rest)
    scale, rest = _read_magnitude(rest, money=bool(match["money"]))
    money = UNITS.get(match["money"].casefold().removeprefix("us").strip(" ."), "")
    unit = read_unit(f"{money} {rest}".strip(), glued=glued and not (percent or money)) if rest else money
    if unit is None:
        ordinal = read_ordinal(text)
        return Number(Fraction(ordinal), significant=len(str(ordinal))) if ordinal is not None else None
    try:
        number = _value(match)
    except (ValueError, ZeroDivisionError, KeyError):
        return None
    value = (number.value / part + more) * scale / parts if isinstance(number.value, Fraction) else number.value
    if (match["sign"] == "-") != (match["sign2"] == "-"):
        value = -value
    places = number.places if scale == parts == part == 1 and not more else None
    return Number(value, places, number.significant, percent, unit, number.base)


def _read_part(rest: str, match: re.Match[str]) -> tuple[int, Fraction, str]:
    """(8, 0, the rest) of "eighths of an inch", (1, 1/2, the rest) of "and a half hours"; quarters are coins."""
    words = _UNTEXT.sub(r"\1", rest)
    word, _, behind = words.partition(" ")
    whole = match["decimal"] or ""
    many = word.casefold().replace("halves", "halfs")
    if not whole.isdigit():
        return 1, Fraction(0), rest
    bottom = PARTS.get(many.removesuffix("s")) if many.endswith("s") or whole == "1" else None
    if bottom and many.removesuffix("s") != "quarter":
        return bottom, Fraction(0), re.sub(r"^of (?:an?|the) ", "", behind)
    if word == "and" and (more := read_part(behind.casefold())):
        return 1, more[0], re.sub(r"^(?:of )?(?:an?|the) ", "", more[1])
    return 1, Fraction(0), rest


def _read_percent(rest: str) -> tuple[bool, int, str]:
    """(whether a sign for hundredths follows, 10 if it is that for thousandths, the rest)."""
    if not rest:
        return False, 1, rest
    if sign := _PERCENT.match(rest):
        return True, 1, rest[sign.end() :].strip()
    if sign := re.match(r"‰|\\permil(?![a-z])|per\s?mille?\b", rest):
        return True, 10, rest[sign.end() :].strip()
    return False, 1, rest


def _read_magnitude(rest: str, *, money: bool) -> tuple[int, str]:
    r"""(1000000, the rest) of "million dollars"; letters count beside a sign of money only: $2.5k."""
    if not rest:
        return 1, rest
    word, _, behind = _UNTEXT.sub(r"\1", rest).partition(" ")
    if scale := MAGNITUDES.get(word.casefold()) or MAGNITUDES.get(word.casefold().removesuffix("s")):
        return scale, behind
    if money and (scale := _MONEY_LETTERS.get(word, 0)):
        return scale, behind
    return 1, rest


_COINS = ("cent", "penny")


def _coins_of(answer: Number, expected: Number) -> bool:
    """Whether an answer in coins is the sum that a gold without a unit is: one with a decimal is not in coins."""
    if answer.unit not in _COINS or expected.unit or not isinstance(expected.value, Fraction):
        return False
    return (expected.value.denominator > 1 or expected.places == 2) and answer.value == expected.value * 100


def numbers_equal(answer: Number, expected: Number, policy: Policy = SLIPSTICK) -> tuple[bool, str]:
    """Whether two numbers mean the same, and one line why."""
    if answer.unit != expected.unit and answer.unit and expected.unit:
        converted = conversion(answer.unit, expected.unit)
        if converted is None:
            return False, f"the units differ: {answer.unit} and {expected.unit}"
        if converted != (Fraction(1), Fraction(0)):
            return _converted_equal(answer, expected, *converted, policy=policy)
    if answer.base and expected.base and answer.base != expected.base:
        return (_in_base(answer) == _in_base(expected)), f"base {answer.base} against base {expected.base}"
    if _coins_of(answer, expected):
        return True, "the same value in another unit"
    if answer.percent == expected.percent:
        return values_equal(answer, expected, policy)
    if (expected if answer.percent else answer).unit:
        return False, "a percentage against a quantity"
    value = hundredth(answer if answer.percent else expected)
    pair = (value, expected) if answer.percent else (answer, value)
    if values_equal(*pair, policy)[0]:
        return True, "a percentage and its fraction"
    equal, reason = values_equal(answer, expected, policy)
    if equal and answer.percent and policy.percent == "value":
        return False, f"a percentage against the number without its sign ({policy.setting('percent')})"
    return equal, "the percent sign is missing on one side" if equal else reason


def _converted_equal(
    answer: Number, expected: Number, factor: Fraction, offset: Fraction, *, policy: Policy
) -> tuple[bool, str]:
    """Two values in different units, an answer times factor plus offset being in the expected one's."""
    if isinstance(answer.value, Decimal) or isinstance(expected.value, Decimal):
        return False, f"too long to convert from {answer.unit} to {expected.unit}"
    there = Number(answer.value * factor + offset, None if _is_unrounded(answer) else answer.places, answer.significant)
    back = Number((expected.value - offset) / factor, None if _is_unrounded(expected) else expected.places)
    if there.value == expected.value:
        return True, "the same value in another unit"
    if approximates(answer, Fraction(back.value)) or rounds_to(there, expected, policy):
        return True, "the same value in another unit, to every digit shown"
    return False, f"different values in {answer.unit} and {expected.unit}"


def values_equal(answer: Number, expected: Number, policy: Policy = SLIPSTICK) -> tuple[bool, str]:
    """Whether the values are the same, given the digits shown."""
    if answer.value == expected.value:
        return True, "the same value"
    if isinstance(answer.value, Decimal) or isinstance(expected.value, Decimal):
        return False, "different values"
    if approximates(answer, expected.value) or (_is_unrounded(answer) and approximates(expected, answer.value)):
        return True, "the same value to every digit shown"
    if rounds_to(answer, expected, policy):
        return True, "the expected value is this one, rounded"
    return False, "different values"


def approximates(shown: Number, exact: Fraction) -> bool:
    """Whether a written decimal counts as an exact value: floating-point noise, or its digits, rounded."""
    if shown.places is None or isinstance(shown.value, Decimal):
        return False
    if shown.significant >= UNROUNDED_DIGITS and abs(shown.value - exact) <= _NOISE * (abs(exact) or Fraction(1, 100)):
        return True
    unit = Fraction(1, 10**shown.places)
    scaled = abs(exact) / unit
    if shown.significant < ROUNDED_DIGITS or scaled.denominator == 1 or (shown.value < 0) != (exact < 0):
        return False
    return abs(shown.value) / unit in (scaled.numerator // scaled.denominator, _round(scaled))


def rounds_to(answer: Number, expected: Number, policy: Policy = SLIPSTICK) -> bool:
    """Whether a decimal gold of three digits and more is an exact or unrounded answer, rounded: 50/3 for 16.7.

    Policy `rounding`: by default neither for an answer that a decimal could show in full, 312/25, nor for a gold that
    a computer shows in full, 12.5; `any` also for a decimal of two more places, 66.6667 for 66.67.
    """
    if isinstance(answer.value, Decimal) or isinstance(expected.value, Decimal) or expected.places is None:
        return False
    shown = expected.significant >= ROUNDED_GOLD_DIGITS
    longer = policy.rounding == "any" and answer.places is not None and answer.places > expected.places + 1
    if not (_is_unrounded(answer) or longer) or not shown or (answer.value < 0) != (expected.value < 0):
        return False
    if policy.rounding == "none" or (policy.rounding == "nonterminating" and not _may_be_rounded(answer, expected)):
        return False
    unit = Fraction(1, 10**expected.places)
    return _round(abs(answer.value) / unit) == abs(expected.value) / unit


def _may_be_rounded(answer: Number, expected: Number) -> bool:
    """Whether an answer has no end as a decimal, or shows all digits of a float, and the gold is not exact in binary.

    A float of a number of few digits, 12.4567890123456, is one that was not rounded.
    """
    assert isinstance(answer.value, Fraction) and isinstance(expected.value, Fraction)
    binary = expected.value.denominator & (expected.value.denominator - 1) == 0
    return not binary and (answer.places is not None or not _terminates(answer.value))


def _terminates(value: Fraction) -> bool:
    """Whether a decimal of as many digits as a person writes shows a value in full."""
    return bool(10**UNROUNDED_DIGITS % value.denominator == 0)


def _is_unrounded(number: Number) -> bool:
    """Whether a number is exact or shows all digits of a floating-point number, as a person's rounding does not."""
    return number.places is None or number.significant >= UNROUNDED_DIGITS


def _round(value: Fraction) -> int:
    return (2 * value.numerator + value.denominator) // (2 * value.denominator)


def hundredth(number: Number) -> Number:
    """The value of a percentage."""
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
    if group["dotted"]:
        start, *cycle_digits = re.split(r"\\dot\s*\{?(\d)\}?", group["dotted"])
        return Number(_repeating(start, "".join(cycle_digits)))
    if cycle := group["cycle"] or group["cycle2"]:
        return Number(_repeating(group["rep"] or group["rep2"], cycle))
    if group["said"]:
        return Number(_repeating(group["said"][:-1], group["said"][-1]))
    if group["dots"]:
        return _read_dots(group["dots"])
    exponent = group["exponent"] or group["power"] or group["power2"]
    if group["based"]:
        base = _BASES[group["base"]] if group["base"].isalpha() else int(group["base"])
        if group["based"].isdigit():
            return Number(Fraction(int(group["based"])), base=base)
        return Number(Fraction(int(group["based"], base)), base=10)
    if group["literal"]:
        return Number(Fraction(int(group["literal"], 0)), base=10)
    if group["german"]:
        return _decimal(group["german"].replace(".", "").replace(",", "."), None)
    return _decimal(group["mantissa"] or group["decimal"] or "1", exponent)


def _decimal(digits: str, exponent: str | None) -> Number:
    digits = re.sub(r"[,_ ']", "", digits)
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
    return Fraction(re.sub(r"[,_ +']", "", digits))


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
        if repeats >= 2 and repeats * length >= 3:
            return Number(_repeating(digits.partition(".")[0] + "." + start, cycle))
    return _decimal(digits, None)


def _read_words(text: str) -> Number | None:
    """A number in words, with its unit: "two and a half hours"."""
    if not text or len(text) > 200 or not (text[0].isalpha() or text[0] == "\\"):
        return None
    read = read_numeral(_UNTEXT.sub(r"\1", text).casefold())
    if read is None:
        return None
    value, rest = read
    if any(word in CARDINALS or word.isdigit() for word in rest.split()):
        return None
    percent, parts, rest = _read_percent(re.sub(r"^(?:of )?(?:an?|the) ", "", rest))
    unit = read_unit(rest, glued=False) if rest else ""
    return None if unit is None else Number(value / parts, percent=percent, unit=unit)


def listed_like(text: str, other: str) -> str:
    """100,200,300 as a list beside one with as many numbers that is written with spaces: 100, 200, 300."""
    if text.count(",") != other.count(",") or not re.fullmatch(r"\d{1,3}(?:,\d{3})+", text):
        return text
    return text.replace(",", ", ") if re.fullmatch(r"\d{1,3}(?:,\s+\d{3})+", other) else text


def _unbracket(text: str) -> str:
    """(-3) and {5} -> -3 and 5; a bracket with a list in it stays."""
    if text[:1] in "({" and text[-1:] in ")}" and re.fullmatch(r"[({]\s*[-+]?\$?[\d.]+\s*[)}]", text):
        return text[1:-1].strip()
    return text
