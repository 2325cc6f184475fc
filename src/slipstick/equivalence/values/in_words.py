r"""Reads what words make of a number as arithmetic: "half of 24", "5 squared", "one less than 29", "7 below zero".

Only a text that is nothing else; what it comes to is for the other layers, and whether arithmetic that is left to do is
an answer for the policy `unevaluated`.
"""

import re
from collections.abc import Callable
from fractions import Fraction
from functools import partial

from slipstick.equivalence.values.numerals import read_numeral
from slipstick.number_words import CARDINALS, MULTIPLES, PARTS

_LONGEST = 80
_HINT = re.compile(
    r"\b(?:of|between|times|than|squared|cubed|power|plus|minus|divided|factorial|below|under|and|in|out|twice|thrice"
    r"|double|triple)\b"
)
_DIGITS = r"[-−]?\d[\d,]*(?:\.\d+)?(?:/\d+)?"
_SPELLED = rf"(?:{'|'.join(CARDINALS)})(?:[-\s](?:{'|'.join(CARDINALS)}|hundred|thousand))*"
_N = rf"(?:{_DIGITS}|{_SPELLED})"
_PARTS = "|".join(PARTS)
_SHARE = rf"(?:half|(?:an?|(?:{'|'.join(CARDINALS)}))[-\s](?:{_PARTS})s?)"
_UNIT = r"[a-z]+|\^\\circ ?[CF]?|\\circ ?[CF]?|°[CF]?"
_MORE = r"more|greater|larger|higher|older|longer|taller"
_LESS = r"less|fewer|smaller|lower|younger|shorter"

_OTHER = r"(?:[A-Z][a-z]+|(?:the|his|her|its|their|before)\b[^\d]*)"
"""What is compared with: a name, no letter or number."""

_Read = Callable[[re.Match[str]], str | None]


def _number(text: str) -> str | None:
    """A number in digits or words as the comparison writes it."""
    plain = text.strip().replace("−", "-").replace(",", "")
    if re.fullmatch(r"-?\d+/0+", plain):
        return None
    if re.fullmatch(_DIGITS, plain):
        top, slash, bottom = plain.partition("/")
        return rf"\frac{{{top}}}{{{bottom}}}" if slash else plain
    read = read_numeral(plain)
    return _fraction(read[0]) if read and not read[1] else None


def _fraction(value: Fraction) -> str:
    whole = value.denominator == 1
    return str(value.numerator) if whole else rf"\frac{{{value.numerator}}}{{{value.denominator}}}"


def _written(form: str) -> _Read:
    """Fills a form with the numbers a and b of a match."""

    def read(match: re.Match[str]) -> str | None:
        found = {name: _number(text) for name, text in match.groupdict().items()}
        values = {name: f"({value})" if value and value[0] == "-" else value for name, value in found.items()}
        return form.format(**values) if all(values.values()) else None

    return read


def _of(match: re.Match[str]) -> str | None:
    share, number = read_numeral(match["share"]), _number(match["b"])
    if share is None or share[1] or number is None:
        return None
    return rf"\frac{{{share[0].numerator} \cdot {number}}}{{{share[0].denominator}}}"


def _percentage(match: re.Match[str]) -> str | None:
    share, number = _number(match["a"]), _number(match["b"])
    return rf"\frac{{{share} \cdot {number}}}{{100}}" if share and number and "frac" not in share else None


def _multiple(match: re.Match[str]) -> str | None:
    number = _number(match["b"])
    return rf"{MULTIPLES[match['name']]} \cdot {number}" if number else None


def _below(match: re.Match[str]) -> str | None:
    number = _number(match["a"])
    return f"-{number} {match['unit'] or ''}".strip() if number and number[0] != "-" else None


def _compared(match: re.Match[str]) -> str | None:
    number = _number(match["a"])
    return f"{number} {match['unit']}" if number else None


def _one_and(match: re.Match[str]) -> str:
    return f"1 {match['unit']} and {match['a']}"


def _joined(match: re.Match[str]) -> str:
    return f"{match['a']} {match['part']} {match['unit']}"


def _sum(match: re.Match[str]) -> str | None:
    a, b = (_number(text) for text in (match["a"] or match["c"], match["b"] or match["d"]))
    return f"{a} + {b}" if a and b else None


def _power(match: re.Match[str], *, exponent: int) -> str | None:
    number = _number(match["a"] or match["b"])
    return rf"({number})^{{{exponent}}}" if number else None


_FORMS: tuple[tuple[re.Pattern[str], _Read], ...] = tuple(
    (re.compile(rf"(?:the )?(?:{pattern})"), read)
    for pattern, read in (
        (rf"(?P<share>{_SHARE}) of (?P<b>{_N})", _of),
        (rf"(?P<a>{_DIGITS}) ?(?:\\?%|per ?cent) of (?P<b>{_N})", _percentage),
        (rf"(?P<name>twice|thrice|double|triple) (?P<b>{_N})", _multiple),
        (rf"(?P<a>{_N}) times (?P<b>{_N})", _written(r"{a} \cdot {b}")),
        (rf"(?:product of )(?P<a>{_N}) and (?P<b>{_N})", _written(r"{a} \cdot {b}")),
        (rf"(?P<a>{_N}) plus (?P<b>{_N})|sum of (?P<c>{_N}) and (?P<d>{_N})", _sum),
        (rf"(?P<a>{_N}) minus (?P<b>{_N})", _written("{a} - {b}")),
        (rf"difference (?:of|between) (?P<a>{_N}) and (?P<b>{_N})", _written("|{a} - {b}|")),
        (rf"(?P<a>{_N}) divided by (?P<b>{_N})", _written(r"\frac{{{a}}}{{{b}}}")),
        (rf"(?P<a>{_N}) times (?:as [a-z]+(?: as {_OTHER})?|(?:[a-z]+er|more)(?: than {_OTHER})?)", _written("{a}")),
        (rf"(?P<a>{_N}) (?P<unit>{_MORE}|{_LESS}) than [A-Z][a-z]+", _compared),
        (r"an? (?P<unit>hour|minute|day|week|year|foot|dollar) and (?P<a>\d.*)", _one_and),
        (rf"(?P<a>{_N}) (?:{_MORE}) than (?P<b>{_N})", _written("{b} + {a}")),
        (rf"(?P<a>{_N}) (?:{_LESS}) than (?P<b>{_N})", _written("{b} - {a}")),
        (rf"(?P<a>{_N}) squared|square of (?P<b>{_N})", partial(_power, exponent=2)),
        (rf"(?P<a>{_N}) cubed|cube of (?P<b>{_N})", partial(_power, exponent=3)),
        (rf"(?P<a>{_N}) (?:raised )?to the power (?:of )?(?P<b>{_N})", _written("{{{a}}}^{{{b}}}")),
        (rf"square root of (?P<a>{_N})", _written(r"\sqrt{{{a}}}")),
        (rf"cube root of (?P<a>{_N})", _written(r"\sqrt[3]{{{a}}}")),
        (rf"reciprocal of (?P<a>{_N})", _written(r"\frac{{1}}{{{a}}}")),
        (rf"(?:negative|opposite) of (?P<a>{_N})", _written("-{a}")),
        (r"(?P<a>\d{1,3}) factorial", _written("{a}!")),
        (rf"(?P<a>{_N})(?: ?(?P<unit>{_UNIT}))? (?:below|under) (?:zero|0|sea level)", _below),
        (rf"(?P<a>{_SPELLED}) (?:in|out of) (?P<b>{_SPELLED})", _written(r"\frac{{{a}}}{{{b}}}")),
        (rf"(?P<a>\d+|{_SPELLED}) (?P<unit>[a-z]{{3,}}s) (?P<part>and an? (?:{_PARTS}))", _joined),
    )
)


def as_arithmetic(text: str) -> str:
    """A tidied text that is one number made of another in words, in signs; any other unchanged."""
    if len(text) > _LONGEST or not _HINT.search(text.casefold()):
        return text
    flat = " ".join(re.sub(r"\\text\s*\{([^{}]*)\}", r" \1 ", text).split())
    flat = flat[:1].lower() + flat[1:]
    for pattern, read in _FORMS:
        if (match := pattern.fullmatch(flat)) and (written := read(match)):
            return written
    return text
