"""Whether the conclusion of a text that marks no answer leaves open that the gold is its answer."""

import re
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
_LETTERS = re.compile(r"[^\W\d_]{2,}")
_TRUTHS = frozenset(("yes", "no", "true", "false"))
_LONGEST = 200


def leaves_open(conclusion: Conclusion, gold: str, *, policy: Policy) -> str | None:
    """What a conclusion says that leaves a gold open, as the end of "its conclusion ..."; None if it does not."""
    bare, taken = tidy(gold).strip(" ."), conclusion.taken
    if len(bare) > _LONGEST or re.search(r"\sor\s", taken):
        return None  # the reply itself says that it is one of several
    if bare.casefold() in _TRUTHS:
        said = {word.casefold() for word in _LETTERS.findall(f"{taken}\n{conclusion.words}")} & _TRUTHS
        return None if said else "says neither yes nor no"
    if re.fullmatch("[A-J]", bare):
        return "names no letter" if len(taken) > 1 else None
    if any(decide(value, bare, kind=None, policy=policy, algebra=None).equal for value in set(conclusion.values)):
        return f"names {gold} beside {taken}"
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
