"""The letter of a choice, in an answer and in a text."""

import re

from slipstick.answers.found import Found
from slipstick.answers.trim import trim
from slipstick.answers.words import denied_behind, words

_NAMED = re.compile(
    r"\b(?:[Oo]ption|[Cc]hoice|[Aa]nswer|OPTION|CHOICE|ANSWER)\s*(?:is\s*)?[:\s]*[\[({*$\\]*\s*"
    r"(?:text\s*\{)?\(?(?P<letter>[A-J])\b(?![A-Za-z'])"
)
_NAMED_SMALL = re.compile(r"(?i:\b(?:option|choice))\s+[({\[*]*(?P<letter>[a-j])(?=[)}\]*]*\s*(?:[.,;:!?]|\Z))")
_BRACKETED = re.compile(r"\(\s*(?P<letter>[A-Ja-j])\s*\)")
_LISTED = re.compile(r"(?m)^[^\w\n]{0,9}(?P<letter>[A-J])\s?(?:\)|[.:](?=\s|$))")
_BOLD = re.compile(r"\*\*(?P<letter>[A-J])\b[^*]*\*\*")
_LINE = re.compile(r"(?m)^[^\w\n]{0,9}(?P<letter>[A-J])[^\w\n]{0,9}$")
_ALONE = re.compile(r"\A[\s\W]{0,9}(?P<letter>[a-j])[\s\W]{0,9}\Z")
_IN_WORDS = re.compile(r"(?<![\w'])(?P<letter>[A-J])(?![\w'])")
_SHAPES = (_NAMED, _NAMED_SMALL, _BRACKETED, _LISTED, _BOLD, _LINE, _ALONE, _IN_WORDS)
"""Of a letter, the strongest first: "option B", "option b.", "(b)", "B)" and "B." where a line begins, "**B**", a line
and a text of its own, anywhere."""
SURE_SHAPES = (_NAMED, _BOLD, _LINE)
"""Those that mean a letter also if nobody asked for one."""
_PREDICATE = re.compile(
    r"\s+(?:is|was|has|does|could|might|must|should|would|can(?!\s+of\b)|will\s+be|seems|looks|appears|fits|works|matches"
    r"|gives|satisfies|holds|remains|follows|because|since|as|and|or|but|by|in|on|to|from|with|the|it|this|that|we|est"
    r"|ist|es|é|è)(?!\w)"
)
"""Words behind the name of an option, which stand behind no article."""
_NOUN = re.compile(r"[ \t]+[*_\"'‘“$\\({\[]*[^\W\d_]|\s*[=<>^+/]|[ \t]+[-+*$]*\d\S*[ \t]+\S|-[a-z]")
"""What stands behind an article, or behind a variable."""
_WITHIN = re.compile(r"[a-z],?[ ]$")
_VERB = re.compile(r"[ ](?:[a-z]+[^\Ws]s|[a-z]+ed)\b")
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
_ONE = r"(?<![\w'])[A-J](?![\w']|\s*[=<>^])"
_JOINT = (
    r"[)}\]*]*(?:,?\s*(?:and|or|&|as\s+well\s+as)|/)\s*(?:also\s+)?(?:(?:[Oo]ption|[Cc]hoice|[Aa]nswer)\s+)?[({\[*]*"
)
_JOINED = re.compile(
    rf"{_ONE}(?:(?:[)}}\]*]*,\s*[({{\[*]*{_ONE})*{_JOINT}{_ONE})+"
    rf"|\A[\s({{\[*]*{_ONE}(?:[)}}\]*]*,\s*[({{\[*]*{_ONE})+(?=[)}}\]*\s.]*\Z)"
)
"""Letters that are listed: "B and C", "(A), (B) or (C)", and "B, C" where they are all there is."""
_AND_OTHERS = r"(?:[\s*)}\]]*(?:,|/|and|or|nor|&)[\s,]*(?:and|or)?[\s*({\[]*[A-J](?![\w']))*[\s*)}\]]*"
_ONES_BEFORE = re.compile(
    r"(?:\b(?:either|option|options|choice|choices|any|both|of)\s+)*(?:[*({\[]*[A-J][*)}\]]*(?:\s*,\s*|\s+)(?:"
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
        match = next((m for shape in _SHAPES[:3] for m in shape.finditer(found.text)), None)
    return Found(match["letter"].upper(), found.start, found.end, found.rule) if match else None


def find_letter(text: str, begin: int = 0, *, shapes: tuple[re.Pattern[str], ...] = _SHAPES) -> Found | None:
    """The last letter in its strongest shape that is not denied; the article "A" and the pronoun "I" are none."""
    for shape in shapes:
        for match in reversed(list(shape.finditer(text, begin))):
            if shape in (_BOLD, _IN_WORDS) and _is_word(text, *match.span("letter")):
                continue
            if not _denied(text, *match.span("letter")):
                start, end = match.span("letter")
                return _with_others(text, start, end) or Found(match["letter"].upper(), start, end, "letter")
    return None


def _with_others(text: str, start: int, end: int) -> Found | None:
    """The letters listed with the one at text[start:end], "both B and C" or "B or C"; None if it is alone."""
    begin, stop = max(0, start - 60), end + 60
    for listed in _JOINED.finditer(text, begin, stop):
        if listed.start() <= start and end <= listed.end():
            letters = [one.start() for one in re.compile("[A-J]").finditer(text, *listed.span())]
            kept = [text[one] for one in letters if not _is_word(text, one, one + 1)]
            either = " or " if re.search(r"\bor\b", listed.group()) else ", "
            return Found(either.join(kept), *listed.span(), "letter") if len(set(kept)) > 1 else None
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


def _is_word(text: str, start: int, end: int) -> bool:
    """Whether a capital A is the article or a variable, and not an option, or a capital I is the pronoun."""
    if text[start] == "I":
        return not re.compile(r"\*\*|[.!\s]*\Z|\s+is\s+(?:correct|right|the)\b").match(text, end)
    if text[start] != "A" or _PREDICATE.match(text, end):
        return False
    within = _WITHIN.search(text, max(0, start - 3), start)
    return _NOUN.match(text, end) is not None and not (within and _VERB.match(text, end))


def _denied(text: str, start: int, end: int) -> bool:
    """Whether the words around a letter say that it is not the answer: "not B", "A and C are wrong"."""
    before = text[max(0, start - 80) : start]
    ones = _ONES_BEFORE.search(before)
    if _DENIES.search(before[: ones.start()] if ones else before):
        return True
    if re.compile(r"[^.!\n?]{0,60}\?").match(text, end) or words().clause.search(text, max(0, start - 80), start):
        return True
    behind = re.compile(_AND_OTHERS).match(text, end)
    begin = behind.end() if behind else end
    clause = re.split("[.;]", text[begin : end + 150])[0]
    return denied_behind(text, begin, begin + len(clause), text[start:end])
