"""Noun phrases near a place in a text, as words for a name; by word lists alone (`words.toml`)."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

_TABLE: dict[str, Any] = tomllib.loads(Path(__file__).with_name("words.toml").read_text("utf-8"))
SKIPPED = frozenset(_TABLE["skipped"].split())
STOPS = frozenset(_TABLE["stops"].split())
VERBS = frozenset(_TABLE["verbs"].split())
JOINS = frozenset(_TABLE["joins"].split())
MONEY: dict[str, str] = _TABLE["money"]
NUMBERS: dict[str, str] = _TABLE["numbers"]
DAYS = frozenset(_TABLE["days"].split())
MONEY_NOUNS = frozenset(_TABLE["money_nouns"].split())
UNITS = frozenset(_TABLE["units"].split())
PARTICIPLES: dict[str, str] = _TABLE["participles"]
PAST: dict[str, str] = {**_TABLE["past"], **PARTICIPLES}
FACTS = frozenset(map(Fraction, _TABLE["facts"]["numbers"].split()))
EMPTY = STOPS | SKIPPED
"""Words that say nothing of what a number counts."""
_TOKEN = re.compile(r"[A-Za-z]+(?:['’][A-Za-z]+)?|\d[\d,.]*|\S")
_SENTENCE = re.compile(
    r"(?<!\brs \.)(?<!\brs\.)(?<!\bRs\.)(?<!\bMr\.)(?<!\bMs\.)(?<!\bMrs\.)(?<!\bDr\.)(?<=[.?!])\s+|\n|;\s"
)
MOST_WORDS = 3


def words_of(text: str) -> list[str]:
    """Words, numbers and marks of a text."""
    return _TOKEN.findall(text)


def clean(word: str) -> str:
    """A word as part of a name: "John's" -> "johns"."""
    return re.sub(r"[^a-z]", "", word.lower())


@cache
def ends_phrase(word: str) -> bool:
    """Whether a word can be no part of a noun phrase."""
    low = word.lower()
    return low in STOPS or low in VERBS or not low[:1].isalpha() or low in ("ll", "ve", "re")


def is_participle(word: str) -> bool:
    """Whether a word looks like "baked"; "red" and "seed" do not."""
    return len(word) > 5 and word.lower().endswith("ed") and not word.lower().endswith("eed")


def is_verbal(word: str) -> bool:
    """Whether a word looks like "baked" or "baking"."""
    return is_participle(word) or (len(word) > 5 and word.lower().endswith("ing"))


def phrase_after(words: list[str], place: int = 0) -> tuple[list[str], int]:
    """The noun phrase that begins at `place`, its words cleaned, and where it ends."""
    found: list[str] = []
    while place < len(words):
        word = words[place]
        low = word.lower()
        if low in SKIPPED and not found:
            place += 1
            continue
        if word == "-" and place + 1 < len(words):
            place += 1
            continue
        if low in SKIPPED or ends_phrase(word) or (found and (is_participle(word) or low.endswith("ly"))):
            break
        if found and low.endswith("ing") and len(found) >= 1 and len(low) > 4:
            break
        found.append(clean(word))
        place += 1
        if len(found) == MOST_WORDS + 1:
            break
    return [word for word in found if word][-MOST_WORDS:], place


def phrase_before(words: list[str]) -> list[str]:
    """The noun phrase that a text ends in, verbs and small words behind it passed over."""
    end = len(words)
    while end and (ends_phrase(words[end - 1]) or words[end - 1].lower() in SKIPPED or is_verbal(words[end - 1])):
        if words[end - 1] in ".,;:?!" and end < len(words):
            return []
        end -= 1
    start = end
    while start and end - start < MOST_WORDS:
        word = words[start - 1]
        if ends_phrase(word) or word.lower() in SKIPPED or is_verbal(word):
            break
        start -= 1
    return [clean(word) for word in words[start:end] if clean(word)]


def joined_after(words: list[str], place: int) -> list[str]:
    """What a preposition at `place` adds: ["in", "may"], ["per", "hour"]; [] where none stands there."""
    if place >= len(words):
        return []
    low = words[place].lower()
    if low in ("a", "an", "each", "every", "/") and place + 1 < len(words):
        unit, _ = phrase_after(words, place + 1)
        return ["per", unit[0]] if unit else []
    if low not in JOINS:
        return []
    inner, _ = phrase_after(words, place + 1)
    return [low, *inner[-2:]] if inner else []


def sentence_at(text: str, start: int, end: int) -> tuple[str, str]:
    """What stands in the sentence before `start`, and what behind `end`."""
    before = _SENTENCE.split(text[:start])[-1]
    behind = re.split(r"(?<!\d)[.](?=\s|$)|[.](?=\s|$)|[?!;\n]", text[end:])[0]
    return before, behind


def subject_of(before: str) -> str:
    """The name of a person or thing that a clause begins with: "Natalia", "" where none does."""
    names = [word for word in re.findall(r"\b[A-Z][a-z]+\b", before) if word.lower() not in STOPS | SKIPPED]
    names = [name for name in names if name.lower() not in _OPENERS]
    return clean(names[-1]) if names else ""


_OPENERS = frozenset(_TABLE["openers"].split())


def singular(word: str) -> str:
    """ "pages" -> "page"; by its ending alone."""
    if word.endswith("ies") and len(word) > 4:
        return f"{word[:-3]}y"
    if word.endswith(("sses", "shes", "ches", "xes")):
        return word[:-2]
    return word[:-1] if word.endswith("s") and not word.endswith(("ss", "us", "is")) and len(word) > 3 else word


def join_words(*parts: str | Iterable[str]) -> str:
    """The parts of a name with underscores between them; empty ones are left out."""
    words: list[str] = []
    for part in parts:
        words += [part] if isinstance(part, str) else list(part)
    return "_".join(word for word in words if word)
