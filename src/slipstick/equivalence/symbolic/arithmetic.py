r"""Reads sums, products, powers and numbers: the part of the grammar that has no names in it.

A product may go without a sign; it binds like one with a sign, from the left: 1/2x is x/2. A run of letters is one
factor: 1/xy is 1/(xy).
"""

import math
import re
from abc import abstractmethod
from fractions import Fraction

from slipstick.equivalence.symbolic.expression import Expression, number
from slipstick.equivalence.symbolic.tokens import NotReadError, Tokens

MAX_EXPONENT = 4_000
"""Largest exponent of ten in a number like 1e30, and most digits of a number."""
NOISE_DIGITS = 15
"""Significant digits from which a decimal was computed by a machine, so that its last ones may be off."""
MAX_POSTFIXES = 8

_THOUSANDS = re.compile(r",\d{3}(?!\d)")
_PART = re.compile(r"\.\d+")
_MIXED = re.compile(
    r"(?:\s+(\d{1,9})\s*/\s*(\d{1,9})|\s*\\frac\s*\{\s*(\d{1,9})\s*\}\s*\{\s*(\d{1,9})\s*\})(?![\d.^!])"
)
_POWER_BEFORE = re.compile(r"\^\s*-?\d{1,9}\s+$")
"""An exponent, so that a number behind it is another factor: 2^6 3^5."""
_CYCLE = re.compile(r"\s*\\(?:overline|bar|dot)\s*\{?\s*(\d{1,400})\s*\}?")
_DEGREES = re.compile(r"\s*\\circ(?![A-Za-z])")
_DEGREE_WORDS = frozenset(("deg", "degree", "degrees"))
_TIMES = frozenset((r"\cdot", r"\times", r"\ast", "*", "times"))
_OVER = frozenset((r"\div", "/"))
_REMAINDER = frozenset((r"\mod", r"\pmod", r"\bmod", "%"))
_CLOSING = {"(": ")", "[": "]", "{": "}"}
_NO_FACTOR = frozenset((r"\rfloor", r"\rceil", r"\}", r"\|", r"\%", r"\circ")) | _TIMES | _OVER | _REMAINDER


class Arithmetic(Tokens):
    """Sums down to powers; what stands between the signs is read by `atoms` of a class below."""

    __slots__ = ()

    @abstractmethod
    def atoms(self) -> list[Expression]:
        """The factor that stands here, without its powers; a run of letters may be several."""

    @abstractmethod
    def first_letter(self) -> Expression | None:
        """The first letter of a run of letters, None if the word that stands here is a name."""

    def sum(self) -> Expression:
        """Terms with + and - between them."""
        terms = [self.term()]
        while self.is_sign("+", "-"):
            terms.append(self.term())
        return terms[0] if len(terms) == 1 else Expression("+", tuple(terms))

    def term(self) -> Expression:
        """A signed product."""
        minus = self.minus()
        found = product(self.product())
        if minus and found.head == "mod":
            return Expression("mod", (negative(found.args[0]), found.args[1]))  # -7 mod 3 is 2
        return negative(found) if minus else found

    def minus(self) -> bool:
        """Whether the signs that stand here make a minus; past them."""
        found = False
        while self.is_sign("+", "-"):
            found ^= self.token == "-"
            self.next()
        return found

    def product(self) -> list[Expression]:
        """Factors with or without signs between them."""
        factors = self.factors()
        while True:
            token = self.token
            if token in _TIMES:
                self.next()
                factors += self.signed_factors()
            elif token in _OVER:
                self.next()
                factors.append(reciprocal(product(self.signed_factors())))
            elif token in _REMAINDER:
                self.next()
                factors = [Expression("mod", (product(factors), product(self.signed_factors())))]
            elif self.begins_factor():
                factors += self.factors()
            else:
                return factors

    def signed_factors(self) -> list[Expression]:
        """The factor behind a sign of multiplication, with a sign of its own: 2 * -x."""
        return [number(-1), *self.factors()] if self.minus() else self.factors()

    def begins_factor(self) -> bool:
        """Whether what stands here may be multiplied by what stands before it."""
        if self.kind == "number":
            return not self.follows_number() or (
                self.spaced and _POWER_BEFORE.search(self.text, 0, self.start) is not None
            )
        if self.token == "|":
            return self.bars == 0
        if self.kind == "sign":
            return self.token in _CLOSING
        if self.kind == "word":
            return self.token not in _DEGREE_WORDS
        return self.kind == "command" and self.token not in _NO_FACTOR

    def factors(self) -> list[Expression]:
        """One factor with its powers; of a run of letters the last has them: xy^2 is x times y^2."""
        atoms = self.nested_atoms()
        atoms[-1] = self.powered(atoms[-1])
        return atoms

    def nested_atoms(self) -> list[Expression]:
        """`atoms`, one level deeper."""
        self.enter()
        found = self.atoms()
        self.depth -= 1
        return found

    def powered(self, base: Expression) -> Expression:
        """A base with the factorials, percent signs, degrees and powers behind it."""
        for _ in range(MAX_POSTFIXES):
            if self.token in _DEGREE_WORDS or (self.is_sign("^") and _DEGREES.match(self.text, self.place)):
                self.next()
                if self.token == r"\circ":
                    self.next()
                base = product([base, Expression("constant", (), "pi"), number(Fraction(1, 180))])
            elif self.is_sign("^", "**"):
                self.next()
                base = Expression("^", (base, self.exponent()))
            elif self.is_sign("!"):
                base = self.factorial(base)
            elif self.is_percent():
                self.next()
                base = product([base, number(Fraction(1, 100))])
            else:
                return base
        raise NotReadError

    def is_percent(self) -> bool:
        """50% of something, but 17 % 5 is a remainder."""
        return self.token == r"\%" or (
            self.is_sign("%") and not self.text[self.place : self.place + 2].strip().isdigit()
        )

    def factorial(self, of: Expression) -> Expression:
        """n! and n!!."""
        self.next()
        if self.is_sign("!") and not self.spaced:
            self.next()
            return Expression("double_factorial", (of,))
        return Expression("factorial", (of,))

    def exponent(self) -> Expression:
        """What stands behind ^: one atom with its sign; powers of powers from the right, 2^n! is 2^(n!)."""
        self.enter()
        minus = self.minus()
        braced = self.is_sign(*_CLOSING)
        found = (self.first_letter() if self.kind == "word" else None) or product(self.atoms())
        if self.is_sign("!") and not braced:
            found = self.factorial(found)
        if self.is_sign("^", "**") and not _DEGREES.match(self.text, self.place):
            self.next()
            found = Expression("^", (found, self.exponent()))
        self.depth -= 1
        return negative(found) if minus else found

    def group(self) -> Expression:
        """A sum in brackets of any kind."""
        closing = _CLOSING[self.token]
        self.next()
        with self.bracket():
            found = self.sum()
        self.expect(closing)
        return found

    def absolute(self) -> Expression:
        """|x|."""
        self.next()
        self.bars += 1
        found = self.sum()
        self.bars -= 1
        self.expect("|")
        return Expression("abs", (found,))

    def numeral(self) -> Expression:
        r"""A number: 12, 1,250, 1.5e-3, 0.1\overline{6}, 1 1/2."""
        written, place = self.token, self.place
        if not self.in_call and len(written) <= 3 and written.isdigit():
            while group := _THOUSANDS.match(self.text, place):
                written, place = written + group[0][1:], group.end()
            if place != self.place and (part := _PART.match(self.text, place)):
                written, place = written + part[0], part.end()
        if "." in written and (cycle := _CYCLE.match(self.text, place)):
            self.jump(cycle.end())
            return number(_repeating(written, cycle[1]))
        mixed = _MIXED.match(self.text, place) if written.isdigit() and len(written) < 10 else None
        self.jump(mixed.end() if mixed else place)
        if mixed is None:
            return _numeral(written)
        top, bottom = mixed[1] or mixed[3], mixed[2] or mixed[4]
        return number(int(written) + Fraction(int(top), int(bottom)))


def product(factors: list[Expression]) -> Expression:
    """The product of some factors; of numbers, a number."""
    if len(factors) == 1:
        return factors[0]
    if all(factor.head == "number" for factor in factors):
        return number(math.prod(factor.value for factor in factors if isinstance(factor.value, Fraction)))
    return Expression("*", tuple(factors))


def reciprocal(of: Expression) -> Expression:
    """1/x; of a number, a number."""
    exact = of.value if of.head == "number" and isinstance(of.value, Fraction) else None
    return number(1 / exact) if exact else Expression("/", (of,))


def negative(of: Expression) -> Expression:
    """-x; of a number, a number."""
    return number(-of.value) if of.head == "number" and isinstance(of.value, Fraction) else Expression("-", (of,))


def _numeral(written: str) -> Expression:
    if len(written) < 20 and written.isdigit():
        return number(int(written))
    mantissa, _, exponent = written.casefold().partition("e")
    if len(mantissa) > MAX_EXPONENT or len(exponent) > 6 or abs(int(exponent or 0)) > MAX_EXPONENT:
        raise NotReadError
    is_float = "." in mantissa and len(mantissa.replace(".", "").lstrip("0")) >= NOISE_DIGITS
    return Expression("float" if is_float else "number", (), Fraction(mantissa) * Fraction(10) ** int(exponent or 0))


def _repeating(start: str, cycle: str) -> Fraction:
    """0.1 and 6 -> 0.1666..."""
    if len(start) > MAX_EXPONENT:
        raise NotReadError
    places = len(start.partition(".")[2])
    return Fraction(start + "0") + Fraction(int(cycle), (10 ** len(cycle) - 1) * 10**places)
