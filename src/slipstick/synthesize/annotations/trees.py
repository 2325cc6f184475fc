"""Arithmetic as a tree: read from text, evaluated exactly, written as Python."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from slipstick.exact import FUNCTIONS, OPERATORS, NoValueError

MOST_DIGITS = 40
"""Numbers and results of more digits are not school arithmetic; they are rejected before they are computed."""


@dataclass(frozen=True)
class Number:
    """A number as it was written."""

    value: Fraction
    """Of 15% it is 15."""
    percent: bool = False
    """Whether a percent sign followed it."""
    near: tuple[str, ...] = field(default=(), compare=False)
    """The words after it, "$" first if it is money."""


@dataclass(frozen=True)
class Name:
    """The value of a variable."""

    name: str
    """Key of an input or a step, or a formula's variable."""


@dataclass(frozen=True)
class Operation:
    """Two trees under +, -, *, / or **."""

    sign: str
    """One of these."""
    left: Tree
    """First operand."""
    right: Tree
    """Second operand."""


@dataclass(frozen=True)
class Call:
    """A function of a tree: "ceil", "floor", "sqrt", ..."""

    function: str
    """Name in `slipstick.exact.FUNCTIONS`."""
    arguments: tuple[Tree, ...]
    """Its operands, in order."""


@dataclass(frozen=True)
class Solve:
    """The value of a letter for which two sides are equal; in them the letter is the Name UNKNOWN."""

    left: Tree
    """One side."""
    right: Tree
    """The other side."""


Tree = Number | Name | Operation | Call | Solve
UNKNOWN = Name("?")


_TOKEN = re.compile(
    r"\s*(?:(?P<mixed>\d+\s+\d+/\d+(?![\d.]))|(?P<number>(?:\d[\d,]*\.?\d*|\.\d+))(?P<percent>\s?%)?"
    r"|(?P<sign>\*\*|[-+*/^()])|(?P<letter>[A-Za-z]))"
)


def to_fraction(text: str) -> Fraction:
    """The value of "1,200.50"; raises NoValueError if it is none or has too many digits."""
    digits = text.replace(",", "").strip()
    if len(digits) > MOST_DIGITS:
        raise NoValueError(f"{digits[:12]}... has too many digits")
    try:
        return Fraction(digits)
    except (ValueError, ZeroDivisionError) as error:
        raise NoValueError(f"{text!r} is not a number") from error


def read(text: str) -> Tree:
    """The tree of "20%*(3+4)/2"; "2(4)" multiplies, as does "3x". Raises NoValueError.

    Signs of other alphabets (×, ÷, −) have to be Python's by now.
    """
    tokens = list(_tokens(text))
    if not tokens or len(tokens) > 200:
        raise NoValueError(f"{text[:40]!r} is not arithmetic")
    reader = _Reader(tokens)
    tree = reader.sums()
    if reader.place != len(tokens):
        raise NoValueError(f"{text!r} ends too early")
    return tree


def _tokens(text: str) -> Iterator[Number | Name | str]:
    place = 0
    text = text.strip()
    while place < len(text):
        match = _TOKEN.match(text, place)
        if match is None:
            raise NoValueError(f"{text!r} is not arithmetic")
        place = match.end()
        if match["mixed"]:
            whole, part = match["mixed"].split(maxsplit=1)
            over, under = part.split("/")
            if not int(under):
                raise NoValueError(f"{text!r} divides by zero")
            yield Number(int(whole) + Fraction(int(over), int(under)))
        elif match["number"]:
            yield Number(to_fraction(match["number"]), percent=bool(match["percent"]))
        else:
            yield Name(match["letter"]) if match["letter"] else match["sign"].replace("^", "**")


class _Reader:
    """Recursive descent over the tokens."""

    def __init__(self, tokens: list[Number | Name | str]) -> None:
        self._tokens, self.place, self._depth = tokens, 0, 0

    def _next(self) -> Number | Name | str | None:
        return self._tokens[self.place] if self.place < len(self._tokens) else None

    def sums(self) -> Tree:
        tree = self._products()
        while (sign := self._next()) in ("+", "-"):
            self.place += 1
            tree = Operation(str(sign), tree, self._products())
        return tree

    def _products(self) -> Tree:
        tree = self._powers()
        while True:
            follows = self._next()
            if follows in ("*", "/"):
                self.place += 1
                tree = Operation(str(follows), tree, self._powers())
            elif follows == "(" or isinstance(follows, Name):
                tree = Operation("*", tree, self._powers())
            else:
                return tree

    def _powers(self) -> Tree:
        tree = self._single()
        if self._next() == "**":
            self.place += 1
            return Operation("**", tree, self._single())
        return tree

    def _single(self) -> Tree:
        token = self._next()
        self.place += 1
        if isinstance(token, Number | Name):
            return token
        if token == "-":
            return Operation("-", Number(Fraction(0)), self._powers())
        if token == "(" and self._depth < 20:
            self._depth += 1
            tree = self.sums()
            self._depth -= 1
            if self._next() == ")":
                self.place += 1
                return tree
        raise NoValueError("the arithmetic breaks off")


def evaluate(tree: Tree, values: Mapping[str, Fraction]) -> Fraction:
    """The exact value of a tree (that of a square root as exact as a float). Raises NoValueError if it has none."""
    if isinstance(tree, Number):
        return tree.value
    if isinstance(tree, Name):
        if tree.name not in values:
            raise NoValueError(f"{tree.name} is not known")
        return values[tree.name]
    if isinstance(tree, Call):
        return Fraction(FUNCTIONS[tree.function](*(evaluate(argument, values) for argument in tree.arguments)))
    if isinstance(tree, Solve):
        return _solve(tree, values)
    return Fraction(OPERATORS[tree.sign](evaluate(tree.left, values), evaluate(tree.right, values)))


def _solve(tree: Solve, values: Mapping[str, Fraction]) -> Fraction:
    """The solution of a linear equation. Raises NoValueError for another one, or one without a single solution."""

    def gap(at: int) -> Fraction:
        known = {**values, UNKNOWN.name: Fraction(at)}
        return evaluate(tree.left, known) - evaluate(tree.right, known)

    slope = gap(2) - gap(1)
    if not slope or gap(3) - gap(2) != slope:
        raise NoValueError("an equation that is not linear or has no single solution")
    return 1 - gap(1) / slope


def leaves(tree: Tree) -> Iterator[Number | Name]:
    """The numbers and names of a tree, from left to right."""
    if isinstance(tree, Number | Name):
        yield tree
    elif isinstance(tree, Operation | Solve):
        yield from leaves(tree.left)
        yield from leaves(tree.right)
    else:
        for argument in tree.arguments:
            yield from leaves(argument)


def replaced(tree: Tree, change: Callable[[Number | Name], Tree]) -> Tree:
    """The tree with every number and name changed, from left to right."""
    if isinstance(tree, Number | Name):
        return change(tree)
    if isinstance(tree, Operation):
        left = replaced(tree.left, change)
        return Operation(tree.sign, left, replaced(tree.right, change))
    if isinstance(tree, Solve):
        left = replaced(tree.left, change)
        return Solve(left, replaced(tree.right, change))
    return Call(tree.function, tuple(replaced(argument, change) for argument in tree.arguments))


def substituted(tree: Tree, trees: Mapping[str, Tree]) -> Tree:
    """The tree with trees in the place of some names."""
    return replaced(tree, lambda leaf: trees.get(leaf.name, leaf) if isinstance(leaf, Name) else leaf)
