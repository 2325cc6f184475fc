"""Reads the gold, the expected answer, out of what data sets hold: worked solutions, lists, numbers, or none at all."""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from contextlib import suppress

from slipstick.answers import GUESSES, find_answer
from slipstick.number_words import CARDINALS, MAGNITUDES
from slipstick.surrogates import load_json

_TAGGED = re.compile(r"<answer>((?:(?!</?answer>).)*)</answer>", re.DOTALL | re.IGNORECASE)
_MARK = re.compile(
    r"(?:^|[.!?:,\n{])[\s*_#>$]*(?:(?:so|thus|hence|therefore|then|and|finally),?\s+)*(?:(?:the|our|my)\s+)?"
    r"""(?:(?:final|correct|right|required|desired|numerical)\s+)?["']?(?:final_)?answers?\b"""
    r"|antwort|réponse|respuesta|resposta|risposta|ответ|答案|答え|选",
    re.IGNORECASE,
)
"""Where a sentence may begin that marks the answer: "No answer is correct" does not."""
_WRAPPED = re.compile(r"\\(?:text|mathrm|textbf|mbox)\s*\{([^{}]*)\}")
_PLACEHOLDERS = frozenset(
    (
        *("proof", "see proof", "proof required", "to prove", "see solution", "see the solution", "omitted"),
        *("notfound", "not found", "no answer found", "answer not found", "no final answer", "no answer extracted"),
        *(
            "n/a",
            "n.a.",
            "#n/a",
            "<na>",
            "nan",
            "null",
            "nil",
            "not available",
            "not applicable",
            "no_answer_extracted",
        ),
        *("", "-", "--", "---", "–", "—", "?", "??", "???", "..", "...", "…", "tbd", "todo"),
    )
)
"""What data sets write where they have no answer, in lower case: NuminaMath's "proof" and "notfound",
OpenMathReasoning's "n/a", what pandas and JSON make of a missing value."""
_WORDS = frozenset(("None", "NA", "unknown", "Unknown", "missing"))
"""The same, exactly so written, but the answer itself where words are asked for: "Which of them? None"."""
_LONGEST = max(map(len, (*_PLACEHOLDERS, *_WORDS))) + 20


def read_gold(value: object) -> str | list[str] | None:
    """The gold in a data set's column: text, the answer of a worked solution, a number, or several as a list.

    None for what is none: None, an empty text, an empty list. A placeholder ("proof", "n/a", NaN) stays text, so that
    the verdict can say why it is undecided (see `placeholder`). An array counts as a list, and so does the JSON text of
    a list of texts, as a column that has one type holds several golds.
    """
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, str) and value.startswith('["') and value.endswith('"]'):
        with suppress(ValueError, RecursionError):
            value = load_json(value)
    if isinstance(value, list | tuple):
        return [gold for each in value if isinstance(gold := read_gold(each), str)] or None
    return None if value is None else stated_answer(str(value)).strip() or None


def stated_answer(gold: str) -> str:
    r"""The answer that a worked solution ends in, a gold that is no solution unchanged.

    A solution marks its answer: "#### 4" (GSM8K; MetaMathQA goes on with "The answer is: 4"), a box (MATH),
    `<answer>4</answer>`, "The answer is 4" (MathInstruct). "" if the mark is empty.
    """
    return _stated(gold) if len(gold) <= _CACHED else _stated.__wrapped__(gold)


_CACHED = 2_000


@functools.lru_cache(maxsize=4096)
def _stated(gold: str) -> str:
    tagged = _TAGGED.findall(gold) if "<" in gold else []
    if tagged:
        return _stated.__wrapped__(tagged[-1]).strip()
    before, hashes, after = gold.rpartition("####")
    text = after if after.strip() else before
    boxed = r"\boxed" in text or r"\fbox" in text
    if boxed or _MARK.search(text):
        found = find_answer(text)
        if found and found.rule not in GUESSES:
            return found.text
        if boxed:
            return ""
    return after.strip() if hashes else gold


@functools.lru_cache(maxsize=4096)
def asks_for_words(gold: str) -> bool:
    """Whether a gold is a truth value, a name or a word, so that no number is the answer: Yes, New York, isosceles."""
    bare = gold.strip(" $.")
    inner = _WRAPPED.fullmatch(bare)
    return _NAME.fullmatch(inner[1] if inner else bare) is not None and bare.casefold() not in _NUMBERS


def asked_kind(kind: str | None, gold: str | Sequence[str] | None, choices: Sequence[str] | None) -> str | None:
    """The kind of a problem; if it is unknown, "choice" with options, "text" if all golds are yes or no, or names.

    What is found in an attempt depends on it: in "No, 9 = 3 * 3" a word if one is asked, else a number.
    """
    if kind is None and choices:
        return "choice"
    if kind is not None or not gold:
        return kind
    golds = [gold] if isinstance(gold, str) else gold
    return "text" if all(asks_for_words(stated_answer(one)) for one in golds) else None


_NAME = re.compile(r"(?i:yes|no|true|false|odd|even)|[A-Z][a-z]{2,}(?: [A-Z][a-z]+){0,2}|[a-z]{4,}")
_NUMBERS = frozenset((*CARDINALS, *MAGNITUDES, "infinity", "half", "quarter", "third", "dozen", "none"))


@functools.lru_cache(maxsize=4096)
def placeholder(gold: str, kind: str | None = None) -> str | None:
    """Why a gold is no answer but says that there is none, None if it is an answer.

    `kind` is the problem's: in a "text" or "choice" problem words such as "None" are answers.
    """
    if len(gold) > _LONGEST:
        return None
    bare = gold.strip().strip("$").strip()
    inner = _WRAPPED.sub(lambda wrapped: wrapped[1], bare)  # not a template, which Python imports a module to read
    plain = inner.strip(" .()\"'`*") or inner.strip()
    if plain.lower() in _PLACEHOLDERS:
        return f'the gold is "{bare}": there is no answer to compare with'
    if bare in _WORDS and kind not in ("text", "choice"):
        return f'the gold is "{bare}", taken for a missing value: kind="text" makes it a word'
    return None
