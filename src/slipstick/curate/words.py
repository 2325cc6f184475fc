"""The word lists of the rules, from `words.toml`."""

from __future__ import annotations

import tomllib
from functools import lru_cache
from importlib import resources


@lru_cache(maxsize=1)
def word_lists() -> dict[str, list[str]]:
    """Name of a list -> its words."""
    return tomllib.loads((resources.files("slipstick.curate") / "words.toml").read_text("utf-8"))
