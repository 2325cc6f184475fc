"""Calculation problems: the templates of templates/*.toml, filled with numbers and solved step by step."""

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.resources import files
from random import Random

from slipstick.exact import Value, evaluate
from slipstick.problems.synthetic.paper import FUNCTIONS, show, substitute


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """One type of calculation problem; its fields are those of a table in templates/*.toml."""

    name: str
    """Key of its table."""
    topic: str
    """Name of its file."""
    numbers: Mapping[str, str]
    """Name -> expression (see `_choosers`) over the names before it; `_names` stay out of text and program."""
    steps: list[list[str]]
    """What is calculated, in order: name, expression over earlier names, words that lead up to the result."""
    skeletons: list[str]
    """Texts met in training (grammar.py)."""
    unseen: list[str]
    """Texts never met in training."""
    words: Mapping[str, str] = field(default_factory=dict)
    """Its own words in addition to grammar.WORDS, "this|or this"."""
    scales: bool = True
    """Whether its numbers can be of any length."""


@dataclass(frozen=True, slots=True)
class Worked:
    """The numbers of one problem and how its answer comes about."""

    given: dict[str, int]
    """Name -> number in the text."""
    steps: list[dict[str, str]]
    """Name, expression and sentence of each step, the given numbers first."""
    answer: str
    """The result of the last step."""


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


def _choosers(rng: Random, digits: int) -> Mapping[str, Callable[..., int]]:
    """The functions by which a template says which numbers it wants; `digits` is the length of the longest one.

    long()            exactly that length, at least 2
    any()             that length or up to two digits shorter, at least 2
    less(n)           from 1 to n - 1, about as long as n
    multiple(n)       a multiple of n, at least 2 n, about that length
    small(low, high)  from low to high, whatever the length
    pick(a, b, ...)   one of these
    """

    def of_length(length: int) -> int:
        return rng.randint(max(2, 10 ** (length - 1)), 10**length - 1)

    def less(n: int) -> int:
        return rng.randint(min(max(1, 10 ** max(0, len(str(n)) - 2)), n - 1), n - 1)

    return {
        "long": lambda: of_length(digits),
        "any": lambda: of_length(rng.randint(max(1, digits - 2), digits)),
        "less": less,
        "multiple": lambda n: n * max(2, of_length(digits) // n),
        "small": rng.randint,
        "pick": lambda *numbers: rng.choice(numbers),
        "max": max,
        "min": min,
    }


def draw_numbers(template: Template, *, digits: int, rng: Random) -> dict[str, int]:
    """The numbers of one problem, hidden ones left out."""
    functions, values = _choosers(rng, digits), dict[str, Value]()
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
