r"""Compares expressions and equations by computer algebra; runs in a worker process only, which the caller may kill.

LaTeX is parsed by latex2sympy2_extended; text never reaches eval or sympify. Expressions are held against each other at
several random points with high precision, which decides nearly all; math-verify decides what is no plain expression.
"""

from __future__ import annotations

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

from slipstick.equivalence.keyboard import to_latex
from slipstick.equivalence.meaning import Decision
from slipstick.equivalence.numbers import Number, approximates, read_number, rounds_to
from slipstick.equivalence.shapes import Relation, read_relation

_POINTS = ((1, 1), (-1, 1), (1, 1), (-1, 2), (1, 3), (-2, 1), (-1, 20), (-2, 2000))
"""Points at which expressions are held against each other: 1 positive, -1 mixed, -2 negative, and their size."""
DIGITS = 50
_CONFIG = ConversionConfig(lowercase_symbols=False)
_CLEANING = NormalizationConfig(
    basic_latex=True, units=False, malformed_operators=True, nits=True, boxed="none", equations=False
)
_UNIT = re.compile(r"(?<=\S)\s*\\text\s*\{[^{}\d]*\}\s*(?:\^\{?\d\}?)?$")
# What the parser would read as a product of its letters or digits, so that "listen" were "silent" and "18 12" a number.
_UNREADABLE = re.compile(
    r"(?<!\\)(?<!begin\{)(?<!end\{)(?<![A-Za-z\\])[A-Za-z]{5,}|\\text\s*\{[^{}]*[A-Za-z]{2}|(?<![\w.])\d+\s+\d"
)
_CONSTANTS = {"i": sympy.I, "e": sympy.E}
_FLOAT_NOISE = sympy.Float("1e-11", 60)
_EXACT = sympy.Float("1e-40", 60)


def compare_by_algebra(answer: str, expected: str) -> Decision:
    """Whether two tidied texts are the same mathematics; open where one cannot be read or the algebra gives up."""
    relation_a, relation_e = read_relation(answer), read_relation(expected)
    if relation_a and relation_e:
        return _relations_equal(relation_a, relation_e, answer, expected)
    e = _parse(expected)
    if e is None:
        return Decision(None, "symbolic", "the expected answer cannot be read as mathematics")
    a = _parse(answer)
    if a is None:
        return Decision(False, "symbolic", "the answer cannot be read as mathematics")
    return _expressions_equal(a, e, answer, expected)


@functools.lru_cache(maxsize=1024)
def _parse(text: str) -> Any | None:
    """The sympy object a text stands for, None where it cannot be read."""
    latex = to_latex(_UNIT.sub("", text))
    if _UNREADABLE.search(latex):
        return None
    for config in (_CLEANING, None):
        try:
            parsed = latex2sympy(latex, is_real=None, normalization_config=config, conversion_config=_CONFIG)
        except Exception:  # boundary: the parser raises plain Exception on what it does not read; None says so
            continue
        return _named(parsed)
    return None


def _named(parsed: Any) -> Any:
    """With i the imaginary unit and e Euler's number, as answers mean them."""
    names = {symbol: _CONSTANTS[symbol.name] for symbol in parsed.free_symbols if symbol.name in _CONSTANTS}
    return parsed.xreplace(names) if names else parsed


def _expressions_equal(a: Any, e: Any, answer: str, expected: str) -> Decision:
    if a == e:
        return Decision(True, "symbolic", "the same expression")
    if isinstance(a, sympy.Expr) and isinstance(e, sympy.Expr):
        equal = _constants_equal(a, e, answer, expected) if not (a.free_symbols | e.free_symbols) else None
        if equal is None:
            equal = _functions_equal(a, e)
        if equal is not None:
            return Decision(equal, "symbolic", "the same value" if equal else "different values")
    return _by_math_verify(a, e)


def _by_math_verify(a: Any, e: Any) -> Decision:
    try:
        equal = verify(e, a, timeout_seconds=None, raise_on_error=True, allow_set_relation_comp=True)
    except Exception as error:  # boundary: whatever sympy cannot do leaves the comparison open
        return Decision(None, "symbolic", f"computer algebra failed: {type(error).__name__}")
    return Decision(equal, "symbolic", "math-verify")


def _constants_equal(a: Any, e: Any, answer: str, expected: str) -> bool | None:
    """Two constants: exactly where both are rational, else by fifty digits; a decimal by the digits it shows."""
    try:
        exact_a, exact_e = _exact(a).doit(), _exact(e).doit()
        if exact_a.is_Rational and exact_e.is_Rational:
            if exact_a == exact_e:
                return True
            return _shown(answer, exact_e) or _shown(expected, exact_a, rounded=True)
        value_a, value_e = sympy.N(exact_a, DIGITS), sympy.N(exact_e, DIGITS)
        if not (value_a.is_number and value_e.is_number) or value_a.has(sympy.nan) or value_e.has(sympy.nan):
            return None
        if value_a.is_infinite or value_e.is_infinite:
            return bool(value_a == value_e)
        if _shown(answer, value_e) or _shown(expected, value_a, rounded=True):
            return True
        tolerance = _FLOAT_NOISE if _has_long_float(a) or _has_long_float(e) else _EXACT
        return _close(value_a, value_e, tolerance)
    except (ValueError, TypeError, ZeroDivisionError, AttributeError, NotImplementedError):
        return None


def _shown(text: str, exact: Any, *, rounded: bool = False) -> bool:
    """Whether a text is a decimal that shows the digits of an exact value; `rounded`: a gold that rounds it."""
    number = read_number(text)
    if number is None or number.places is None or not exact.is_real:
        return False
    rational = sympy.Rational(str(sympy.N(exact, DIGITS))) if not exact.is_Rational else exact
    value = Fraction(int(rational.p), int(rational.q))
    return approximates(number, value) or (rounded and rounds_to(Number(value), number))


def _functions_equal(a: Any, e: Any) -> bool | None:
    """Two expressions with variables: at random points, positive and negative; None where they cannot be evaluated.

    Where an expression is not real at a point with a negative coordinate, the point says nothing: log(a^2) is 2 log(a).
    """
    a, e = _exact(a), _exact(e)
    functions = sorted(a.atoms(sympy.core.function.AppliedUndef) | e.atoms(sympy.core.function.AppliedUndef), key=str)
    if functions:
        names = {
            f: sympy.Symbol(f"{f.func.__name__}[{[sympy.expand(arg.doit()) for arg in f.args]}]") for f in functions
        }
        a, e = a.xreplace(names), e.xreplace(names)
    symbols = sorted(a.free_symbols | e.free_symbols, key=str)
    if len(symbols) > 20:
        return None
    tolerance = _FLOAT_NOISE if _has_long_float(a) or _has_long_float(e) else _EXACT
    chooser = random.Random(str((a, e)))
    decided = 0
    for sign, size in _POINTS:
        values = {symbol: sympy.Rational(chooser.randint(100, 1900) * size, 997) for symbol in symbols}
        if sign < 0:
            values = {
                symbol: value * (chooser.choice((-1, 1)) if sign == -1 else -1) for symbol, value in values.items()
            }
        value_a, value_e = _value_at(a, values), _value_at(e, values)
        if value_a is None or value_e is None:
            continue
        if sign < 0 and not (value_a.is_real and value_e.is_real):
            continue
        if not _close(value_a, value_e, tolerance):
            return False
        decided += 1
    return True if decided >= 3 else None


def _value_at(expression: Any, values: dict[Any, Any]) -> Any | None:
    try:
        value = sympy.N(expression.subs(values).doit(), DIGITS)
    except (ValueError, TypeError, ZeroDivisionError, AttributeError, NotImplementedError, RecursionError):
        return None
    return value if value.is_number and value.is_finite else None


def _close(a: Any, b: Any, tolerance: Any) -> bool:
    difference = sympy.N(abs(a - b), 20)
    scale = sympy.N(sympy.Max(abs(a), abs(b)), 20)
    return bool(difference <= tolerance * scale) or bool(scale < sympy.Float("1e-60"))


def _exact(expression: Any) -> Any:
    """With its short decimals as fractions, so that 0.5 x is x/2 to the last digit."""
    floats = expression.atoms(sympy.Float)
    return expression.xreplace({value: sympy.Rational(str(value)) for value in floats}) if floats else expression


def _has_long_float(expression: Any) -> bool:
    rationals = expression.atoms(sympy.Rational) | expression.atoms(sympy.Float)
    return any(value.is_Float or value.q >= 10**13 for value in rationals)


_FLIPPED = {"<": ">", ">": "<", r"\leq": r"\geq", r"\geq": r"\leq"}


def _relations_equal(a: Relation, e: Relation, answer: str, expected: str) -> Decision:
    """Two equations or inequalities with two sides: the difference of the sides is the same up to a constant factor."""
    if len(a.sides) != 2 or len(e.sides) != 2:
        left, right = _parse(answer), _parse(expected)
        if left is None or right is None:
            return Decision(None, "symbolic", "a relation that cannot be read")
        return Decision(True, "symbolic", "the same relation") if left == right else _by_math_verify(left, right)
    sides: list[Any] = [_parse(side) for side in (*a.sides, *e.sides)]
    if not all(isinstance(side, sympy.Expr) for side in sides):
        return Decision(None, "symbolic", "a relation that cannot be read")
    sign_a, sign_e = a.signs[0], e.signs[0]
    if (sign_a in _FLIPPED) != (sign_e in _FLIPPED) or (sign_a not in _FLIPPED and sign_a != sign_e):
        return Decision(False, "symbolic", f"{sign_a} against {sign_e}")
    difference_a, difference_e = (_exact(left - right) for left, right in zip(sides[::2], sides[1::2], strict=True))
    if sign_a == "=":
        difference_a, difference_e = _numerator(difference_a), _numerator(difference_e)
    factor = _constant_factor(difference_a, difference_e)
    if factor is None:
        left, right = _parse(answer), _parse(expected)
        return (
            Decision(False, "symbolic", "different relations")
            if left is None or right is None
            else _by_math_verify(left, right)
        )
    if sign_a in _FLIPPED and (sign_a == sign_e) != (factor > 0):
        return Decision(False, "symbolic", "the opposite inequality")
    if sign_a in _FLIPPED and sign_a not in (sign_e, _FLIPPED[sign_e]):
        return Decision(False, "symbolic", "strict against not strict")
    return Decision(True, "symbolic", "the same relation up to a constant factor")


def _numerator(difference: Any) -> Any:
    """y - 6/x -> x y - 6: an equation says that its numerator is nothing."""
    try:
        return sympy.numer(sympy.together(difference.doit()))
    except (ValueError, TypeError, ZeroDivisionError, AttributeError, NotImplementedError):
        return difference


def _constant_factor(a: Any, e: Any) -> Any | None:
    """The constant k with a = k e at random points, None where there is none."""
    functions = sorted(a.atoms(sympy.core.function.AppliedUndef) | e.atoms(sympy.core.function.AppliedUndef), key=str)
    names = {f: sympy.Symbol(str(f)) for f in functions}
    a, e = a.xreplace(names), e.xreplace(names)
    symbols = sorted(a.free_symbols | e.free_symbols, key=str)
    chooser = random.Random(str((a, e)))
    factors = []
    for _ in range(4):
        values = {symbol: sympy.Rational(chooser.randint(100, 1900), 997) for symbol in symbols}
        value_a, value_e = _value_at(a, values), _value_at(e, values)
        if value_a is None or value_e is None or value_e == 0 or value_a == 0:
            return None
        factors.append(value_a / value_e)
    if not factors[0].is_real or any(not _close(factor, factors[0], _FLOAT_NOISE) for factor in factors):
        return None
    return factors[0]
