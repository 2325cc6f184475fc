r"""Finds the final answer in what a model wrote or a program printed; whether it is correct is decided elsewhere.

A text passes through these files: `scope` (which part of it counts), `marked` (the answer that it marks) with `boxes`,
`letters` and `statements` (of a choice), `whole` (a short reply that is nothing but an answer), `guesses` (a text that
marks none, with `behind`, `runs` and `truths`), `several` (those beside it) and `trim` (what is around it off) with
`clauses`, `bold`, `dollars` and `emoji`. What else belongs to a number, as its unit or the rest of its date, is said by
`values`; what a text without marks names beside its answer, by `conclusion`. `words.toml` holds the words of each
language. Units, money and percent signs stay in the answer.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from slipstick.answers.boxes import boxes
from slipstick.answers.conclusion import Conclusion, conclusion_of, conclusion_of_marked
from slipstick.answers.emoji import without_emoji
from slipstick.answers.found import GUESSES, Found
from slipstick.answers.guesses import breaks_off, declines, find_guess, last_number
from slipstick.answers.letters import as_letter, find_choice, find_letter
from slipstick.answers.marked import denied_from, find_marked, void_from
from slipstick.answers.scope import where_it_ends, without_code
from slipstick.answers.several import with_others
from slipstick.answers.statements import as_statements, find_statements
from slipstick.answers.trim import strip_label, tidy
from slipstick.answers.whole import find_whole
from slipstick.answers.words import plain_signs
from slipstick.thoughts import split_thoughts

if TYPE_CHECKING:
    from slipstick.schema import Block

__all__ = [
    "GUESSES",
    "Conclusion",
    "Found",
    "answer_of",
    "final_answer",
    "find_answer",
    "find_conclusion",
    "strip_label",
]

_SEARCHED = 16_000
"""Characters at the end of a text that are searched: an answer is at the end, and the time is bounded."""


_OPEN = GUESSES - {"whole", "letter"}
"""Guesses that take one value of several words, so that another one may be meant."""


def final_answer(text: str, *, kind: str | None = None, first: bool = True, guess: bool = True) -> str | None:
    """The final answer in a model's output, or None if it gives none; arguments as of `find_answer`.

    guess: whether a text that marks no answer gives one (see `GUESSES`); one that is nothing but an answer always does.
    """
    found = find_answer(text, kind=kind, first=first)
    if found is None or (not guess and _is_guess(found) and found.text != text.strip("*$. \n")):
        return None
    return found.text


def _is_guess(found: Found) -> bool:
    return found.rule in GUESSES and found.rule != "whole"


def find_answer(text: str, *, kind: str | None = None, first: bool = True) -> Found | None:
    """The final answer in a model's output, with its place and the rule that found it; None if there is none.

    What the model thought is left out (`thoughts.py`): thoughts that are not finished give no answer.
    `kind` is that of the problem ("number", "latex", "choice", "text", "list"), None if it is unknown. If one number is
    asked and several are in boxes, `first` takes the first of them, else they are one list.
    """
    thoughts = split_thoughts(text)
    skipped = max(0, len(thoughts.said) - _SEARCHED)
    found = _find(thoughts.said[skipped:], kind=kind, first=first)
    if found is None:
        return None
    start, end = thoughts.place(found.start + skipped), thoughts.place(found.end + skipped)
    if not thoughts.finished and start < thoughts.places[0][1] and thoughts.places[0][0] == 0 and found.rule in GUESSES:
        return None  # words before thoughts that never end promise an answer and give none
    return Found(found.text, start, end, found.rule)


def find_conclusion(text: str, *, kind: str | None = None) -> Conclusion | None:
    """What the conclusion of a model's output names, if the output marks no answer, or gives none but could.

    None if it chooses a letter, is nothing but an answer, refuses to answer, asks or breaks off, and if it marks its
    answer, unless that is taken back behind it or goes on behind a value.
    """
    thoughts = split_thoughts(text)
    said = thoughts.said[-_SEARCHED:]
    found = _find(said, kind=kind, first=True)
    own = _own_turn(said, kind=kind)
    if found and found.rule not in _OPEN:
        return conclusion_of_marked(own, found) if found.rule not in GUESSES else None
    said = own
    if not thoughts.finished or not said.strip() or said.rstrip().endswith(("?", "？")) or declines(said):
        return None
    return None if void_from(said) is not None else conclusion_of(said, found)


def _own_turn(text: str, *, kind: str | None) -> str:
    """What can hold the answer: signs as Latin writes them, no code, nothing behind the model's own turn."""
    text = without_code(plain_signs(text))
    return text[: where_it_ends(text, lambda before: find_marked(before, kind=kind) is not None)]


@functools.lru_cache(maxsize=1024)  # what a verdict is made of is looked at again where it is doubted
def _find(text: str, *, kind: str | None, first: bool) -> Found | None:
    """The answer in what a model said."""
    text = _own_turn(text, kind=kind)
    begin = void_from(text)
    if begin is not None:  # nothing before a box that was left empty is the answer, nor what its sentence goes on with
        text = " " * begin + text[begin:]
    found = find_marked(text, kind=kind, first=first)
    if kind == "choice":
        return _as_choice(found, text)
    if found is None and begin is None:
        plain = without_emoji(text)
        text = text if re.search(r"\d", plain) else plain  # a tick behind numbers may say that they were checked
        found = find_whole(plain, kind=kind)
    if found is None:
        begin = denied_from(text)
        found = find_guess(_without_denied_boxes(" " * begin + text[begin:]), kind=kind)
        found = with_others(text, found) if found and kind not in ("number", "text") else found
    return Found(tidy(found.text, text), found.start, found.end, found.rule) if found else None


def _as_choice(found: Found | None, text: str) -> Found | None:
    """The letter in what was found, else the letter that the text gives behind it, else what was found."""
    if found is None:
        letter = find_statements(text) or find_choice(text)
        return letter if letter and (_ends(text, letter) or not breaks_off(text)) else None
    if letter := as_statements(found) or as_letter(found):
        return letter
    behind = find_letter(text, found.end)
    marked = find_marked(text[: found.start], kind="choice") if found.rule == "boxed" else None
    return behind or (as_letter(marked) if marked else None) or (found if len(found.text) <= 80 else find_letter(text))


def _ends(text: str, found: Found) -> bool:
    """Whether nothing is behind what was found: a capital A there is a letter, and no sentence that breaks off."""
    return not text[found.end :].strip()


def _without_denied_boxes(text: str) -> str:
    """The text with blanks for its boxes, which hold no answer if none is marked; as long as before."""
    if "box" not in text:
        return text
    for box in boxes(text):
        text = text[: box.start] + " " * (box.end - box.start) + text[box.end :]
    return text


def answer_of(
    blocks: Sequence[Block], *, kind: str | None = None, first: bool = True, guess: bool = True
) -> str | None:
    """The final answer of a solution: that of its words if it has no program, else what its program printed.

    If the last block is an Output (PoT), its last line, unless the program failed; if words follow it (TIR), what
    they mark as the answer, else the last good Output, else their last number. None if there is none. guess: whether
    words that mark no answer give one.
    """
    texts = [block.text if block.type == "text" else "" for block in blocks]
    thoughts = split_thoughts("".join(texts))
    places = [place for place, block in enumerate(blocks) if block.type == "output"]
    if not places:
        return final_answer("".join(texts), kind=kind, first=first, guess=guess)
    if not thoughts.finished:
        return None
    after = thoughts.said_from(sum(map(len, texts[: places[-1]])))
    found = _find(after[-_SEARCHED:], kind=kind, first=first)
    if found and found.rule not in GUESSES:
        return found.text
    if void_from(after) is not None:
        return None
    concludes = any(text.strip() for text in texts[places[-1] :])
    for place in reversed(places) if concludes else places[-1:]:
        block = blocks[place]
        if block.type == "output" and block.status == "ok" and (answer := _printed(block.text, kind=kind)):
            return answer
    return found.text if found and guess else None


def _printed(output: str, *, kind: str | None) -> str | None:
    """The answer in what a program printed: its last line; a program that answers None gives none."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    if not lines or lines[-1] in ("None", "nan", "[]"):
        return None
    line = lines[-1]
    if len(line) > _SEARCHED:
        return line
    if marked := find_marked(line, kind=kind):
        return marked.text
    if kind == "number" and re.search(r"[A-Za-z]{2}", line) and (number := last_number(line)):
        return number.text
    return line
