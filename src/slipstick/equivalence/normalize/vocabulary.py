"""The words and signs the grader knows, from the TOML files beside: signs, units, synonyms, sentences, opposites."""

import re
import tomllib
from collections.abc import Iterable
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Final


def _read(name: str) -> dict[str, Any]:
    return tomllib.loads(files(__package__).joinpath(name).read_text("utf-8"))


_TABLES: Final = _read("vocabulary.toml")
_SENTENCES: Final = _read("sentences.toml")["lists"]

SIGNS: Final = MappingProxyType({ord(sign): str(latex) for sign, latex in _TABLES["signs"].items()})
UNITS: Final = MappingProxyType(
    {word: str(unit) for unit, words in _TABLES["units"].items() for word in [unit, *words]},
)
CJK_UNITS: Final = MappingProxyType({word: str(unit) for unit, words in _TABLES["cjk_units"].items() for word in words})
COUNTERS: Final = tuple[str, ...](_TABLES["lists"]["counters"])
COUNTERS_CHANGED: Final = frozenset[str](_TABLES["lists"]["counters_changed"])
NOUNS: Final = MappingProxyType({word: str(noun) for noun, words in _TABLES["nouns"].items() for word in words})
WEEKDAYS: Final = MappingProxyType({name: names[0] for names in _TABLES["calendar"]["weekdays"] for name in names})
MONTHS: Final = MappingProxyType(
    {name: place for place, names in enumerate(_TABLES["calendar"]["months"], 1) for name in names}
)
MONTH_NAMES: Final = MappingProxyType({name: names[0] for names in _TABLES["calendar"]["months"] for name in names})
SAME_WORDS: Final = MappingProxyType({str(word): str(meaning) for word, meaning in _TABLES["same_words"].items()})
UNIT_LETTERS: Final = frozenset[str](_TABLES["lists"]["unit_letters"])
NO_UNITS: Final = frozenset[str](_TABLES["lists"]["no_units"])
LETTER_UNITS: Final = frozenset[str](_TABLES["lists"]["letter_units"])
DOUBTING: Final = frozenset[str](_SENTENCES["doubting"])
JOINING: Final = frozenset[str](_SENTENCES["joining"])
CHANGING: Final = DOUBTING.union(JOINING, *(_SENTENCES[name] for name in ("bounding", "altering", "verbs")))
FILLERS: Final = frozenset[str](_TABLES["lists"]["fillers"])
SHORT_NOUNS: Final = frozenset[str](_TABLES["lists"]["short_nouns"])
CHOICE_WORDS: Final = frozenset[str](_SENTENCES["choice_words"])
CHOICE_DENIALS: Final = tuple[str, ...](_SENTENCES["choice_denials"])
GENERIC_LABELS: Final = frozenset[str](_TABLES["lists"]["generic_labels"])
PROGRAM_WORDS: Final = frozenset[str](_TABLES["lists"]["program_words"])
DIMENSIONLESS: Final = frozenset[str](_TABLES["lists"]["dimensionless"])
MONEY: Final = tuple[str, ...](_TABLES["lists"]["money"])
FUNCTIONS: Final = frozenset[str](_TABLES["lists"]["functions"])
LIMITS: Final = frozenset[str](_SENTENCES["limits"])
OPERATIONS: Final = frozenset[str](_SENTENCES["operations"])
SUBJECTS: Final = frozenset[str](_SENTENCES["subjects"])
SUBJECT_WORDS: Final = frozenset[str](_SENTENCES["subject_words"])
STATING: Final = frozenset[str](_SENTENCES["stating"])
BETWEEN: Final = frozenset[str](_SENTENCES["between"])
HEDGES: Final = tuple[str, ...](_SENTENCES["hedges"])
SAID_OF_A_NAME: Final = frozenset[str](_SENTENCES["said_of_a_name"])
KINDS_OF_THINGS: Final = frozenset[str](_SENTENCES["kinds_of_things"])
COMPARING: Final = frozenset[str](_SENTENCES["comparing"])
QUANTITY_VERBS: Final = frozenset[str](_SENTENCES["quantity_verbs"])
SAID_OF_A_QUANTITY: Final = frozenset[str](_SENTENCES["said_of_a_quantity"])
SOLUTIONS: Final = frozenset[str](_SENTENCES["solutions"])
SOLUTION_WORDS: Final = frozenset[str](_SENTENCES["solution_words"])


def singular(word: str) -> str:
    """boxes -> box, berries -> berry, people -> person; a word in lower case."""
    if word not in NOUNS and len(word) > 3 and not word.endswith(("ss", "us", "is")):
        if word.endswith("ies"):
            word = word[:-3] + "y"
        else:
            word = word[:-2] if re.search(r"(?:x|ch|sh|ss|us)es$", word) else word.removesuffix("s")
    return NOUNS.get(word, word)


def stem(word: str) -> str:
    """increases and increasing -> increase, colour -> color, normalise -> normalize; even and evening stay two."""
    word = singular(word)
    if len(word) > 4:
        word = re.sub(r"our$", "or", re.sub(r"is(e[sd]?|ing|ation)$", r"iz\1", re.sub(r"(?<=[^aeiou])re$", "er", word)))
    return re.sub(r"(?<=\w{4})ing$", "e", word)


def _sides() -> dict[str, frozenset[tuple[int, int]]]:
    """Stem -> the rows of opposites it stands in, and its place there."""
    sides: dict[str, frozenset[tuple[int, int]]] = {}
    for row, entries in enumerate(_read("opposites.toml")["rows"]):
        for place, words in enumerate(entries):
            for word in words.split():
                sides[stem(word)] = sides.get(stem(word), frozenset()) | {(row, place)}
    return sides


_OPPOSITES: Final = MappingProxyType(_sides())


def are_opposed(words: Iterable[str], others: Iterable[str]) -> bool:
    """Whether a word of one text says the opposite of one of the other's: 3 years older, 3 years younger."""
    here, there = (
        {side for word in side_words for side in _OPPOSITES.get(stem(word), ())} for side_words in (words, others)
    )
    if not here or not there:
        return False
    return any(row == other_row and place != other for row, place in here - there for other_row, other in there - here)
