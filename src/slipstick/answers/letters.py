"""The letter of a choice, in an answer and in a text."""

import re

from slipstick.answers.found import Found
from slipstick.answers.trim import trim
from slipstick.answers.words import words

_SHAPES = (
    # "(B)", "\text{(B)}", "option B", "choice (B)", "B)", "B.", "B:" at the start of a line, "**B**", a line of its own
    re.compile(
        r"\b(?:[Oo]ption|[Cc]hoice|[Aa]nswer|OPTION|CHOICE|ANSWER)\s*(?:is\s*)?[:\s]*[\[({*$\\]*\s*"
        r"(?:text\s*\{)?\(?(?P<letter>[A-J])\b(?![A-Za-z'])"
    ),
    re.compile(r"\(\s*(?P<letter>[A-Ja-j])\s*\)"),
    re.compile(r"(?m)^[^\w\n]{0,9}(?P<letter>[A-J])\s?(?:\)|[.:](?=\s|$))"),
    re.compile(r"\*\*(?P<letter>[A-J])\b[^*]*\*\*"),
    re.compile(r"(?m)^[^\w\n]{0,9}(?P<letter>[A-J])[^\w\n]{0,9}$"),
    re.compile(r"(?<![\w'])(?P<letter>[B-HJ])(?![\w'])"),
)
SURE_SHAPES = _SHAPES[:1] + _SHAPES[3:5]
"""Those that mean a letter also if nobody asked for one."""
_WHOLE = re.compile(
    r"[\s$({\[*]*(?:\\(?:text|textbf|mathrm|mathbf|rm|bf)\s*\{?\s*)?[({\[*]*(?P<letter>[A-Ja-j])"
    r"(?:[\s)}\].:,$*、。]|$|(?=[\u4e00-\u9fff]))"
)
_SEVERAL = re.compile(
    r"[\s$({\[*]*(?:\\text\w*\s*\{)?\(?[A-J][)}\].*]*\s*(?:[,;/&+、]|\band\b|\bor\b|\s)\s*(?:\band\b\s*"
    r"|\bor\b\s*)?(?:\\text\w*\s*\{)?[({\[*]*[A-J](?:[\s)}\].:,;$*、]|$)"
)
_STATED = re.compile(
    r"\b(?:the\s+)?(?:correct|right|best|final)\s+(?:option|choice|answer|letter|statement)s?\s*"
    r"(?:is|are|would be|must be"
    r"|:)\s*(?:option\s+|choice\s+)?[\s*({\[$]*(?P<a>[A-J])(?![\w'])"
    r"|\b(?:option|choice|answer)\s+[*({\[]*(?P<b>[A-J])[)}\]*]*\s+is\s+(?:therefore\s+|thus\s+)?(?:the\s+)?"
    r"(?:only\s+)?(?:correct|right|only|best|answer|one)\b"
    r"|\b(?:choose|select|pick|go with|going with)\s+(?:option\s+|choice\s+|answer\s+)?"
    r"[*({\[]*(?P<c>[A-J])(?![\w']|\s*[=<>^_])",  # but no variable: "choose B = 1"
    re.IGNORECASE,
)
_AND_OTHERS = r"(?:[\s*)}\]]*(?:,|/|and|or|nor|&)[\s,]*(?:and|or)?[\s*({\[]*[A-J](?![\w']))*[\s*)}\]]*"
_ONES_BEFORE = re.compile(
    r"(?:(?:either|option|options|choice|choices|any|both|of)\s+)*(?:[*({\[]*[A-J][*)}\]]*(?:\s*,\s*|\s+)(?:"
    r"(?:and|or|nor)\s+)?)*[*({\[]*$",
    re.IGNORECASE,
)
_DENIES = re.compile(
    r"(?:\bnot|n['’]t(?: be)?|\bnor|\bneither|\bcannot(?: be)?|\beliminat\w+|\brul\w+ out|\bexclud\w+"
    r"|\breject\w*|\bdiscard\w*|\binstead of|\brather than|\bunlike|\bexcept|排除|不是|不选|除去)\s*$",
    re.IGNORECASE,
)


def as_letter(found: Found) -> Found | None:
    """'(B) 12' -> 'B'; several letters stay as they are; None if the answer does not begin with a letter of its own."""
    if re.fullmatch(r"[A-J]{2,6}", found.text) and "".join(sorted(set(found.text))) == found.text:
        return Found(", ".join(found.text), found.start, found.end, found.rule)
    if _SEVERAL.match(found.text) and len(found.text) <= 60:
        return found
    match = _WHOLE.match(found.text)
    if match is None or (match["letter"] == "a" and len(found.text.split()) > 1):
        match = next((m for shape in _SHAPES[:2] for m in shape.finditer(found.text)), None)
    return Found(match["letter"].upper(), found.start, found.end, found.rule) if match else None


def find_letter(text: str, begin: int = 0, *, shapes: tuple[re.Pattern[str], ...] = _SHAPES) -> Found | None:
    """The last letter in its strongest shape that is not denied; the article "a" and the pronoun "I" are none."""
    for shape in shapes:
        for match in reversed(list(shape.finditer(text, begin))):
            if not _denied(text, *match.span("letter")):
                start, end = match.span("letter")
                if either := re.search(r"\b([A-J])[)*\]]*,?\s+or\s+[(*\[]*$", text[max(0, start - 20) : start]):
                    return Found(f"{either[1]} or {match['letter'].upper()}", start, end, "letter")
                return Found(match["letter"].upper(), start, end, "letter")
    return None


def find_stated(text: str, begin: int = 0) -> Found | None:
    """The letter of the last statement like "option B is correct"."""
    for match in reversed(list(_STATED.finditer(text, begin))):
        name = next(name for name, value in match.groupdict().items() if value is not None)
        if match[name].isupper() and not _denied(text, *match.span(name)):
            others = re.compile(r"[)}\]*]*(?:\s*(?:,|and|&)\s*(?:and\s+)?[({\[*]*[A-J](?![\w'])[)}\]*]*)+").match(
                text, match.end(name)
            )
            end = others.end() if others else match.end(name)
            return Found(trim(text[match.start(name) : end]), match.start(name), end, "answer is")
    return None


def _denied(text: str, start: int, end: int) -> bool:
    """Whether the words around a letter say that it is not the answer: "not B", "A and C are wrong"."""
    before = text[max(0, start - 80) : start]
    ones = _ONES_BEFORE.search(before)
    if _DENIES.search(before[: ones.start()] if ones else before):
        return True
    if re.compile(r"[^.!\n?]{0,60}\?").match(text, end) or words().clause.search(text, max(0, start - 80), start):
        return True
    behind = re.compile(_AND_OTHERS).match(text, end)
    rest = text[behind.end() if behind else end : end + 150]
    return bool(words().denied.match(rest.split(".")[0].split(";")[0]))
