r"""Finds operations that a formula leaves to do: operators such as \int, and arithmetic on plain numbers.

Evaluated are fractions, decimals, powers of ten (3\times 10^8), \sqrt{3} and its multiples, e^2, \ln 2 beside a gold
that has a logarithm or is a decimal.
"""

import re
from fractions import Fraction
from math import isqrt

from slipstick.equivalence.symbolic.exact import TooLargeError, exact
from slipstick.equivalence.symbolic.expression import Expression, nodes, symbols
from slipstick.equivalence.symbolic.reader import read

FUNCTION = "a function of numbers"
MAX_TERMS = 10
"""Terms of a sum or product of numbers that is arithmetic and no operator."""
MAX_SQUARE = 10**12
"""Largest radicand in which a square factor is looked for."""
_COMMANDS = r"i{0,3}int|oint|sum|prod|coprod|lim(?:sup|inf)?|b?mod|gcd|lcm|det|nabla|partial"
_CALLS = r"gcd|lcm|det|sum|prod(?:uct)?|integra(?:te|l)|int|lim(?:it)?|diff|derivative|mod"
_OPERATOR = re.compile(
    rf"\\(?:{_COMMANDS})(?![A-Za-z])|(?<![A-Za-z\\])(?i:{_CALLS})\s*\("
    r"|\\text\s*\{\s*(?i:gcd|lcm|det|mod|lim)\s*\}"
    r"|(?:\\frac\s*\{\s*d\s*(?:\^\s*\{?\s*\d\s*\}?\s*)?\}\s*\{\s*d\s*[A-Za-z]|(?<![A-Za-z])d\s*/\s*d[a-z](?![A-Za-z]))"
    r"|(?:\\begin\s*\{vmatrix\})|(?:\d\s*%\s*\d|\d\s+mod\s+\d)"
)
_SMALL = re.compile(
    r"-?\d{1,9}\s*(?:%|\\(?:mod|bmod)|\\text\s*\{\s*mod\s*\}|mod)\s*\d{1,9}|[Mm]od\(\d{1,9}\s*,\s*\d{1,9}\)"
    r"|\\(?:sum|prod)\s*_\s*\{\s*[a-z]\s*=\s*(?P<first>\d{1,3})\s*\}\s*\^\s*\{?\s*(?P<last>\d{1,3})\s*\}?[^\\]*"
)
_UNIT = re.compile(r"\\text\s*\{[^{}\d]*\}\s*(?:\^\{?\d\}?)?$")
_TIMES = re.compile(
    r"\d(?:\\?%)?\)?\s*(?:\\times|\\cdot|\*|×)\s*\(?-?(?!\d+\s*(?:\^|\*\*))\d|\)\s*\(\s*-?\d+\s*\)|\d\s*\(\s*-?\d+(?:\.\d+)?\s*\)"
)
_MINUS = re.compile(r"-\s*\(\s*-")
_SCIENTIFIC = re.compile(r"\d\s*(?:\\times|\\cdot|\*|×)\s*10\s*(?:\^|\*\*)")
_FUNCTIONS = frozenset(
    ("factorial", "double_factorial", "binomial", "permutations", "floor", "ceil", "min", "max", "abs", "mod", "gcd",
     "lcm", "sum", "product", "integral", "sign", "re", "im", "conjugate", "log", "ln", "log2", "log10", "log_base",
     "exp", "sin", "cos", "tan", "cot", "sec", "csc", "arcsin", "arccos", "arctan", "arccot", "arcsec", "arccsc",
     "sinh", "cosh", "tanh", "gamma", "zeta", "cis", "arg")
)  # fmt: skip


def operators_left(text: str) -> frozenset[str]:
    """The first operator in a tidied text, if there is one; a sum of a few numbers is arithmetic."""
    found = _OPERATOR.search(text)
    return frozenset((found.group().rstrip("( "),) if found and not _is_small(text) and r"\equiv" not in text else ())


def arithmetic_left(text: str) -> frozenset[str]:
    """The kinds of arithmetic on numbers that a tidied text leaves to do; none if it has free letters."""
    text = _UNIT.sub("", text)
    tree = read(text)
    if tree is None or symbols(tree):
        return frozenset(("an operator",) if tree is None and _OPERATOR.search(text) else ())
    found = {"a product of numbers"} if _TIMES.search(_SCIENTIFIC.sub("", text)) else set()
    if _MINUS.search(text):
        found.add("a sign before a sign")
    return frozenset(found | {why for node in nodes(tree) if (why := _undone(node))})


def _is_small(text: str) -> bool:
    small = _SMALL.fullmatch(text.strip())
    return small is not None and (small["first"] is None or 0 <= int(small["last"]) - int(small["first"]) < MAX_TERMS)


def _undone(node: Expression) -> str | None:
    """Why a node of a tree without symbols is left to evaluate."""
    head, args, _ = node
    if head in _FUNCTIONS:
        return FUNCTION
    if head == "+" and sum(_rational(arg) is not None for arg in args) > 1:
        return "a sum of numbers"
    if head == "*" and sum(arg.head == "+" for arg in args) > 1:
        return "a product of sums"
    if head in ("sqrt", "root") and (inside := _rational(args[0])) is not None:
        degree = _rational(args[1]) if head == "root" else Fraction(2)
        return "a root that can be simplified" if degree and _has_power(inside, degree) else None
    return _undone_power(node) if head == "^" else None


def _undone_power(node: Expression) -> str | None:
    """2^10, (1+i)^2, i^2, 4^{1/2}, e^0; 10^8, e^2 and 2^{1/2} are evaluated."""
    base, power = node.args
    exponent, of = _rational(power), _rational(base)
    if exponent is None:
        return "a power" if base.head == "constant" and any(n.value in ("i", "pi") for n in nodes(power)) else None
    if exponent in (0, 1) and of != 10:
        return "a power"
    if exponent.denominator == 1:
        undone = of not in (None, 10) or base.head in ("+", "^", "sqrt", "root") or base.value == "i"
        return "a power" if undone else None
    return (
        "a root that can be simplified" if of is not None and _has_power(of, Fraction(exponent.denominator)) else None
    )


def _rational(of: Expression) -> Fraction | None:
    try:
        return exact(of)
    except (TooLargeError, ZeroDivisionError):
        return None


def _has_power(of: Fraction, degree: Fraction) -> bool:
    """Whether a factor of a numerator or denominator, other than 1, is a power of that degree."""
    if degree.denominator != 1 or not 2 <= degree <= 20:
        return False
    return any(_has_root(abs(part), int(degree)) for part in (of.numerator, of.denominator))


def _has_root(of: int, degree: int) -> bool:
    if of > MAX_SQUARE:
        return isqrt(of) ** 2 == of if degree == 2 else False
    base = 2
    while base**degree <= of:
        if of % base**degree == 0:
            return True
        base += 1
    return of == 0
