"""The answer of a text that marks none: what is in bold, the last formula, the last number."""

import re
from collections.abc import Iterator
from itertools import islice

from slipstick.answers.found import Found
from slipstick.answers.letters import SURE_SHAPES, find_letter
from slipstick.answers.trim import QUANTITY, formulas, trim
from slipstick.answers.words import words
from slipstick.number_words import CARDINALS, MAGNITUDES

_BOLD = re.compile(r"\*\*(?P<tail>[^*\n]{1,300})\*\*")
_BLOCK = re.compile(r"```(?:latex|tex|math|text|plaintext|txt)?[ \t]*\n(?P<tail>[^`]{1,1000}?)\n?```\s*[.!]?\s*$")
_SENTENCE = re.compile(r"[.!?。！？](?=\s|$|[*\"'）)」])|[。！？\n]")
_REFERENCE = re.compile(
    r"(?i)\b(?:steps?|pages?|equations?|eqs?\.|figures?|fig\.|sections?|lines?|cases?|examples?|problems?"
    r"|questions?|parts?"
    r"|tables?|chapters?|theorems?|lemmas?|methods?|options?|note)\s*[(\[#]?$"
)
_ASIDE = re.compile(
    r",?\s+(?:because|since|as\s+(?:we|shown|listed|seen|computed|found|required|expected|stated|given"
    r"|calculated|noted))\b"
    r"|\s+\((?=\s*(?:since|because|as|that\s+is|i\.\s?e\.|or|which|where|from|see|about|approximately|rounded"
    r"|equivalently|≈|=|\d[\d\s]*[-+*/×]))",
    re.IGNORECASE,
)
_OR = re.compile(r"(?i)(?:\beither\s+)?(?P<one>[-−]?\d[\d.,/]*)\s+or\s+$")
_NUMBER_WORDS = re.compile(
    rf"(?i)(?<![\w-])(?:(?:{'|'.join([*CARDINALS, *MAGNITUDES])})(?:[-\s]+(?:and\s+)?(?=\w)|(?!\w)))+(?<![\s-])"
)
_ALIGNED = re.compile(r"\\begin\{(?:aligned|align\*?|gathered|split|eqnarray\*?)\}(?P<rows>.*?)\\end\{", re.DOTALL)
_FILLERS = frozenset(
    ["sorry", "hello", "hi", "sure", "okay", "ok", "thanks", "unknown", "none", "done", "great", "alright", "certainly"]
)
_TRIED = 20
"""Numbers from the end that are tried."""


def find_guess(text: str, *, kind: str | None) -> Found | None:
    """The last bold value or formula or the last number of a text that marks none; None if it refuses to answer."""
    if words().refusal.search(text, max(0, len(text) - 600)):
        return None
    number = _last_number(text, bare=kind == "number")
    if kind in ("number", "text"):
        bold = next(_bold(text), None) if number else None
        if bold and number and bold.end < number.start and _same_sentence(text, bold.end, number.start):
            return _number_in(bold, kind=kind) or number
        return number or _in_words(text, kind=kind)
    candidates = [number] if number else []
    candidates += list(islice(_bold(text), 1))
    candidates += [_of_rows(one) for one in list(formulas(text))[-3:] if re.search(r"\d|\\|=", one.text)]
    if block := _BLOCK.search(text, max(0, len(text) - 1200)):
        candidates.append(Found(trim(block["tail"]), block.start("tail"), block.end(), "formula"))
    candidates = [one for one in candidates if one.text and not _denied(text, one)]
    best = max(candidates, key=lambda found: found.end, default=None)
    bold = next((one for one in candidates if one.rule == "bold"), None)
    if (
        best
        and bold
        and best.rule == "last number"
        and _same_sentence(text, bold.end, best.start)
        and re.search(r"\d", bold.text)
    ):
        return bold
    return best or find_letter(text, shapes=SURE_SHAPES) or _in_words(text, kind=kind)


def last_number(text: str) -> Found | None:
    """The last number of a line, without its unit."""
    return _last_number(text, bare=True)


def _bold(text: str) -> Iterator[Found]:
    """What is in bold, the last first, without headings: a value, or a few words in the last sentence."""
    for match in reversed(list(_BOLD.finditer(text))):
        content = trim(match["tail"])
        if match["tail"].rstrip().endswith(":") or text.startswith(":", match.end()):
            continue  # a heading
        if re.search(r"\d|\\|=", content):
            if not re.match(r"(?i)(?:step|part|case|question|problem|method|example)\s+\w+\s*:?\s*$", content):
                yield Found(content, *match.span(), "bold")
        elif _is_bold_word(text, match, content):
            yield Found(content, *match.span(), "bold")


def _is_bold_word(text: str, match: re.Match[str], content: str) -> bool:
    line = text[text.rfind("\n", 0, match.start()) + 1 : match.start()]
    ends = not text[match.end() :].strip(" .!\n")
    return ends and bool(line.strip(" #*->0123456789.")) and 0 < len(content.split()) <= 4


def _number_in(bold: Found, *, kind: str | None) -> Found | None:
    found = _last_number(bold.text, bare=kind == "number")
    return Found(found.text, bold.start, bold.end, bold.rule) if found else None


def _of_rows(formula: Found) -> Found:
    r"""Of aligned rows, the last: `\begin{aligned} x &= 3+4 \\ &= 7 \end{aligned}` is 7."""
    rows = _ALIGNED.search(formula.text)
    if not rows:
        return Found(trim(formula.text), formula.start, formula.end, formula.rule)
    last = [row for row in rows["rows"].split(r"\\") if row.strip(" &\n")][-1:]
    row = last[0].replace("&", " ").strip() if last else formula.text
    return Found(trim(re.sub(r"^=\s*", "", row)), formula.start, formula.end, formula.rule)


def _last_number(text: str, *, bare: bool) -> Found | None:
    """The last number that is not denied, asked, a reference or an aside; with money sign and unit unless `bare`."""
    matches = list(QUANTITY.finditer(text))[-_TRIED:]
    reference = None
    for match in reversed(matches):
        found = _found(text, match, bare=bare)
        if _denied(text, found) or _asked(text, match.end()):
            continue
        if _REFERENCE.search(text, max(0, match.start() - 20), match.start()):
            reference = reference or found
            continue
        return _before_aside(text, match, matches, bare=bare) or found
    return reference


def _found(text: str, match: re.Match[str], *, bare: bool) -> Found:
    if match["time"]:
        return Found(match["time"], *match.span(), "last number")
    number = match["number"].rstrip(",") + ("%" if match["percent"] else "")
    if either := _OR.search(text, max(0, match.start() - 40), match.start("number")):
        return Found(f"{either['one']} or {number}", either.start(), match.end(), "last number")
    if bare:
        return Found(number, match.start("number"), match.end(), "last number")
    unit = "" if match["percent"] else match["unit"] or ""
    return Found(
        (match["money"] or "") + number + (match["behind"] or "").strip(" $") + unit,
        match.start(),
        match.end(),
        "last number",
    )


def _before_aside(text: str, match: re.Match[str], matches: list[re.Match[str]], *, bare: bool) -> Found | None:
    """The last number of the main clause, if this one is in an aside behind it: "8, as we listed 8"."""
    begin = _sentence_start(text, match.start())
    aside = _ASIDE.search(text, begin, match.start() + 1)
    if not aside:
        return None
    between = text[aside.end() : match.start()]
    if ")" in between if text[aside.start() : aside.end()].strip() == "(" else "=" in between:
        return None
    earlier = [one for one in matches if begin <= one.start() and one.end() <= aside.start() + 1]
    earlier = [one for one in earlier if not _REFERENCE.search(text, max(0, one.start() - 20), one.start())]
    return _found(text, earlier[-1], bare=bare) if earlier else None


def _sentence_start(text: str, place: int) -> int:
    begin = max(0, place - 400)
    ends = [stop.end() for stop in _SENTENCE.finditer(text, begin, place)]
    return ends[-1] if ends else begin


def _same_sentence(text: str, start: int, end: int) -> bool:
    return end - start <= 300 and not _SENTENCE.search(text, start, end)


def _asked(text: str, place: int) -> bool:
    """Whether the sentence around a place is a question."""
    stop = _SENTENCE.search(text, place, place + 300)
    return bool(stop and stop.group() in "?？")


def _denied(text: str, found: Found) -> bool:
    """Whether the words around it say that it is not the answer."""
    if words().negation.search(text, max(0, found.start - 60), found.start):
        return True
    behind = re.compile(r"[^.!?\n]{0,120}").match(text, found.end)
    return bool(behind and words().denied.match(behind.group()))


def _in_words(text: str, *, kind: str | None) -> Found | None:
    """A number in words, or the only word, of a text without a digit."""
    if re.search(r"\d", text):
        return None
    stripped = text.strip(" \n*.!\"'")
    if kind != "number" and re.fullmatch(r"[^\W\d_]{2,30}", stripped) and stripped.lower() not in _FILLERS:
        start = text.find(stripped)
        return Found(stripped, start, start + len(stripped), "word")
    found = [
        match
        for match in _NUMBER_WORDS.finditer(text)
        if match.group().lower() not in ("one", "zero", "hundred", "thousand", "dozen", "million")
    ]
    return Found(found[-1].group(), *found[-1].span(), "word") if found else None
