"""Names from what a question asks for."""

from __future__ import annotations

import re
from collections.abc import Sequence

from slipstick.synthesize.annotations.read.phrases import (
    MONEY,
    PAST,
    join_words,
    joined_after,
    phrase_after,
    subject_of,
    words_of,
)

TOTAL = re.compile(r"\b(?:total|altogether|in all|combined|sum)\b", re.IGNORECASE)
LEFT = re.compile(r"\b(?:left|remain(?:s|ing)?|remainder)\b", re.IGNORECASE)
HAS = ("has", "have", "had")
_HOLLOW = frozenset(
    ("number", "amount", "cost", "price", "value", "sum", "average", "area", "volume", "rate", "length", "ratio", "age")
)
"""Nouns that say little without what they are of."""


def asked_names(question: str) -> list[str]:
    """What the question asks for: "How many clips did she sell altogether?" -> "clips_sold"."""
    sentences = [part for part in re.split(r"(?<=[.?!])\s+", question.strip()) if part.strip(" ?.!:")]
    asking = [part for part in sentences if part.endswith("?")] or sentences[-1:]
    sentence = asking[-1] if asking else ""
    words = words_of(sentence)
    low = [word.lower() for word in words]
    suffix = "left" if LEFT.search(sentence) else ""
    prefix = "total" if TOTAL.search(sentence) else ""
    how = low[low.index("how") :] if "how" in low else []
    place = how.index("each") + 1 if "each" in how else 0
    per = ["per", how[place]] if 0 < place < len(how) and how[place].isalpha() else []
    if match := re.search(r"\bhow many (more |fewer |extra )?(.*)", sentence, re.IGNORECASE):
        rest = words_of(match[2])
        nouns, end = phrase_after(rest)
        done = next((PAST[word.lower()] for word in rest[end : end + 8] if word.lower() in PAST), "")
        more = {"more": "extra"}.get((match[1] or "").strip().lower(), (match[1] or "").strip().lower())
        if nouns:
            return [join_words(prefix, more, nouns, suffix or done), join_words(prefix, more, nouns, suffix)]
        return []
    if match := re.search(r"\bwhat percent(?:age)? of (.*)", sentence, re.IGNORECASE):
        nouns, _ = phrase_after(words_of(match[1]))
        return [join_words("percent_of", nouns)] if nouns else ["percentage"]
    if match := re.search(r"\b(?:what|find|calculate|determine)\b.*?\bthe (.*)", sentence, re.IGNORECASE):
        rest = words_of(match[1])
        nouns, end = phrase_after(rest)
        join = joined_after(rest, end)
        if nouns:
            of = join if join[:1] == ["of"] and nouns[-1] in _HOLLOW else []
            return [join_words(prefix, nouns, of, suffix), join_words(prefix, nouns, join)]
        return []
    if match := re.search(
        r"\bat what ([a-z ]+?)(?: per cent| percent|[%?]| (?:is|on|should|must|will|did)\b)", sentence
    ):
        nouns, _ = phrase_after(words_of(match[1]))
        return [join_words(nouns)] if nouns else []
    found = _how_names(low, prefix, suffix, per, subject_of(sentence))
    if not found and (
        match := re.search(r"\b(?:the|his|her|its|their) ((?:(?!\bthe\b).)*?) (?:is|was|are|will be)\W*$", sentence)
    ):
        nouns, end = phrase_after(words_of(match[1]))
        return [join_words(nouns), join_words(nouns, joined_after(words_of(match[1]), end))] if nouns else []
    return found


def _how_names(low: Sequence[str], prefix: str, suffix: str, per: Sequence[str], subject: str) -> list[str]:
    text = " ".join(low)
    if "how old" in text:
        return [join_words(subject, "age"), "age"]
    for asked, noun in (("how far", "distance"), ("how tall", "height"), ("how fast", "speed"), ("how long", "time")):
        if asked in text:
            return [join_words(prefix, noun, suffix)]
    if "how much" not in text:
        return []
    rest = low[low.index("much") + 1 :]
    nouns, _ = phrase_after(list(rest))
    more = "extra" if rest[:1] == ["more"] else ""
    verbs = [MONEY[word] for word in rest if word in MONEY and word not in HAS]
    if nouns and nouns[0] not in ("money", "did", "does"):
        return [join_words(prefix, more, nouns, per, suffix)]
    verb = verbs[0] if verbs else "money" if {"money", *HAS} & set(rest) else ""
    return [join_words(prefix, more, verb, per, suffix)] if verb else []
