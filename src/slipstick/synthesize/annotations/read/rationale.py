"""Reads a rationale: its annotations `<<48/2=24>>`, the equations of its text, and the letters that it solves for."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from slipstick.exact import NoValueError
from slipstick.synthesize.annotations.read.calculations import Calculation, as_share, calculations_of
from slipstick.synthesize.annotations.read.sides import Token, tokenize, value_of
from slipstick.synthesize.annotations.trees import UNKNOWN, Name, Solve, Tree, evaluate, read, replaced


def solved_letters(lines: Sequence[str], known: Sequence[Calculation]) -> Iterator[Calculation]:
    """Letters that are given a value, "x = 12", after an equation that they solve: the first one that they do."""
    equations: list[tuple[str, Solve]] = []
    done: set[str] = set()
    taken = {(each.line, each.end) for each in known}
    for number, line in enumerate(lines):
        tokens = list(tokenize(line))
        for index in (index for index, token in enumerate(tokens) if token.kind == "equals"):
            left, right = _letter_side(tokens[:index][::-1])[::-1], _letter_side(tokens[index + 1 :])
            if (stated := _stated(left, right)) is not None:
                letter, token = stated
                equation = next(
                    (each for name, each in equations if name == letter and _holds(each, value_of(token))), None
                )
                end = max(token.end, left[-1].end)
                if letter not in done and equation and (number, end) not in taken:
                    done.add(letter)
                    value = value_of(token)
                    start = left[0].start
                    yield Calculation(equation, value, value, number, start, start, token.end, money=token.money)
            elif (equation_read := _equation(left, right)) is not None:
                equations.append(equation_read)


def _letter_side(tokens: Sequence[Token]) -> list[Token]:
    """The tokens of an equation's side from its equals sign on: numbers, signs, brackets and single letters."""
    side = []
    for token in tokens:
        if token.kind in ("number", "sign", "bracket") or (token.kind == "word" and len(token.text) == 1):
            side.append(token)
        else:
            break
    return side


def _stated(left: Sequence[Token], right: Sequence[Token]) -> tuple[str, Token] | None:
    """(letter, number) of "x = 12" and of "12 = x"."""
    if len(left) == 1 and right and left[0].text.isalpha() and right[0].kind == "number":
        return left[0].text.lower(), right[0]
    if len(right) == 1 and left and right[0].text.isalpha() and left[-1].kind == "number" and len(left) == 1:
        return right[0].text.lower(), left[0]
    return None


def _equation(left: Sequence[Token], right: Sequence[Token]) -> tuple[str, Solve] | None:
    """An equation in one letter, and the letter."""
    letters = {token.text.lower() for token in (*left, *right) if token.kind == "word"}
    if len(letters) != 1 or not right:
        return None
    sides = []
    for tokens in (left, right):
        tree = _letter_tree(tokens, from_left=tokens is right)
        if tree is None:
            return None
        sides.append(replaced(tree, lambda leaf: UNKNOWN if isinstance(leaf, Name) else as_share(leaf)))
    return letters.pop(), Solve(*sides)


def _letter_tree(tokens: Sequence[Token], *, from_left: bool) -> Tree | None:
    """The longest piece of a side, at its equals sign, that reads as arithmetic."""
    for skip in range(len(tokens)):
        piece = tokens[: len(tokens) - skip] if from_left else tokens[skip:]
        if piece[0].text in "+*/^":
            continue
        try:
            return read("".join(f" {token.text}" for token in piece).replace("^", "**"))
        except (NoValueError, RecursionError):
            continue
    return None


def _holds(equation: Solve, value: Fraction) -> bool:
    try:
        return evaluate(equation, {}) == value
    except NoValueError:
        return False


_ANNOTATION = re.compile(r"<<([^<>]*)>>")


@dataclass
class Rationale:
    """A rationale without its annotations, and its calculations in order."""

    lines: list[str]
    """Its lines, annotations removed."""
    calculations: list[Calculation]
    """In the order of the text."""
    results: set[Fraction] = field(default_factory=set)
    """Every value after an equals sign, read or not."""


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
