"""Takes a formula apart into numbers, words, LaTeX commands and signs, one at a time and only as far as it is read."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

MAX_DEPTH = 40
"""Deepest nesting that is read."""
MAX_TOKENS = 2_000

_TOKEN = re.compile(
    r"""(?P<space>\s*)(?:
      (?P<number>(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+(?![\w.]))?)
    | (?P<word>(?:arc?tan2|atan2|log10|log2)(?=\s*\()|[A-Za-z]+)
    | (?P<command>\\(?:[A-Za-z]+|[{}|%]))
    | (?P<sign>\*\*|[-+*/^_!%|'(){}\[\],])
    | (?P<end>$)
    )""",
    re.VERBOSE,
)


class NotReadError(Exception):
    """A text is not a formula; never raised outside the parser."""


class Tokens:
    """A place in a text and the token that stands there.

    `kind` is "number", "word", "command", "sign" or "end"; `start` is where the token begins, `place` where it ends,
    `spaced` whether white space stands before it.
    """

    __slots__ = (
        "bars", "bound", "count", "depth", "in_call", "kind", "latex", "place", "spaced", "start", "text", "token",
    )  # fmt: skip

    def __init__(self, text: str, *, depth: int = 0, bound: frozenset[str] = frozenset()) -> None:
        self.text = text
        self.latex = "\\" in text
        self.bound = bound
        """Letters that a sum or an integral binds: i is no imaginary unit there."""
        self.bars = 0
        """Absolute values that are open."""
        self.in_call = False
        """Whether a comma separates arguments."""
        self.depth = depth
        self.place = self.count = 0
        self.next()

    def next(self) -> None:
        """On to the next token."""
        match = _TOKEN.match(self.text, self.place)
        self.count += 1
        if match is None or self.count > MAX_TOKENS:
            raise NotReadError
        self.kind = match.lastgroup or "end"
        self.token = match[self.kind]
        self.spaced = bool(match["space"])
        self.start = match.start(self.kind)
        self.place = match.end()

    def jump(self, place: int) -> None:
        """On to the token at a place."""
        self.place = place
        self.next()

    def take(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        """What follows the token that stands here, if the pattern matches it; then both are behind us."""
        match = pattern.match(self.text, self.place)
        if match is not None:
            self.jump(match.end())
        return match

    def is_sign(self, *signs: str) -> bool:
        """Whether one of these signs stands here."""
        return self.kind == "sign" and self.token in signs

    def expect(self, sign: str) -> None:
        """Past a token that must stand here."""
        if self.token != sign:
            raise NotReadError
        self.next()

    def follows_number(self) -> bool:
        """Whether a number stands before the token, white space aside."""
        before = self.text[: self.start].rstrip()[-1:]
        return before.isdigit() or before == "."

    def enter(self) -> None:
        """One level of nesting deeper; `depth` is counted down when it is left."""
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise NotReadError

    @contextmanager
    def bracket(self, *, call: bool = False) -> Iterator[None]:
        """Inside a bracket: bars open outside do not close here, and commas belong to its own call."""
        bars, in_call = self.bars, self.in_call
        self.bars, self.in_call = 0, call
        yield
        self.bars, self.in_call = bars, in_call
