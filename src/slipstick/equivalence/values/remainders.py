"""Compares quotients with a remainder: 7 R 2, 7 r 2, "7 remainder 2", "7 with a remainder of 2"."""

import re
from fractions import Fraction

from slipstick.equivalence.decision import Decision, structure
from slipstick.equivalence.values.numbers import Number

_REMAINDER = re.compile(
    r"(?P<quotient>-?\d{1,30})(?:\s+[Rr]\s+|\s*\\text\s*\{\s*[Rr]\s*\}\s*|\s*(?:\\text\s*\{\s*)?"
    r"(?:rem\.?|(?:,\s*)?(?:with\s+)?(?:an?\s+|the\s+)?remainder(?:\s+of|\s*=)?)\s*\}?\s*)(?P<rest>\d{1,30})"
)
"""An R that is neither \\text nor between white space is a letter: 7r2 is a product."""


def compare_remainders(a: str, e: str, number_a: Number | None) -> Decision | None:
    """Whether two answers of which one has a remainder are the same; it may be more than was asked, and not missing."""
    found_a, found_e = _REMAINDER.fullmatch(a), _REMAINDER.fullmatch(e)
    if found_a and found_e:
        equal = all(int(found_a[name]) == int(found_e[name]) for name in ("quotient", "rest"))
        return structure(equal, "the same quotient and remainder" if equal else "another quotient or remainder")
    if found_e and number_a:
        return structure(False, "the remainder is missing")
    return None


def quotient(text: str) -> Fraction | None:
    """The quotient of a text that gives a remainder as well."""
    found = _REMAINDER.fullmatch(text)
    return Fraction(int(found["quotient"])) if found else None
