"""Reads a rationale: its annotations `<<48/2=24>>`, the equations of its text, and the letters that it solves for."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from fractions import Fraction

from slipstick.synthesize.annotations.calculations import Calculation, calculations_of
from slipstick.synthesize.annotations.letters import solved_letters

_ANNOTATION = re.compile(r"<<([^<>]*)>>")


@dataclass
class Rationale:
    """A rationale without its annotations, and its calculations in order."""

    lines: list[str]
    calculations: list[Calculation]
    results: set[Fraction] = field(default_factory=set)
    """Every value that stands behind an equals sign, read or not."""


def read_rationale(text: str) -> Rationale:
    """The calculations of a rationale, in the order it makes them."""
    found = Rationale([], [])
    for line in text.strip().splitlines():
        clean, notes = _without_annotations(line)
        found.lines.append(clean)
        found.calculations += calculations_of(clean, notes, len(found.lines) - 1, found.results)
    found.calculations += solved_letters(found.lines, found.calculations)
    found.calculations.sort(key=lambda each: (each.line, each.end))
    return found


def _without_annotations(line: str) -> tuple[str, dict[int, str]]:
    """The line without its annotations, and what stood at which place of it."""
    clean, notes, place = "", {}, 0
    for match in _ANNOTATION.finditer(line):
        clean += line[place : match.start()]
        notes[len(clean)] = match[1]
        place = match.end()
    return clean + line[place:], notes
