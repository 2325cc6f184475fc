"""The numbers that a text mentions, in digits and in words, and where."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Literal

from slipstick.number_words import CARDINALS, GROUPS, MAGNITUDES, MULTIPLES, PARTS
from slipstick.synthesize.annotations.trees import to_fraction

Form = Literal["number", "percent", "fraction", "multiple", "ordinal"]

_SCALES = {word: MAGNITUDES[word] for word in ("hundred", "thousand", "million", "billion")}
_PARTS = {form: value for word, value in PARTS.items() for form in (word, f"{word}s")}
_MULTIPLES = {**MULTIPLES, **GROUPS, "dozens": 12, "halved": 2, "fortnight": 14, "decade": 10, "century": 100}

_NUMBER_WORD = "|".join([*CARDINALS, *_SCALES])
_MENTION = re.compile(
    r"(?P<mixed>\d+\s+\d+\s?/\s?\d+)|(?P<fraction>(?<![\d/.])\d+\s?/\s?\d+(?![\d/]))"
    r"|(?P<number>\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+\s,\s\d{3}(?!\d)|\d+(?:\.\d+)?|\.\d+)"
    r"(?P<percent>\s?%|[\s-]per\s?cent(?:age)?\b)?(?P<ordinal>(?:st|nd|rd|th)\b)?"
    rf"|\b(?P<words>(?:{_NUMBER_WORD})(?:[\s-](?:and[\s-])?(?:{_NUMBER_WORD}))*)\b(?P<spoken>\s?%|\spercent\b)?"
    rf"(?:[\s-](?P<over>{'|'.join(_PARTS)})\b)?"
    rf"|\b(?P<part>{'|'.join(_PARTS)})\b|\b(?P<multiple>{'|'.join(_MULTIPLES)})\b",
    re.IGNORECASE,
)
_TIMES = re.compile(r"\s*-?\s*times\b|-?fold\b", re.IGNORECASE)


@dataclass(frozen=True)
class Mention:
    """A number in a text."""

    value: Fraction
    """Of 15% it is 15."""
    form: Form
    """What kind of number word or numeral it is."""
    start: int
    """Place of its first character."""
    end: int
    """Place after its last character."""
    money: bool = False
    """Whether it has a dollar sign."""


@lru_cache(maxsize=1024)
def mentions(text: str) -> tuple[Mention, ...]:
    """The numbers of a text, in order: "3", "$1,200", "15%", "2/3", "three", "two-thirds", "twice", "21st"."""
    return tuple(mention for match in _MENTION.finditer(text) if (mention := _mention(match, text)))


def values_in(text: str) -> set[Fraction]:
    """Every value that a text gives for use: of a percentage also the share, of a fraction also its two parts.

    A percent sign gives a hundred, and so do cents.
    """
    found = {Fraction(100)} if re.search(r"%|\b(?:per\s?cent|cents?\b)|¢", text, re.IGNORECASE) else set()
    for mention in mentions(text):
        found.add(mention.value)
        if mention.form == "percent":
            found.add(mention.value / 100)
        if mention.form == "fraction":
            found |= {Fraction(part) for part in _parts(mention, text)}
    return found


def _parts(mention: Mention, text: str) -> Iterator[int]:
    yield from (int(part) for part in re.findall(r"\d+", text[mention.start : mention.end]))
    yield from (mention.value.numerator, mention.value.denominator)


def _mention(match: re.Match[str], text: str) -> Mention | None:
    start, end = match.span()
    if match["mixed"] or match["fraction"]:
        numbers = [int(digits) for digits in re.findall(r"\d{1,30}", match.group())]
        if not numbers[-1]:
            return None
        whole = numbers[0] if match["mixed"] else 0
        return Mention(whole + Fraction(numbers[-2], numbers[-1]), "fraction", start, end)
    if match["number"]:
        if len(match["number"]) > 30:
            return None
        value = to_fraction(re.sub(r"\s", "", match["number"]))
        form: Form = "percent" if match["percent"] else "ordinal" if match["ordinal"] else "number"
        return Mention(value, "multiple" if _is_multiple(text, end) else form, start, end, _is_money(text, start))
    if re.search(r"[^\W\d_a-z]", match.group().lower()):
        return None  # a long s or a Turkish i, which fits a letter of another case, is in no word of ours
    if match["words"]:
        value = Fraction(_spoken(match["words"]))
        if match["over"]:
            return Mention(value / _PARTS[match["over"].lower()], "fraction", start, end)
        form = "percent" if match["spoken"] else "multiple" if _is_multiple(text, end) else "number"
        return Mention(value, form, start, end, _is_money(text, start))
    if match["part"]:
        return Mention(Fraction(1, _PARTS[match["part"].lower()]), "fraction", start, end)
    return Mention(Fraction(_MULTIPLES[match["multiple"].lower()]), "multiple", start, end)


def _is_multiple(text: str, end: int) -> bool:
    return _TIMES.match(text, end) is not None


def _is_money(text: str, start: int) -> bool:
    return text[:start].rstrip().endswith(("$", "€", "£"))


def _spoken(words: str) -> int:
    total = group = 0
    for word in re.split(r"[\s-]+", words.lower()):
        if word in _SCALES:
            group = max(group, 1) * _SCALES[word]
            if _SCALES[word] >= 1000:
                total, group = total + group, 0
        elif word != "and":
            group += CARDINALS.get(word, 0)
    return total + group
