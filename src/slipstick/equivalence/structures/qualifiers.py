r"""Reads what is said behind an answer about its letters: c \in \mathbb{R}, "for all real x", n \geq 1, x \neq 1.

That a letter is any real number or constant says nothing more, nor that the index of a sequence is a natural number.
Any other condition is part of the answer: it is compared, and open if only one side has it.
"""

import re
from dataclasses import dataclass

from slipstick.equivalence.decision import Decision, Same, structure
from slipstick.equivalence.normalize.notation import split_top
from slipstick.equivalence.relations import read_relation
from slipstick.equivalence.structures.intervals import is_constant
from slipstick.equivalence.text.labels import arguments, read_label

MAX_LENGTH = 400
MAX_CLAUSES = 3
_HINT = re.compile(
    r"\\(?:in|forall|geq|leq|neq)(?![A-Za-z])|\b(?:for|where|with|when|if|any|all|constants?|being|is|are)\b|[<>]|\\text\{|\.\.\."
)
_TEXT = re.compile(r"(\\text\s*\{)([^{}]*)\}")
_LETTER = r"(?:[A-Za-z]|\\(?:alpha|beta|gamma|delta|theta|lambda|mu|phi|omega))(?:_\{?\d\}?)?"
_LETTERS = rf"{_LETTER}(?:\s*(?:,\s*and\b|,|\band\b)\s*{_LETTER})*"
_START = r"(?:\s*[,;:]\s*\(?|\s*\(|\s)\s*"
_LEAD = r"(?:(?:and|where|for|with|when|if|given|here|such\ that|provided(?:\ that)?|in\ which|\\forall)\s+)*"
_QUANTIFIER = r"(?:all|any|every|each|some|an?|arbitrary|fixed|given|free|the|\\forall)"
_REAL = r"(?:real|complex)"
_KIND = rf"(?:{_REAL}\s+)?(?:constants?|numbers?|values?|parameters?|scalars?|reals?)(?:\s+of(?:\s+integration)?)?"
_REALS = rf"(?:\(-\\infty,\s*\\infty\)|\\mathbb\s*\{{?\s*[RC]\s*\}}?|R|(?:the\s+)?{_REAL}s?(?:\s+numbers?)?)"
_COUNT = r"(?:positive|non-?negative|natural|whole|counting)\s+(?:integers?|numbers?)"
_POSITIVE = r"\\mathbb\s*\{?\s*Z\s*\}?\s*[\^_]\s*\{?(?:\+|>\s*0|\\geq\s*[01])\}?"
_COUNTS = rf"(?:\\mathbb\s*\{{?\s*N\s*\}}?(?:\s*[\^_]\s*\{{?[*+\d]\}}?)?|{_POSITIVE}|N|{_COUNT})"
_FREE = re.compile(
    rf"""{_START}{_LEAD}(?:
      (?:{_QUANTIFIER}\s+)+(?:{_KIND}\s+|{_REAL}\s+)?(?P<all>{_LETTERS})(?:\s*\\in\s*{_REALS})?
    | (?:{_KIND}|{_REAL})\s+(?P<constants>{_LETTERS})
    | (?P<members>{_LETTERS})\s*\\in\s*{_REALS}(?:\s+(?:is\s+|are\s+)?arbitrary)?
    | (?P<called>{_LETTERS})\s*(?:(?:is|are|being|denotes?)\s+)?(?:{_QUANTIFIER}\s+)*(?:{_KIND}|{_REAL})
    )\s*\)?$""",
    re.VERBOSE,
)
_COUNTED = re.compile(
    rf"""{_START}{_LEAD}(?:{_QUANTIFIER}\s+)*(?:
      {_COUNT}\s+(?P<letter>[a-z])
    | (?P<member>[a-z])\s*\\in\s*{_COUNTS}
    | (?P<called>[a-z])\s+(?:is|being)\s+{_QUANTIFIER}\s+{_COUNT}
    | (?P<least>[a-z])\s*(?P<sign>\\geq|>)\s*(?P<from>-?\d)
    | (?P<listed>[a-z])\s*=\s*(?P<first>\d)\s*,\s*\d\s*(?:,\s*\d\s*)?,\s*\.\.\.
    )\s*\)?$""",
    re.VERBOSE,
)
_LIMITED = re.compile(
    rf"""\s*(?P<sign>[,;:]|(?=\()|\b(?=for|where|with|when|if|provided))\s*\(?\s*{_LEAD}(?:{_QUANTIFIER}\s+)*(?:{_REAL}\s+)?
    (?P<condition>(?P<letter>{_LETTER})\s*(?:\\[gln]eq|[<>]|\\in|\\notin)\s*[^=,;]+
    | -?[\d./]+\s*(?:\\[gl]eq|[<>])\s*(?P<last>{_LETTER})
    | [^=,;()]+(?:\\leq|<)\s*(?P<middle>{_LETTER})\s*(?:\\leq|<)[^=,;]+)$""",
    re.VERBOSE,
)
_BEFORE = re.compile(
    rf"\s*(?:\\forall|[Ff]or\s+(?:all|any|every))\s+(?:{_KIND}\s+|{_REAL}\s+)?(?P<letters>{_LETTERS})(?:\s*\\in\s*{_REALS})?"
    r"\s*[,:;]\s*(?=\S)"
)
_COMMA = re.compile(",")
_INDICES = frozenset("nkmij")


@dataclass(frozen=True, slots=True)
class Qualified:
    """An answer without what stands behind it."""

    body: str
    """The answer itself."""
    conditions: tuple[str, ...] = ()
    """What limits it."""
    start: int | None = None
    """Where its index begins, if it says so."""
    is_plain: bool = True
    """Whether nothing stood behind it."""


def compare_qualified(a: str, e: str, same: Same) -> Decision | None:
    """Two answers of which one at least says something about its letters; None if neither does."""
    if not (_HINT.search(a) or _HINT.search(e)):
        return None
    qualified_a, qualified_e = read_qualified(a), read_qualified(e)
    if qualified_a.is_plain and qualified_e.is_plain:
        return None
    found = same(qualified_a.body, qualified_e.body)
    if found.equal is not True:
        return found
    of_a, of_e = qualified_a.conditions, qualified_e.conditions
    starts = {qualified_a.start, qualified_e.start} - {None}
    agree = len(of_a) == len(of_e) and all(same(one, other).equal for one, other in zip(of_a, of_e, strict=True))
    if len(starts) > 1 or not agree:
        return structure(None, "the same, with other conditions behind it")
    return found


def read_qualified(text: str) -> Qualified:
    """A tidied text and what is said behind it about the letters in it."""
    if len(text) > MAX_LENGTH or not _HINT.search(text) or r"\begin" in text:
        return Qualified(text)
    words = _TEXT.sub(lambda match: " " * len(match[1]) + match[2] + " ", text)
    begin = match.end() if (match := _BEFORE.match(words)) else 0
    end = len(words)
    conditions: list[str] = []
    begins: int | None = None
    for _ in range(MAX_CLAUSES):
        before = words[:end].rstrip(" ,;")
        if (start := _free(before)) is not None:
            end = start
        elif (match := _COUNTED.search(before)) and _is_index(before[: match.start()], match):
            begins = _start(match)
            end = match.start()
        elif (match := _LIMITED.search(before)) and _is_behind(
            before[: match.start()], [match["letter"] or match["middle"] or match["last"]], free=False
        ):
            closed = match.group().lstrip(" ,;").startswith("(")
            conditions.append(match["condition"].strip().removesuffix(")" if closed else ""))
            end = match.start()
        else:
            break
    if end == len(words) and not begin:
        return Qualified(text)
    body = text[begin:end].rstrip(" ,;")
    body += "}" * (body.count("{") - body.count("}"))
    return Qualified(body.replace(r"\text{}", "").strip(), tuple(conditions), begins, is_plain=False)


def _free(text: str) -> int | None:
    """Where the words begin that call letters of the text any numbers, None if there are none."""
    match = _FREE.search(text)
    while match:
        named = re.findall(_LETTER, re.sub(r"\band\b", ",", next(filter(None, match.groups()))))
        if _is_behind(text[: match.start()], named, free=True):
            return match.start()
        match = _FREE.search(text, match.start() + 1)
    return None


def _is_behind(body: str, letters: list[str], *, free: bool) -> bool:
    """Whether a body is one of these letters, which something behind it can so be said about."""
    body = body.strip(" ,;(")
    if not body or (free and is_constant(body)):
        return bool(body)
    if body in letters or not all(_has_letter(body, letter) for letter in letters):
        return False
    if free:
        return True
    relation = read_relation(body)
    if relation is None:
        return r"\in" not in body and len(split_top(body, _COMMA)) == 1
    label = read_label(relation)
    return label is not None and label[0] not in letters


def _start(match: re.Match[str]) -> int | None:
    if match["first"]:
        return int(match["first"])
    return int(match["from"]) + (match["sign"] == ">") if match["from"] else None


def _is_index(body: str, match: re.Match[str]) -> bool:
    """Whether a letter counts the terms of a sequence: a_n = 2^n, 2^n, no n alone."""
    letter = next(match[name] for name in ("letter", "member", "called", "least", "listed") if match[name])
    body = body.strip(" ,;(")
    if letter not in _INDICES or body in ("", letter) or not _has_letter(body, letter):
        return False
    relation = read_relation(body)
    if relation is None:
        return len(split_top(body, _COMMA)) == 1
    label = read_label(relation)
    return label is not None and letter in arguments(label[0])


def _has_letter(body: str, letter: str) -> bool:
    if letter.startswith("\\") or "_" in letter:
        return letter.replace("{", "").replace("}", "") in body.replace("{", "").replace("}", "")
    return (
        re.search(rf"(?<!\\)\b(?:[A-Za-z]*_)?[A-Za-z]{{0,3}}{letter}|(?<![A-Za-z\\]){letter}(?![A-Za-z])", body)
        is not None
    )
