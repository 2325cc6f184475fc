"""A problem's own tolerance: how far an answer that is one number may be from the expected number."""

import re
from decimal import Decimal
from fractions import Fraction

from slipstick.equivalence.symbolic.value import value_of
from slipstick.equivalence.values.units import conversion
from slipstick.schema import Verdict

_SLACK = Fraction(101, 100)
"""A difference of exactly the tolerance is within it, also as a decimal that was rounded (OlympiadBench's own rule)."""

_LONGEST = 100
_FAR = re.compile(r"[eE][-+]?\d{3}")
"""A power of ten that no tolerance has, and that as an exact number has as many digits."""


def read_tolerance(value: object) -> Fraction | None:
    """The tolerance that a problem's metadata state, as 0.1 or "1e-1"; None if it is no positive number below 1e100."""
    text = str(value).strip()
    if len(text) > _LONGEST or _FAR.search(text):
        return None
    try:
        found = Fraction(text)
    except (ValueError, ZeroDivisionError):
        return None
    return found if found > 0 else None


def with_tolerance(verdict: Verdict, answer: str, acceptable: list[str], tolerance: Fraction | None) -> Verdict:
    """The verdict, correct if the answer is a number within the tolerance of an acceptable one, in the same unit."""
    if tolerance is None or verdict.outcome not in ("incorrect", "undecided"):
        return verdict
    for expected in acceptable:
        if _within(answer, expected, tolerance):
            reason = f"within the problem's tolerance of {float(tolerance):g}"
            return verdict.model_copy(
                update={"outcome": "correct", "method": "number", "expected": expected, "reason": reason}
            )
    return verdict


def _within(answer: str, expected: str, tolerance: Fraction) -> bool:
    a, e = value_of(answer), value_of(expected)
    if a is None or e is None or a.percent != e.percent or a.base != e.base:
        return False
    if isinstance(a.value, Decimal) or isinstance(e.value, Decimal):
        return False  # too long for arithmetic
    value = a.value
    if a.unit != e.unit and a.unit and e.unit:
        converted = conversion(a.unit, e.unit)
        if converted is None:
            return False
        value = value * converted[0] + converted[1]
    return abs(value - e.value) <= tolerance * _SLACK
