"""What the conclusion of a text that marks no answer names: all of its values, beside the one that is its answer.

The conclusion is the last sentence. If no word says that it concludes, the sentence before it, a list of lines at the
end, and the first sentence belong to it too, since a reply may give its answer first; not what a later sentence takes
back. Operands of a computation are no values of it, and neither is what is denied. Of a text that marks its answer
only what leaves that open is looked at: words that take it back, or go on behind its value.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice, takewhile

from slipstick.answers.clauses import states_several
from slipstick.answers.found import Found
from slipstick.answers.guesses import CONCLUDES, NUMBER_WORDS, without_check
from slipstick.answers.trim import formulas, trim
from slipstick.answers.values import QUANTITY, value_at, without_signs
from slipstick.answers.words import denied

_END = re.compile(r"(?<=[.!?。！？])(?<!\n\d\.)(?<!\A\d\.)[\"'*)”]{0,3}\s+(?=\S)|(?<=[。！？])|\n")
_COMPUTED = re.compile(
    r"(?:\d[\d.,]*%?|(?<![^\W\d])[a-z](?![^\W\d])|\\?[$€£()])[^\n=A-Za-z]{0,80}?[-−+×*·÷/^]\s?[$€£(]*\d[\d.,)]*%?"
    r"(?:\s[A-Za-z]+){0,2}\s?=\s?"
)
"""The left side of an equation with something to compute: "12 + 30 = "."""
_OF = re.compile(r"(?P<part>\d[\d,]*)\s+(?:out\s+of|of|in)\s+(?:the\s+|every\s+)?(?P<whole>\d[\d,]*)(?![\d.]*%)")
"""A part of a whole in numbers, which may be a fraction: "3 out of 8"."""
_NUMBERED = re.compile(r"\A\s*\d{1,2}[.)]\s+(?=\**[^\W\d_]{2})")
"""The number of a step before its words."""
_LINE = re.compile(r"\s*(?:[-*•]\s|\d{1,2}[.)]\s|\**[^\W\d_][^:\n.]{0,40}:)")
"""A line of a list: a bullet, a number or a label before it."""
_TURNS = re.compile(
    r"(?i)\W*(?:wait|hmm+|actually|however|but|oops|sorry|correction|no,\s+(?:wait|that|it))\b"
    r"|.*\b(?:thought|might|may|could|at\s+first|seems?)\b.*[,;]?\s(?:but|however|actually)\b"
)
"""The head of a sentence from which on another answer is meant than before it."""
_CHANGED_BEFORE = re.compile(
    r"(?i)(?:\b(?:at\s+(?:least|most)|(?:more|less|fewer|greater|larger|smaller|higher|lower|bigger|older|younger|longer"
    r"|shorter)\s+than|(?<!add\s)(?<!adds\s)up\s+to|over|under|above|below|nearly|almost|half\s+of|twice|double|triple|(?:out\s+)?of\s+the"
    r"|between(?:\s+[\d.,]+\s+and)?|(?:divide|multiply|add|subtract)\w*(?:\s+by)?|divided\s+by|(?:hours?|years?|days?|dozens?|miles?)\s+and)"
    r"|\b(?:might|may|people|some|would)\s+(?:first\s+|also\s+)?(?:think|thought|say|answer|guess)\b[^.!?\n]{0,30}"
    r"|(?<![\d.,])\d{1,3}(?=[ \u00a0\u202f]\Z)|[A-Za-z)\]²³π]\s?[-−+*/^·×]\s?\{?)[\s$*]*\Z"
)
_CHANGED_BEHIND = re.compile(
    r"(?i)[\s$*]*(?:squared|cubed|factorial|(?:degrees?\s+)?below\s+zero|less\b|more\s+than\b|of\s+the\s+\d|of\s+an?\s"
    r"|\s?[-−+*/·×^]\s?(?:[a-z](?![a-z]{2})|[(√π\\])|\^|sin\b|cos\b|tan\b|log\b|ln\b|sqrt\b|pi\b|[πe√](?!\w))"
)
"""What makes another value of a number: "at least 5", "5 squared", 5 + i, "some would say 5"."""
_TAKEN_BACK = re.compile(
    r"(?i)(?:(?<=[.!?)}\n])|(?<=[.!?)}\n]\*\*))\s*(?:(?:(?:oh|oops|sorry|but|no|and|so|hmm+|wait|actually|hold\s+on)[\s,.!:–—-]+){0,3}"
    r"i\s+(?:made\s+an?\s+(?:\w+\s)?(?:mistake|error)|was\s+wrong|miscalculated|miscounted|misread)"
    r"|(?:(?:oh|oops|sorry|but|no|hmm+|wait|actually|hold\s+on)[\s,.!:–—-]+){1,3}"
    r"(?:that|this|it)(?:(?:['’]s|\s+is|\s+was)\s+(?:wrong|incorrect|not\s+(?:right|correct))|\s+can['’]?t\s+be\s+right))\b"
)
"""A sentence that takes what is before it back, without another answer: "Wait, that's wrong"."""
_GOES_ON = re.compile(r"(?:,|\s\(|\s)[^\\^_$\n]*?[^\W\d_]{2}[^\\^_$\n]*")
"""Words behind a value: no formula."""
_SENTENCE_LENGTH = 400
_MOST = 24
"""Values of a conclusion that are looked at."""


@dataclass(frozen=True)
class Conclusion:
    """What a text without marks says last: the words, without what is computed in them, and the values they name.

    taken: what was taken for the answer, "" if nothing was; changed: what beside it makes another value of it, or what
    behind it takes it back. Of a marked answer there are no words, and only the value it begins with.
    """

    taken: str
    changed: str
    words: str = ""
    values: tuple[str, ...] = ()
    marked: bool = False


def conclusion_of(text: str, found: Found | None) -> Conclusion:
    """The conclusion of a text that marks no answer, of which `found` was taken for the answer."""
    changed = _changed(text, found) if found else ""
    text = without_signs(without_check(text)).rstrip()
    parts = (_NUMBERED.sub("", part) for part in _concluding(_parts(text)))
    said = "\n".join(_COMPUTED.sub(lambda left: " " * len(left[0]), part) for part in parts)
    return Conclusion(found.text if found else "", changed, said, tuple(islice(_values(said), _MOST)))


def _changed(text: str, found: Found) -> str:
    """The words beside a number that make another value of it."""
    if found.rule not in ("last number", "word"):
        return ""
    before = _CHANGED_BEFORE.search(text, max(0, found.start - 60), found.start)
    behind = _CHANGED_BEHIND.match(text, found.end)
    match = before or behind
    return " ".join(match.group().split()) if match else ""


def conclusion_of_marked(text: str, found: Found) -> Conclusion | None:
    """A marked answer of a text, if words behind it take it back or it goes on behind a value; None if it stands."""
    back = _TAKEN_BACK.search(text, found.end)
    if back:
        return Conclusion(found.text, " ".join(back.group().split()), marked=True)
    value, head = QUANTITY.match(found.text), found.text.partition("(")[0]
    if value is None or (states_several(head) and re.search(r"\band\b|[,;&]", head)):
        return None
    if not _GOES_ON.fullmatch(found.text, value.end()):
        return None
    return Conclusion(found.text, "", values=(value_at(found.text, value, bare=False).text,), marked=True)


def _parts(text: str) -> list[str]:
    """The first and the last sentences and lines of a text."""
    head, tail = text[: 2 * _SENTENCE_LENGTH], text[-6 * _SENTENCE_LENGTH :]
    whole = len(head) + len(tail) > len(text)
    parts = _END.split(text) if whole else [_END.split(head)[0], *_END.split(tail)[1:]]
    return [part[-_SENTENCE_LENGTH:] for part in parts if part.strip()]


def _concluding(parts: list[str]) -> list[str]:
    """Those of the parts of a text that are its conclusion."""
    listed = list(takewhile(_LINE.match, reversed(parts)))[::-1]
    kept = listed if len(listed) > 1 else parts[-1:]
    if len(kept) == 1 and not CONCLUDES.search(kept[0]):
        before = parts[-2:-1]
        if before and _LINE.match(before[0]):
            before = list(takewhile(_LINE.match, parts[-2::-1]))[::-1]
        kept = [*before, *kept]
        kept = kept if len(kept) == len(parts) else [parts[0], *kept]
    for place in range(len(kept) - 1, -1, -1):
        if back := _TURNS.match(kept[place]):
            return [kept[place][back.end() :], *kept[place + 1 :]]
    return kept


def _values(said: str) -> Iterator[str]:
    for match in QUANTITY.finditer(said):
        found = value_at(said, match, bare=False)
        if not denied(said, found.start, found.end):
            yield found.text
    for match in _OF.finditer(said):
        yield f"{match['part']}/{match['whole']}"
    for match in NUMBER_WORDS.finditer(said):
        yield match.group()
    for formula in formulas(said):
        yield trim(formula.text)
        yield trim(formula.text.rpartition("=")[2])
