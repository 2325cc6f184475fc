"""The letter of a choice, in an answer and in a text."""

import re
from collections import deque

from slipstick.answers.found import Found
from slipstick.answers.trim import trim
from slipstick.answers.words import denied_behind, words

_NAMED = re.compile(
    r"\b(?:[Oo]ption|[Cc]hoice|[Aa]nswer|OPTION|CHOICE|ANSWER)\s*+(?:is\s*+)?[:\s]*+[\[({*$\\]*+\s*+"
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
    r"[\s$({\[*]*+(?:\\(?:text|textbf|mathrm|mathbf|rm|bf)\s*+\{?\s*+)?[({\[*]*+(?P<letter>[A-Ja-j])"
    r"(?:[\s)}\].:,$*、。]|$|(?=[\u4e00-\u9fff]))"
)
_SEVERAL = re.compile(
    r"[\s$({\[*]*(?:\\text\w*\s*\{)?\(?[A-J][)}\].*]*\s*(?:[,;/&+、]|\band\b|\bor\b|\s)\s*(?:\band\b\s*"
    r"|\bor\b\s*)?(?:\\text\w*\s*\{)?[({\[*]*[A-J](?:[\s)}\].:,;$*、]|$)"
)
_STATED = re.compile(
    r"\b(?:the\s+)?(?:correct|right|best|final)\s+(?:option|choice|answer|letter|statement)s?\s*"
    r"(?:is|are|would be|must be"
    r"|:)\s*+(?:option\s++|choice\s++)?[\s*({\[$]*+(?P<a>[A-J])(?![\w'])"
    r"|\b(?:option|choice|answer)\s+[*({\[]*(?P<b>[A-J])[)}\]*]*\s+is\s+(?:therefore\s+|thus\s+)?(?:the\s+)?"
    r"(?:only\s+)?(?:correct|right|only|best|answer|one)\b"
    r"|\b(?:choose|select|pick|go with|going with)\s+(?:option\s+|choice\s+|answer\s+)?"
    r"[*({\[]*(?P<c>[A-J])(?![\w']|\s*[=<>^_])",  # but no variable: "choose B = 1"
    re.IGNORECASE,
)
_LISTED_BEHIND = re.compile(r"[)}\]*]*(?:\s*(?:,|and|&)\s*(?:and\s+)?[({\[*]*(?!I\s+[a-z])[A-J](?![\w'])[)}\]*]*)+")
_ONE = r"(?<![\w'])[A-J](?![\w']|\s*[=<>^])"
_JOINT = (
    r"[)}\]*]*(?:,?\s*(?:and|or|&|as\s+well\s+as)|/)\s*(?:also\s+)?(?:(?:[Oo]ption|[Cc]hoice|[Aa]nswer)\s+)?[({\[*]*"
)
_JOINED = re.compile(
    rf"{_ONE}(?:(?:[)}}\]*]*,\s*[({{\[*]*{_ONE})*{_JOINT}{_ONE})+"
    rf"|\A[\s({{\[*]*{_ONE}(?:[)}}\]*]*,\s*[({{\[*]*{_ONE})+(?=[)}}\]*\s.]*\Z)"
)
"""Letters that are listed: "B and C", "(A), (B) or (C)", and "B, C" where they are all there is."""
_CHOSEN = re.compile(
    r"\b(?:(?i:it|that|this)\s?(?:['’]s|is|must\s+be|should\s+be|has\s+to\s+be|will\s+be)|(?i:so|thus|hence|therefore)"
    r"|(?i:which|that|this)\s+(?i:is|matches|means|corresponds\s+to|agrees\s+with)\s+(?i:option|choice|answer)"
    r"|(?i:leaves?|leaving)(?:\s+(?i:us\s+with|only))?),?\s+(?i:only\s+|just\s+|definitely\s+|option\s+|choice\s+){0,2}"
    r"[({\[*]{0,4}(?P<said>[A-J])(?=[)}\]*]{0,4}(?:\s*(?:[.,;:!(]|\n|\Z)|\s+(?:because|since|as|and|or)\b))"
    r"|(?<![\w'])[({\[*]{0,4}(?P<right>[A-J])[)}\]*]{0,4}\s+(?i:is|must\s+be|has\s+to\s+be)\s+"
    r"(?i:therefore\s+|thus\s+|clearly\s+)?(?P<also>(?i:also)\s+)?(?i:the\s+)?(?i:only\s+)?"
    r"(?i:correct|right|best)(?:\s+(?i:answer|option|choice|one))?"
    r"(?=[)\]*]{0,4}(?:\s*[.,;:!]|\s*\n|\s*\Z|\s+(?:because|since|as|and|but|too)\b))"
    r"|\b(?i:choice|option|pick|selection)\s*(?:\bis\b|:)\s*"
    r"[({\[*]{0,4}(?P<named>[A-Ja-j])(?=[)}\]*]{0,4}[.,;!\s]*(?:\n|\Z))"
)
"""A letter that a sentence chooses: "it is B", "so B.", "which is option B", "B is right", "my choice: b"."""
_OPENING = re.compile(
    r"\A[\s>#]*(?:(?i:option|choice)\s+)?(?:"
    r"\*\*\s*[(\[]?(?P<bold>[A-J])(?![\w'])[^*\n]*\*\*|[(\[]\s*(?P<bracketed>[A-Ja-j])\s*[)\]]"
    r"|(?P<alone>[A-J])(?=[.)\s]*(?:\n|\Z))|(?P<titled>[A-HJa-hj])\s?[).:](?=[ \t]+\S)"
    r"|(?P<reasoned>[A-J])(?=,?\s+(?:because|since)\b))"
)
"""The letter that a reply begins with: bold, in brackets, alone on its line, with its text or a reason."""
_TAKEN_BACK = re.compile(
    r"(?i)\b(?:wait|actually|hmm+|oops|sorry|scratch\s+that|correction|(?:on\s+)?second\s+thoughts?|i\s+was\s+wrong"
    r"|mistaken?|i\s+take\s+it\s+back|or\s+rather|reconsider\w*|let\s+me\s+re\w+)\b|\bno\s*[,:.]"
)
"""Words that may take the letter before them back."""
_JUDGED = re.compile(
    r"(?mi)^[^\w\n]{0,9}(?:(?:option|choice)\s+)?(?P<letter>(?-i:[A-J]))(?![\w'])[^\w\n✓✔✅✗✘❌]{1,9}"
    r"(?:(?P<yes>yes|true|correct|right|✓|✔|✅)|no|false|incorrect|wrong|not\s+(?:correct|right|true)|✗|✘|❌)(?!\w)"
)
"""A line with an option and whether it is right: "B - Yes"."""
_JUDGED_ROW = re.compile(
    r"(?mi)^[ \t]{0,9}\|[ \t*(]{0,9}(?:option\s)?(?P<letter>(?-i:[A-J]))[ \t*).]{0,9}\|(?:[^|\n]{0,80}\|){0,5}?"
    r"[ \t*]{0,9}(?:(?P<yes>yes|true|correct|right|✓|✔|✅)|no|false|incorrect|wrong|not\s+(?:correct|right|true)"
    r"|✗|✘|❌)(?!\w)[^|\n]{0,60}\|?[ \t]{0,9}$"
)
"""A row of a table with an option first and whether it is right last: "| B | 12 | ✅ |"."""
_BETWEEN = r"[^\w?✓✔✅✗✘❌]{0,20}"
_LETTERS_ALONE = re.compile(
    rf"{_BETWEEN}(?:[A-J](?![A-Za-z']){_BETWEEN}(?:(?:or|and)\b{_BETWEEN})?){{2,6}}|[^\w?]*[A-J]{{2,6}}[^\w?]*"
)
_MOST_ALONE = 120
_MOST = 200
"""Letters of a shape, from the end, that are looked at."""
_AND_OTHERS = r"(?:[\s*)}\]]*+(?:,|/|and|or|nor|&)[\s,]*+(?:and|or)?[\s*({\[]*+[A-J](?![\w']))*[ \t*)}\]]*"
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
    if len(found.text) <= 60 and _SEVERAL.match(found.text):
        return found
    match = _WHOLE.match(found.text)
    if match is None or (match["letter"] == "a" and len(found.text.split()) > 1):
        match = next((m for shape in _SHAPES[:3] for m in shape.finditer(found.text)), None)
    return Found(match["letter"].upper(), found.start, found.end, found.rule) if match else None


def find_letter(text: str, begin: int = 0, *, shapes: tuple[re.Pattern[str], ...] = _SHAPES) -> Found | None:
    """The last letter in its strongest shape that is not denied; the article "A" and the pronoun "I" are none."""
    for shape in shapes:
        for match in reversed(deque(shape.finditer(text, begin), maxlen=_MOST)):
            if shape in (_BOLD, _IN_WORDS) and _is_word(text, *match.span("letter")):
                continue
            if not _denied(text, *match.span("letter")):
                start, end = match.span("letter")
                return _with_others(text, start, end) or Found(match["letter"].upper(), start, end, "letter")
    return None


def find_choice(text: str, *, sure: bool = False) -> Found | None:
    """The letter that an unmarked reply chooses, first or last, and not one that it only explains; else `find_letter`.

    Letters and nothing else are one answer of several. What is taken back, or followed by another choice, is no choice.
    sure: None instead of a letter that is only the last one of the text.
    """
    if judged := _judged(text):
        return judged
    if alone := _alone(text):
        return alone
    chosen, opening = _last_chosen(text), _opening(text)
    last = chosen or opening
    if last is None:
        return None if sure else find_letter(text, _end_of_options(text))
    if back := _TAKEN_BACK.search(text, last.end):
        if sure:
            return None
        return find_letter(text, back.end()) or find_letter(text)
    return opening if opening and chosen and opening.text == chosen.text else last


def _end_of_options(text: str) -> int:
    """Where a list of options, each once, ends if the text goes on behind it, else 0: its last is no choice."""
    listed = list(_LISTED.finditer(text))
    if not 1 < len(listed) == len({line["letter"] for line in listed}):
        return 0
    end = text.find("\n", listed[-1].end())
    return end if end >= 0 and text[end:].strip() else 0


def _alone(text: str) -> Found | None:
    """Several letters and nothing else: "B, C", "**AC**", a line for each."""
    if len(text) > _MOST_ALONE or not _LETTERS_ALONE.fullmatch(text):
        return None
    letters = re.findall("[A-J]", text)
    glued = re.search("[A-J]{2}", text)
    if len(set(letters)) < len(letters) or (glued and letters != sorted(letters)):
        return None
    joint = " or " if re.search(r"\bor\b", text) else ", "
    return Found(joint.join(letters), text.index(letters[0]), text.rindex(letters[-1]) + 1, "letter")


def _judged(text: str) -> Found | None:
    """Of several lines that say of an option whether it is right, those that say so."""
    lines = list(_JUDGED.finditer(text)) or list(_JUDGED_ROW.finditer(text))
    right = [line for line in lines if line["yes"]]
    if len(lines) < 2 or not right or len({line["letter"] for line in lines}) < len(lines):
        return None
    return Found(", ".join(line["letter"] for line in right), right[0].start("letter"), right[-1].end(), "letter")


def _last_chosen(text: str) -> Found | None:
    """The last letter that a sentence chooses; with "also" beside the one before."""
    before: Found | None = None
    for match in deque(_CHOSEN.finditer(text), maxlen=_MOST):
        name = next(name for name in ("said", "right", "named") if match[name])
        start, end = match.span(name)
        if _denied(text, start, end) or (text[start] in "AI" and name == "said" and _is_word(text, start, end)):
            continue
        found = _with_others(text, start, end) or Found(match[name].upper(), start, end, "letter")
        if match["also"] and before and before.text != found.text:
            found = Found(f"{before.text}, {found.text}", before.start, end, "letter")
        before = found
    return before


def _opening(text: str) -> Found | None:
    """The letter that a reply begins with, if what follows does not go through the options nor name another alone."""
    match = _OPENING.match(text)
    if match is None:
        return None
    name = next(name for name, value in match.groupdict().items() if value is not None)
    start, end = match.span(name)
    behind = text[match.end() :]
    if _with_others(text, start, end) or _denied(text, start, end):
        return None
    if name == "bold" and _is_word(text, start, end):
        return None
    if name in ("bracketed", "titled"):
        if _PREDICATE.match(behind):
            return None
        mark = re.escape(text[end : end + 1])
        if match[name] in "Aa" and re.search(rf"[(\[]?\b[Bb]\s?{mark}", behind):
            return None
    others = {line["letter"] for shape in (_LINE, _BOLD) for line in shape.finditer(text, match.end())}
    if others - {match[name].upper()}:
        return None
    return Found(match[name].upper(), start, end, "letter")


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
    for match in reversed(deque(_STATED.finditer(text, begin), maxlen=_MOST)):
        name = next(name for name, value in match.groupdict().items() if value is not None)
        if match[name].isupper() and not _denied(text, *match.span(name)):
            others = _LISTED_BEHIND.match(text, match.end(name))
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
