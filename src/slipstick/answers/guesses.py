"""The answer of a text that marks none: what is in bold, the last formula, the last number."""

import re
from collections.abc import Iterator
from itertools import islice

from slipstick.answers.found import Found
from slipstick.answers.letters import SURE_SHAPES, find_letter
from slipstick.answers.trim import QUANTITY, cut, formulas, trim
from slipstick.answers.words import CJK, denied, words
from slipstick.number_words import CARDINALS, MAGNITUDES

_BOLD = re.compile(r"\*\*(?P<tail>[^*\n]{1,300})\*\*")
_BLOCK = re.compile(r"```(?:latex|tex|math|text|plaintext|txt)?[ \t]*\n(?P<tail>[^`]{1,1000}?)\n?```\s*[.!]?\s*$")
_SENTENCE = re.compile(r"[.!?。！？](?=\s|$|[*\"'）)」])|[。！？\n]")
_REFERENCE = re.compile(
    r"(?i)\b(?:steps?|pages?|equations?|eqs?\.|figures?|fig\.|sections?|lines?|cases?|examples?|problems?"
    r"|questions?|parts?"
    r"|tables?|chapters?|theorems?|lemmas?|methods?|options?|note|print\w*)\s*[(\[#]?$"
)
_ASIDE = re.compile(
    r",?\s+(?:because|since|as\s+(?:we|shown|listed|seen|computed|found|required|expected|stated|given"
    r"|calculated|noted))\b"
    r"|\s\(|,?\s(?P<gloss>i\.\s?e\.|that is,|or equivalently|or about|or approximately|d\.\s?h\."
    r"|c['’]est-à-dire|es decir|cioè"
    r"|ou seja|то есть|where|when|at|attained|\d+ \w+ after)\s"
    r"|[,，、]\s?(?P<glued>すなわち|つまり|즉|即|也就是|此时|其中)",
    re.IGNORECASE,
)
_CHECK = re.compile(
    r"(?:(?<=\n)|(?<=[.!] ))[ \t*_(✓✔️>-]*(?:check|verification|to verify|to check|verifying|note"
    r"|let me know|in decimal|as a decimal|numerically"
    r"|feel free|if you|hope this|probe|vérification|comprobación|verifica|prova"
    r"|проверка|検算|检验|验证|验算|검산)\b[^\n]*",
    re.IGNORECASE,
)
"""A check, a note or an offer behind the answer."""
_OR = re.compile(r"(?i)(?:\beither\s+)?(?P<one>[-−]?\d[\d.,/]*)\s+or\s+$")
_NUMBER_WORDS = re.compile(
    rf"(?i)(?<![\w-])(?:(?:{'|'.join([*CARDINALS, *MAGNITUDES])})(?:[-\s]+(?:and\s+)?(?=\w)|(?!\w)))+(?<![\s-])"
)
_ALIGNED = re.compile(r"\\begin\{(?:aligned|align\*?|gathered|split|eqnarray\*?)\}(?P<rows>.*?)\\end\{", re.DOTALL)
_BREAKS_OFF = re.compile(r"(?i)(?:\b(?:the|of|a|an|and|to|by|for|with|that|we|need|because)|[+×÷=])\s*$")
"""The end of a text that was cut off in a sentence."""
_NOTHING = re.compile(r"""(?i)["'](?:final_)?answer["']\s*:\s*(?:null|none|""|''|"(?:n/a|none|null|unknown)")""")
"""A field for the answer that is empty."""
_FILLERS = frozenset(
    ["sorry", "hello", "hi", "sure", "okay", "ok", "thanks", "unknown", "none", "done", "great", "alright", "certainly"]
)
_TRIED = 20
"""Numbers from the end that are tried."""


def find_guess(text: str, *, kind: str | None) -> Found | None:
    """The last bold value or formula or the last number of a text that marks none; None if it refuses to answer."""
    if words().refusal.search(text, max(0, len(text) - 600)) or _NOTHING.search(text) or _BREAKS_OFF.search(text[-60:]):
        return None
    text = _without_check(text)
    number = _last_number(text, bare=kind == "number")
    if kind in ("number", "text"):
        bold = next(_bold(text), None) if number else None
        if bold and number and bold.end < number.start and _same_sentence(text, bold.end, number.start):
            return _number_in(bold, kind=kind) or number
        return number or _in_words(text, kind=kind)
    candidates = [number] if number else []
    candidates += list(islice(_bold(text), 1))
    candidates += _last_formulas(text)
    if block := _BLOCK.search(text, max(0, len(text) - 1200)):
        candidates.append(Found(trim(block["tail"]), block.start("tail"), block.end(), "formula"))
    candidates = [one for one in candidates if one.text and not denied(text, one.start, one.end)]
    best = max(candidates, key=lambda found: found.end, default=None)
    bold = next((one for one in candidates if one.rule == "bold"), None)
    if bold and bold.text.lower() in ("yes", "no"):
        return bold
    if (
        best
        and bold
        and best.rule == "last number"
        and _same_sentence(text, bold.end, best.start)
        and re.search(r"\d", bold.text)
    ):
        return bold
    return best or find_letter(text, shapes=SURE_SHAPES) or _in_words(text, kind=kind)


def _without_check(text: str) -> str:
    """The text up to a check or note at its end, if there is something to find before it; as long as before."""
    for check in reversed(list(_CHECK.finditer(text))):
        if not text[check.end() :].strip() and re.search(r"\d|\*\*", text[: check.start()]):
            text = text[: check.start()] + " " * (len(text) - check.start())
    return text


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
            if re.match(r"(?i)(?:step|part|case|question|problem|method|example)\s+\w+\s*:?\s*$", content):
                continue
            if len(re.findall(rf"[{CJK}]|[^\W\d_]{{2,}}", content)) >= 3:  # a sentence
                part = cut(text, *match.span("tail"), rule="bold", kind=None)
                content = part.text if part else content
            yield Found(content, *match.span(), "bold")
        elif _is_bold_word(text, match, content):
            yield Found(content, *match.span(), "bold")


def _is_bold_word(text: str, match: re.Match[str], content: str) -> bool:
    line = text[text.rfind("\n", 0, match.start()) + 1 : match.start()]
    ends = not text[match.end() :].strip(" .!\n")
    if content.lower() in ("yes", "no") and not line.strip() and "\n" not in text[match.end() :].strip():
        return True
    return ends and bool(line.strip(" #*->0123456789.")) and 0 < len(content.split()) <= 4


def _number_in(bold: Found, *, kind: str | None) -> Found | None:
    found = _last_number(bold.text, bare=kind == "number")
    return Found(found.text, bold.start, bold.end, bold.rule) if found else None


def _last_formulas(text: str) -> list[Found]:
    """The last formula with something to say; those that are listed with it ("$1$, $2$ and $4$") are one."""
    said = [one for one in list(formulas(text))[-12:] if re.search(r"\d|\\|=", one.text)]
    if not said:
        return []
    last = [said.pop()]
    inline = not text.startswith((r"\[", "$$"), last[0].start)
    while (
        inline and said and re.fullmatch(r"(?:[ ,*、和]|\n(?!\n)|\band\b|\bor\b)+", text[said[-1].end : last[0].start])
    ):
        last.insert(0, said.pop())
    if len(last) > 1:
        return [Found(", ".join(trim(one.text) for one in last), last[0].start, last[-1].end, "formula")]
    return [_of_rows(last[0])]


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
        if denied(text, found.start, found.end) or _asked(text, match.end()):
            continue
        if _REFERENCE.search(text, max(0, match.start() - 20), match.start()):
            reference = reference or found
            continue
        return _before_aside(text, match, matches, bare=bare) or found
    return reference


def _found(text: str, match: re.Match[str], *, bare: bool) -> Found:
    if match["time"]:
        time = match["time"] if "." in match["time"][:-1] else match["time"].rstrip(".")
        return Found(time, *match.span(), "last number")
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
    aside = _ASIDE.search(text, begin, match.end() + 20)
    if not aside or aside.start() > match.start():
        return None
    between = text[aside.end() : match.start()]
    bracket = aside.group().strip() == "("
    if ")" in between if bracket else "=" in between and not (aside["gloss"] or aside["glued"]):
        return None
    if bracket and text[: aside.start()].endswith("="):
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
