r"""The answer that a text marks as its answer: `\boxed{}`, "####", "Final answer:", tags, fields, "The answer is"."""

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from slipstick.answers.boxes import Box, boxes, find_box
from slipstick.answers.found import Found
from slipstick.answers.letters import find_stated
from slipstick.answers.remarks import without_remark
from slipstick.answers.several import with_items_below
from slipstick.answers.trim import VALUE, cut, trim
from slipstick.answers.words import CJK, Phrases, denied, words

_HASHES = Phrases(re.compile(r"####\s*(?=(?P<tail>.{0,2000}))"), ("####",))
_FINAL = Phrases(
    re.compile(r"\bfinal\s+answer\*{0,3}\s*(?::|is\b:?)[\s*:]*(?=(?P<tail>.{0,2000}))", re.IGNORECASE), ("final",)
)
_HEADING = Phrases(re.compile(r"(?im)^[ #*_]*(?:the )?(?:final |correct )?answer[ *_#]*$(?P<tail>)"), ("answer",))
_TAGGED = re.compile(r"<answer>(?P<tail>.{0,2000}?)</answer>", re.DOTALL | re.IGNORECASE)
_ANSWER_IS = Phrases(
    re.compile(
        r"\banswers?\**\s*(?:to [^.\n]{1,80}? )?(?:is|are|would be|will be|must be|should be|has to be|=)\b[\s:*]*"
        r"(?=(?P<tail>.{0,2000}))"
        r"|\b(?:true|correct|right|actual|real|corrected)\s+(?:count|value|number|result|total|sum|product"
        r"|probability|figure|option|choice)"
        r"\s+(?:is|are|=|should be|must be)\s+(?=(?P<corrected>.{0,2000}))",
        re.IGNORECASE,
    ),
    ("answer", "true", "correct", "right", "actual", "real"),
)
_ANSWER = Phrases(
    re.compile(r"\bans(?:wers?)?\s*+(?:\*++\s*+)?[:=]\s*\**(?=(?P<tail>.{0,2000}))", re.IGNORECASE), ("ans",)
)
_CORRECTION = Phrases(
    re.compile(
        r"(?im)(?:\bcorrection\b\s*:|\b(?:it|that|this|the result|the total)\s+(?:should|must)\s+(?:be|have been)"
        r"|\bi meant|\bin truth|\bhere it is|\bkidding, it is|应该是|應該是)\s*(?=(?P<tail>.{0,2000}))"
    ),
    ("correction", "should", "must", "meant", "truth", "here it is", "kidding", "应该是", "應該是"),
)
_RETRACTION = Phrases(
    re.compile(
        r"(?i)(?:^|[.!?,;:(—–\n])\s{0,5}(?:(?:no|or|but|oh|and),?\s+){0,2}"
        r"(?:wait|actually|no(?=\s*[,:—–-])|sorry|oops|hmm+|i\s+mean|rather|(?:on\s+)?second\s+thoughts?)[\s,.:;!–—-]+(?:(?:no|wait|actually|sorry)[\s,]+)?"
        r"(?:(?:it|that)(?:['’]s|\s+is)\s+|make\s+(?:it|that)\s+)?"
        r"(?=(?P<tail>[$(*\\]*(?:[-−]?[$€£]?\d[\d.,/]*(?:\s?\\?%)?(?:\s[a-z]+)?|(?-i:[A-J]))[*$)]*)(?:[.!]?\s*(?:\n|\Z)|[.!]\s))"
    ),
    ("wait", "actually", "no", "sorry", "oops", "hmm", "mean", "rather", "second"),
)
"""Words that take the answer before them back, with a value that is all the rest of their sentence."""
_MOST = 100
"""Markers of a kind, from the end, that are looked at."""
_MARKERS = (("answer is", _ANSWER_IS), ("answer", _ANSWER), ("heading", _HEADING))
_STRONG = frozenset(("hashes", "final answer", "heading", "tag", "field"))
"""Rules whose words are an answer also behind a box; of others only a value is."""
_CONDITION = re.compile(
    r"(?i)\b(?:if|whether|suppose|assume|assuming|unless|check|verify|like|say|where|why|when|how|what|once|since|because)\s+"
    r"(?:that\s+)?(?:(?:the|its|our|your|this|my)\s+)*(?:final\s+|correct\s+)?$"
)
_POINTS = re.compile(
    r"(?i)\b(?:above|below|box|boxed|shown|plausible|reasonable|correct|consistent|valid|verified|confirmed|siehe|folgt|suivant\w*|siguiente|segue|seguinte)\b|以下|如下|下記|次の|通り"
)
_WORD_VALUE = re.compile(
    r"(?i)[\s*$({\[]*(?:(?:yes|no|true|false|none|even|odd|infinite|infinity|undefined|impossible|(?-i:[A-J]))"
    r"(?![\w'])|(?-i:[A-Z][a-z]+)(?:\s(?-i:[A-Z][a-z]+))?(?=[\s.*!]*(?:\n|$)))"
)
_BECAUSE = re.compile(r"[\s$,)\]\\]*(?:since|because|as|but|while|weil|da|car|porque|потому)\b[^.!?\n]*")
"""What goes on behind an empty box and says why it is empty."""
_LEAD = re.compile(
    r"(?i)(?:approximately|about|around|roughly|exactly|simply|just|indeed|therefore|thus|actually|only|≈|~"
    r"|=)\s*|[a-z]\w{0,2}(?:\([^()\s]{1,9}\))?\s*=\s*|[\s*:]"
)

_BARE = re.compile(r"[-−]?\d[\d.,/]*|[A-J](?![A-Za-z])")
"""A number or the letter of an option."""
_SENTENCE_END = re.compile(r"[.!?\n]")
_WOULD = re.compile(r"(?i)\bwould\b")
_SUPPOSES = re.compile(r"(?i)\b(?:if|were|suppose|had|without)\b")
_JUDGES = re.compile(r"(?i)(?:wrong|incorrect|mistaken)\b[\s.!]*$")
"""What is said of an answer and is none."""
_LABEL_END = re.compile(r"\s*\}\s*:?")
_NEXT_LINE = re.compile(r"\s*+(?:\\\[|\$\$|[-*•]\s|```\w*\n)?\s*+([^\n]+)")
_BULLET = re.compile(r"[-*•]\s+(?=\S)")


@dataclass(frozen=True)
class _Marked:
    found: Found
    at: int
    """Where its marker begins."""
    behind: int
    """Where its marker ends."""


def find_marked(text: str, *, kind: str | None, first: bool = True) -> Found | None:
    """The answer that the text marks; if it marks several, the last, unless that only mentions the word "answer"."""
    filled = boxes(text)
    best = _strongest(text, filled, kind=kind, first=first)
    later = _latest(text, best, kind=kind) if best else None
    return later or best


def void_from(text: str) -> int | None:
    """Where the sentence ends that fills the last box with nothing; None if that is filled, or only mentioned."""
    found = boxes(text)
    if not found or found[-1].void != "placeholder":
        return None
    because = _BECAUSE.match(text, found[-1].end)
    return because.end() if because else found[-1].end


def denied_from(text: str) -> int:
    """Where the last marked value ends that is denied, so that nothing before is the answer; 0 if there is none."""
    place = 0
    for pattern in (_FINAL, _ANSWER_IS, _ANSWER, words().states):
        for match in list(pattern.finditer(text))[-1:]:
            start = match.start("tail") if match["tail"] is not None else match.end()
            value = re.compile(r"\W*(?:not\s+|nicht\s+|no\s+|не\s+)?(-?\d[\d.,/]*|[A-J](?![A-Za-z]))").match(
                text, start
            )
            if value and denied(text, *value.span(1)):
                place = max(place, value.end(1))
    return place


def _strongest(text: str, filled: list[Box], *, kind: str | None, first: bool) -> Found | None:
    """By the order of the rules, the last of each."""
    box = find_box(filled, text, first=first and kind == "number")
    for rule, pattern in (("hashes", _HASHES), ("final answer", _FINAL)):
        marked = next(_tails(text, rule=rule, pattern=pattern, kind=kind), None)
        if marked and (box is None or (marked.found.start > box.end and re.search(r"[\d$\\]", marked.found.text))):
            return marked.found
    if box:
        return box
    if tagged := _tagged(text, kind=kind):
        return tagged
    if field := _field(text):
        return field
    for rule, pattern in _MARKERS:
        if marked := next(_tails(text, rule=rule, pattern=pattern, kind=kind), None):
            return marked.found
    stated = next(_foreign(text, kind=kind), None)
    return stated.found if stated else find_stated(text) if kind != "number" else None


def _latest(text: str, best: Found, *, kind: str | None) -> Found | None:
    """The last answer marked behind the strongest that states a value, None if there is none."""
    found: list[Found] = []
    for tagged in (_tagged(text, kind=kind), _field(text)):
        if tagged and tagged.start >= best.end and best.rule != tagged.rule:
            found.append(tagged)
    rules = (
        ("hashes", _HASHES),
        ("final answer", _FINAL),
        *_MARKERS,
        ("correction", _CORRECTION),
        ("correction", _RETRACTION),
    )
    for rule, pattern in rules:
        for marked in _tails(text, rule=rule, pattern=pattern, kind=kind):
            if marked.at < best.end:
                break
            if _states(text, marked, kind=kind):
                found.append(marked.found)
                break
    for marked in _foreign(text, kind=kind):
        if marked.at < best.end:
            break
        if _states(text, marked, kind=kind):
            found.append(marked.found)
            break
    if kind != "number" and best.rule == "boxed" and (stated := find_stated(text, best.end)):
        found.append(stated)
    return max(found, key=lambda one: one.start, default=None)


def _states(text: str, marked: _Marked, *, kind: str | None) -> bool:
    """Whether what is behind a marker is a value, and not a sentence about the answer."""
    answer = marked.found.text
    if marked.found.rule in _STRONG or (
        marked.found.rule == "answer"
        and not re.search(r"[A-Za-z]", text[text.rfind("\n", 0, marked.at) + 1 : marked.at])
    ):
        if re.search(r"[\d$\\]", answer):
            return True
        return kind != "number" and len(answer.split()) <= 5 and not _POINTS.search(answer)
    tail = text[marked.behind : marked.behind + 80]
    while lead := _LEAD.match(tail):
        tail = tail[lead.end() :]
    return bool(
        VALUE.match(tail)
        or _WORD_VALUE.match(tail)
        or (re.match(f"[{CJK}A-J]", answer) and marked.found.rule == "foreign")
    )


def _tagged(text: str, *, kind: str | None) -> Found | None:
    found = next(iter(deque(_TAGGED.finditer(text), maxlen=1)), None) if "</" in text else None
    if found is None:
        return None
    answer = without_remark(trim(found["tail"]), kind=kind)
    if not answer or len(answer) > 1000:
        return None
    if re.match(r"[A-Z][a-z]+ \w+ \w", answer) and re.search(r"\d", answer):  # a sentence
        return cut(text, found.start("tail"), found.end("tail"), rule="tag", kind=kind)
    return Found(answer, *found.span("tail"), "tag")


def _field(text: str) -> Found | None:
    """The last value of the strongest key that an object of JSON, Python or YAML has."""
    if ":" not in text or not re.search(r"[\"'}]|^\S+:", text):
        return None
    ranked: list[tuple[int, int, re.Match[str]]] = []
    for match in words().fields.finditer(text):
        quoted = (
            match["tail"] is not None
            or match["quoted"] is not None
            or text[match.start("key") - 1 : match.start("key")] in ("'", '"')
        )
        if quoted:
            key = re.sub(r"\s+", " ", match["key"].lower())
            ranked.append((-words().keys.index(key) if key in words().keys else -99, match.start(), match))
    if not ranked:
        return None
    match = max(ranked, key=lambda one: one[:2])[2]
    name = next(name for name in ("tail", "quoted", "list", "bare") if match[name] is not None)
    answer = trim(_unescaped(match[name]) if name == "tail" else match[name].replace('"', ""))
    return Found(answer, *match.span(name), "field") if answer and answer not in ("null", "None") else None


def _unescaped(text: str) -> str:
    r"""A JSON string's text; a lone backslash, as in "\frac", is taken for a command of LaTeX."""
    return text.replace(r"\\", "\\").replace(r"\"", '"') if r"\\" in text or r"\"" in text else text


def _denied_within(text: str, found: Found) -> bool:
    """Whether the words behind a value, in what was found, deny it: "11本ではありません"."""
    value = _BARE.match(text, found.start)
    return value is not None and denied(text, *value.span())


def _hypothetical(text: str, match: re.Match[str]) -> bool:
    """Whether a marker only says what the answer would be, or that it cannot be given."""
    begin = max(0, match.start() - 100)
    before = _SENTENCE_END.split(text[begin : match.start()])[-1]
    would = _WOULD.search(match.group()) and _SUPPOSES.search(before)
    return bool(would or words().refusal.search(before + match.group()[:10]))


def _foreign(text: str, *, kind: str | None) -> Iterator[_Marked]:
    """What a phrase of another language marks, the last first."""
    for marked in _tails(text, rule="answer is", pattern=words().states, kind=kind):
        words_alone = len(marked.found.text.split()) <= 4 and not _POINTS.search(marked.found.text)
        if re.search(r"[\d$\\√π]|^[A-J](?![A-Za-z])", marked.found.text) or words_alone:
            yield marked


def _is_solution(text: str, start: int, end: int) -> bool:
    """Whether the line below a heading begins a worked solution: a sentence, with mathematics in a later line."""
    line = text[start:end].strip(" *")
    if VALUE.match(line) or not (re.search(f"[{CJK}]{{4}}", line) or len(re.findall(r"[^\W\d_]{2,}", line)) >= 4):
        return False
    return re.compile(r"\s*+(?:\$\$|\\\[|[^\n#*]*?[=＝]|[^\n]*\n[^#*]*[=＝])").match(text, end, end + 3000) is not None


def _tails(text: str, *, rule: str, pattern: Phrases, kind: str | None) -> Iterator[_Marked]:
    """What follows each marker of this kind, cut at the end of its sentence, the last first."""
    for match in reversed(deque(pattern.finditer(text), maxlen=_MOST)):
        name = "corrected" if match.re is _ANSWER_IS.pattern and match["tail"] is None else "tail"
        if _CONDITION.search(text, max(0, match.start() - 40), match.start()) or _hypothetical(text, match):
            continue
        start, end = match.span(name)
        behind = start
        if label := _LABEL_END.match(text, start, end):  # "\text{Answer: } 5"
            start = label.end()
        if text.startswith("```", start):
            start = end
        if not text[start:end].strip(" *$:\\[(_#") and (rest := _NEXT_LINE.match(text, end)):
            start, end = rest.span(1)  # the answer is on the line below
            if rule != "heading" and _is_solution(text, start, end):
                continue
            end = start + len(text[start:end].rstrip())
            end -= 2 if text.endswith("\\]", start, end) and "\\[" not in text[start:end] else 0
        elif "\n" in text[match.start() : start] and (bullet := _BULLET.match(text, start, end)):
            start = bullet.end()
        found = None if _JUDGES.match(text, start, end) else cut(text, start, end, rule=rule, kind=kind)
        if found and not denied(text, found.start, found.end) and not _denied_within(text, found):
            below = "\n" in text[match.start() : start] and kind != "number"
            yield _Marked(with_items_below(text, found) if below else found, match.start(), behind)
