r"""Compares an answer with the acceptable ones and makes one verdict of the decisions."""

import functools
import re
import sys
from collections.abc import Sequence
from numbers import Number
from typing import SupportsFloat

from slipstick.answers import GUESSES, final_answer, find_answer, strip_label
from slipstick.edges import shorten
from slipstick.equivalence.decision import NEEDS_ALGEBRA, Algebra, Decision
from slipstick.equivalence.layers import decide
from slipstick.equivalence.policies import policy_of
from slipstick.equivalence.profiles import PUBLISHED, decide_by
from slipstick.errors import UserError
from slipstick.golds import placeholder, stated_answer
from slipstick.schema import Outcome, Verdict

Answer = str | SupportsFloat
"""What callers from Python give as an answer: a text, or a number of Python, fractions, numpy or sympy."""
LONG = 2_000
"""Characters above which a text is read in a worker only, where a clock runs; answers seldom have a hundred."""
_MAX_GOLDS = 100
_PAGE = 200
_PAGE_WORDS = 20
_PAGE_END = 1_000
"""Characters at the end of a page in which its answer is looked for."""
_SHORT = 100
_TRACEBACK = "Traceback (most recent call last)"
_WORD = re.compile(r"(?<![\\A-Za-z])[A-Za-z]{3,}(?![A-Za-z])")
_MARK = re.compile("answer|####|antwort|réponse|respuesta|resposta|risposta|ответ|答|选", re.IGNORECASE)
"""Looked for first, since most pages mark nothing and the rules of `find_answer` are many."""


def answer_text(answer: object, name: str = "answer", *, wanted: str = "a text or a number") -> str:
    """An answer as text, a number as it is printed. Raises UserError, which names it, for anything else."""
    if isinstance(answer, str):
        return answer
    is_number = isinstance(answer, Number) or getattr(answer, "is_number", False) is True  # of sympy: pi, sqrt(2)
    if is_number and not isinstance(answer, bool):
        return str(answer)
    hint = '; "" stands for no answer' if answer is None and name == "answer" else ""
    raise UserError(f"{name} = {shorten(repr(answer))}: {wanted} is wanted{hint}")


def expected_texts(expected: object) -> str | list[str]:
    """An expected answer, or several acceptable ones, as text; "" for None. Raises UserError as `answer_text`."""
    if expected is None:
        return ""  # rows of a data set without a gold: the verdict is undecided, whatever the answer
    if isinstance(expected, list | tuple):
        return [answer_text(one, f"expected[{place}]") for place, one in enumerate(expected)]
    return answer_text(expected, "expected")


def acceptable_answers(expected: str | Sequence[str]) -> list[str]:
    """The acceptable answers as a list; of worked solutions what they state as the answer; numbers as text."""
    several = list(expected)[:_MAX_GOLDS] if isinstance(expected, list | tuple) else [expected]
    return [stated_answer("" if one is None else str(one)) for one in several]


def decide_each(
    answer: str, expected: Sequence[str], *, kind: str | None, profile: str, algebra: Algebra | None = None
) -> list[Decision]:
    """A decision for each acceptable answer up to the first that matches; NEEDS_ALGEBRA if only a worker can decide."""
    decisions = []
    missing = [placeholder(one, kind) for one in expected]
    for one, reason in zip(expected, missing, strict=True):
        if reason:  # beside other golds it counts for nothing
            decisions.append(Decision(None if all(missing) else False, "none", reason))
            continue
        try:
            decision = _decide(answer, one, kind=kind, profile=profile, algebra=algebra)
        except Exception as error:  # boundary: what a model wrote may break us or a library; the decision says so
            why = "Python is shutting down" if sys.is_finalizing() else type(error).__name__
            decision = Decision(None, "symbolic", f"the comparison failed: {why}")
        decisions.append(decision)
        if decision.equal:
            break
    return decisions


def _decide(answer: str, expected: str, *, kind: str | None, profile: str, algebra: Algebra | None) -> Decision:
    if profile in PUBLISHED:
        return decide_by(profile, answer, expected, kind=kind, worker=algebra is not None)
    if is_page(answer) and len(expected) <= _SHORT and "boxed{" not in answer:
        end = answer[-_PAGE_END:]
        marked = _TRACEBACK not in answer and _MARK.search(end)
        found = find_answer(end, kind=kind) if marked else None
        if found is None or found.rule in GUESSES:
            return Decision(False, "words", "a page of words that marks no answer")
        answer = found.text
    if algebra is None and max(len(answer), len(expected)) > LONG and answer.strip() != expected.strip():
        return NEEDS_ALGEBRA
    return decide(_unmarked(answer), expected, kind=kind, policy=policy_of(profile), algebra=algebra)


def is_page(text: str) -> bool:
    """Whether a text is not an answer but a model's whole output, or a program's traceback."""
    return len(text) > _PAGE and len(_WORD.findall(text)) > _PAGE_WORDS


def needs_worker(decisions: Sequence[Decision]) -> bool:
    """Whether a worker has to decide: none matches so far, and one needs computer algebra."""
    return NEEDS_ALGEBRA in decisions and not decisions[-1].equal


def verdict_of(expected: Sequence[str], decisions: Sequence[Decision]) -> Verdict:
    """The first decision that matches; else undecided if one is open; else incorrect."""
    for wanted in (True, None):
        for one, decision in zip(expected, decisions, strict=False):
            if decision.equal is wanted:
                return _verdict("correct" if wanted else "undecided", decision.method, one, decision.reason)
    if not decisions:
        return _verdict("undecided", "none", None, "there is no expected answer")
    return _verdict("incorrect", decisions[0].method, expected[0], decisions[0].reason)


def _verdict(outcome: Outcome, method: str, expected: str | None, reason: str) -> Verdict:
    short = len(expected or "") + len(reason) < 300
    return (_verdict_once if short else _verdict_once.__wrapped__)(outcome, method, expected, reason)


@functools.lru_cache(maxsize=10_000)
def _verdict_once(outcome: Outcome, method: str, expected: str | None, reason: str) -> Verdict:
    """Equal verdicts are one object: in a list of millions most are equal to an earlier one."""
    return Verdict(outcome=outcome, method=method, expected=expected, reason=reason)


def _unmarked(text: str) -> str:
    """What stands in the box, behind the four hashes or behind the label of an answer that still carries them."""
    if r"\boxed" in text or r"\fbox" in text or "####" in text:
        return final_answer(text) or ""
    return strip_label(text) if "answer" in text.lower() else text
