"""The words next to a number; by word lists alone (`words.toml`)."""

import re
import tomllib
from collections.abc import Container
from fractions import Fraction
from pathlib import Path

_LISTS: dict[str, str] = tomllib.loads(Path(__file__).with_name("words.toml").read_text("utf-8"))
EMPTY = frozenset(_LISTS["empty"].split())
"""Words that say nothing of what a number counts."""
_VERBS = frozenset(_LISTS["verbs"].split())
FACTS = frozenset(map(Fraction, _LISTS["facts"].split()))
"""Numbers that need no source: days of a week, minutes of an hour."""
_TOKEN = re.compile(r"[A-Za-z]+(?:['’][A-Za-z]+)?|\d[\d,.]*|\S")
_NEAREST = 5
"""Words and signs after a number among which its noun is."""
_LONGEST = 36


def words_of(text: str) -> list[str]:
    """Words, numbers and marks of a text."""
    return _TOKEN.findall(text)


def first_noun(text: str, taken: Container[str]) -> str:
    """The first word near the start of a text that may be a noun and is not taken, in lower case; "" for none."""
    for word in words_of(text.lower())[:_NEAREST]:
        if not word.isalpha():
            if word in ("-", "%", "$"):
                continue
            break
        if 2 < len(word) <= _LONGEST and word not in EMPTY and word not in _VERBS and word not in taken:
            return word
    return ""


def singular(word: str) -> str:
    """ "pages" -> "page"; by its ending alone."""
    if word.endswith("ies") and len(word) > 4:
        return f"{word[:-3]}y"
    if word.endswith(("sses", "shes", "ches", "xes")):
        return word[:-2]
    return word[:-1] if word.endswith("s") and not word.endswith(("ss", "us", "is")) and len(word) > 3 else word
