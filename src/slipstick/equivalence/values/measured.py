r"""Takes the unit off a value that is no plain number: 4\sqrt{2} \text{ cm}, 9\pi cm^3, (3, 4) \text{ m}."""

import re
from fractions import Fraction

from slipstick.equivalence.normalize.vocabulary import DOUBTING, FUNCTIONS, UNITS
from slipstick.equivalence.values.numbers import Number
from slipstick.equivalence.values.units import read_unit

_MAX_LENGTH = 500
_MARKED = re.compile(r"(?:\s*(?:\\cdot\s*|[-/]\s*)?\\text\s*\{[^{}]*\}(?:\s*\^\s*(?:\{\s*-?\d\s*\}|-?\d))?)+$")
_PLAIN = re.compile(
    r"(?<=[\s})\]\d])(?:[A-Za-zµμΩ]{2,}[23]?\.?(?:\s*\^\s*(?:\{\s*-?\d\s*\}|-?\d))?(?:\s*/\s*|\s+|$)){1,6}$"
)
_CJK = re.compile(r"[\u3040-\u30ff\u4e00-\u9fff\uac00-\ud7a3/]{1,12}$")
_LABEL = re.compile(r"^\\text\s*\{[^{}]*\}\s*[=:]")
_COMMANDS = re.compile(r"\\[A-Za-z]+")
_ANGLES = frozenset(("degree", "radian"))


def take_unit_off(text: str, number: Number | None) -> tuple[str, str | None] | None:
    r"""('4\sqrt{2}', 'cm') of '4\sqrt{2} \text{ cm}', None if no unit or word stands behind a value.

    No unit if what stands in \text behind a value of one number is not read: '9\pi \text{ or more}'.
    """
    if number is not None:
        return (_shown(number), number.unit) if number.unit and not number.percent else None
    if not 3 <= len(text) <= _MAX_LENGTH:
        return None
    match = _MARKED.search(text) if r"\text" in text else None
    match = match or _PLAIN.search(text) or _CJK.search(text)
    if match is None or not (value := text[: match.start()].strip(" ~")) or r"\text" in _LABEL.sub("", value):
        return None
    unit = read_unit(match[0].strip(), glued=False)
    constant = not re.search("[A-Za-z]", _COMMANDS.sub("", value))
    words = re.search("[A-Za-z]{2}", _COMMANDS.sub("", value))
    if match.re is _CJK:
        return (value, unit) if unit else None
    if match.re is _PLAIN and (unit is None or words or not _is_measured(match[0])):
        return None
    if unit is None and not DOUBTING.isdisjoint(re.findall("[a-z]+", match[0].casefold())):
        return value, None
    if unit is None or (unit and not constant and not _is_measured(match[0])):
        return (value, None) if constant and "," not in value and unit is None else None
    return None if unit.partition("^")[0] in _ANGLES else (value, unit)


def scaled(value: str, factor: Fraction) -> str | None:
    """The value in another unit, None of several values or an equation."""
    if factor == 1:
        return value
    top, bottom = factor.as_integer_ratio()
    return None if re.search("[,=<>;]|\\b(?:and|or)\\b", value) else rf"\frac{{{top}}}{{{bottom}}}\cdot ({value})"


def _is_measured(unit: str) -> bool:
    """Whether all words of a unit are in the table, and none is a function: sec x."""
    words = re.findall(r"[A-Za-zµμΩ]+", unit.replace(r"\text", " ").replace(r"\cdot", " "))
    known = [word for word in words if word in UNITS or word.casefold().removesuffix("s") in UNITS]
    others = {word.casefold() for word in words if word not in known}
    return (
        bool(known)
        and others <= {"square", "sq", "cubic", "cu", "per", "squared", "cubed", "unit", "units"}
        and (FUNCTIONS.isdisjoint(word.casefold() for word in words if word != "min"))
    )


def _shown(number: Number) -> str:
    """A number's value without its unit, in digits."""
    if number.places is None or not isinstance(number.value, Fraction):
        return str(number.value)
    digits = f"{abs(number.value) * 10**number.places}".rjust(number.places + 1, "0")
    return f"{'-' if number.value < 0 else ''}{digits[: -number.places]}.{digits[-number.places :]}"
