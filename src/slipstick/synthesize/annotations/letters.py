"""Equations in a letter that a rationale states and solves: "3x + 3 = 36 ... x = 11"."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction

from slipstick.synthesize.annotations.arithmetic import (
    UNKNOWN,
    Name,
    NoValueError,
    Solve,
    Tree,
    evaluate,
    read,
    replaced,
)
from slipstick.synthesize.annotations.calculations import Calculation, as_share
from slipstick.synthesize.annotations.tokens import Token, tokenize, value_of


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
