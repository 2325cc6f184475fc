"""The numbers in a question, as digits or as words."""

import re
from collections import Counter
from typing import NamedTuple

from slipstick.number_words import CARDINALS, GROUPS, MAGNITUDES, MULTIPLES, ORDINALS

# A number by itself: no part of a word, an ordinal, a formula's index or a fraction. "$5" and "7%" have one.
_NUMERAL = re.compile(r"(?<![\w.,/^\\{-])\d[\d,]*(?:\.\d+)?(?![\w/^{])(?!,\d|\.\d)")
_ANY = re.compile(r"\d+(?:,\d{3})*(?:\.\d+)?")
_COMMON = (
    *("hundred", "thousand", "dozen", "pair", "couple", "once", "twice", "double", "triple", "half"),
    *("first", "second", "third", "fourth"),
)
"""Words that name or may mean a number, in addition to the cardinals."""
_WORDS = {
    word: str(value)
    for word, value in {**ORDINALS, **MULTIPLES, **GROUPS, **CARDINALS, **MAGNITUDES, "half": 2}.items()
    if word in CARDINALS or word in _COMMON
}
_WORD = re.compile(rf"\b(?:{'|'.join(_WORDS)})s?\b", re.IGNORECASE)


class Numeral(NamedTuple):
    """A number in digits."""

    text: str
    """As written: "1,200", "0.5"."""
    value: str
    """Without commas: "1200"."""
    start: int
    """Where it begins in the question."""
    end: int
    """Where it ends."""


def numerals(text: str) -> list[Numeral]:
    """The free-standing numbers in digits, in order."""
    found = []
    for match in _NUMERAL.finditer(text):
        written = match[0].rstrip(",")
        found.append(Numeral(written, written.replace(",", ""), match.start(), match.start() + len(written)))
    return found


def once(text: str) -> list[Numeral]:
    """Those of `numerals` whose value occurs nowhere else in the text, in digits or in words."""
    everywhere = Counter(match[0].replace(",", "") for match in _ANY.finditer(text)) + Counter(in_words(text))
    return [numeral for numeral in numerals(text) if everywhere[numeral.value] == 1]


def in_digits(text: str) -> set[str]:
    """Values of all numbers in digits, wherever they are."""
    return {match[0].replace(",", "") for match in _ANY.finditer(text)}


def in_words(text: str) -> set[str]:
    """Values of the numbers that words of the text name or may mean."""
    return {_WORDS[key] for match in _WORD.finditer(text) if (key := _root(match[0].lower()))}


def _root(word: str) -> str:
    return word if word in _WORDS else word.removesuffix("s")
