r"""Reads mathematics, LaTeX or typed on a keyboard, into a tree: one grammar for both, no guesses.

What is not understood to the last character is not read at all. `log` is the natural logarithm if a program or a
keyboard wrote it; `\log` is left open between the bases e and 10.
"""

import functools
import re
from collections.abc import Callable
from typing import Final

from slipstick.equivalence.symbolic.arithmetic import product, reciprocal
from slipstick.equivalence.symbolic.expression import Expression
from slipstick.equivalence.symbolic.functions import CONSTANTS, FUNCTIONS, GREEK
from slipstick.equivalence.symbolic.names import Names
from slipstick.equivalence.symbolic.tokens import NotReadError

_FOREIGN = re.compile(
    r"\\(?:int|iint|oint|lim|sum|prod|partial|nabla|det|begin|frac\s*\{\s*d\s*\}|frac\s*\{\s*\\partial)(?![A-Za-z])"
)
_WORDS = re.compile(r"(?<!\\)(?<!begin\{)(?<!end\{)(?<![A-Za-z\\])[A-Za-z]{5,}|\\text\s*\{[^{}]*[A-Za-z]{2}")
_TEXT = re.compile(r"\s*\{\s*([A-Za-z]+\d*)\s*\}")
_LETTERS = re.compile(r"\s*\{?\s*([A-Z]{1,4})\s*\}?(?![A-Za-z])")
_ACCENTED = re.compile(r"\s*(?:\{\s*(\\?[A-Za-z]+)\s*\}|\s([A-Za-z]))")
_DERIVATIVE = re.compile(r"\s*\{\s*d\s*([A-Za-z])\s*\}\s*\{\s*d\s*([A-Za-z])\s*\}")
_OPERATOR = re.compile(r"\s*\{\s*d\s*\}\s*\{\s*d")
_BOUND = re.compile(r"\s*_\s*\{\s*([A-Za-z])\s*=")
_DIFFERENTIAL = re.compile(r"d\s*([a-z])(?![A-Za-z])")


def is_foreign(text: str) -> bool:
    """Whether a text is mathematics of a kind that computer algebra knows best: integrals, limits, sums, matrices."""
    return bool(_FOREIGN.search(text))


def has_words(text: str) -> bool:
    """Whether there are words in a text that are no mathematics."""
    return bool(_WORDS.search(text))


@functools.lru_cache(maxsize=4096)
def read(text: str) -> Expression | None:
    """The expression a tidied text is, None if it is none."""
    try:
        return _Reader(text).whole()
    except (NotReadError, ZeroDivisionError):
        return None


class _Reader(Names):
    """LaTeX commands, and the way in."""

    __slots__ = ()

    def whole(self) -> Expression:
        """The whole text."""
        found = self.sum()
        if self.kind != "end":
            raise NotReadError
        return found

    def atoms(self) -> list[Expression]:
        if self.kind == "number":
            return [self.numeral()]
        if self.kind == "word":
            return self.word()
        if self.kind == "command":
            return [self.command()]
        if self.is_sign("(", "[", "{"):
            return [self.group()]
        if self.is_sign("|"):
            return [self.absolute()]
        raise NotReadError

    def command(self) -> Expression:
        name = self.token[1:]
        if name in _COMMANDS:
            return _COMMANDS[name](self)
        if name in CONSTANTS:
            self.next()
            return Expression("constant", (), CONSTANTS[name])
        if name.removeprefix("var") in GREEK:
            self.next()
            return self.symbol(name.removeprefix("var"))
        if name in FUNCTIONS or name == "log":
            return self.call(name)
        raise NotReadError

    def argument(self) -> Expression:
        """What a command takes: {...}, or one sign."""
        if self.is_sign("{"):
            return self.group()
        if self.kind not in ("number", "word"):
            return self.nested_atoms()[0]
        sign = self.token[0]
        self.jump(self.start + 1)
        return _Reader(sign, bound=self.bound).whole()

    def fraction(self) -> Expression:
        if _OPERATOR.match(self.text, self.place):
            raise NotReadError
        if derivative := self.take(_DERIVATIVE):
            return Expression("symbol", (), f"d{derivative[1]}/d{derivative[2]}")
        self.next()
        return product([self.argument(), reciprocal(self.argument())])

    def radical(self) -> Expression:
        self.next()
        degree = self.group() if self.is_sign("[") else None
        of = self.group() if self.is_sign("(") else self.argument()
        return Expression("sqrt", (of,)) if degree is None else Expression("root", (of, degree))

    def binomial(self) -> Expression:
        self.next()
        return Expression("binomial", (self.argument(), self.argument()))

    def roman(self) -> Expression:
        r"""\text{sin}, \text{e}: a name in upright letters."""
        match = _TEXT.match(self.text, self.place)
        if match is None:
            raise NotReadError
        word = match[1]
        if word in FUNCTIONS or word == "log":
            self.token, self.place = word, match.end()
            return self.call(word)
        self.jump(match.end())
        if word in CONSTANTS:
            return Expression("constant", (), CONSTANTS[word])
        if len(word) > 1:
            raise NotReadError
        return self.letter(word)

    def rounded(self) -> Expression:
        head, closing = ("floor", r"\rfloor") if self.token == r"\lfloor" else ("ceil", r"\rceil")
        self.next()
        with self.bracket():
            found = self.sum()
        self.expect(closing)
        return Expression(head, (found,))

    def accented(self) -> Expression:
        """A letter or letters under an accent: a name of its own; an arrow over a letter adds nothing."""
        accent = self.token[1:]
        match = self.take(_ACCENTED)
        if match is None:
            raise NotReadError
        name = (match[1] or match[2]).removeprefix("\\")
        if accent == "vec" and len(name) == 1:
            return self.symbol(name)
        return self.symbol(f"{'overline' if accent == 'bar' else accent} {name}")

    def angle(self) -> Expression:
        r"""\angle ABC is \angle CBA, and the corners of a triangle have no order."""
        kind = self.token[1:]
        match = self.take(_LETTERS)
        if match is None:
            raise NotReadError
        letters = min(match[1], match[1][::-1]) if kind == "angle" else "".join(sorted(match[1]))
        return Expression("symbol", (), f"{kind} {letters}")

    def repeated(self) -> Expression:
        r"""\sum_{k=1}^{n} a_k: its term goes as far as a product does."""
        head = "sum" if self.token == r"\sum" else "product"
        match = self.take(_BOUND)
        if match is None:
            raise NotReadError
        first = self.sum()
        self.expect("}")
        self.expect("^")
        last = self.exponent()
        outer, self.bound = self.bound, self.bound | {match[1]}
        term = product(self.product())
        self.bound = outer
        return Expression(head, (first, last, term), match[1])

    def integral(self) -> Expression:
        r"""\int_0^1 x^2 dx and \int x^2 dx: the integrand is what stands before the first differential."""
        self.next()
        ends: tuple[Expression, ...] = ()
        if self.is_sign("_"):
            self.next()
            low = self.argument()
            self.expect("^")
            ends = (low, self.argument() if not self.is_sign("-") else self.exponent())
        differential = _DIFFERENTIAL.search(self.text, self.start)
        if differential is None:
            raise NotReadError
        inside = _Reader(self.text[self.start : differential.start()] or "1", depth=self.depth + 1, bound=self.bound)
        found = inside.whole()
        self.jump(differential.end())
        return Expression("integral", (*ends, found), differential[1])


_COMMANDS: Final[dict[str, Callable[[_Reader], Expression]]] = {
    "frac": _Reader.fraction,
    "sqrt": _Reader.radical,
    "binom": _Reader.binomial,
    "text": _Reader.roman,
    "lfloor": _Reader.rounded,
    "lceil": _Reader.rounded,
    "angle": _Reader.angle,
    "triangle": _Reader.angle,
    "sum": _Reader.repeated,
    "prod": _Reader.repeated,
    "int": _Reader.integral,
    **dict.fromkeys(("vec", "hat", "bar", "overline", "tilde", "dot", "mathcal", "mathbb"), _Reader.accented),
}
