r"""Reads units and converts them; a unit may be missing, not different.

A unit is one of our table, a word in \text, or a noun that is counted; what else stands behind a number makes it
another value, 5 m v^2, or is not read, "5 or more". What a unit is called is our table; what it measures, and so every
conversion, comes from pint, which takes half a second to load and is loaded only when two different units meet.
"""

import functools
import itertools
import re
from dataclasses import dataclass
from fractions import Fraction
from string import ascii_lowercase
from typing import Any

from slipstick.equivalence.normalize.vocabulary import (
    CHANGING,
    CJK_UNITS,
    COMPARING,
    COUNTERS,
    COUNTERS_CHANGED,
    DIMENSIONLESS,
    DOUBTING,
    FILLERS,
    FUNCTIONS,
    JOINING,
    LETTER_UNITS,
    MONEY,
    NO_UNITS,
    QUANTITY_VERBS,
    SAID_OF_A_QUANTITY,
    SHORT_NOUNS,
    UNIT_LETTERS,
    UNITS,
    are_opposed,
    singular,
)
from slipstick.number_words import CARDINALS

_MEASURES = frozenset(UNITS.values())
_POWERS = {"square": 2, "sq": 2, "squared": 2, "cubic": 3, "cu": 3, "cubed": 3}
_VOWEL = re.compile("[aeiouy\u00c0-\u04ff]")
_OPEN = frozenset(("square", "sq", "cubic", "cu", "per", "a", "an", "the", "of", "for", "on", "at", "with", "into"))
"""Words that another has to follow."""
_LETTERS = "A-Za-zµμΩÀ-ÖØ-öø-ÿЁА-яё°€£¥¢$₽"
_DEGREE = re.compile(r"\^\s*\\circ\s*(?:\\text\s*\{\s*)?([CF])?\s*\}?(?![A-Za-z])")
_EXPONENT = re.compile(r"\s*\^\s*(?:(?:\\text\s*)?[({]\s*(-?\d)\s*[)}]|(-?\d)(?!\d))")
_GLUED_POWER = re.compile(
    rf"(?<![{_LETTERS}\d^])(?:(?P<length>[kcmdnµμ]?m|in|ft|yd|mi)(?P<power>[23])|(?<=/)(?P<time>s|h|min)(?P<square>[23])"
    rf"|(?<=[{_LETTERS}]\s)(?P<per>[kcmd]?m|s|h|kg|mol|K)(?P<negative>-[123]))(?![\d{_LETTERS}]|\.\d)"
)
"""A power written without its sign: cm2, m/s2, m s-2."""
_MICRO = re.compile(r"\\mu\s*\\text\s*\{\s*(?=[A-Za-z])")
_OHM = re.compile(r"\\text\s*\{\s*([kMGm]?)\s*\}\s*\\Omega(?![A-Za-z])")
_GROUP = re.compile(r"\\text\s*\{([^{}]*)\}|\{(?:\\rm\s)?([^{}]*)\}")
_TOKEN = re.compile(
    rf"\s*(?:(?P<word>\0?[{_LETTERS}][{_LETTERS}'.]*(?:-\0?[{_LETTERS}][{_LETTERS}'.]*)*)(?:\^(?P<power>-?\d)(?!\d))?"
    r"|(?P<sign>[/*]))[\s,.]*"
)
_HALF_UNIT = re.compile(r"(?:\{|\\text\s*\{)\s*/")
_MAX_CJK = 40
_CJK = re.compile(
    r"\\text\s*\{\s*([\u3040-\u30ff\u4e00-\u9fff\uac00-\ud7a3/]{1,12})\s*\}|([\u3040-\u30ff\u4e00-\u9fff\uac00-\ud7a3/]{1,12})"
)
_SCALES = ("degree_Celsius", "degree_Fahrenheit", "kelvin")


@dataclass(frozen=True, slots=True)
class _Word:
    """One word behind a number."""

    text: str
    power: int
    marked: bool
    r"""Whether it stands in \text{} or in braces whose command was lost."""
    sign: str
    """What stands before it: / or * or nothing."""


@functools.lru_cache(maxsize=4096)
def read_unit(text: str, *, glued: bool) -> str | None:
    r"""The canonical unit of what follows a number, '' if it says nothing, None if it is no unit.

    `glued` says that no space stood before it: then 5x is algebra, 5cm a length. Factors are separated by spaces, each
    with its power: m s^-2.
    """
    if len(text) <= _MAX_CJK and (cjk := _CJK.fullmatch(text)):
        return _cjk_unit(cjk[1] or cjk[2])
    words = _words(text) if len(text) <= 200 else None
    if words == []:
        return None if ".." in text else ""
    words = _without_tail(words) if words else None
    if words is None or len(words) > 8 or words[0].text.casefold() in ("squared", "cubed"):
        return None
    if words[-1].text.casefold() in _OPEN and not words[-1].marked:
        return None
    follow = all(_may_follow(word, glued=glued and not place) for place, word in enumerate(words))
    if not follow and [word.text for word in words] != ["times"]:
        return None
    return _canonical(words) if _are_units(words) else None


def _cjk_unit(text: str) -> str | None:
    """A unit in Chinese, Japanese or Korean: 36个, 36个苹果, 5厘米; not 5以上 or 5个半."""
    if unit := CJK_UNITS.get(text):
        return unit
    counter = next((sign for sign in COUNTERS if text.startswith(sign)), None)
    behind = text.removeprefix(counter) if counter else ""
    return (behind or text) if counter and COUNTERS_CHANGED.isdisjoint(behind) else None


def _words(text: str) -> list[_Word] | None:
    r"""The words of a unit, without \text{} and braces; None if anything else stands among them."""
    half = _HALF_UNIT.match(text)
    flat = _DEGREE.sub(lambda match: f" degree{match[1] or ''} ", text)
    flat = re.sub(r"\}\s*-\s*(?=\\text\s*\{)", r"}\\cdot ", flat)
    flat = _EXPONENT.sub(r"^\1\2", flat)
    flat = _OHM.sub(r"\\text{\1Ω}", _MICRO.sub(r"\\text{µ", flat))
    flat = _GROUP.sub(lambda match: _mark(match[1] or match[2] or ""), flat)
    flat = re.sub(r"[()]", " ", re.sub(r"\\cdot(?![A-Za-z])", "*", flat)).strip(" .,")
    flat = _GLUED_POWER.sub(_with_sign, flat) if re.search(r"\d", flat) else flat
    words: list[_Word] = []
    place, sign = 0, ""
    while place < len(flat):
        match = _TOKEN.match(flat, place)
        if match is None:
            return None
        place = match.end()
        if match["sign"]:
            if sign or (match["sign"] == "*" and not words) or (not words and not half):
                return None
            sign = match["sign"]
            continue
        power = int(match["power"] or 1)
        parts = match["word"].split("-")
        if len(parts) > 1 and not all(_known(part.strip("\0")) or part.strip("\0") in _POWERS for part in parts):
            parts = [match["word"]]
        for part in parts:
            words.append(_Word(part.replace("\0", "").strip("."), power, part.startswith("\0"), sign))
            sign = ""
    return None if sign else words


def _with_sign(match: re.Match[str]) -> str:
    return "^".join(part for part in match.groups() if part)


def _without_tail(words: list[_Word]) -> list[_Word]:
    """A quantity without what is said of it: "girls" of "more girls than boys", "days" of "days to finish"."""
    for place, word in enumerate(words):
        lower, behind = word.text.casefold(), [other.text.casefold() for other in words[place + 1 :]]
        if not place or COMPARING.issuperset(before.text.casefold() for before in words[:place]):
            continue
        if lower in ("than", "to") and behind and all(map(_says_no_more, behind)):
            return words[:place]
        if lower in QUANTITY_VERBS and SAID_OF_A_QUANTITY.issuperset(behind) and (behind or lower.startswith("remain")):
            return words[:place]
    return words


def _says_no_more(word: str) -> bool:
    """Whether a word behind "than" or "to" is a name or a verb, and no number, letter or condition."""
    return len(word) > 1 and word not in CARDINALS and word not in NO_UNITS and word not in JOINING | DOUBTING


def _mark(group: str) -> str:
    """A group's words, each behind a sign that it is marked; a power stays behind the last one."""
    group = re.sub(r"\\mu\s*(?=[A-Za-z])", "µ", group.replace(r"\Omega", "Ω"))
    marked = re.sub(rf"(?<![{_LETTERS}'.\^\0])(?=[{_LETTERS}])", "\0", group).rstrip()
    return f" {marked}{' ' if group[-1:] == ' ' else ''}"


def _may_follow(word: _Word, *, glued: bool) -> bool:
    """Whether a word may stand behind a number without making it another: a unit, a counted noun, a filler."""
    lower = word.text.casefold()
    if lower in _POWERS or lower == "per":
        return True
    if lower in CHANGING or lower.endswith("n't") or not lower:
        return False
    if len(word.text) == 1:
        if word.marked:
            return _known(word.text) is not None
        return lower == "a" or (word.text in UNIT_LETTERS and not glued) or (not word.text.isalpha())
    if word.marked or _known(word.text):
        return True
    return not glued and (lower in FILLERS or lower in DIMENSIONLESS or _is_noun(word.text))


def _is_noun(word: str) -> bool:
    """Whether letters outside of \\text may be a word that is counted: apples, red; and not a product: abc, nRT."""
    lower = word.casefold()
    last = lower.rpartition("-")[2]
    if word not in (lower, word.upper(), word.capitalize()) and "-" not in word:
        return False
    # Letters of the alphabet in a row, as abc and xyz, are a product.
    if last in FUNCTIONS or last in NO_UNITS or last in ascii_lowercase or not _VOWEL.search(last):
        return False
    return lower in SHORT_NOUNS if len(last) <= 3 else word != word.upper() or len(last) > 4


def _are_units(words: list[_Word]) -> bool:
    """Whether letters outside of \\text are together a unit, m/s, and not a product, m g."""
    for word in words:
        letter = len(word.text) == 1 and word.text.isalpha() and not word.marked
        if letter and word.power > 1 and (word.text, word.power) not in (("m", 2), ("m", 3)) and word.sign != "/":
            return False
    for one, other in itertools.pairwise(words):
        if any(len(word.text) > 1 or word.marked or not word.text.isalpha() for word in (one, other)):
            continue
        joint = "/" if other.sign == "/" else " "
        if f"{one.text}{joint}{other.text}" not in LETTER_UNITS and other.power > 0:
            return False
    return True


@functools.lru_cache(maxsize=4096)
def _known(word: str) -> str | None:
    """The name pint knows of one unit without its power, None if it is not known; in two letters case counts."""
    word = word.strip(".").partition("^")[0]
    if (unit := UNITS.get(word)) or len(word) < 2:
        return unit
    lower = word.casefold()
    if len(word) == 2 and word != lower:
        return None
    return UNITS.get(lower) or UNITS.get(lower.removesuffix("s") if len(lower) > 2 else "")


def _canonical(words: list[_Word]) -> str:
    """The factors in their order; words for powers and quotients become exponents."""
    factors: dict[str, int] = {}
    sign, power, last = 1, 1, ""
    spread = [part for word in words for part in _spread(word)]
    for place, word in enumerate(spread, 1):
        lower = word.text.casefold()
        if lower in _POWERS and lower.endswith("ed") and last:
            factors[last] *= _POWERS[lower]
        elif lower in _POWERS:
            power = _POWERS[lower]
        elif lower == "per":
            sign = -1
        elif lower not in FILLERS or (lower == "in" and place == len(spread)):
            last = _known(word.text) or _noun(word.text)
            factors[last] = factors.get(last, 0) + sign * power * word.power
            sign = power = 1
    names = [name for name in factors if name not in DIMENSIONLESS or name == "unit" or len(factors) > 1]
    if names[:1] == ["degree"] and len(names) == 2 and names[1] in _SCALES:
        names = names[1:]
    return " ".join(name if factors[name] == 1 else f"{name}^{factors[name]}" for name in names if factors[name])


def _spread(word: _Word) -> tuple[_Word, ...]:
    return (_Word("per", 1, False, ""), word) if word.sign == "/" else (word,)


def _noun(word: str) -> str:
    """A counted noun in the singular; one that looks like a unit in other letters keeps its own."""
    noun = singular(word.casefold())
    return word if noun in _MEASURES else noun


@functools.lru_cache(maxsize=4096)
def conversion(unit: str, other: str) -> tuple[Fraction, Fraction] | None:
    """(factor, offset) that take a value in one unit to the other, None if the units do not go together.

    Words that measure nothing count only if no unit is measured: "18 red apples" are "18 apples".
    """
    if not unit or not other or unit == other:
        return _SAME
    if are_opposed(unit.split(), other.split()):
        return None
    words, others = (frozenset(part for part in side.split() if part not in DIMENSIONLESS) for side in (unit, other))
    if not words or not others:
        return _SAME
    if any("unit^" in side for side in (unit, other)):
        return _SAME if _exponents(words) == _exponents(others) else None
    measured, measured_other = (
        frozenset(part for part in side if _name(part) in _MEASURES) for side in (words, others)
    )
    if measured == measured_other:
        return _SAME if measured or words & others else None
    if not measured or not measured_other:
        return _SAME if words & others else None
    if _is_money(measured) and _is_money(measured_other):
        return _between_prices(measured, measured_other)
    return _factor(" ".join(sorted(measured)), " ".join(sorted(measured_other)))


_SAME = Fraction(1), Fraction(0)


def _exponents(words: frozenset[str]) -> list[str]:
    """The powers of units of no name: square units go with square metres."""
    return sorted(word.partition("^")[2] for word in words)


def _name(factor: str) -> str:
    return factor.partition("^")[0]


def _is_money(factors: frozenset[str]) -> bool:
    return any(factor in (*MONEY, "pound") for factor in factors)


def _between_prices(a: frozenset[str], e: frozenset[str]) -> tuple[Fraction, Fraction] | None:
    """Money in both: what it is paid for may be missing on one side; pounds beside money are sterling."""
    paid_a, paid_e = ({factor for factor in side if "^-" not in factor} for side in (a, e))
    if (a - paid_a) and (e - paid_e) and a - paid_a != e - paid_e:
        return _factor(" ".join(sorted(a)), " ".join(sorted(e)))
    paid_a, paid_e = ({"sterling" if name == "pound" else name for name in side} for side in (paid_a, paid_e))
    return _factor(" ".join(sorted(paid_a)), " ".join(sorted(paid_e)))


@functools.lru_cache(maxsize=4096)
def _factor(unit: str, other: str) -> tuple[Fraction, Fraction] | None:
    if unit == other or (unit in _SCALES and other == "degree") or (unit == "degree" and other in _SCALES):
        return _SAME
    registry, pint_error = _pint()
    try:
        here, there = (re.sub(r"\^(-?\d+)", r" ** \1", " * ".join(side.split())) for side in (unit, other))
        offset, one = (Fraction(registry.Quantity(Fraction(n), here).to(there).magnitude) for n in (0, 1))
        return one - offset, offset
    except (pint_error, ArithmeticError):
        return None


@functools.cache
def _pint() -> tuple[Any, type[Exception]]:
    """pint's registry with exact factors and with money, whose currencies do not convert."""
    import pint

    registry: Any = pint.UnitRegistry(non_int_type=Fraction)
    for definition in (
        "common_acre = 43560 * foot ** 2", "calendar_decade = 10 * year", "calendar_century = 100 * year",
        "dollar = [dollar]", "cent = dollar / 100", "sterling = [sterling]", "penny = sterling / 100",
        "euro = [euro]", "rupee = [rupee]", "yen = [yen]", "yuan = [yuan]", "ruble = [ruble]",
    ):  # fmt: skip
        registry.define(definition)
    return registry, pint.PintError
