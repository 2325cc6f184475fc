"""The words and signs the grader knows, from vocabulary.toml: Unicode signs, units, synonyms."""

import re
import tomllib
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Final

_TABLES: Final[dict[str, Any]] = tomllib.loads(files(__package__).joinpath("vocabulary.toml").read_text("utf-8"))

SIGNS: Final = MappingProxyType({ord(sign): str(latex) for sign, latex in _TABLES["signs"].items()})
UNITS: Final = MappingProxyType(
    {word: str(unit) for unit, words in _TABLES["units"].items() for word in [unit, *words]},
)
NOUNS: Final = MappingProxyType({word: str(noun) for noun, words in _TABLES["nouns"].items() for word in words})
WEEKDAYS: Final = MappingProxyType({name: names[0] for names in _TABLES["calendar"]["weekdays"] for name in names})
MONTHS: Final = MappingProxyType(
    {name: place for place, names in enumerate(_TABLES["calendar"]["months"], 1) for name in names}
)
MONTH_NAMES: Final = MappingProxyType({name: names[0] for names in _TABLES["calendar"]["months"] for name in names})
SAME_WORDS: Final = MappingProxyType({str(word): str(meaning) for word, meaning in _TABLES["same_words"].items()})
UNIT_LETTERS: Final = frozenset[str](_TABLES["lists"]["unit_letters"])
NO_UNITS: Final = frozenset[str](_TABLES["lists"]["no_units"])
DIRECTIONS: Final = frozenset[str](_TABLES["lists"]["directions"])
GENERIC_LABELS: Final = frozenset[str](_TABLES["lists"]["generic_labels"])
DIMENSIONLESS: Final = frozenset[str](_TABLES["lists"]["dimensionless"])
MONEY: Final = tuple[str, ...](_TABLES["lists"]["money"])
FUNCTIONS: Final = frozenset[str](_TABLES["lists"]["functions"])
LIMITS: Final = frozenset[str](_TABLES["lists"]["limits"])
OPERATIONS: Final = frozenset[str](_TABLES["lists"]["operations"])
SUBJECTS: Final = frozenset[str](_TABLES["lists"]["subjects"])
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
