r"""Reads units and converts them; a unit may be missing, not different.

What a unit is called is our table; what it measures, and so every conversion, comes from pint, which takes half a
second to load and is loaded only when two different units meet.
"""

import functools
import re
from fractions import Fraction
from typing import Any

from slipstick.equivalence.normalize.vocabulary import (
    DIMENSIONLESS,
    DIRECTIONS,
    MONEY,
    NO_UNITS,
    UNIT_LETTERS,
    UNITS,
    singular,
)

_MEASURES = frozenset(UNITS.values())
_FILLERS = frozenset(("of", "the", "in", "a", "an"))
_POWERS = {"square": 2, "sq": 2, "squared": 2, "cubic": 3, "cu": 3, "cubed": 3}
_GROUP = re.compile(r"\\text\s*\{([^{}]*)\}|\{([^{}]*)\}")
_DEGREE = re.compile(r"\^\s*\\circ\s*(?:\\text\s*\{\s*)?([CF])?\s*\}?(?![A-Za-z])")
_UNIT = re.compile(r"[A-Za-z°'€£¥¢$μµΩ][A-Za-z\s/^°'.€£¥¢$μµΩ*\-\d]*")
_SCALES = ("degree_Celsius", "degree_Fahrenheit", "kelvin")


@functools.lru_cache(maxsize=4096)
def read_unit(text: str, *, glued: bool) -> str | None:
    r"""The canonical unit of what follows a number, '' if it says nothing, None if it is no unit.

    `glued` says that no space stood before it: then 5x is algebra, 5cm a length. Factors are separated by spaces, each
    with its power: m s^-2.
    """
    if len(text) > 200:
        return None
    marked = text.startswith(("\\text", "\\{", "{"))
    flat = _flat(text)
    if marked and re.fullmatch(r"/[A-Za-z]{1,4}", flat):
        return ""  # half a unit: what stood before the stroke was lost
    if not _UNIT.fullmatch(flat) or re.search(r"(?<![\^\-])\d|\d\d", flat):
        return None
    words = flat.replace("*", " ").split()
    if len(words) > 8 or (words != ["times"] and not marked and any(_is_no_unit(word) for word in words)):
        return None
    first = words[0]
    if first.casefold() in ("squared", "cubed"):
        return None
    if not marked and len(re.sub(r"\W.*", "", first)) == 1 and (glued or first[0] not in UNIT_LETTERS):
        return None
    if (
        not marked
        and (glued or len(first) == 2)
        and first not in _POWERS
        and not all(_known(part) for part in first.split("/") if part)
    ):
        return None
    return _canonical(words)


def _flat(text: str) -> str:
    r"""Without \text{} and braces, with `^2` and `^-1` for powers and `*` for products."""
    flat = _DEGREE.sub(lambda match: f" degree{match.group(1) or ''} ", text)
    flat = re.sub(r"\^\s*[({]\s*(-?\d)\s*[)}]", r"^\1", flat)
    flat = _GROUP.sub(lambda match: f" {match.group(1) or match.group(2) or ''} ", flat)
    flat = re.sub(r"\s+\^", "^", re.sub(r"\\cdot\s*|\*", " * ", flat).replace("\\", " "))
    return re.sub(r"\s*/\s*", "/", flat.strip(" .,()"))


def _is_no_unit(word: str) -> bool:
    return (word if len(word) == 1 else word.casefold()) in NO_UNITS


@functools.lru_cache(maxsize=4096)
def _known(word: str) -> str | None:
    """The name pint knows of one unit without its power, None if it is not known: case counts if it tells."""
    word = word.strip(".").partition("^")[0]
    lower = word.casefold()
    return UNITS.get(word) or UNITS.get(lower) or UNITS.get(lower.removesuffix("s") if len(lower) > 2 else "")


def _canonical(words: list[str]) -> str:
    """The factors in their order; words for powers and quotients become exponents."""
    factors: list[tuple[str, int]] = []
    sign, power = 1, 1
    spread = " ".join(words).replace("/", " per ").split()
    for place, word in enumerate(spread, 1):
        lower = word.casefold().strip(".,")
        if lower in _POWERS and lower.endswith("ed") and factors:
            factors[-1] = (factors[-1][0], factors[-1][1] * _POWERS[lower])
        elif lower in _POWERS:
            power = _POWERS[lower]
        elif lower == "per" and factors:
            sign = -1
        elif lower not in _FILLERS or (lower == "in" and place == len(spread)):
            stem, _, written = word.strip(".,").partition("^")
            name = _known(stem) or singular(stem.casefold())
            factors.append((name, sign * power * (int(written) if re.fullmatch(r"-?\d", written) else 1)))
            sign = power = 1
    if factors[:1] == [("degree", 1)] and len(factors) == 2 and factors[1][0] in _SCALES:
        factors = factors[1:]
    return " ".join(name if power == 1 else f"{name}^{power}" for name, power in factors)


@functools.lru_cache(maxsize=4096)
def conversion(unit: str, other: str) -> tuple[Fraction, Fraction] | None:
    """(factor, offset) that take a value in one unit to the other, None if the units do not go together.

    Words that measure nothing count only if no unit is measured: "18 red apples" are "18 apples".
    """
    if not unit or not other or unit == other:
        return _SAME
    words, others = (
        frozenset(part for part in side.split() if _name(part) not in DIMENSIONLESS) for side in (unit, other)
    )
    if not words or not others:
        return _SAME
    measured, measured_other = (
        frozenset(part for part in side if _name(part) in _MEASURES) for side in (words, others)
    )
    if len({word for word in words | others if word in DIRECTIONS}) > 1:
        return None
    if measured == measured_other:
        return _SAME if measured or words & others else None
    if not measured or not measured_other:
        return _SAME if words & others else None
    if _is_money(measured) and _is_money(measured_other):
        return _between_prices(measured, measured_other)
    return _factor(" ".join(sorted(measured)), " ".join(sorted(measured_other)))


_SAME = Fraction(1), Fraction(0)


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
        "euro = [euro]", "rupee = [rupee]", "yen = [yen]", "yuan = [yuan]",
    ):  # fmt: skip
        registry.define(definition)
    return registry, pint.PintError
