"""Brings English words to a common stem: plurals, verb endings, British and American spelling."""

from __future__ import annotations

import re

from slipstick.equivalence.normalize.vocabulary import NOUNS

_ENDINGS = re.compile(r"(?<=\w{4})(?:ing|ed|es|s|e)$")


def singular(word: str) -> str:
    """boxes -> box, berries -> berry, people -> person; a word in lower case."""
    if word not in NOUNS and len(word) > 3 and not word.endswith("ss"):
        if word.endswith("ies"):
            word = word[:-3] + "y"
        else:
            word = word[:-2] if re.search(r"(?:x|ch|sh|ss|us)es$", word) else word.removesuffix("s")
    return NOUNS.get(word, word)


def stem(word: str) -> str:
    """increases and increasing -> increas, colour -> color, normalise -> normaliz."""
    word = singular(word)
    if len(word) > 4:
        word = re.sub(r"our$", "or", re.sub(r"is(e[sd]?|ing|ation)$", r"iz\1", re.sub(r"(?<=[^aeiou])re$", "er", word)))
    return _ENDINGS.sub("", word)
