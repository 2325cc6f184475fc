"""The answer of a text that marks none: what is in bold, the last formula, the last number."""

import re
from collections import deque
from collections.abc import Iterator
from itertools import islice

from slipstick.answers.behind import CHECK, SECTION
from slipstick.answers.found import Found
from slipstick.answers.letters import SURE_SHAPES, find_letter
from slipstick.answers.runs import find_run
from slipstick.answers.trim import cut, formulas, trim
from slipstick.answers.truths import find_truth
from slipstick.answers.values import CLOCK_WORDS, DIGITS, FRACTION_WORDS, QUANTITY, value_at, without_signs
from slipstick.answers.words import CJK, denied, words
from slipstick.number_words import CARDINALS, MAGNITUDES

_BOLD = re.compile(r"\*\*(?P<tail>[^*\n]{1,300})\*\*")
_BLOCK = re.compile(r"```(?:latex|tex|math|text|plaintext|txt)?[ \t]*\n(?P<tail>[^`]{1,1000}?)\n?```\s*+(?:[.!]\s*+)?$")
_SENTENCE = re.compile(r"[.!?。！？](?=\s|$|[*\"'）)」])|[。！？\n]")
_REFERENCE = re.compile(
    r"(?i)\b(?:steps?|pages?|equations?|eqs?\.|figures?|fig\.|sections?|lines?|cases?|examples?|problems?"
    r"|questions?|parts?"
    r"|tables?|chapters?|theorems?|lemmas?|methods?|options?|note|print\w*)\s*[(\[#]?$"
)
_STEP = re.compile(r"\d{1,2}[.)]\s+\**[^\W\d_]{2,}")
"""The number of a step where a line begins: "3. Add them up."."""
_ASIDE = re.compile(
    r"(?:,|(?<![^\S\n]))\s++(?:because|since"
    r"|denn|weil|da|car|parce que|puisque|ya que|porque|pues|puesto que"
    r"|pois|já que|perché|poiché|так как|потому что|поскольку|ведь"
    r"|as\s+(?:we|shown|listed|seen|computed|found|required|expected|stated|given"
    r"|calculated|noted))\b"
    r"|\s\(|,?\s(?P<gloss>i\.\s?e\.|that is,|or equivalently|or about|or approximately|d\.\s?h\."
    r"|c['’]est-à-dire|es decir|cioè"
    r"|ou seja|то есть|where|when|at|attained|\d+ \w+ after"
    r"|which makes sense|which checks out|which works|and indeed|as(?=\s[$€£(]?\d[\d.,]*\s?[<>≤≥]))\s"
    r"|[,，、]\s?(?P<glued>すなわち|つまり|즉|即|也就是|此时|其中)",
    re.IGNORECASE,
)
_LISTED = re.compile(
    r"(?<![\w.,])(?P<count>\d{1,2})\s[^.:;\n\d$=]{1,60}(?::\s|\()(?P<items>[^.:;()\n]{1,300})\)?[\s.!$*]*\Z"
)
"""A count with what was counted behind it: "3 such numbers: 3, 6 and 9"."""
CONCLUDES = re.compile(
    r"(?i)\b(?:therefore|thus|hence|so|in total|altogether|also|folglich|insgesamt|donc|portanto|por tanto|por lo tanto"
    r"|quindi|значит|итого|следовательно)\b|因此|所以|总共|一共|따라서|よって|したがって|∴"
)
"""A part with such a word gives an answer of its own."""
_STATED = re.compile(rf"(?:\$|\\\]|\\\)|\*\*)\s?[{CJK}]{{0,5}}[\s.!。]*\Z")
"""The end of a text that ends with a formula or something in bold."""
_BRACKETED = re.compile(r"\n[ \t*_]*\((?=[^()\n]*[^\W\d_]{2})[^\n]*\)[ \t.*_。]*\Z")
"""A last line in brackets, with words."""
_OUT_OF = re.compile(
    r"(?<![\w.,])[$€£]?\d[\d.,]*(?:\s[^\W\d_]+){1,4}\s(?:out\sof(?:\s(?:the|an?))?|of\sthe)\s(?:(?:original|total)\s)?[$€£]?\Z"
)
"""A part with its noun before the number of the whole: "60 pages out of 150"."""
_RAISED = re.compile(
    r"\\(?:text|mathrm|operatorname|rm)\s*\{[^{}]{0,20}\}\s*\^\s*\{?$|(?<![A-Za-z])(?:[kcmd]?m|in|ft|yd|mi)\^\{?$"
)
"""What is before the exponent of a unit."""
_NUMERAL = r"[-−+]?\s?(?:\d+(?:\.\d+)?(?:/\d+)?|∞)"
_PLAIN = re.compile(
    rf"(?<![\w<>≤≥=])(?:{_NUMERAL}\s?[<≤]=?\s?)[a-z]\s?[<≤]=?\s?{_NUMERAL}(?![\w^])"
    rf"|(?<![\w<>≤≥=)])[a-z]\s?[<>≤≥]=?\s?{_NUMERAL}(?![\w^])"
    rf"|(?<![\w<>≤≥=)])(?P<letter>[a-z])\s?=\s?{_NUMERAL}(?:,?\s(?:or|and)\s(?P=letter)\s?=\s?{_NUMERAL})+(?![\w^])"
    rf"|(?<![\w\\)])[(\[]\s?{_NUMERAL}\s?,\s?{_NUMERAL}\s?[)\]]"
)
"""An inequality, two solutions, an interval or a point that is written without formula signs."""
_EQUALS = re.compile(r"(?<![<>!:=\\])=(?!=)")
_NAME = re.compile(r"\s*(?:\\?[A-Za-z]+(?:_\w|_\{[^{}]*\})?'*(?:\([^()]{1,12}\))?|\d[\d.,]*)\s*$")
OPERATION = re.compile(r"\s*\\(?:int|sum|prod|lim|[dt]?frac\s*\{\s*(?:d|\\mathrm\{d\}|\\partial))(?![a-z])")
"""The left side of a derivation: what it is about has a name, or an operation to carry out."""
_IS_WORDS = re.compile(
    r"(?!\W*(?:[Nn]o(?:body|ne|thing|where)?|[Nn]either|[Hh]ardly|I\s+doubt|[Ii]f|[Uu]nless|[Ww]hether)\b|[^\n]{0,40}\banswer\b)"
    r"[^\n]{0,300}?(?:(?<=[a-z])['’]s|\b(?:is|are|was|were|(?:will|must|would|should)\s+be|falls?|fell|lands?))\s+(?:(?:born|held|called|named|due)\s+)?(?:(?:on|in|at)\s+)?"
    r"(?:(?:an?|the)\s+)?\**(?P<words>(?!(?:not|n't|no)\b)[^\W\d_][\w'’-]*+(?:\s[^\W\d_][\w'’-]*+){0,2})\**(?:,?\s+(?:and\s+)?not\s[^\n]{1,60})?\Z"
)
"""A sentence that ends with what its subject is, in words, and is not about an answer."""
_OPENED = re.compile(
    r"\A\s*\*\*(?P<bold>(?:[^*\n]{0,20}\d[^*\n]{0,40}(?=\*\*[.\s]*\n\s*\**(?:because|since|as|explanation|reason\w*|here['’]?s|this)\b)"
    rf"|[$€£]?{DIGITS}%?(?:\s[^\W\d_]+)?))\*\*[.\s]*\n\s*\**",
    re.IGNORECASE,
)
"""A reply that begins with its answer in bold, on a line of its own, and goes on to explain it."""
_CORRECTS = re.compile(r"(?i)\b(?:wait|actually|hmm+|sorry|oops|correction|mistaken?|instead)\b|\*\*|\\boxed")
NUMBER_WORDS = re.compile(
    rf"(?i)(?<![\w-])(?:(?:negative|minus)\s)?(?:(?:{CLOCK_WORDS}|{FRACTION_WORDS})"
    rf"|(?:(?:{'|'.join([*CARDINALS, *MAGNITUDES])})(?:[-\s]+(?:and\s+)?(?=\w)|(?!\w)))+(?<![\s-]))"
)
_ALIGNED = re.compile(r"\\begin\{(?:aligned|align\*?|gathered|split|eqnarray\*?)\}(?P<rows>.*?)\\end\{", re.DOTALL)
_BREAKS_OFF = re.compile(
    r"(?i)(?:\b(?:the|of|(?<=\s)(?-i:a)|an|and|to|by|for|with|that|we|need|because|not|than|so|if)|[+×÷=])\s*$"
)
"""The end of a text that was cut off in a sentence."""
_NOTHING = re.compile(
    r"""(?i)["']error["']\s*:\s*["'][^"']|["'](?:final_)?answer["']\s*:\s*(?:null|none|""|''|"(?:n/a|none|null|unknown)")"""
)
"""A field for the answer that is empty."""
_FILLERS = frozenset(
    ["sorry", "hello", "hi", "sure", "okay", "ok", "thanks", "unknown", "none", "done", "great", "alright", "certainly"]
)
_TRIED = 20
"""Numbers, and headings and notes, from the end that are tried."""


def find_guess(text: str, *, kind: str | None) -> Found | None:
    """The last bold value or formula or the last number of a text that marks none; None if it refuses to answer."""
    if declines(text):
        return None
    text = without_check(text)
    if kind != "number":
        text = without_signs(text)
    number = _counted(text) if kind == "number" else None
    number = number or _number_or_run(text, bare=kind == "number")
    if opened := _OPENED.match(text):
        rest = text[opened.end() :]
        if not (CONCLUDES.search(rest) or _CORRECTS.search(rest)):
            return Found(trim(opened["bold"]), *opened.span("bold"), "bold")
    if kind == "text" and (verdict := _verdict(text)):
        return verdict
    if kind in ("number", "text"):
        bold = next(_bold(text), None) if number else None
        if bold and number and bold.end < number.start and _same_sentence(text, bold.end, number.start):
            return _number_in(bold, kind=kind) or number
        return number or _in_words(text, kind=kind)
    candidates = list(islice(_bold(text), 1))
    candidates += _last_formulas(text)
    aside = number and number.rule == "last number" and candidates and _in_formula(text, number)
    if number and not (aside and _in_aside(text, number.start)):
        candidates.append(number)
    candidates += [
        Found(one.group(), one.start(), max(one.end(), number.end), "formula")
        for one in _PLAIN.finditer(text)
        if number and one.start() < number.start and number.start < one.end()
    ][-1:]
    if block := _BLOCK.search(text, max(0, len(text) - 1200)):
        candidates.append(Found(trim(block["tail"]), block.start("tail"), block.end(), "formula"))
    candidates = [one for one in candidates if one.text and not denied(text, one.start, one.end)]
    best = max(candidates, key=lambda found: (found.end, -found.start), default=None)
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


def declines(text: str) -> bool:
    """Whether a text refuses to answer, says that it has no answer, or breaks off."""
    return bool(words().refusal.search(text, max(0, len(text) - 600)) or _NOTHING.search(text) or breaks_off(text))


def breaks_off(text: str) -> bool:
    """Whether a text was cut off in a sentence."""
    return _BREAKS_OFF.search(text[-60:]) is not None


def without_check(text: str) -> str:
    """The text up to a check or note at its end, if there is something to find before it; as long as before."""
    for section in reversed(deque(SECTION.finditer(text), maxlen=_TRIED)):
        rest = text[section.end() :]
        if _STATED.search(text, max(0, section.start() - 2000), section.start()) and not CONCLUDES.search(rest):
            text = text[: section.start()] + " " * (len(text) - section.start())
    if (aside := _BRACKETED.search(text)) and re.search(r"\d", text[: aside.start()]):
        text = text[: aside.start()] + " " * (len(text) - aside.start())
    for check in reversed(deque(CHECK.finditer(text), maxlen=_TRIED)):
        if not text[check.end() :].strip() and re.search(r"\d|\*\*", text[: check.start()]):
            text = text[: check.start()] + " " * (len(text) - check.start())
    return text


def _number_or_run(text: str, *, bare: bool) -> Found | None:
    """The last number, or the ratio, list or formula of which it is a part."""
    number = _last_number(text, bare=bare)
    run = find_run(text) if number else None
    return run if number and run and run.start <= number.start < run.end else number


def _counted(text: str) -> Found | None:
    """The count in front of a list of as many items at the end of a text."""
    listed = _LISTED.search(text, max(0, len(text) - 400))
    if not listed:
        return None
    items = re.split(r",\s*(?:and|und|et|y|e|и)\s|,|、|\s(?:and|und|et|y|e|и)\s", listed["items"])
    counted = len([item for item in items if item.strip(" $*")])
    return Found(listed["count"], *listed.span("count"), "last number") if counted == int(listed["count"]) else None


def _verdict(text: str) -> Found | None:
    """The words in bold in the last sentence, yes or no, or what the last sentence says that something is."""
    end = len(text.rstrip())
    line = text.rfind("\n", 0, end) + 1
    bolds = [match for match in _BOLD.finditer(text, line, end) if not re.search(r"[\d\\=]", match["tail"])]
    numbers = re.search(r"\d", text[bolds[-1].end() : end]) if bolds else None
    if len(bolds) == 1 and not numbers and not text.startswith(":", bolds[0].end()):
        content = trim(bolds[0]["tail"])
        if content and len(content.split()) <= 4 and not bolds[0]["tail"].rstrip().endswith(":"):
            return Found(content, *bolds[0].span(), "bold")
    return find_truth(text) or _predicate(text)


def _predicate(text: str) -> Found | None:
    """The words that the last sentence says something is: "10 days after Tuesday is Friday"."""
    end = len(text.rstrip(" \n.!*"))
    said = _IS_WORDS.match(text, _sentence_start(text, end), end)
    return Found(trim(said["words"]), *said.span("words"), "word") if said else None


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
    while said and _in_aside(text, said[-1].start):
        said.pop()
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
    return [_last_side(_of_rows(last[0]))]


def _last_side(formula: Found) -> Found:
    r"""Of a derivation in one line the last side: `(x+1)^2 = (x+1)(x+1) = x^2+2x+1`, `\int 2x\,dx = x^2 + C`."""
    sides = _EQUALS.split(formula.text)
    if (
        len(sides) < 2
        or _NAME.match(sides[0])
        or re.search(r"[<>]|(?<!\\)[,;]|\\(?:[lg]eq?|neq?|quad|text|begin|pm)\b", formula.text)
    ):
        return formula
    if len(sides) == 2 and not OPERATION.match(sides[0]):
        return formula
    last = re.sub(r"^\\(?:mathbf|boldsymbol|bm)\s*\{(?P<inner>[^{}]*)\}$", r"\g<inner>", trim(sides[-1]))
    return Found(last, formula.start, formula.end, formula.rule) if last else formula


def _in_formula(text: str, found: Found) -> bool:
    begin = max(0, found.start - 1000)
    return any(one.start < found.start < one.end for one in formulas(text[: found.end + 200], begin))


def _in_aside(text: str, place: int) -> bool:
    """Whether a place is in a bracket of its sentence, or behind the reason it gives."""
    aside = _ASIDE.search(text, _sentence_start(text, place), place)
    if not aside or aside["gloss"] or aside["glued"]:
        return False
    return aside.group().strip() != "(" or ")" not in text[aside.end() : place]


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
        found = value_at(text, match, bare=bare)
        if denied(text, found.start, found.end) or _asked(text, match.end()):
            continue
        if _RAISED.search(text, max(0, match.start() - 40), match.start()):
            continue
        if _STEP.match(text, match.start()) and text[: match.start()].rstrip(" ")[-1:] in ("", "\n"):
            continue
        if _REFERENCE.search(text, max(0, match.start() - 20), match.start()):
            reference = reference or found
            continue
        if (part := _OUT_OF.search(text, max(0, match.start() - 60), match.start())) and not match["percent"]:
            return value_at(text, next(one for one in matches if one.end() > part.start()), bare=bare)
        return _before_aside(text, match, matches, bare=bare) or found
    return reference


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
    return value_at(text, earlier[-1], bare=bare) if earlier else None


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
        for match in NUMBER_WORDS.finditer(text)
        if match.group().lower() not in ("one", "zero", "hundred", "thousand", "dozen", "million")
    ]
    return Found(found[-1].group(), *found[-1].span(), "word") if found else None
