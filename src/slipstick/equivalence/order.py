"""Whether the items of an answer stand in the order that the question asks for: "Order ... from smallest to largest".

Lists are compared as sets; where the question wants an order, the gold's is the right one, and `1/3 < 0.5 < 0.6` is
that list too.
"""

import functools
import re
from collections.abc import Sequence
from fractions import Fraction

from slipstick.equivalence.layers import decide
from slipstick.equivalence.normalize.notation import split_top
from slipstick.equivalence.policies import Policy
from slipstick.equivalence.symbolic.value import value_of

_MAX_QUESTION = 20_000
_MAX_ITEMS = 50
_ASKS = re.compile(
    r"(?:^|[.?!:;,\n]\s*|\b(?:and|please|then|to)\s+)(?:order|sort|rank)\s+(?!to\b|of\b|by\s+mail\b)\w"
    r"|\b(?:order|arrange|sort|rank|list|put|place|write|give|enter|name)\b[^.?!\n]{0,300}?"
    r"(?:\b(?:ascending|descending|increasing|decreasing|alphabetical|chronological|numerical)\s+order\b"
    r"|\bin\s+order\s+(?:of|from|by)\b|\bfrom\s+(?:the\s+)?(?:\w+est|least|most|\w+er|first|low|high|small|old|young)\s+(?:\w+\s+){0,2}?to\b"
    r"|\b(?:least|\w+est)\s+to\s+(?:greatest|most|\w+est)\b|\b(?:ascending|descending)\b)",
    re.IGNORECASE,
)
"""A question for an order, not one that only names one: "the order of the group", "in order to"."""
_BRACKETED = re.compile(r"\s*(?:\\left)?(?:\\\{|[(\[{])(?P<inner>.*?)(?:\\right)?(?:\\\}|[)\]}])\s*", re.DOTALL)
_SIGNS = r"\s*(?:<=?|>=?|[≤≥→]|->|\\(?:l|g)(?:t|e|eq)(?![A-Za-z])|\\(?:to|rightarrow)(?![A-Za-z]))\s*"
_CHAIN = re.compile(_SIGNS)
_JOINTS = re.compile(r"\s*(?:;|\n|,(?:\s+(?:and\s+|then\s+)?|(?=[^\d\s]))|\s(?:and|then)\s)\s*")
_CLOSE = re.compile(r"\s*[,;]\s*")


@functools.lru_cache(maxsize=256)
def asks_for_order(question: str) -> bool:
    """Whether a question wants items in an order."""
    return len(question) <= _MAX_QUESTION and _ASKS.search(question) is not None


def in_order(answer: str, golds: Sequence[str], *, policy: Policy) -> bool | None:
    """Whether the items of an answer are those of one of the golds, one by one; None if that cannot be said.

    It cannot if one of them is no list, if their lengths differ, or if a gold's numbers are in no order themselves.
    """
    said = []
    for gold in golds:
        items, others = _items(answer), _items(gold)
        if not 1 < len(others) == len(items) <= _MAX_ITEMS or _in_none(others):
            return None
        said.append([decide(one, other, policy=policy).equal for one, other in zip(items, others, strict=True)])
    if any(all(same) for same in said):
        return True
    return False if said and all(None not in same for same in said) else None


def is_chain(answer: str) -> bool:
    """Whether an answer is a list by its signs of order, a < b < c, and no condition as 0 < x < 3."""
    return _chain(answer.strip(" $.")) is not None


def _chain(text: str) -> list[str] | None:
    items = [item.strip(" $") for item in split_top(text, _CHAIN)]
    if not 1 < len(items) <= _MAX_ITEMS or re.search(r"[,;]|\b(?:or|and)\b", text) or not all(items):
        return None
    numbers = [value_of(item) is not None for item in items]
    return items if all(numbers) or (len(items) > 2 and not any(numbers)) else None


def _items(text: str) -> list[str]:
    """The items of a list or a chain, without the brackets around it."""
    text = text.strip(" $.")
    if (bracketed := _BRACKETED.fullmatch(text)) and not re.search(r"[()\[\]]", bracketed["inner"]):
        text = bracketed["inner"]
    if (chain := _chain(text)) is not None:
        return chain
    if _CHAIN.search(text):
        return []
    items = split_top(text, _JOINTS)
    return [item.strip(" $") for item in (items if len(items) > 1 else split_top(text, _CLOSE))]


def _in_none(items: Sequence[str]) -> bool:
    """Whether items are numbers that neither rise nor fall."""
    numbers = [number for item in items if (number := value_of(item)) and not number.unit]
    values = [number.value for number in numbers if isinstance(number.value, Fraction)]
    return len(values) == len(items) and values not in (sorted(values), sorted(values, reverse=True))
