"""Reads numbers with the marks of another language: 3,5 as 3.5, and 1.250 as 1250 or 1,250 as 1.25."""

import re

_BEHIND = r"(?:[\s%\\^€$][^,;=]*)?"
_DECIMAL_COMMA = re.compile(rf"((?:[A-Za-z]\s*=\s*)?[-+]?\$?\d+),(\d+{_BEHIND})")
ONE_DIGIT = re.compile(rf"[^,]*,\d{_BEHIND}")
"""3,5 is a decimal or a list of two; 3,14 is seldom a list."""
_GROUPED = re.compile(rf"([-+]?\$?[1-9]\d{{0,2}})([.,])(\d{{3}})({_BEHIND})")
_SEVERAL = re.compile(r"[,;=:<>\[\]]|\\(?:pm|mp|cup|cap|in|neq?|leq?|geq?|text|begin)(?![A-Za-z])|\b(?:and|or)\b")


def with_point(text: str) -> str | None:
    """3.5 of "3,5", which may be a list as well; None for a text that is no number with a decimal comma."""
    match = _DECIMAL_COMMA.fullmatch(text)
    return f"{match[1]}.{match[2]}" if match else None


def is_one_value(text: str) -> bool:
    """Whether a text is no list, set, interval, equation or sentence: a value that a decimal can be compared with."""
    return not _SEVERAL.search(text)


def read_otherwise(text: str) -> str | None:
    """1250 of "1.250", and 1.250 of "1,250": one mark before three digits is a decimal point or one of thousands."""
    match = _GROUPED.fullmatch(text)
    return f"{match[1]}{'.' if match[2] == ',' else ''}{match[3]}{match[4]}" if match else None
