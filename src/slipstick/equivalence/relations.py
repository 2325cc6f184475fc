r"""Reads equations and inequalities as chains of sides: x = 3, 1 < x \leq 2."""

import functools
import re
from dataclasses import dataclass
from types import MappingProxyType

from slipstick.equivalence.normalize.notation import split_top

MAX_SIDES = 12
_RELATION = re.compile(r"\\(?:leq|geq|neq|approx|equiv|sim)(?![A-Za-z])|[<>=]")
FLIPPED = MappingProxyType({"<": ">", ">": "<", r"\leq": r"\geq", r"\geq": r"\leq"})
"""Each sign of order, read from right to left."""


@dataclass(frozen=True, slots=True)
class Relation:
    """A chain of sides with the signs between them: 1 < x <= 2 has three sides."""

    sides: tuple[str, ...]
    signs: tuple[str, ...]


@functools.lru_cache(maxsize=256)
def read_relation(text: str) -> Relation | None:
    """The equation or inequality a text is, None if it is none or has more than MAX_SIDES sides."""
    if not _RELATION.search(text):
        return None
    sides = split_top(text, _RELATION)
    if not 2 <= len(sides) <= MAX_SIDES:
        return None
    signs, place = [], 0
    for side in sides[:-1]:
        sign = _RELATION.match(text, place + len(side))
        assert sign is not None
        signs.append(sign.group())
        place = sign.end()
    return Relation(tuple(side.strip() for side in sides), tuple(signs))
