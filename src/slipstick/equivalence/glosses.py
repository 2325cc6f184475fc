r"""Takes off what says a value again: 1/2 (50%), 5 km (5000 m), 18 (9 \times 2), "7/2, i.e. 3.5".

Only if it is the same value: "42 (43)" and "5 or 6" stay what they are, and 2(3) is a product.
"""

import re
from decimal import Decimal
from fractions import Fraction

from slipstick.equivalence.normalize.notation import without_spaces
from slipstick.equivalence.symbolic.value import value_of
from slipstick.equivalence.values.numbers import Number, hundredth, numbers_equal

_LONGEST = 200
_SAYS = r"i\.\s?e\.|that\s+is(?:\s+to\s+say)?|which\s+is|in\s+other\s+words|equivalently|equal\s+to|equals|same\s+as"
_NEARLY = r"(?:about|approximately|approx\.?|roughly|around|\\approx|\\simeq|≈)"
_ABOUT = rf"(?:(?:{_NEARLY}|=)\s*)?"
_NAMED = r"(?P<name>[A-Za-z](?:_\w)?\s*=\s*)?"
_IN_BRACKETS = re.compile(
    rf"{_NAMED}(?P<value>[^()]{{0,100}}(?:\([^()]{{0,40}}\)[^()]{{0,40}}?)?)\s+\(\s*(?:(?:or|{_SAYS}),?\s+)?{_ABOUT}(?P<again>[^()]{{1,80}})\)\.?"
)
_BEHIND = re.compile(
    rf"{_NAMED}(?P<value>[^,;]{{1,100}}?)(?:(?:\s*[,;]\s*|\s+)(?:or|{_SAYS}),?\s+(?:also\s+)?{_ABOUT}|\s*,\s*{_NEARLY}\s*)"
    r"(?P<again>[^,;]{1,80})"
)
_HINT = re.compile(rf"\)\.?$|\bor\b|{_SAYS}|,\s*{_NEARLY}")
_WORDS = re.compile(r"\\text\s*\{[^{}]*\}|(?<![\\A-Za-z])[A-Za-z]{2,}|[$€£¥]")
_OPERATOR = re.compile(r"[-+*/^]|\\(?:times|cdot|div)(?![a-z])")


def without_gloss(text: str) -> str:
    """A tidied text without a second form of its value; of a value and its rounding the exact one; else unchanged."""
    if len(text) > _LONGEST or not _HINT.search(text):
        return text
    match = _IN_BRACKETS.fullmatch(text) or _BEHIND.fullmatch(text)
    if match is None:
        return text
    first, again = match["value"].strip(), match["again"].strip()
    value = value_of(first)
    if value is None or without_spaces(first) == without_spaces(again):
        return text
    second = value_of(again)
    if second is not None and _is_same(value, second):
        rounded = value.places is not None and second.places is None and value.value != second.value
        return (match["name"] or "") + (again if rounded and not second.unit and not second.percent else first)
    return (match["name"] or "") + first if _is_computed(again, value) else text


def _is_same(value: Number, again: Number) -> bool:
    """Whether two numbers are the same, or one is the other as a decimal of fewer digits."""
    if numbers_equal(value, again)[0] or numbers_equal(again, value)[0]:
        return True
    if value.unit != again.unit and value.unit and again.unit:
        return False
    one, other = (hundredth(number) if number.percent else number for number in (value, again))
    return _is_rounding(one, other) or _is_rounding(other, one)


def _is_rounding(shown: Number, exact: Number) -> bool:
    if not shown.places or exact.places is not None or shown.significant < 2 or isinstance(exact.value, Decimal):
        return False
    return abs(Fraction(shown.value) - exact.value) <= Fraction(1, 2 * 10**shown.places)


def _is_computed(text: str, value: Number) -> bool:
    r"""Whether a text is a computation of a value, its nouns left out: "9 eggs \times 2", "6 \times 7 = 42"."""
    sides = [_WORDS.sub(" ", side).strip() for side in text.split("=")]
    if not _OPERATOR.search(sides[0]) or len(sides) > 2:
        return False
    computed = [value_of(side) for side in sides]
    return all(side is not None and side.value == value.value for side in computed)
