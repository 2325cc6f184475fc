r"""Answers in boxes: the last `\boxed{...}` that is filled and not taken back."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from slipstick.answers.found import Found
from slipstick.answers.trim import trim
from slipstick.answers.words import denied, words

_BOX = re.compile(r"\\f?(?:rame)?boxed\s*\{|\\f(?:rame)?box\s*\{|\\boxed\s+(?=[^\s{])")
_MINUS = re.compile(r"(?:^|[=$(\s\[])[-−]\s?$")
"""A minus sign before a box, which is no difference."""
_MOST = 200
"""Boxes from the end that are looked at."""
_UNDER = re.compile(r"(?:[\d)}]\s*(?:\\cdot|\\times|[*/^])|\\[dt]?frac\s*\{[^{}]{0,30}|\\sqrt\s*\{)\s*\{?$")
"""An operation on what is in a box."""
_ABOUT = re.compile(
    r"^[\s$,()\\]*(?:or |which is |that is )?(?:\\approx|≈|approximately|about|roughly|numerically)[\s$(\\]*$"
)
_CORRECTED = re.compile(
    r"\b(?:correct(?:ed|ion)|revised|updated|instead|actually|rather|final(?:ly)?)(?: to| as| is| answer| value)*\W*$",
    re.IGNORECASE,
)
_BRACE = re.compile(r"\\.|[{}]", re.DOTALL)
_EMPTY = re.compile(r"\\(?:text|textbf|textit|mathrm|mathbf|mbox)\s*|\\[,;:! ]|\\q?quad\b|[\s{}$]|\\phantom")


@dataclass(frozen=True)
class Box:
    """A box in a text."""

    content: str
    """What is in it; of a box in a box, the inner one's."""
    start: int
    end: int
    void: str
    """Why it is no answer: "" if it is one, "placeholder", "mention" or "denied"."""


def boxes(text: str) -> list[Box]:
    """Every outermost box, in order; an unfinished one goes up to the end of its line."""
    if not _BOX.search(text):
        return []
    found = []
    for inner, start, closed in list(_boxes(text))[-_MOST:]:
        end = closed
        content = "-" + inner if _MINUS.search(text, max(0, start - 20), start) else inner
        plain = _EMPTY.sub(lambda match: " " if match.group().isspace() else "", inner).strip().lower()
        void = ""
        if plain in words().placeholders:
            mention = words().mentions.search(text, max(0, start - 40), start)
            void = "mention" if mention and (text[end:].strip(" .$*`\"'") or plain) else "placeholder"
        elif part := _part(text, end):
            end, void = part, "denied"
        elif denied(text, start, end) or _is_under(text, start, end):
            void = "denied"
        found.append(Box(content, start, end, void))
    return found


def find_box(found: list[Box], text: str, *, first: bool) -> Found | None:
    r"""The last box; several that are listed ("\boxed{1} and \boxed{2}") are one answer, or the first of them."""
    filled = [box for box in found if not box.void]
    if not filled:
        return None
    begin = len(filled) - 1
    while begin and _joins(text[filled[begin - 1].end : filled[begin].start]):
        begin -= 1
    if first:
        filled = filled[: begin + 1]
    contents = [trim(box.content) for box in filled[begin:]]
    if len(contents) == 1:
        unit = re.compile(r"\$?\s?(?:\\?%|percent\b|pct\b)").match(text, filled[-1].end)
        if unit and "%" not in contents[0] and not re.search("per?c", contents[0]):
            contents[0] += "%"
    answer = _listed(contents, [text[a.end : b.start] for a, b in pairwise(filled[begin:])])
    return Found(answer, filled[begin].start, filled[-1].end, "boxed") if answer else None


def _listed(contents: list[str], between: list[str]) -> str:
    r"""The contents of boxes as one answer; a box behind a sign or word for "about" rounds the one before."""
    answer = contents[0]
    for words_between, content in zip(between, contents[1:], strict=True):
        value = content.removeprefix(r"\approx").strip()
        about = value != content or _ABOUT.search(words_between)
        answer += (r" \approx " if about else ", ") + value
    return answer


def _joins(between: str) -> bool:
    r"""Whether the words between two boxes list them: "and", a comma, "and y =", "or about"; no sentence ends.

    Nor an equation, and no word that takes the box before back: "correction".
    """
    if _ABOUT.search(between):
        return True
    if _CORRECTED.search(between) or len(between) > 100 or re.search(r"[.!?](?!\d)|\n\s*\n|=(?!\s*\$?$)", between):
        return False
    return bool(re.search(r",|\band\b|\bor\b|^\W*$", between))


def _part(text: str, end: int) -> int:
    r"""Where an expression ends of which a box is a part, as in `\boxed{5}^2`; 0 if it is none.

    In an equation, `\boxed{5} + 1 = 6`, a box fills a gap.
    """
    behind = re.compile(r"\s*(?:\^|[-+*/]\s*\d|\\(?:cdot|times)\b)[^\n=]{0,60}").match(text, end)
    return behind.end() if behind and not text.startswith("=", behind.end()) else 0


def _is_under(text: str, start: int, end: int) -> bool:
    r"""Whether an operation is left to do on a box, as in `2 \cdot \boxed{5}`; not if a box fills an equation's gap."""
    before = _UNDER.search(text, max(0, start - 60), start)
    return before is not None and not re.compile(r"\s*\}?\{?\d*\}?\s*=").match(text, end)


def _boxes(text: str) -> Iterator[tuple[str, int, int]]:
    """(content, start, end) of every outermost box."""
    closing = _closings(text)
    place = 0
    while match := _BOX.search(text, place):
        start = match.end()
        closed = closing.get(start - 1) if match.group().endswith("{") else None
        if closed is not None:
            inner = text[start:closed]
            nested = list(_boxes(inner)) if 0 < inner.count("boxed") < 20 else []
            yield (nested[-1][0] if nested else inner), match.start(), closed + 1
            place = closed + 1
        else:
            bare = re.compile(r"[^\n$]*" if match.group().endswith("{") else r"\S+").match(text, start)
            place = max(bare.end() if bare else start, start)
            yield text[start:place].rstrip("$., "), match.start(), place


def _closings(text: str) -> dict[int, int]:
    """The place of the brace that closes each opening one."""
    found: dict[int, int] = {}
    opened: list[int] = []
    for brace in _BRACE.finditer(text):
        if brace.group() == "{":
            opened.append(brace.start())
        elif brace.group() == "}" and opened:
            found[opened.pop()] = brace.start()
    return found
