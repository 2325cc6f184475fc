r"""Computer algebra, the last resort: limits, matrix arithmetic, integrals with branches; in a worker process only.

LaTeX is parsed by latex2sympy2_extended; text never reaches eval or sympify. Both sides are evaluated
to fifty digits, at several points if there are variables; math-verify decides what is no plain expression.
"""

import functools
import random
import re
from fractions import Fraction
from typing import Any

import sympy
from latex2sympy2_extended import latex2sympy
from latex2sympy2_extended.latex2sympy2 import ConversionConfig
from latex2sympy2_extended.math_normalization import NormalizationConfig
from math_verify import verify

from slipstick.equivalence.decision import Decision
from slipstick.equivalence.symbolic.reader import has_words
from slipstick.equivalence.values.numbers import Number, approximates, read_number, rounds_to

DIGITS = 50
_SIZES = (1, 1, 3, 20)
_CONFIG = ConversionConfig(lowercase_symbols=False)
_CLEANING = NormalizationConfig(
    basic_latex=True, units=False, malformed_operators=True, nits=True, boxed="none", equations=False
)
_CONSTANTS = {"i": sympy.I, "e": sympy.E}
_EXACT = sympy.Float("1e-40", 60)
_FAILURES = (ValueError, TypeError, ZeroDivisionError, AttributeError, NotImplementedError, RecursionError)
"""What sympy raises on what it cannot do."""


def compare_by_algebra(answer: str, expected: str) -> Decision:
    """Whether two tidied texts are the same mathematics; open if one cannot be read or the algebra gives up."""
    e = _parse(expected)
    if e is None:
        return Decision(None, "symbolic", "the expected answer cannot be read as mathematics")
    a = _parse(answer)
    if a is None:
        return Decision(False, "symbolic", "the answer cannot be read as mathematics")
    if isinstance(a, sympy.Eq) and isinstance(e, sympy.Eq) and not a.free_symbols | e.free_symbols:
        a, e = a.rhs, e.rhs  # both are statements about constants, of which two that hold need not say the same
    equal = True if a == e else None
    if equal is None and isinstance(a, sympy.Expr) and isinstance(e, sympy.Expr):
        equal = _same_value(a, e, answer, expected)
    if equal is None:
        return _by_math_verify(a, e)
    return Decision(equal, "symbolic", "the same value" if equal else "different values")


@functools.lru_cache(maxsize=256)
def _parse(text: str) -> Any | None:
    """The sympy object a text stands for, None if it cannot be read."""
    if has_words(text):
        return None  # the parser would read them as products of letters, and "listen" as "silent"
    latex = re.sub(r"\*\*", "^", text).replace("*", r" \cdot ")
    for config in (_CLEANING, None):
        try:
            parsed = latex2sympy(latex, is_real=None, normalization_config=config, conversion_config=_CONFIG)
        except Exception:  # boundary: the parser raises plain Exception on what it does not read; None says so
            continue
        names = {symbol: _CONSTANTS[symbol.name] for symbol in parsed.free_symbols if symbol.name in _CONSTANTS}
        return parsed.xreplace(names) if names else parsed
    return None


def _by_math_verify(a: Any, e: Any) -> Decision:
    try:
        equal = verify(e, a, timeout_seconds=None, raise_on_error=True, allow_set_relation_comp=True)
    except Exception as error:  # boundary: whatever sympy cannot do leaves the comparison open
        return Decision(None, "symbolic", f"computer algebra failed: {type(error).__name__}")
    return Decision(equal, "symbolic", "math-verify")


def _same_value(a: Any, e: Any, answer: str, expected: str) -> bool | None:
    """Whether two expressions have the same value, at several points if they have symbols; None if no value."""
    try:
        a, e = a.doit(), e.doit()
    except _FAILURES:
        return None
    symbols = sorted(a.free_symbols | e.free_symbols, key=str)
    if not symbols:
        return _same_constant(a, e, answer, expected)
    chooser = random.Random(str((a, e)))
    agreed = 0
    for size in _SIZES:
        values = {symbol: sympy.Rational(chooser.randint(100, 1900) * size, 997) for symbol in symbols}
        value_a, value_e = _value(a.subs(values)), _value(e.subs(values))
        if value_a is None or value_e is None:
            continue
        if not _close(value_a, value_e):
            return False
        agreed += 1
    return True if agreed > 1 else None


def _same_constant(a: Any, e: Any, answer: str, expected: str) -> bool | None:
    value_a, value_e = _value(a), _value(e)
    if value_a is None or value_e is None:
        return None
    return _shown(answer, value_e) or _shown(expected, value_a, rounded=True) or _close(value_a, value_e)


def _value(expression: Any) -> Any | None:
    """The value to fifty digits, None if it is no finite number."""
    try:
        value = sympy.N(expression.doit(), DIGITS)
    except _FAILURES:
        return None
    return value if value.is_number and value.is_finite else None


def _shown(text: str, exact: Any, *, rounded: bool = False) -> bool:
    """Whether a text is a decimal that shows the digits of an exact value; `rounded`: a gold that rounds it."""
    number = read_number(text)
    if number is None or number.places is None or not exact.is_real:
        return False
    rational = sympy.Rational(str(exact))
    value = Fraction(int(rational.p), int(rational.q))
    return approximates(number, value) or (rounded and rounds_to(Number(value), number))


def _close(a: Any, b: Any) -> bool:
    scale = sympy.N(sympy.Max(abs(a), abs(b)), 20)
    return bool(sympy.N(abs(a - b), 20) <= _EXACT * scale) or bool(scale < sympy.Float("1e-60"))
