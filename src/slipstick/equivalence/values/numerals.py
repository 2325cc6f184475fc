r"""Reads numbers written in words and letters: "one hundred and five", "two and a half", "third", 3rd, XIV."""

import re
from fractions import Fraction

from slipstick.number_words import CARDINALS, MAGNITUDES, ORDINALS, PARTS

_ORDINAL = re.compile(r"(\d+)\s*(?:\^\s*\{?\s*)?(?:\\text\s*\{\s*)?(?:st|nd|rd|th)\s*\}{0,2}", re.IGNORECASE)
_ROMAN = re.compile(r"M{0,3}(?:CM|CD|D?C{0,3})(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3})")
_ROMAN_DIGITS = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100, "D": 500, "M": 1000}
_ARTICLES = ("a", "an")
_MAX_WORDS = 24


def read_numeral(text: str) -> tuple[Fraction, str] | None:
    """The number that a text in lower case begins with and the words behind it; None where it begins with none."""
    words = text.split(" ", _MAX_WORDS)
    first = words[0].partition("-")[0]
    if first not in CARDINALS and first not in ORDINALS and first not in PARTS and first not in _OPENERS:
        return None
    words = [part for word in words[:_MAX_WORDS] for part in (word.split("-") if "-" in word else [word])]
    negative = words[0] in ("minus", "negative")
    read = _read(words[negative:])
    if read is None:
        return None
    value, used = read
    rest = " ".join([*words[negative + used :], *text.split(" ", _MAX_WORDS)[_MAX_WORDS:]])
    return (-value if negative else value), rest


def read_part(text: str) -> tuple[Fraction, str] | None:
    """(1/2, "hours") of "a half hours" in lower case; None if a text does not begin with a fraction below one."""
    words = text.split(" ", _MAX_WORDS)
    read = _part(words)
    return (read[0], " ".join(words[read[1] :])) if read else None


_OPENERS = frozenset((*_ARTICLES, "minus", "negative", *MAGNITUDES))


def _read(words: list[str]) -> tuple[Fraction, int] | None:
    """(value, words used) of a number without its sign."""
    half_dozen = words[:3] == ["half", "a", "dozen"]
    if half_dozen:
        return Fraction(6), 3
    count, used = _cardinal(words)
    following = words[used : used + 1]
    if not used:
        return _without_cardinal(words)
    if following == ["point"]:
        digits = [CARDINALS.get(word, 10) for word in words[used + 1 :]]
        shown = next((place for place, digit in enumerate(digits) if digit > 9), len(digits))
        if shown:
            return count + Fraction(int("".join(map(str, digits[:shown]))), 10**shown), used + 1 + shown
    if following and (ordinal := ORDINALS.get(following[0])) and ordinal < 10 and count % 10 == 0 and count > 10:
        return count + ordinal, used + 1
    if following and (bottom := _denominator(following[0])):
        return count / bottom, used + 1
    if following == ["and"] and (part := _part(words[used + 1 :])):
        return count + part[0], used + 1 + part[1]
    return count, used


def _without_cardinal(words: list[str]) -> tuple[Fraction, int] | None:
    """half, a third, third."""
    if part := _part(words):
        return part
    ordinal = ORDINALS.get(words[0]) if words else None
    return (Fraction(ordinal), 1) if ordinal else None


def _part(words: list[str]) -> tuple[Fraction, int] | None:
    """A fraction below one: a half, half, one third, three quarters."""
    top, used = _cardinal(words)
    if not used:
        used = 1 if words[:1] and words[0] in _ARTICLES else 0
        top = Fraction(1)
        if not used and not (words and words[0] in ("half", "quarter")):
            return None
    bottom = _denominator(words[used]) if used < len(words) else None
    return (top / bottom, used + 1) if bottom and top < bottom else None


def _denominator(word: str) -> int | None:
    return PARTS.get(word.removesuffix("s"))


def _cardinal(words: list[str]) -> tuple[Fraction, int]:
    """(value, words used) of the whole number that the words begin with; no words where there is none."""
    total = group = 0
    last = 0  # what may still follow: below this
    used = 0
    for place, word in enumerate(words):
        if word == "and" and used == place and last >= 100 and _continues(words[place + 1 :], last):
            used += 1
        elif word in _ARTICLES and place == 0 and words[1:2] and words[1] in MAGNITUDES:
            used, group = 1, 1
        elif word in CARDINALS and used == place and (not used or CARDINALS[word] < min(last, 100)):
            group += CARDINALS[word]
            last = 10 if CARDINALS[word] >= 20 else 0
            used += 1
        elif word in MAGNITUDES and used == place:
            scale = MAGNITUDES[word]
            if scale == 100 and group < 100:
                group = (group or 1) * 100
            else:
                total, group = total + (group or 1) * scale, 0
            last = scale
            used += 1
        else:
            break
    return Fraction(total + group), used


def _continues(words: list[str], last: int) -> bool:
    """Whether words behind "and" go on with a number, and not with a fraction: "hundred and five"."""
    return bool(words) and words[0] in CARDINALS and not (words[1:2] and _denominator(words[1])) and last >= 100


def read_ordinal(text: str) -> int | None:
    """3 of 3rd, 3^{rd} and 3^\\text{rd}; None if a text is not an ordinal in digits."""
    match = _ORDINAL.fullmatch(text)
    return int(match[1]) if match and len(match[1]) < 100 else None


def read_roman(text: str) -> int | None:
    """14 of XIV; None if a text is not a Roman numeral of at least two capital letters."""
    if not 2 <= len(text) <= 15 or not _ROMAN.fullmatch(text):
        return None
    digits = [_ROMAN_DIGITS[letter] for letter in text]
    return sum(-n if n < following else n for n, following in zip(digits, [*digits[1:], 0], strict=True))
