"""Values of more than one number that end a text without marks: a ratio, a list, a set, a formula, a value twice."""

import re
from fractions import Fraction

from slipstick.answers.found import Found
from slipstick.answers.values import DIGITS

_LONGEST = 300
_NUMBER = rf"[-−]?{DIGITS}"
_ITEM = rf"(?:[a-z]\s?=\s?)?{_NUMBER}"
_COMMA = r"(?:,[ \t]+(?:and\s+|or\s+)?|,(?!\d{3}(?!\d))|[ \t]+(?:and|or)\s+|[ \t]*;[ \t]*)"
_POWER = r"(?:\^(?:[-−]?\d+|[a-z]|\([^()\n]{1,12}\))|[²³])?"
_FACTOR = rf"(?:[a-z]|π|√\d+|\([^()\n]{{1,40}}\)){_POWER}"
_TERM = rf"[-−]?(?:\d+(?:\.\d+)?{_POWER}(?:{_FACTOR}){{0,4}}|{_FACTOR}(?:{_FACTOR}){{0,3}})"
_FORMULA = (
    r"(?![^.!?\n]{0,80}[a-z]{3})(?=[^.!?\n]{0,80}?(?:[\d)(\s+*/^=−-]|\b)[a-z](?![a-z]))(?:[a-z]\s?=\s?)?"
    rf"{_TERM}(?:\s?[-−+*/·]\s?{_TERM}){{1,12}}"
)
_FACTORS = r"\d{0,4}[a-z]?(?:\([a-z\d\s+−-]{1,20}\)[²³]?){2,4}"
_RATIO = r"\d+(?:\.\d+)?(?:\s?:\s?\d+(?:\.\d+)?)+"
_AGAIN = r"\s*(?:=|≈|~|\\approx|,?\s(?:or|which\s+is|that\s+is)?\s?(?:about|approximately|roughly|around))\s*"
_TWICE = re.compile(
    rf"(?:[a-z]\s?=\s?)?(?P<value>[-−]?\d+/\d+){_AGAIN}(?P<decimal>[-−]?\d*\.\d+|\d+(?=\s?%))(?P<percent>\s?%)?"
)
_STATED = re.compile(
    r"(?:\b(?:is|are|was|were|be|gets?|gives?|obtain|equals?|becomes?|namely|[a-z]\s=)|=)[ \t]+\**"
    rf"(?P<run>{_RATIO}|{_ITEM}(?:{_COMMA}{_ITEM})+|\\?\{{[^{{}}\n]{{1,200}}\\?\}}|{_FORMULA}|{_FACTORS}|{_TWICE.pattern})\**[\s.!]*\Z"
)
_ALONE = re.compile(rf"\s*(?P<run>{_ITEM}(?:{_COMMA}{_ITEM})+)[\s.!]*")

_LETTER_TERM = r"(?:\d+\s?(?:sqrt\(\d+\)|√\d+|[abxyzin]{1,2})|[-−][xyzin]|[xyzi](?=\s[-+−]\s\d))(?![\w(^²³])"
_EXPRESSION = re.compile(
    rf"(?:=|\bleft\s+with|\b(?:is|to|becomes?|gives?))\s+\**(?P<run>(?:[-−]\s?)?{_LETTER_TERM}(?:\s[-+−]\s\d+)?"
    r"|\d+\s[-+−]\s\d*[xyzi](?![\w(^²³]))\**(?:\s\([^()\n]{1,60}\))?[\s.!]*\Z"
)
"""A term with a letter or a root that ends a sentence: "= 4ab", "left with x + 3", "8 sqrt(2)"."""
_FACTORED = re.compile(
    r"(?<![\w.,+*/×·^-])(?<![-+*/×·=]\s)\d{1,20}\s?=\s?\**(?P<run>\d+(?:\^\d+|[²³⁴-⁹])?"
    r"(?:\s?[×*·]\s?\d+(?:\^\d+|[²³⁴-⁹])?){1,30})\**[\s.!]*\Z"
)
"""A number and its factors: "60 = 2 × 2 × 3 × 5"."""


def find_run(text: str) -> Found | None:
    """The ratio, list, set or formula that the last sentence says something is; a text of several numbers is a list.

    Of a fraction and its decimal the fraction.
    """
    match = _ALONE.fullmatch(text) if len(text) <= _LONGEST else None
    end = len(text.rstrip())
    for ending in (_STATED, _EXPRESSION, _FACTORED):
        match = match or ending.search(text, max(0, end - _LONGEST), end)
    if match is None:
        return None
    if twice := _TWICE.fullmatch(match["run"]):
        if not _rounds(twice):
            return None
        start = match.start("run") + twice.start("value")
        return Found(twice["value"], start, match.end("run"), "last number")
    return Found(match["run"].replace("\n", ", "), *match.span("run"), "last number")


def _rounds(twice: re.Match[str]) -> bool:
    """Whether the decimal is the fraction, to the digits it shows."""
    top, bottom = twice["value"].replace("−", "-").split("/")
    if not int(bottom):
        return False
    shown = Fraction(twice["decimal"].replace("−", "-")) / (100 if twice["percent"] else 1)
    places = len(twice["decimal"].partition(".")[2]) + (2 if twice["percent"] else 0)
    return abs(Fraction(int(top), int(bottom)) - shown) <= Fraction(1, 2 * 10**places)
