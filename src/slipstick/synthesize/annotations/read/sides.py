"""Tokens of a line of a rationale, and the two sides of an equals sign in it: an expression, then a number."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from slipstick.exact import NoValueError
from slipstick.synthesize.annotations.trees import Name, Number, Tree, evaluate, read, replaced

_NUMBER = r"\d+\s\d+/\d+(?![\d./])|\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+"
_TOKEN = re.compile(
    rf"(?P<money>\$)?(?P<number>{_NUMBER})(?P<percent>\s?%)?"
    r"|(?P<equals>=)|(?P<unit>/\s?[A-Za-z]+)|(?P<sign>\*\*|[-+*/^])|(?P<bracket>[()\[\]])"
    r"|(?P<word>[A-Za-z]+(?:['’.-][A-Za-z]+)*\.?(?=\s[-+*/x×÷]\s)|[A-Za-z]+(?:['’-][A-Za-z]+)*|[\"“”’'])|(?P<other>\S)"
)
SIGNS = str.maketrans(
    {"×": "*", "÷": "/", "−": "-", "–": "-", "—": "-", "·": "*", "[": "(", "]": ")", "{": "(", "}": ")"}
)
TIMES = re.compile(r"(?<=[\d)%A-Za-z])(\s?)[xX](?=\s?[$(.]?\d)|(?<=[\d)%])(\s)[xX](?=\s?\()")
_IS = re.compile(
    r"(?<=[\d)%])(?:,?\s(?:to get|gives?(?: you| us)?|equals|is equal to|we get|you get|makes)\s)(?=[$(]?\d)"
    r"|(?<=[\d)])\sequals\s(?=[$(]?\d)"
)
_SPOKEN = {"plus": "+", "minus": "-", "times": "*"}


@dataclass(frozen=True)
class Token:
    """A piece of a line."""

    kind: str
    """ "number", "equals", "sign", "bracket", "word", "unit" or "other"."""
    text: str
    """As written; of a spoken sign the sign."""
    start: int
    """Place of its first character in the line."""
    end: int
    """Place after its last character."""
    money: bool = False
    """Whether it has a dollar sign."""


def tokenize(line: str) -> Iterator[Token]:
    """The tokens of a line, from left to right; dollar signs are part of their number."""
    line = TIMES.sub(r"\1\2*", line.translate(SIGNS))
    line = _IS.sub(lambda match: " =".ljust(len(match.group())), line)
    for match in _TOKEN.finditer(line):
        kind = match.lastgroup or "other"
        if match["number"]:
            text = match["number"] + ("%" if match["percent"] else "")
            yield Token("number", text, match.start("number"), match.end(), bool(match["money"]))
        elif match["word"] and (sign := _SPOKEN.get(match["word"].lower())):
            yield Token("sign", sign, match.start(), match.end())
        elif match["sign"] == "-" and line[match.end() : match.end() + 1].isalpha():
            yield Token("word", "-", match.start(), match.end())
        elif match["other"] != "$":
            yield Token(kind, match.group(), match.start(), match.end())


def value_of(token: Token) -> Fraction:
    """The number of a token, its percent sign aside."""
    tree = read(token.text.rstrip("% "))
    return evaluate(tree, {})


_WORDS_BETWEEN = 5
"""Most words of a unit between a number and the sign after it."""


@dataclass(frozen=True)
class Side:
    """A side of an equation: tokens first..last of the line that make an expression."""

    tree: Tree
    """The expression."""
    first: int
    """Index of its first token."""
    last: int
    """Index of its last token."""
    start: int
    """Place of its first character in the line."""
    end: int
    """Place after its last character."""


def left_side(tokens: Sequence[Token], index: int) -> Side | None:
    """The longest expression that ends at an equals sign; unit words are skipped."""
    taken: list[int] = []
    place, wants, depth, words = index - 1, "operand", 0, 0
    complete: list[int] = []
    while place >= 0:
        token = tokens[place]
        if wants == "operand":
            if token.kind in ("word", "unit") and words < _WORDS_BETWEEN:
                words += 1
            elif token.kind == "number":
                taken.append(place)
                wants, words = "sign", 0
            elif token.text == ")":
                taken.append(place)
                depth += 1
            else:
                break
        elif token.kind == "sign":
            taken.append(place)
            wants, words = "operand", 0
        elif token.text == "(" and depth:
            taken.append(place)
            depth -= 1
        elif taken and tokens[taken[-1]].text == "(" and (token.kind == "number" or token.text == ")"):
            wants = "operand"
            continue
        elif token.kind == "word" and _sign_before(tokens, place):
            pass
        else:
            break
        if wants == "sign" and not depth:
            complete = list(taken)
        place -= 1
    return _as_side(tokens, complete)


def _sign_before(tokens: Sequence[Token], place: int) -> bool:
    """Whether a few words back there is a sign, so that these words belong to the operand: "20 - the 5 dogs"."""
    for back in range(place - 1, max(place - 4, -1), -1):
        if tokens[back].kind == "sign":
            return True
        if tokens[back].kind != "word":
            return False
    return False


def _as_side(tokens: Sequence[Token], taken: Sequence[int]) -> Side | None:
    indices = sorted(taken)
    for skip in range(len(indices)):  # what does not read as a whole may read from further on
        rest = indices[skip:]
        if tokens[rest[0]].kind == "sign":
            continue
        text = "".join(f" {tokens[each].text}" for each in rest).replace("^", "**")
        try:
            tree = read(text)
        except (NoValueError, RecursionError):
            continue
        first = tokens[rest[0]]
        start = first.start - first.money
        tree = _with_words(tree, tokens, [each for each in rest if tokens[each].kind == "number"])
        return Side(tree, rest[0], rest[-1], start, tokens[rest[-1]].end)
    return None


def _with_words(tree: Tree, tokens: Sequence[Token], places: Sequence[int]) -> Tree:
    """The tree with the words after each of its numbers, which are at these places."""
    rest = iter(places)

    def change(leaf: Number | Name) -> Tree:
        return replace(leaf, near=_words_behind(tokens, next(rest))) if isinstance(leaf, Number) else leaf

    return replaced(tree, change)


def _words_behind(tokens: Sequence[Token], place: int) -> tuple[str, ...]:
    words = ["$"] if tokens[place].money else []
    for token in tokens[place + 1 : place + 4]:
        if token.kind not in ("word", "unit"):
            break
        words.append(token.text.strip("/ ").lower())
    return tuple(words)


def first_number(tokens: Sequence[Token], side: Side | None) -> Token | None:
    """The first number of a side."""
    if side is None:
        return None
    return next(token for token in tokens[side.first : side.last + 1] if token.kind == "number")


def result_after(tokens: Sequence[Token], index: int) -> Token | None:
    """The number after an equals sign: "24", "$24", "3/4"."""
    place = index + 1
    if place < len(tokens) and tokens[place].text == "(":
        place += 1
    if place >= len(tokens) or tokens[place].kind != "number":
        return None
    token = tokens[place]
    fraction = tokens[place + 1 : place + 3]
    if (
        len(fraction) == 2
        and fraction[0].text == "/"
        and fraction[1].kind == "number"
        and token.text.isdigit()
        and fraction[1].text.isdigit()
        and int(fraction[1].text)
    ):
        return Token("number", f"{token.text}/{fraction[1].text}", token.start, fraction[1].end, token.money)
    return token
