r"""Reads answers as sympy does and compares them by its algebra, for the profiles; runs in worker processes only.

Published graders call sympy's `parse_latex` and, if that fails, its `parse_expr`, which evaluates text. The first is
sympy's own grammar here too, called below its check for one version of the grammar's runtime; that it reads only a
beginning of what it does not understand ("1,2" is 1) is part of what those graders say. The second is replaced by
`syntax_tree.evaluate`. Neither passes text to eval.
"""

import functools
import math
import re
from collections.abc import Callable
from importlib import import_module
from typing import Any

import sympy
from latex2sympy2_extended import latex2sympy
from sympy.parsing.latex import _parse_latex_antlr as grammar

from slipstick.equivalence.profiles.syntax_tree import evaluate

_antlr4: Any = import_module("antlr4")  # it has no types
_FUNCTIONS = {
    name: getattr(sympy, name)
    for name in (
        "sqrt", "cbrt", "root", "exp", "log", "ln", "sin", "cos", "tan", "cot", "sec", "csc", "sinh", "cosh", "tanh",
        "coth", "sech", "csch", "asin", "acos", "atan", "acot", "asec", "acsc", "asinh", "acosh", "atanh", "acoth",
        "asech", "acsch", "atan2", "floor", "ceiling", "factorial", "binomial", "gcd", "lcm", "Abs", "sign", "re",
        "im", "conjugate", "arg", "Min", "Max", "Rational", "Matrix", "gamma", "erf",
    )
} | {"abs": sympy.Abs}  # fmt: skip
_CONSTANTS = {"pi": sympy.pi, "E": sympy.E, "I": sympy.I, "oo": sympy.oo}
_NAME = rf"\b({'|'.join(_FUNCTIONS)})"
_IMPLICIT = (
    (re.compile(rf"{_NAME}\*\*(\d+) *(\([^()]*\)|\w+)"), r"(\1(\3)**\2)"),
    (re.compile(rf"{_NAME} +(\w+)"), r"\1(\2)"),
    (re.compile(r"(?<=[\d)]) *(?=[A-Za-z(])|(?<=[\w)]) +(?=[\w(])"), "*"),
)
"""How `2x`, `x y`, `sin x` and `sin**2(x)` are written out."""


@functools.lru_cache(maxsize=512)
def read_latex(text: str) -> Any | None:
    """What `parse_latex` makes of a text, None if it raises."""
    text = text.strip()
    errors = grammar.MathErrorListener(text)
    try:
        lexer = grammar.LaTeXLexer(_antlr4.InputStream(text))
        lexer.removeErrorListeners()
        lexer.addErrorListener(errors)
        parser = grammar.LaTeXParser(_antlr4.CommonTokenStream(lexer))
        parser.removeErrorListeners()
        parser.addErrorListener(errors)
        return grammar.convert_relation(parser.math().relation())
    except Exception:  # boundary: the grammar raises much besides its own error, and each means unreadable
        return None


@functools.lru_cache(maxsize=512)
def read_python(text: str, *, implicit: bool = False) -> Any | None:
    """What `parse_expr` makes of arithmetic, a tuple or a list, None if nothing; `implicit`: `2x` is `2*x`."""
    for pattern, written_out in _IMPLICIT if implicit else ():
        text = pattern.sub(written_out, text)
    try:
        return evaluate(text, number=_number, name=functools.partial(_named, implicit))
    except Exception:  # boundary: sympy's constructors raise much, and each means unreadable
        return None


def _number(digits: str, value: Any) -> Any:
    return sympy.Integer(value) if isinstance(value, int) else sympy.Float(digits)


def _named(implicit: bool, name: str, is_called: bool) -> Any:
    if name in _FUNCTIONS or name in _CONSTANTS:
        return _FUNCTIONS.get(name) or _CONSTANTS[name]
    if is_called:
        return sympy.Function(name)
    return sympy.Mul(*map(sympy.Symbol, name)) if implicit else sympy.Symbol(name)


@functools.lru_cache(maxsize=512)
def read_extended(text: str) -> Any | None:
    """What latex2sympy makes of a text, None if it raises."""
    try:
        return latex2sympy(text)
    except Exception:  # boundary: the parser raises plain Exception on what it does not read
        return None


def holds(claim: Callable[[], Any]) -> bool:
    """Whether a claim is true; one that sympy cannot even make is not."""
    try:
        return bool(claim())
    except Exception:  # as in the graders themselves: what fails is not equal
        return False


def simplify_to_zero(answer: str, expected: str, *, tolerance: float) -> bool:
    """ToRA's `symbolic_equal`: the difference simplifies to nothing, or both are numbers within the tolerance."""
    given, wanted = (first(read_latex(text), read_python(text)) for text in (answer, expected))
    if given is None or wanted is None:
        return False
    return holds(lambda: sympy.simplify(given - wanted) == 0) or holds(
        lambda: math.isclose(sympy.N(given), sympy.N(wanted), rel_tol=tolerance)
    )


def latex_difference_vanishes(answer: str, expected: str) -> bool:
    """lm-evaluation-harness's `is_equiv`: both are LaTeX for sympy, and the difference simplifies to nothing."""
    given, wanted = read_latex(answer), read_latex(expected)
    if given is None or wanted is None:
        return False
    return holds(lambda: sympy.simplify(given - wanted) == 0)


def equal_by_any_test(answer: str, expected: str, *, tolerance: float) -> bool:
    """Qwen's `symbolic_equal`: as expressions, as equations up to their sign, as numbers, as matrices to 3 decimals."""
    a, e = _read_by_any(answer), _read_by_any(expected)
    if a is None or e is None:
        return False
    return (
        holds(lambda: str(a) == str(e) or a == e)
        or holds(lambda: a.equals(e) or sympy.simplify(a - e) == 0)
        or holds(lambda: abs(a.lhs - a.rhs).equals(abs(e.lhs - e.rhs)))
        or holds(lambda: math.isclose(float(sympy.N(e)), float(sympy.N(a)), rel_tol=tolerance))
        or holds(lambda: a.shape == e.shape and _rounded(a).equals(_rounded(e)))
    )


def _rounded(matrix: Any) -> Any:
    return matrix.applyfunc(lambda entry: round(entry, 3))


def _read_by_any(text: str) -> Any | None:
    single = text.replace("\\\\", "\\")
    for read in (read_latex, read_python, read_extended):
        if (parsed := first(read(single), read(text))) is not None:
            return parsed
    return None


def first(*values: Any) -> Any | None:
    """The first that is not None."""
    return next((value for value in values if value is not None), None)
