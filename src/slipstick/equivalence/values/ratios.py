r"""Compares ratios: 6:8 is 3:4 and 3/4, "3 to 4", "1 out of 4"; two times that are the same ratio stay open."""

import re
from fractions import Fraction

from slipstick.equivalence.decision import Decision, structure
from slipstick.equivalence.values.numbers import Number, hundredth, numbers_equal, read_number

_TERM = r"(?:0|[1-9]\d{0,29})(?:\.\d{1,30})?(?:/\d{1,30})?"
_RATIO = re.compile(rf"(?P<first>-?{_TERM})(?P<others>(?:\s*:\s*{_TERM}){{1,5}})")
_IN_WORDS = re.compile(rf"(?P<first>{_TERM})\s+(?:\\text\s*\{{\s*)?(?:to|is to)\s*\}}?\s+(?P<others>{_TERM})")
_SHARE = re.compile(r"(?P<first>\d{1,30}|one|two|three)\s+(?:out\s+of|in|in every|out of every)\s+(?P<others>\d{1,30})")
_TIME = re.compile(r"(?:[01]?\d|2[0-4]):[0-5]\d")


def compare_ratios(a: str, e: str, number_a: Number | None, number_e: Number | None) -> Decision | None:
    """Whether two ratios, or a ratio and a number, are the same; None if neither is a ratio."""
    ratio_a, ratio_e = read_ratio(a), read_ratio(e)
    if not ratio_a and not ratio_e:
        return structure(False, "different times") if _TIME.fullmatch(a) and _TIME.fullmatch(e) and a != e else None
    if ratio_a and ratio_e:
        if len(ratio_a) != len(ratio_e):
            return structure(False, f"a ratio of {len(ratio_a)} against one of {len(ratio_e)}")
        equal = all(x * ratio_e[0] == y * ratio_a[0] for x, y in zip(ratio_a, ratio_e, strict=True))
        if _TIME.fullmatch(a) and _TIME.fullmatch(e):
            return structure(None if equal else False, "two times, or two ratios")
        return structure(equal, "the same ratio" if equal else "different ratios")
    ratio, number = (ratio_a, number_e) if ratio_a else (ratio_e, number_a)
    if number is None or ratio is None or len(ratio) != 2 or not ratio[1] or re.search(r":\s*0", a + e):
        return None
    value, number = Number(ratio[0] / ratio[1]), hundredth(number) if number.percent else number
    equal, reason = numbers_equal(*((value, number) if ratio_a else (number, value)))
    return structure(equal, reason)


def read_ratio(text: str) -> list[Fraction] | None:
    """The terms of a ratio: 2:3:4, 3 to 4; "1 out of 4" is the ratio of a part to the whole."""
    if len(text) > 200 or not (":" in text or " " in text):
        return None
    match = _RATIO.fullmatch(text) or _IN_WORDS.fullmatch(text) or _SHARE.fullmatch(text)
    if match is None:
        return None
    terms = [read_number(term.strip()) for term in (match["first"], *match["others"].strip(" :").split(":"))]
    values = [term.value for term in terms if term and isinstance(term.value, Fraction)]
    return values if len(values) == len(terms) and values[0] else None
