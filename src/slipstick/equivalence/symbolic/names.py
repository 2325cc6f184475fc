r"""Reads what has a name: constants, symbols with their indices and primes, functions known and unknown.

A run of letters is a name if it is one, else a product: xy, sinx, 2pir. Five letters that are no name are a word,
and no mathematics.
"""

import re

from slipstick.equivalence.symbolic.arithmetic import Arithmetic, product, reciprocal
from slipstick.equivalence.symbolic.expression import Expression, number
from slipstick.equivalence.symbolic.functions import (
    APPLIED,
    ARGUMENTS,
    CONSTANTS,
    FUNCTIONS,
    GREEK,
    GREEK_FUNCTIONS,
    INDICES,
    INVERSES,
    JOINED,
    UNBRACKETED,
)
from slipstick.equivalence.symbolic.tokens import NotReadError

MAX_LETTERS = 4
"""Letters in a row that may be a product."""
MAX_JOINED = 2
"""Letters that may stand before or behind a name without a space: xln, sinx."""

_ARITHMETIC = re.compile(r"[+*/^=_\\]|\d[A-Za-z]")
_VOWEL = re.compile("[aeiou]")
_MIN_VOWELS = 2
_VOWEL_INSIDE = re.compile(r"[A-Za-z](?:[aeou]|i[a-z])")
_INDEX_NAME = r"[A-Za-z]{2,}|\d+|[A-Za-z]\d+"
_INDEX = re.compile(rf"\s*(?:\{{\s*(?:\\text\s*\{{\s*({_INDEX_NAME})\s*\}}|\\?({_INDEX_NAME}))\s*\}}|(\d+))")
_BARE_INDEX = re.compile(rf"\s*\\?({'|'.join(INDICES)})(?![A-Za-z_])")
_TYPED_INDEX = re.compile(r"\s*([a-z]{3,})(?![A-Za-z_])")
_INDEX_LETTER = re.compile(r"\s*([A-Za-z])")
_PRIME = re.compile(r"\s*(?:\{(?:\s*(?:\\prime|'))+\s*\}|(?:\\prime(?![A-Za-z])|')+)")
_COUNTED = re.compile(r"\s*\(\s*\w+\s*,\s*\w+\s*\)")
_POWER_OF_CALL = re.compile(r"\s*(?:\{\s*(-?\d{1,3})\s*\}|\(\s*(-?\d{1,3})\s*\)|(-?\d{1,3}))\s*(?=\()")
_PLAIN_NUMBER = (
    r"[-+]?\s*(?:\d+(?:\.\d+)?(?:\s*/\s*\d+)?|\\frac\s*\{\s*\d+\s*\}\s*\{\s*\d+\s*\}|\\?(?:pi|infty|oo)(?![A-Za-z]))"
)
_AT_A_NUMBER = re.compile(rf"\s*{_PLAIN_NUMBER}\s*\)")
"""What makes any letter before a bracket a function: x(0) is a value of x, x(y+1) and x(1+\\sqrt{2}) are products."""
_MINUS_ONE = number(-1)


class Names(Arithmetic):
    """Words, letters and calls; LaTeX commands are read by a class below."""

    __slots__ = ()

    def word(self) -> list[Expression]:
        """A name, or a run of letters that is a product."""
        word, start = self.token, self.start
        if word in CONSTANTS and len(word) > 1:
            self.next()
            return [Expression("constant", (), CONSTANTS[word])]
        if word in GREEK:
            self.next()
            return [self.symbol(word)]
        if self.is_call(word):
            return [self.call(word)]
        if word in ("C", "P") and _COUNTED.match(self.text, self.place):
            self.next()
            return [Expression("binomial" if word == "C" else "permutations", self.arguments())]
        for name in JOINED:
            if word.startswith(name) and 0 < len(word) - len(name) <= MAX_JOINED:
                self.token, self.place = name, start + len(name)
                return self.word()
        # The letters before a function in a run of letters, all of them if there is none: xsin, xlnx.
        match = _FACTOR_OF_FUNCTION.match(word)
        return self.letters(match[0] if match else word, start)

    def is_call(self, word: str) -> bool:
        """Whether a word is a function that is applied here."""
        if word not in FUNCTIONS and word != "log":
            return False
        return word in UNBRACKETED or self.text[self.place : self.place + 2].lstrip().startswith("(")

    def is_a_word(self, word: str, following: str) -> bool:
        """Whether some letters are a word and no product: too long, a name that is called, or with vowels inside.

        Beside a sign of arithmetic or behind a digit they are a product whatever they are: 2cba, 1+cba.
        """
        if len(word) > MAX_LETTERS or following == "(":
            return True
        if _ARITHMETIC.search(self.text) and (len(word) < MAX_LETTERS or len(_VOWEL.findall(word)) < _MIN_VOWELS):
            return False
        return _VOWEL_INSIDE.search(word) is not None and not (word[-1] == "e" and following == "^")

    def letters(self, word: str, start: int) -> list[Expression]:
        """A product of letters, up to the first that carries something."""
        if len(word) > 2 and self.is_a_word(word, self.text[start + len(word) : start + len(word) + 1]):
            raise NotReadError
        found = []
        for place, letter in enumerate(word, start + 1):
            self.jump(place)
            found.append(self.letter(letter))
            if self.start != place or self.spaced:
                break
        return found

    def first_letter(self) -> Expression | None:
        word = self.token
        if word in FUNCTIONS or word in CONSTANTS or word in GREEK or word == "log":
            return None
        self.jump(self.start + 1)
        return self.letter(word[0])

    def letter(self, letter: str) -> Expression:
        """A letter with what it carries; the reader stands behind it. e and i are constants, but no e_1."""
        if letter in ("e", "i") and letter not in self.bound and not (self.is_sign("_") and not self.spaced):
            return Expression("constant", (), letter)
        return self.symbol(letter)

    def symbol(self, name: str) -> Expression:
        """A symbol with its index and primes, a term of a sequence, or an unknown function with its arguments."""
        if name in GREEK_FUNCTIONS and self.is_sign("(") and not self.spaced:
            return Expression(GREEK_FUNCTIONS[name], (self.group(),))
        if self.kind == "number" and not self.spaced and self.token.isdigit() and len(name) == 1:
            name += "_" + self.token  # x1, as programs name their variables
            self.next()
        if self.is_sign("_"):
            index = self.take(_INDEX) or self.take(_BARE_INDEX) or (None if self.latex else self.take(_TYPED_INDEX))
            if index is None:
                of = self.variable_index()
                return Expression("apply", (of,), name + self.primes() + "_")
            name += "_" + index[index.lastindex or 0]
        name += self.primes()
        is_function = name[0] in APPLIED and (len(name) == 1 or name[1] in "_'")
        at_number = self.is_sign("(") and not self.spaced and _AT_A_NUMBER.match(self.text, self.place)
        return self.applied(name) if is_function or at_number or name.endswith("'") else Expression("symbol", (), name)

    def primes(self) -> str:
        r"""The primes that stand here, as signs: ', ^\prime, ^{\prime\prime}."""
        found = ""
        while self.is_sign("'"):
            found += "'"
            self.next()
        if self.is_sign("^") and (primes := self.take(_PRIME)):
            found += "'" * (primes[0].count("'") + primes[0].count("prime"))
        return found

    def variable_index(self) -> Expression:
        r"""What stands behind _: {n+1}, {n}, and of the letters without braces the first, k_BT is k_B T."""
        if letter := self.take(_INDEX_LETTER):
            return Expression("symbol", (), letter[1])
        outer, self.bound = self.bound, self.bound | {"e", "i"}
        self.next()
        found = product(self.nested_atoms())
        self.bound = outer
        return found

    def applied(self, name: str) -> Expression:
        """f(x), f^2(x), f^{-1}(x); the bare symbol if no bracket follows."""
        power = self.take(_POWER_OF_CALL) if self.is_sign("^") else None
        if not self.is_sign("(") or self.spaced:
            return Expression("symbol", (), name)
        degree = int(power[1] or power[2] or power[3]) if power else 1
        if degree < 0:
            return Expression("apply", self.arguments(), f"{name}^{degree}")
        found = Expression("apply", self.arguments(), name)
        return found if degree == 1 else Expression("^", (found, number(degree)))

    def arguments(self) -> tuple[Expression, ...]:
        """(a, b, ...): what a function is applied to."""
        self.expect("(")
        with self.bracket(call=True):
            found = [self.sum()]
            while self.is_sign(","):
                self.next()
                found.append(self.sum())
        self.expect(")")
        return tuple(found)

    def call(self, word: str) -> Expression:
        """A known function with its index, power and arguments; the reader stands on its name."""
        natural = self.kind == "word" and not self.latex
        name = FUNCTIONS.get(word, "ln" if natural else "log")
        base = power = None
        self.next()
        for _ in range(2):
            if self.is_sign("_") and word == "log":
                self.next()
                base = self.index()
            elif self.is_sign("^", "**") and power is None:
                self.next()
                power = self.exponent()
        if power == _MINUS_ONE and name in INVERSES:
            name, power = INVERSES[name], None
        args = self.call_arguments(name, word)
        if name in ("log", "ln") and len(args) == 2:
            name = "log_base"
        elif base is not None:
            name, args = "log_base", (*args, base)
        least, most = ARGUMENTS.get(name, (1, 1))
        if not least <= len(args) <= most:
            raise NotReadError
        found = _call(name, args)
        return found if power is None else Expression("^", (found, power))

    def index(self) -> Expression:
        r"""The base of a logarithm: {2}, 2, a; in LaTeX \log_28 is \log_2 8."""
        if self.kind == "number" and self.token.isdigit():
            digits = self.token[:1] if self.latex and self.token != "10" else self.token
            self.jump(self.start + len(digits))
            return number(int(digits))
        if self.kind == "word":
            letter = self.token[0]
            self.jump(self.start + 1)
            return self.letter(letter)
        return product(self.nested_atoms())

    def call_arguments(self, name: str, word: str) -> tuple[Expression, ...]:
        """In brackets of any kind; without them for the functions that are written so."""
        if self.is_sign("("):
            return self.arguments()
        if self.is_sign("{", "[") or (self.is_sign("|") and not self.bars):
            return (product(self.nested_atoms()),)
        if word not in UNBRACKETED:
            raise NotReadError
        return (self.nested_atoms()[0],) if name in ("sqrt", "cbrt") else (self.unbracketed(),)

    def unbracketed(self) -> Expression:
        """What a function without brackets is applied to: sin 2x, ln x^2, up to a sign, a function or a bracket."""
        minus = self.is_sign("-")
        if minus:
            self.next()
        factors = self.factors()
        while self.begins_factor() and not self.begins_function() and not self.is_sign("(", "["):
            factors += self.factors()
        return product([_MINUS_ONE, *factors] if minus else factors)

    def begins_function(self) -> bool:
        """Whether a function begins here that is no factor of another's argument."""
        if self.kind not in ("word", "command"):
            return False
        token = self.token.removeprefix("\\")
        if token in ("sqrt", "frac", "pi") or token in GREEK:
            return False
        return token in FUNCTIONS or token in ("log", "text") or token.startswith(_JOINED_FUNCTIONS)


_JOINED_FUNCTIONS = tuple(name for name in JOINED if name in FUNCTIONS)
_FACTOR_OF_FUNCTION = re.compile(rf"[A-Za-z]{{1,{MAX_JOINED}}}?(?=(?:{'|'.join(JOINED)})[A-Za-z]{{0,{MAX_JOINED}}}$)")


def _call(name: str, args: tuple[Expression, ...]) -> Expression:
    if name == "quotient":
        return product([args[0], reciprocal(args[1])])
    if name == "cbrt":
        return Expression("root", (args[0], number(3)))
    return Expression(name, args)
