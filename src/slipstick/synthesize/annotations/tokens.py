"""The tokens of a line of a rationale: numbers, signs, brackets, words and units."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from slipstick.synthesize.annotations.arithmetic import evaluate, read

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
    kind: str
    text: str
    start: int
    end: int
    money: bool = False


def tokenize(line: str) -> Iterator[Token]:
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
    tree = read(token.text.rstrip("% "))
    return evaluate(tree, {})
