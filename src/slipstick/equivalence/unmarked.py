"""Whether the conclusion of a text leaves open that the gold is its answer: it marks none, or takes it back."""

import re
from collections.abc import Sequence
from fractions import Fraction

from slipstick.answers import Conclusion
from slipstick.answers.words import denied
from slipstick.equivalence.layers import decide
from slipstick.equivalence.normalize.notation import tidy
from slipstick.equivalence.policies import Policy

_NUMERAL = re.compile(r"(?:(?<![\w)])[-−])?\d[\d,]*(?:\.\d+)?")
_PLAIN = re.compile(
    r"(?:[a-zA-Z]\s?=\s?)?[$€£]?[-−]?(?:\d[\d,]*(?:\.\d+)?(?:/\d+)?|\\[dt]?frac\{\d+\}\{\d+\})(?:\s?\\?%|\s?[^\W\d_]{2,})?"
)
"""A number, as the last number of a text is taken: "12", "$5", "3/4", "6 apples"."""
_SEVERAL = re.compile(r"[,;:=]|\band\b|\bremainder\b|\b[rR]\b|\\pm|±|<|>")
"""What is between the numbers of a gold that are several answers."""
_STATES = r"(?:\b(?:is|are|be|equals?|gives?|gets?)|=)[\s$*]*"
"""What states a value behind it."""
_HEDGED = re.compile(r"\sor\s|\A[-−$€£]?\d[\d.,/]*(?:,|,?\sand)\s[-−$€£]?\d[\d.,/]*\Z")
"""Several values that a reply gives as its answer."""
_LETTERS = re.compile(r"[^\W\d_]{2,}")
_TRUTHS = frozenset(("yes", "no", "true", "false"))
_LONGEST = 200


def leaves_open(
    conclusion: Conclusion, golds: Sequence[str], others: Sequence[str], *, decided: str, policy: Policy
) -> str | None:
    """Why the answer that was taken of a text, and was decided so, may not be the one it means; None if it is.

    others: options beside the gold's; a conclusion that names one of them too leaves nothing open.
    """
    if conclusion.marked:
        return _goes_on(conclusion, golds, decided=decided, policy=policy)
    if conclusion.changed:
        return (
            f"the reply marks no answer, and `{conclusion.changed}` beside {conclusion.taken} makes another value of it"
        )
    if decided == "correct" or any(_names(conclusion, one, policy=policy) for one in others):
        return None
    how = next(filter(None, (_names(conclusion, gold, policy=policy) for gold in golds)), None)
    return how and f"the reply marks no answer, and its conclusion {how}"


def _goes_on(conclusion: Conclusion, golds: Sequence[str], *, decided: str, policy: Policy) -> str | None:
    """Why a marked answer is open: words behind it take it back, or it is not the gold but begins with it."""
    if conclusion.changed:
        return f"`{conclusion.changed}` behind {conclusion.taken} takes it back"
    if decided == "correct" or _HEDGED.search(conclusion.taken):
        return None
    begins = any(
        decide(value, tidy(gold), kind=None, policy=policy, algebra=None).equal
        for value in conclusion.values
        for gold in golds
    )
    return f"the answer begins with {conclusion.values[0]} and goes on: {conclusion.taken}" if begins else None


def _names(conclusion: Conclusion, gold: str, *, policy: Policy) -> str | None:
    """What a conclusion says that leaves a gold open; None if it does not."""
    bare, taken = tidy(gold).strip(" ."), conclusion.taken
    if len(bare) > _LONGEST or _HEDGED.search(taken):
        return None
    if bare.casefold() in _TRUTHS:
        said = {word.casefold() for word in _LETTERS.findall(f"{taken}\n{conclusion.words}")} & _TRUTHS
        return None if said else "says neither yes nor no"
    if re.fullmatch("[A-J]", bare):
        return None if re.fullmatch("[A-J]", taken) else "names no letter"
    if any(decide(value, bare, kind=None, policy=policy, algebra=None).equal for value in set(conclusion.values)):
        return f"names {gold}" + (f" beside {taken}" if taken else "")
    numerals = _NUMERAL.findall(bare)
    if len(numerals) > 1 and _SEVERAL.search(bare):
        named = {_number(one) for value in conclusion.values for one in _NUMERAL.findall(value)}
        if {_number(one) for one in numerals} <= named:
            return f"names the numbers of {gold}"
    if not numerals and _says(conclusion.words, bare):
        return f"names {gold}"
    if _PLAIN.fullmatch(bare) or not _PLAIN.fullmatch(taken) or re.search(_STATES + re.escape(taken), conclusion.words):
        return None
    return f"may say {gold} in words" if len(_LETTERS.findall(conclusion.words)) > 2 else None


def _says(words: str, gold: str) -> bool:
    """Whether words of a gold stand in a text that does not deny them."""
    if len(gold) < 3 or "\\" in gold or not _LETTERS.search(gold):
        return False
    said = re.finditer(rf"(?<!\w){re.escape(gold)}(?!\w)", words, re.IGNORECASE)
    return any(not denied(words, *match.span()) for match in said)


def _number(text: str) -> Fraction:
    return Fraction(text.replace(",", "").replace("−", "-"))
