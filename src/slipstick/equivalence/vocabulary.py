"""The words and signs the grader knows, from vocabulary.toml: Unicode signs, units, number words, synonyms."""

from __future__ import annotations

import tomllib
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Final

_TABLES: Final[dict[str, Any]] = tomllib.loads(files(__package__).joinpath("vocabulary.toml").read_text("utf-8"))

SIGNS: Final = MappingProxyType({ord(sign): str(latex) for sign, latex in _TABLES["signs"].items()})
UNITS: Final = MappingProxyType(
    {word: str(unit) for unit, words in _TABLES["units"].items() for word in [unit, *words]},
)
NUMBERS: Final = MappingProxyType({str(word): int(value) for word, value in _TABLES["numbers"].items()})
SAME_WORDS: Final = MappingProxyType({str(word): str(meaning) for word, meaning in _TABLES["same_words"].items()})
UNIT_LETTERS: Final = frozenset[str](_TABLES["lists"]["unit_letters"])
NO_UNITS: Final = frozenset[str](_TABLES["lists"]["no_units"])
DIMENSIONLESS: Final = frozenset[str](_TABLES["lists"]["dimensionless"])
MONEY: Final = tuple[str, ...](_TABLES["lists"]["money"])
FUNCTIONS: Final = frozenset[str](_TABLES["lists"]["functions"])
