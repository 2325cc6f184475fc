"""Reference rationales as chains of thought."""

from __future__ import annotations

import re

from slipstick.answers import find_answer
from slipstick.equivalence import compare
from slipstick.schema import Problem
from slipstick.synthesize.writer import NotWrittenError

_ANNOTATION = re.compile(r"<<[^<>]*>>")
_CLOSING = re.compile(
    r"\s*(?:(?:so |thus,? |hence,? |therefore,? )?(?:the )?(?:correct )?(?:answer|option|choice|ans)(?: is)?"
    r"\s*[:=.-]*\s*\(?[A-E]\)?\s*\.?|#### .*)\s*$",
    re.IGNORECASE,
)


def write_words(problem: Problem, answer: str) -> str:
    """The rationale without annotations, then "The answer is X.". Raises NotWrittenError where it ends elsewhere.

    For a multiple choice that says a letter or an option, that one counts.
    """
    text = _ANNOTATION.sub("", problem.rationale or "").strip()
    stated = _stated(text, problem)
    if stated is None:
        raise NotWrittenError("no stated answer", f"the rationale of `{problem.id}` does not say what the answer is")
    if compare(stated, problem.answer or "", kind=problem.kind).outcome != "correct":
        raise NotWrittenError("another answer", f"the rationale says {stated[:60]}, the answer is {answer[:60]}")
    return f"\n{_CLOSING.sub('', text).strip()}\nThe answer is {answer}."


def _stated(text: str, problem: Problem) -> str | None:
    found = find_answer(text, kind=problem.kind)
    if problem.kind != "choice" or not problem.choices:
        return found.text if found else None
    if found and found.text[:1].upper() in "ABCDEFGHIJ"[: len(problem.choices)] and len(found.text) < 3:
        return found.text
    last = text.splitlines()[-1] if text else ""
    told = [index for index, choice in enumerate(problem.choices) if choice.strip() and choice.strip() in last]
    return chr(ord("A") + told[0]) if len(told) == 1 else None
