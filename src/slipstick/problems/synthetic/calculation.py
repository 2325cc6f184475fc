"""Calculation problems: the templates of templates/*.toml, filled with numbers and worked out step by step."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.resources import files
from random import Random

from slipstick.exact import Value, evaluate
from slipstick.problems.synthetic.draw import draws
from slipstick.problems.synthetic.paper import FUNCTIONS, show, substitute


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """One type of calculation problem; its fields are those of a table in templates/*.toml."""

    name: str
    topic: str
    """Name of its file."""
    numbers: Mapping[str, str]
    """Name -> expression that draws it (draw.py) from the names before it; `_names` stay out of text and program."""
    steps: list[list[str]]
    """What is worked out, in order: name, expression over earlier names, words that lead up to the result."""
    skeletons: list[str]
    """Texts met in training (grammar.py)."""
    unseen: list[str]
    """Texts never met in training."""
    words: Mapping[str, str] = field(default_factory=dict)
    """Words of its own beside grammar.WORDS, "this|or this"."""
    scales: bool = True
    """Whether its numbers can be made as long as one likes."""


@dataclass(frozen=True, slots=True)
class Worked:
    """The numbers of one problem and how its answer comes about."""

    given: dict[str, int]
    steps: list[dict[str, str]]
    """Name, expression and sentence of each step, the given numbers first."""
    answer: str


@lru_cache(maxsize=1)
def templates() -> tuple[Template, ...]:
    """Every template, in the order of the files' names."""
    found = []
    for source in sorted(files(__package__).joinpath("templates").iterdir(), key=lambda path: path.name):
        tables = tomllib.loads(source.read_text("utf-8"))
        found += [
            Template(name=name, topic=source.name.removesuffix(".toml"), **table) for name, table in tables.items()
        ]
    return tuple(found)


def draw_numbers(template: Template, *, digits: int, rng: Random) -> dict[str, int]:
    """The numbers of one problem, hidden ones left out."""
    functions, values = draws(rng, digits), dict[str, Value]()
    for name, expression in template.numbers.items():
        values[name] = evaluate(expression, values, functions)
    return {name: int(value) for name, value in values.items() if not name.startswith("_")}


def work_out(template: Template, given: Mapping[str, int]) -> Worked:
    """The worked steps from the given numbers, in their order, to the answer."""
    values: dict[str, Value] = dict(given)
    result = ""
    steps = [{"name": name, "expression": str(value), "says": ""} for name, value in given.items()]
    for name, expression, lead in template.steps:
        values[name] = evaluate(expression, values, FUNCTIONS)
        # A program prints a Fraction as a fraction, whether or not it would end as a decimal.
        result = str(values[name]) if "Fraction" in expression else show(values[name])
        steps.append({"name": name, "expression": expression, "says": _says(lead, expression, values, result=result)})
    return Worked(dict(given), steps, result)


def _says(lead: str, expression: str, values: Mapping[str, Value], *, result: str) -> str:
    written = substitute(expression, values)
    return f"{lead} {result}." if written.startswith(("max(", "min(")) else f"{lead} {written} = {result}."
