"""The words that published graders leave out of an answer or read as numbers, from words.toml."""

from __future__ import annotations

import tomllib
from importlib.resources import files
from typing import Any, Final

_TABLES: Final[dict[str, Any]] = tomllib.loads(files(__package__).joinpath("words.toml").read_text("utf-8"))

MINERVA_REPLACED: Final = tuple((str(old), str(new)) for old, new in _TABLES["minerva"]["replaced"])
MINERVA_REMOVED: Final = tuple[str, ...](_TABLES["minerva"]["removed"])
QWEN_UNITS: Final = tuple[str, ...](_TABLES["qwen"]["units"])
QWEN_NUMBERS: Final[dict[str, int]] = _TABLES["qwen"]["numbers"]
QWEN_SCALES: Final[dict[str, int]] = _TABLES["qwen"]["scales"]
MARIO_LONG_UNITS: Final = tuple[str, ...](_TABLES["mario"]["long_units"])
MARIO_SHORT_UNITS: Final = tuple[str, ...](_TABLES["mario"]["short_units"])
MARIO_LETTER_UNITS: Final = tuple[str, ...](_TABLES["mario"]["letter_units"])
