r"""Minerva's rules as lm-evaluation-harness has them: `lm_eval/tasks/minerva_math/utils.py`.

`normalize_final_answer` is appendix D of Lewkowycz et al. (2022); two answers are the same if sympy's LaTeX grammar
reads both and the difference simplifies to nothing. That is all: "(1,2)" cannot be read and is not even itself.
"""

import re

from slipstick.equivalence.decision import Method
from slipstick.equivalence.profiles.rewriting import after_last_box, replaced
from slipstick.equivalence.profiles.rules import NeedsWorkerError, Profile, words_of

_WORDS = words_of("minerva")
_HOPE = "I hope it is correct."
_PHRASE = re.compile(rf"Final Answer: The final answer is(.*?). {_HOPE}")
_UNWRAPPED = (
    (re.compile(r"(.*?)(\$)(.*?)(\$)(.*)"), r"$\3$"),
    *((re.compile(rf"(\\{command}\{{)(.*?)(\}})"), r"\2") for command in ("text", "textbf", "overline")),
    (re.compile(r"(\\boxed\{)(.*)(\})"), r"\2"),
    (re.compile(r"(frac)([^{])(.)"), r"frac{\2}{\3}"),
    (re.compile(r"(sqrt)([^{])"), r"sqrt{\2}"),
)


def find(output: str, kind: str | None) -> str:
    """What the few-shot prompt's own phrase says, "" if an output has not that phrase."""
    said = _PHRASE.search(output + _HOPE)
    return said.group(1).strip() if said else ""


def match(answer: str, expected: str, kind: str | None, worker: bool) -> Method | None:
    """The rule by which an answer is accepted, None if by none."""
    if not worker:
        raise NeedsWorkerError
    from slipstick.equivalence.profiles.expressions import latex_difference_vanishes

    expected = after_last_box(expected) if "boxed" in expected else expected
    return "symbolic" if latex_difference_vanishes(normalize(answer), normalize(expected)) else None


def normalize(answer: str) -> str:
    """The string that is read."""
    text = replaced(answer.rpartition("=")[2], pairs=_WORDS["replaced"], removed=_WORDS["removed"])
    for pattern, kept in _UNWRAPPED:
        text = pattern.sub(kept, text)
    text = text.replace("$", "")
    return text.replace(",", "") if text.replace(",", "").isdigit() else text


MINERVA = Profile(find, match)
