r"""Finds the final answer in what a model wrote or a program printed; whether it is correct is decided elsewhere.

The rules, strongest first: the last `\boxed{...}` (a later "####" or "Final answer:" beats it), "####",
"Final answer:", "The answer is", "Answer:", for multiple choice a letter in its usual shapes, a bold or displayed
formula at the end, and as a last resort the last number. Units, money and percent signs stay in the answer.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from slipstick.thoughts import split_thoughts

if TYPE_CHECKING:
    from slipstick.schema import Block

_NUMBER = r"[-−–]?(?:\d[\d,]*(?:\.\d+)?|\.\d+)(?:[eE][-+]?\d+)?"
_LAST_NUMBER = re.compile(
    rf"(?<![\w.])(?P<money>\\?[$€£¥])?(?P<number>{_NUMBER}(?:/\d+)?)(?P<percent>\s?\\?%)?"
    r"(?P<unit>\s?(?:[kcm]m[²³]?|k?g|m[lL]|L|lbs?|oz|ft|inch(?:es)?|feet|met(?:er|re)s?|kilomet(?:er|re)s?|miles?|yards?|hours?"
    r"|minutes?|seconds?|days?|weeks?|months?|years?|dollars?|cents?|euros?|pounds?|degrees?|°[CF]?|mph|km/h|m/s)(?![\w/^]))?"
)
_BOX = re.compile(r"\\f?boxed\s*\{|\\fbox\s*\{|\\boxed\s+(?=[^\s{])")
_HASHES = re.compile(r"####\s*(?P<tail>.*)")
_HEADING = re.compile(r"(?im)^[ #*_]*(?:the )?(?:final )?answer[ *_#]*$(?P<tail>)")
_TAGGED = re.compile(r"<answer>(?P<tail>.{0,2000}?)</answer>", re.DOTALL | re.IGNORECASE)
_FIELD = re.compile(
    r"""[{,\n][ \t]*["'](?:final_)?answer["']\s*:\s*(?:"(?P<tail>(?:[^"\\]|\\.){0,500})"|'(?P<quoted>[^']{0,500})'"""
    r"""|(?P<bare>[^\s"',}\]]{1,100}))\s*(?=[,}]|$)""",
    re.IGNORECASE,
)
_FOREIGN = re.compile(
    r"(?:(?:最终)?答案(?:是|为|為|：|:)|答えは|(?:故|因此|所以)?(?:应)?选(?:择)?\s*(?:[:：]|(?=[A-J]))"
    r"|(?i:la respuesta (?:final )?es|la réponse (?:finale )?est|a resposta (?:final )?é"
    r"|die antwort (?:lautet|ist)|la risposta (?:finale )?è|antwort:|respuesta:|réponse\s?:|ответ:))"
    r"[ \t:：]*(?P<tail>(?:(?!です)[^。；\n])*)"
)
_FINAL = re.compile(r"\bfinal\s+answer\*{0,3}\s*(?::|is\b:?)[\s*:]*(?P<tail>.*)", re.IGNORECASE)
_ANSWER_IS = re.compile(
    r"\banswers?\**\s*(?:to [^.\n]{1,80}? )?(?:is|are|would be|will be)\b[\s:*]*(?P<tail>.*)", re.IGNORECASE
)
_ANSWER = re.compile(r"\banswer\s*\**\s*[:=]\s*\**(?P<tail>.*)", re.IGNORECASE)
_BOLD = re.compile(r"\*\*(?P<tail>[^*\n]+)\*\*")
_FORMULA = re.compile(
    r"\$\$(?P<a>.{1,1000}?)\$\$|\\\[(?P<b>.{1,1000}?)\\\]|\\\((?P<c>.{1,1000}?)\\\)|(?<!\\)\$(?P<d>[^$\n]{1,1000}?)(?<!\\)\$",
    re.DOTALL,
)
_GUESSES = frozenset(("last number", "bold", "formula", "letter"))
_MARKERS = (("answer is", _ANSWER_IS), ("answer", _ANSWER), ("heading", _HEADING), ("answer is", _FOREIGN))
# A prose tail that goes on after the answer: "12, because ...", "7, not 8".
_AFTERWARDS = re.compile(
    r",?\s+(?:because|since|which|as\s+(?:we|the)|not\b|so\b|where\b|i\s+hope|hence|therefore)\b", re.IGNORECASE
)
_SENTENCE_END = re.compile(r"(?<![\d\s])[.!](?=\s+[A-Z*$\\#<]|\s*$)|(?<=\d)[.!](?=\s+[A-Z*$\\#<]|\s*$)|\n\n|<\|")
_LETTER_SHAPES = (
    # "(B)", "\text{(B)}", "option B", "choice (B)", "B)", "B.", "B:" at the start of a line, "**B**", a line of its own
    re.compile(
        r"\b(?:option|choice|answer)\s*(?:is\s*)?[:\s]*[\[({*$\\]*\s*(?:text\s*\{)?\(?(?P<letter>[A-J])\b(?![A-Za-z'])"
    ),
    re.compile(r"\(\s*(?P<letter>[A-Ja-j])\s*\)"),
    re.compile(r"(?m)^[^\w\n]{0,9}(?P<letter>[A-J])\s?(?:\)|[.:](?=\s|$))"),
    re.compile(r"\*\*(?P<letter>[A-J])\b[^*]*\*\*"),
    re.compile(r"(?m)^[^\w\n]{0,9}(?P<letter>[A-J])[^\w\n]{0,9}$"),
    re.compile(r"(?<![\w'])(?P<letter>[B-HJ])(?![\w'])"),
)
_WHOLE_LETTER = re.compile(
    r"[\s$({\[*]*(?:\\(?:text|textbf|mathrm|mathbf|rm|bf)\s*\{?\s*)?[({\[*]*(?P<letter>[A-Ja-j])(?:[\s)}\].:,$*]|$)"
)


@dataclass(frozen=True)
class Found:
    """A final answer and its position: `text[start:end]` of the searched text encloses it."""

    text: str
    start: int
    end: int
    rule: str


def final_answer(text: str, *, kind: str | None = None) -> str | None:
    """The final answer in a model's output, or None if it gives none."""
    found = find_answer(text, kind=kind)
    return found.text if found else None


def find_answer(text: str, *, kind: str | None = None) -> Found | None:
    """The final answer in a model's output, with its place and the rule that found it; None if there is none.

    What the model thought is left out (`thoughts.py`): thoughts that are not finished give no answer.
    `kind` is that of the problem ("number", "latex", "choice", "text", "list"), None if it is unknown.
    """
    thoughts = split_thoughts(text)
    found = _find(thoughts.said, kind=kind)
    if found is None or thoughts.said is text:
        return found
    start, end = thoughts.place(found.start), thoughts.place(found.end)
    if (
        not thoughts.finished
        and start < thoughts.places[0][1]
        and thoughts.places[0][0] == 0
        and found.rule in _GUESSES
    ):
        return None  # words before thoughts that never end promise an answer and give none
    return Found(found.text, start, end, found.rule)


def _find(text: str, *, kind: str | None) -> Found | None:
    begin = 0
    # If the last box is empty the model gives no answer, and an earlier number is none.
    last = next(iter(deque(_boxes(text, begin), maxlen=1)), None)
    if last is not None and not last[0].strip():
        return None
    found = _find_marked(text, begin, kind=kind)
    if found and kind == "choice":
        return _as_letter(found) or (found if len(found.text) <= 80 else _find_letter(text, begin))
    if found:
        return found
    if kind == "choice":
        return _find_letter(text, begin)
    return _find_unmarked(text, begin, kind=kind)


def answer_of(blocks: Sequence[Block], *, kind: str | None = None) -> str | None:
    """The final answer of a solution: that of its words if it has no program, else what its program printed.

    If the last block is an Output (PoT), its last line, unless the program failed; if words follow it (TIR), what
    they mark as the answer, else the last good Output, else their last number. None if there is none.
    """
    places = [place for place, block in enumerate(blocks) if block.type == "output"]
    if not places:
        words = "".join(block.text for block in blocks if block.type == "text")
        return final_answer(words, kind=kind)
    after = "".join(block.text for block in blocks[places[-1] + 1 :] if block.type == "text")
    if not after.strip():
        last = blocks[places[-1]]
        return _printed(last.text, kind=kind) if last.type == "output" and last.status == "ok" else None
    if (marked := _find_marked(after, 0, kind=kind)) is not None:
        return (_as_letter(marked) or marked).text if kind == "choice" else marked.text
    for place in reversed(places):
        block = blocks[place]
        if block.type == "output" and block.status == "ok" and (answer := _printed(block.text, kind=kind)):
            return answer
    return final_answer(after, kind=kind)


def _printed(output: str, *, kind: str | None) -> str | None:
    """The answer in what a program printed: its last line; a program that answers None gives none."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    if not lines or lines[-1] in ("None", "nan", "[]"):
        return None
    line = lines[-1]
    if marked := _find_marked(line, 0, kind=kind):
        return marked.text
    if kind == "number" and re.search(r"[A-Za-z]{2}", line) and (number := _last_number(line, 0)):
        return number.text
    return line


def _find_marked(text: str, begin: int, *, kind: str | None) -> Found | None:
    """The answer that the text marks as its answer."""
    box = _find_box(text, begin, kind=kind)
    for rule, pattern in (("hashes", _HASHES), ("final answer", _FINAL)):
        found = _find_tail(text, begin, rule=rule, pattern=pattern, kind=kind)
        if found and (box is None or (found.start > box.end and re.search(r"[\d$\\]", found.text))):
            return found
    if box:
        return box
    for rule, pattern in (("tag", _TAGGED), ("field", _FIELD)):
        if match := _last(pattern, text, begin):
            name = next(name for name, value in match.groupdict().items() if value is not None)
            answer = _trim(match[name])
            return Found(answer, *match.span(name), rule) if answer and len(answer) <= 1000 else None
    for rule, pattern in _MARKERS:
        if found := _find_tail(text, begin, rule=rule, pattern=pattern, kind=kind):
            return found
    return None


def _last(pattern: re.Pattern[str], text: str, begin: int) -> re.Match[str] | None:
    return next(iter(deque(pattern.finditer(text, begin), maxlen=1)), None)


def _find_tail(text: str, begin: int, *, rule: str, pattern: re.Pattern[str], kind: str | None) -> Found | None:
    """What follows the last marker of this kind, cut at the end of its sentence."""
    for match in reversed(list(pattern.finditer(text, begin))):
        start, end = match.span("tail")
        if not text[start:end].strip(" *$:\\[(") and (
            rest := re.compile(r"\s*(?:\\\[|\$\$|[-*•]\s)?\s*([^\n]+)").match(text, end)
        ):
            start, end = rest.span(1)  # the answer is on the line below
            end = start + len(text[start:end].rstrip())
            end -= 2 if text.endswith("\\]", start, end) and "\\[" not in text[start:end] else 0
        elif "\n" in text[match.start() : start] and (bullet := re.compile(r"[-*•]\s+(?=\S)").match(text, start, end)):
            start = bullet.end()
        if found := _cut(text, start, end, rule=rule, kind=kind):
            return found
    return None


def _cut(text: str, start: int, end: int, *, rule: str, kind: str | None) -> Found | None:
    """The answer at the start of text[start:end], its sentence and its decoration cut off."""
    tail = text[start:end]
    if formula := _FORMULA.match(tail.lstrip(" *")):
        rest = tail.lstrip(" *")[formula.end() :]
        unit = re.match(r"\s*(?:\\?%|[A-Za-z]+(?:\^?\d)?)?(?=[\s.,!*]*$)", rest)
        tail = formula.group(0) + (unit.group(0) if unit else "")
    else:
        if stop := _SENTENCE_END.search(tail):
            if tail[stop.end() :].lstrip().startswith("?"):
                return None
            tail = tail[: stop.start()]
        if re.search(r"\?(?:\s|$)", tail):
            return None
        if afterwards := _AFTERWARDS.search(tail):
            tail = tail[: afterwards.start()]
    answer = _trim(tail)
    if not answer:
        return None
    place = text.find(answer, start) if answer in text[start:] else start
    found = Found(answer, place, place + len(answer), rule)
    return _out_of_prose(found) if kind in (None, "number", "latex", "list") else found


def _out_of_prose(found: Found) -> Found | None:
    """'the largest n is 34' -> '34': the mathematics in a tail that is a sentence."""
    words = re.findall(r"[A-Za-z]{2,}", re.sub(r"\\[A-Za-z]+|\$[^$]*\$|\\\(.*?\\\)", " ", found.text))
    formulas = list(_FORMULA.finditer(found.text))
    if formulas and words and not found.text[formulas[-1].end() :].strip(" .*"):
        return _within(found, _trim(formulas[-1].group()), *formulas[-1].span())
    rest = re.split(r"\b(?:is|are|equals)\b", found.text)[-1].strip() if words else found.text
    if rest != found.text and len(rest.split()) <= 4 and re.search(r"[\d$\\]", rest):
        place = found.start + found.text.rfind(rest)
        return Found(_trim(rest), place, place + len(rest), found.rule)
    if len(words) < 4:
        return found
    if formulas and re.search(r"\d|\\", formulas[-1].group(0)):
        return _within(found, _trim(formulas[-1].group()), *formulas[-1].span())
    number = _last_number(found.text, 0)
    return _within(found, number.text, number.start, number.end) if number else found


def _within(found: Found, text: str, start: int, end: int) -> Found:
    return Found(text, found.start + start, found.start + end, found.rule)


def _find_box(text: str, begin: int, *, kind: str | None) -> Found | None:
    r"""The last box; several that are listed ("\boxed{1} and \boxed{2}") are one answer.

    If one number is asked, the first of them: "\boxed{12} apples and \boxed{7} pears" answers in the asked order.
    """
    boxes = [box for box in _boxes(text, begin) if box[0].strip()]
    if not boxes:
        return None
    first = len(boxes) - 1
    while first and _joins(text[boxes[first - 1][2] : boxes[first][1]]):
        first -= 1
    if kind == "number":
        boxes = boxes[: first + 1]
    contents = [_trim(content) for content, _, _ in boxes[first:]]
    if len(contents) == 1:
        unit = re.match(r"\$?\s?(?:\\?%|percent\b|pct\b)", text[boxes[-1][2] :])
        if unit and "%" not in contents[0] and not re.search("per?c", contents[0]):
            contents[0] += "%"
    answer = ", ".join(contents)
    return Found(answer, boxes[first][1], boxes[-1][2], "boxed") if answer else None


def _joins(between: str) -> bool:
    r"""Whether the words between two boxes list them: "and", a comma, "and y ="; no sentence ends, no equation."""
    if len(between) > 100 or re.search(r"[.!?](?!\d)|\n\s*\n|=(?!\s*\$?$)", between):
        return False
    return bool(re.search(r",|\band\b|\bor\b|^\W*$", between))


def _boxes(text: str, begin: int) -> Iterator[tuple[str, int, int]]:
    """(content, start, end) of every outermost box, an unfinished one up to the end of its line."""
    place = begin
    while match := _BOX.search(text, place):
        start = match.end()
        closing = _closing(text, start) if match.group().endswith("{") else None
        if closing is not None:
            inner = text[start:closing]
            nested = list(_boxes(inner, 0)) if 0 < inner.count("boxed") < 20 else []
            yield (nested[-1][0] if nested else inner), match.start(), closing + 1
            place = closing + 1
        else:
            bare = re.compile(r"[^\n$]*" if match.group().endswith("{") else r"\S+").match(text, start)
            place = max(bare.end() if bare else start, start)
            yield text[start:place].rstrip("$., "), match.start(), place


def _closing(text: str, start: int) -> int | None:
    """Place of the brace that closes the one before `start`, None if none does."""
    depth = 1
    for brace in re.compile(r"\\.|[{}]").finditer(text, start):
        depth += {"{": 1, "}": -1}.get(brace.group(), 0)
        if not depth:
            return brace.start()
    return None


def _as_letter(found: Found) -> Found | None:
    """'(B) 12' -> 'B'; None if the answer does not begin with a letter of its own."""
    match = _WHOLE_LETTER.match(found.text)
    if match is None or (match["letter"] == "a" and len(found.text.split()) > 1):
        match = next((m for shape in _LETTER_SHAPES[:2] for m in shape.finditer(found.text)), None)
    return Found(match["letter"].upper(), found.start, found.end, found.rule) if match else None


def _find_letter(text: str, begin: int) -> Found | None:
    """The last choice letter in its strongest shape; the article "a" and the pronoun "I" are none."""
    for shape in _LETTER_SHAPES:
        matches = list(shape.finditer(text, begin))
        if matches:
            start, end = matches[-1].span("letter")
            return Found(matches[-1]["letter"].upper(), start, end, "letter")
    return None


def _find_unmarked(text: str, begin: int, *, kind: str | None) -> Found | None:
    """The last bold number or formula or the last number of a text that marks none."""
    number = _last_number(text, begin, bare=kind == "number")
    if kind in ("number", "text"):
        return number
    candidates = [number] if number else []
    for rule, pattern in (("bold", _BOLD), ("formula", _FORMULA)):
        matches = [match for match in pattern.finditer(text, begin) if re.search(r"\d|\\|=", match.group())]
        if matches:
            content = next(group for group in matches[-1].groups() if group is not None)
            candidates.append(Found(_trim(content), *matches[-1].span(), rule))
    return max(candidates, key=lambda found: found.end, default=None)


def _last_number(text: str, begin: int, *, bare: bool = True) -> Found | None:
    """The last number; with its sign of money and its unit unless `bare`."""
    last = _last(_LAST_NUMBER, text, begin)
    if last is None:
        return None
    number = last["number"].rstrip(",") + ("%" if last["percent"] else "")
    if bare:
        return Found(number, last.start("number"), last.end(), "last number")
    unit = "" if last["percent"] else last["unit"] or ""
    return Found((last["money"] or "") + number + unit, last.start(), last.end(), "last number")


def _trim(text: str) -> str:
    r"""Without the white space, bold marks, formula signs and the full stop around an answer."""
    before = None
    text = text.strip()
    while text != before:
        before = text
        text = text.strip(" \t\n*:").removesuffix("<|im_end|>").removesuffix("</s>")
        if text.endswith((".", ",", ";")) and not text.endswith("..."):
            text = text[:-1]
        for opening, closing in (("$$", "$$"), (r"\[", r"\]"), (r"\(", r"\)"), ("$", "$"), ("`", "`")):
            inner = text[len(opening) : -len(closing)]
            wrapped = len(text) > len(opening + closing) and text.startswith(opening) and text.endswith(closing)
            if wrapped and opening not in inner:
                text = inner.strip()
        if text.count("$") == 1 and (text.endswith("$") and not text.endswith(r"\$")):
            text = text[:-1]
    return "" if text in ("$", "$$") else text
