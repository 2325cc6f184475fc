"""The calculations of one line: its annotations, and its equations in plain text."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from slipstick.exact import NoValueError
from slipstick.synthesize.annotations.read.sides import (
    SIGNS,
    TIMES,
    Side,
    Token,
    first_number,
    left_side,
    result_after,
    tokenize,
    value_of,
)
from slipstick.synthesize.annotations.trees import Number, Operation, Tree, evaluate, leaves, read, replaced


@dataclass(frozen=True)
class Calculation:
    """An equation of a rationale that can be followed."""

    tree: Tree
    """What was calculated; percent signs are divisions by 100 unless `percent`."""
    value: Fraction
    """Its exact value."""
    shown: Fraction
    """The value that the rationale gives; perhaps rounded."""
    line: int
    """Line of the rationale, from 0."""
    start: int
    """Where it begins in its line without annotations."""
    equals: int
    """Where its equals sign and its result begin; `start` if only an annotation has the calculation."""
    end: int
    """Where its result ends."""
    percent: bool = False
    """Whether the value counts percents: 60 for "60%"."""
    shown_percent: bool = False
    """Whether the rationale shows it with a percent sign."""
    money: bool = False
    """Whether the result has a dollar sign."""


def calculations_of(text: str, notes: dict[int, str], number: int, results: set[Fraction]) -> list[Calculation]:
    """The calculations of a line, in order. notes: place -> annotation; results: takes the values that are shown."""
    line = _Line(text, list(tokenize(text)), dict(notes), number)
    found = [calculation for sides in line.chains() for calculation in line.of_chain(sides, results)]
    found += line.of_notes()
    return sorted(found, key=lambda each: each.end)


@dataclass
class _Line:
    """A line of a rationale while it is read."""

    text: str
    tokens: list[Token]
    notes: dict[int, str]
    """Annotations that no equation has taken yet, by their place."""
    number: int

    def chains(self) -> list[list[tuple[int, Side | None]]]:
        """The equals signs of one equation, each with the expression before it: "a = b = c" has two."""
        found: list[list[tuple[int, Side | None]]] = []
        for index in (index for index, token in enumerate(self.tokens) if token.kind == "equals"):
            side = left_side(self.tokens, index)
            if found and side and side.first <= found[-1][-1][0] + 1:
                found[-1].append((index, side))
            else:
                found.append([(index, side)])
        return found

    def of_chain(self, sides: Sequence[tuple[int, Side | None]], results: set[Fraction]) -> Iterator[Calculation]:
        """The calculations of "2 * 3 = 12 / 2 = 6": the first side whose value is shown last, or next."""
        after = result_after(self.tokens, sides[-1][0])
        notes = [self._take_note(index) for index, _ in sides]
        for place, (index, side) in enumerate(sides):
            following = sides[place + 1][1] if place + 1 < len(sides) else None
            shown = [token for token in (after, first_number(self.tokens, following)) if token]
            results |= {value_of(token) for token in shown[-1:]}
            made = self._made(_trees(notes[place], side), shown, index, side)
            if made:
                yield made
                if after and made.end == after.end:
                    return

    def _made(self, trees: Sequence[Tree], shown: Sequence[Token], index: int, side: Side | None) -> Calculation | None:
        """The first tree whose value is one of the results shown."""
        equals = self.tokens[index]
        for tree in trees:
            for token in shown:
                if read_as := _reading(tree, token):
                    start, end = (side.start, equals.start) if side else (equals.start, equals.end)
                    return _calculation(read_as, token, (self.number, start, end), money=token.money)
        return None

    def of_notes(self) -> Iterator[Calculation]:
        """Annotations without an equation before them: "or <<12*2=24>>24 eggs"."""
        for place, note in self.notes.items():
            token = next((each for each in self.tokens if each.start >= place - 1), None)
            tree = _tree_of_note(note)
            if tree and token and token.kind == "number" and (read_as := _reading(tree, token)):
                money = token.money or self.text[:place].rstrip().endswith("$")
                yield _calculation(read_as, token, (self.number, token.start, token.start), money=money)

    def _take_note(self, index: int) -> str | None:
        """The annotation right after an equals sign, removed from those that are left."""
        begin = self.tokens[index].end
        match = _BEHIND.match(self.text, begin)
        end = match.end() if match else begin
        key = next((key for key in self.notes if begin <= key <= end), None)
        return self.notes.pop(key) if key is not None else None


_BEHIND = re.compile(r"\s*[$(]?\s*")


def _calculation(
    read_as: tuple[Tree, Fraction, bool], token: Token, where: tuple[int, int, int], *, money: bool
) -> Calculation:
    tree, value, percent = read_as
    line, start, equals = where
    return Calculation(
        tree=tree,
        value=value,
        shown=value_of(token),
        line=line,
        start=start,
        equals=equals,
        end=token.end,
        percent=percent,
        shown_percent=token.text.endswith("%"),
        money=money,
    )


def _trees(note: str | None, side: Side | None) -> list[Tree]:
    """What may precede an equals sign: the annotation, then the text, which goes first if they say the same."""
    trees = [tree for tree in (_tree_of_note(note), side.tree if side else None) if tree]
    return trees[1:] if len(trees) == 2 and _numbers(trees[0]) == _numbers(trees[1]) else trees


def _numbers(tree: Tree) -> list[Fraction]:
    return [leaf.value for leaf in leaves(tree) if isinstance(leaf, Number)]


def _tree_of_note(note: str | None) -> Tree | None:
    if note is None:
        return None
    text = note.rpartition("=")[0].replace("$", "").translate(SIGNS)
    try:
        tree = read(TIMES.sub(r"\1*", text))
    except NoValueError:
        return None
    return tree if isinstance(tree, Operation) and all(isinstance(leaf, Number) for leaf in leaves(tree)) else None


def _reading(tree: Tree, token: Token) -> tuple[Tree, Fraction, bool] | None:
    """(tree, value, whether it counts percents) if the tree has the value that the token shows, else None."""
    if not isinstance(tree, Operation):
        return None
    shown, shows_percent = value_of(token), token.text.endswith("%")
    plain = replaced(tree, lambda leaf: replace(leaf, percent=False) if isinstance(leaf, Number) else leaf)
    shared = replaced(tree, as_share)
    # With a percent sign after the result, "40% + 20% = 60%" counts percents and "60% * 50% = 30%" does not.
    readings = [(plain, shown, True), (shared, shown / 100, False)] if shows_percent else []
    readings += [(shared, shown, False), (plain, shown, False)]
    for reading, aim, percent in readings:
        try:
            value = evaluate(reading, {})
        except NoValueError:
            continue
        if is_rounding(value * (100 if aim != shown else 1), shown):
            return reading, value, percent
    return None


def as_share(leaf: Tree) -> Tree:
    """15 / 100 for 15%, any other leaf as it is."""
    if isinstance(leaf, Number) and leaf.percent:
        return Operation("/", replace(leaf, percent=False), Number(Fraction(100)))
    return leaf


def is_rounding(value: Fraction, shown: Fraction) -> bool:
    """Whether a person may write `shown` for a value: the value itself, rounded or cut off to the digits shown."""
    if value == shown:
        return True
    if shown.denominator == 1:
        return abs(value) >= 10 and abs(value - shown) <= Fraction(1, 2)
    places = next((places for places in range(1, 13) if not 10**places % shown.denominator), None)
    return places is not None and abs(value - shown) < Fraction(1, 10**places)
