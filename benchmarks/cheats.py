r"""Wrong answers written to be accepted: the strategies of cheats.toml with golds put in."""

from __future__ import annotations

import random
import re
import tomllib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

from benchmarks.mutations import is_expression, is_integer, is_option, is_word

STRATEGIES = Path(__file__).with_suffix(".toml")
"""Strategies as data; the file says how they are written."""


def strategies() -> dict[str, dict[str, list[str]]]:
    """Name -> kinds of golds and templates."""
    return tomllib.loads(STRATEGIES.read_text("utf-8"))


def kind_of(gold: str) -> str | None:
    """What a gold is for the strategies, None if it is for none of them."""
    if gold.lower() in ("undefined", "none", "nan"):
        return None
    if is_integer(gold):
        return "integer" if int(gold) > 3 else None
    if is_option(gold):
        return "letter"
    if is_word(gold):
        return "word"
    if is_expression(gold) and re.search(r"\\(?:frac|sqrt|pi)|[a-z]", gold) and len(gold) < 80:
        return "formula"
    return "list" if re.fullmatch(r"-?\d{1,2}(?:, ?-?\d{1,2})+", gold) else None


def write(golds: Iterable[str], number: int, chance: random.Random) -> Iterator[tuple[str, str, str]]:
    """(strategy, cheating text, gold), at least `number`: every template for each of its kinds with other golds."""
    of_kind: dict[str, list[str]] = defaultdict(list)
    for gold in golds:
        of_kind[kind_of(gold) or ""].append(gold)
    known = strategies()
    written = 0
    while written < number:
        for name, strategy in known.items():
            for template in strategy["templates"]:
                for kind in strategy["golds"]:
                    gold, other, third = chance.sample(of_kind[kind], 3)
                    written += 1
                    yield name, template.replace("GOLD", gold).replace("OTHER", other).replace("THIRD", third), gold
