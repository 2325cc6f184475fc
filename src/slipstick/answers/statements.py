"""Statements that a reply calls right by their Roman numerals, as options have them: "I and II only"."""

import re

from slipstick.answers.found import Found

_NUMERAL = r"(?:I{1,3}|IV|VI{0,3})(?![\w'])"
_LIST = rf"{_NUMERAL}(?:\s*(?:,\s*(?:(?:and|or)\s+)?|&\s*|\b(?:and|or)\s+){_NUMERAL})*"
_BEFORE = r"(?:(?:(?i:statements?|options?)|(?i:only)|(?i:both)|(?i:all(?:\s+of)?))\s+){0,3}"
_WHOLE = re.compile(
    rf"[\s$({{\[*]*(?:\\text\w*\s*\{{\s*)?(?P<before>{_BEFORE})(?P<list>{_LIST})(?P<only>\s+only)?[)}}\]$*.\s]*"
)
_SAID = re.compile(
    rf"(?:\A|[.!?\n:]\s{{0,9}}|\b(?i:so|thus|hence|therefore),?\s+|\b(?i:that|see)\s+)[\s*]{{0,9}}(?P<before>{_BEFORE})(?P<list>{_LIST})(?P<only>\s+only)?\**\s+"
    r"(?i:holds?|works?|(?:is|are|must\s+be)\s+(?:both\s+|all\s+)?(?:true|correct|valid|right))[.!\s*]*\Z"
)
_LONGEST = 200


def as_statements(found: Found) -> Found | None:
    """What was found, if it is Roman numerals of several letters or with "only", which are no letter of an option."""
    match = _WHOLE.fullmatch(found.text) if len(found.text) <= _LONGEST else None
    return Found(_named(match), found.start, found.end, found.rule) if match and _names_statements(match) else None


def find_statements(text: str) -> Found | None:
    """The statements that the last sentence of a reply calls right: "Only I and II hold"."""
    end = len(text.rstrip())
    match = _SAID.search(text, max(0, end - _LONGEST), end)
    return Found(_named(match), *match.span("list"), "letter") if match and _names_statements(match) else None


def _names_statements(match: re.Match[str]) -> bool:
    only = match["only"] or "only" in match["before"].lower() or "statement" in match["before"].lower()
    return bool(only) or re.search(r"[IV]{2}|V", match["list"]) is not None


def _named(match: re.Match[str]) -> str:
    only = match["only"] or "only" in match["before"].lower()
    return match["list"] + (" only" if only else "")
