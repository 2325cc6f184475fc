"""The small grammar of wordings: sentence skeletons, `[this|or this]`, shared phrases and words that recur.

A skeleton is one line of text with
  [has|owns]   one of several wordings; which ones meet in one problem is what "combination" means
  @many        a shared phrase from PHRASES
  {start}      a number of the problem, or a word that stays the same all through it ({name}, {thing})
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from random import Random

PHRASES: Mapping[str, str] = {
    "many": "[how many|what number of]",
    "find": "[find|work out|compute]",
    "whatis": "[what is|find|work out|compute]",
    "now": "[now|in all|in total]",
    "left": "[left|now|still]",
    "has": "[has|owns|keeps]",
    "buys": "[buys|gets|finds|picks up]",
    "sells": "[sells|loses|gives away|uses]",
    "costs": "[costs|sells for|is sold at]",
    "makes": "[makes|packs|fills]",
    "open": "[||||today |one day |last week |on Monday ]",
    "ask": "[|||||||Here is a problem.|Solve this.|{name} asks this.|{other} wants to know this.|Think about it.]",
    "close": "[|||||||Give the number.|Show the answer.|The answer is a number.]",
    "aside": "[||||||||It is a sunny day. |The day is warm. |{name} has a cat. |{name} is {age} years old. ]",
}

WORDS: Mapping[str, str] = {
    "name": "Sam|Tom|Ben|Max|Leo|Dan|Ali|Jon|Ann|Mia|Eva|Zoe|Lin|Ida|Amy|Kim",
    "other": "Sam|Tom|Ben|Max|Leo|Dan|Ali|Jon|Ann|Mia|Eva|Zoe|Lin|Ida|Amy|Kim",
    "thing": "apple|pen|book|coin|card|stamp|egg|cup|shell|nail|ticket|marble|lemon|brick",
    "bag": "bag|jar|crate|basket|tray|sack|case|carton",
    "place": "farm|shop|school|club|town|camp|store|museum",
    "age": "7|8|9|11|12|13|14|15",
}
"""Words that stay the same all through one problem. Every thing, bag and place takes a plain s in the plural."""

_SHE = frozenset(("Ann", "Mia", "Eva", "Zoe", "Lin", "Ida", "Amy", "Kim"))
_PHRASE = re.compile(r"@(\w+)")
_CHOICE = re.compile(r"\[([^\]]*)\]")
_FIELD = re.compile(r"\{(\w+)\}")
_START = re.compile(r"(^|[.?] )([a-z](?=[a-z])|a(?= ))")  # not the x of an equation
_VOWEL = re.compile(r"\b([Aa])(?= (?:apple|egg)\b)")
_QUESTION = re.compile(r"(?:^|(?<=[.?] ))((?:What|How)(?:[^.?]|\.\d)*)\.(?= |$)")


def framed(skeleton: str) -> str:
    """The skeleton of a calculation with what may come before and after any of them."""
    return f"@ask {skeleton} @close"


@dataclass(frozen=True, slots=True)
class Wording:
    """A text with its fields left open."""

    text: str
    """The sentence, with fields such as {name}."""
    combination: str
    """The choices that were made, names and things aside."""

    def place(self, field: str) -> int:
        """Place of a field's first occurrence."""
        return self.text.index(f"{{{field}}}")


def word_it(skeleton: str, rng: Random) -> Wording:
    """Makes every choice in a skeleton; the fields stay open."""
    fixed, choices = _plan(skeleton)
    picks = [rng.randrange(len(options)) for options in choices]
    parts = [fixed[0]]
    for pick, options, literal in zip(picks, choices, fixed[1:], strict=True):
        parts += (options[pick], literal)
    # An option that is listed twice, to make it likelier, counts as its first place.
    firsts = (options.index(options[pick]) for pick, options in zip(picks, choices, strict=True))
    return Wording("".join(parts), ".".join(map(str, firsts)))


def pick_words(own: Mapping[str, str], rng: Random) -> dict[str, str]:
    """One word for every field of WORDS and of a template's own words, and the pronouns that go with the name."""
    picked = {key: rng.choice(options) for key, options in _pools(tuple({**WORDS, **own}.items()))}
    while picked["other"] == picked["name"]:
        picked["other"] = rng.choice(WORDS["other"].split("|"))
    if picked["name"] in _SHE:
        return picked | {"he": "she", "his": "her", "him": "her"}
    return picked | {"he": "he", "his": "his", "him": "him"}


def fill(wording: Wording, fields: Mapping[str, object]) -> str:
    """The finished text: fields filled in, capitals at the start of sentences, question marks, "an" for "a"."""
    text = " ".join(wording.text.format_map(fields).split())
    text = _START.sub(lambda match: match[1] + match[2].upper(), text)
    return _QUESTION.sub(r"\1?", _VOWEL.sub(r"\1n", text))


def surface_forms(skeleton: str, own: Mapping[str, str]) -> int:
    """In how many ways a skeleton can be worded, numbers aside."""
    fixed, choices = _plan(skeleton)
    pools = {**WORDS, **own}
    used = {key for key in _FIELD.findall("".join(fixed)) if key in pools}  # some of the choices have more
    counts = [len(pools[key].split("|")) - (key == "other") for key in used]
    return math.prod(counts + [len(set(options)) for options in choices])


@lru_cache(maxsize=1024)
def _plan(skeleton: str) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    """The fixed stretches of a skeleton and, between them, the wordings to choose from."""
    pieces = _CHOICE.split(_PHRASE.sub(lambda match: PHRASES[match[1]], skeleton))
    return tuple(pieces[::2]), tuple(tuple(piece.split("|")) for piece in pieces[1::2])


@lru_cache(maxsize=256)
def _pools(words: tuple[tuple[str, str], ...]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    return tuple((key, tuple(options.split("|"))) for key, options in words)
