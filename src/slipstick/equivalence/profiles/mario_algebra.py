"""MARIO's comparison by sympy (MARIO_EVAL's `latex_parser.are_equal_under_sympy`); runs in worker processes only."""

import functools
import random
import re
from collections.abc import Callable
from typing import Any

import sympy
from sympy.core.function import AppliedUndef

from slipstick.equivalence.profiles.expressions import holds, read_extended, read_latex, read_python

EPSILON = 1e-3
_BARE_ROOT = re.compile(r"\\sqrt\s*(\w)")
"""MARIO's parser reads `\\sqrt2`; the one here wants braces."""
_TURNED = {"<=": 1, "<": 1, ">=": -1, ">": -1}


def equal_expressions(expected: str, answer: str) -> bool:
    """Whether the two are the same in any of the ways in which they can be read."""
    return any(
        holds(functools.partial(_same, wanted, found)) for wanted in _readings(expected) for found in _readings(answer)
    )


def equal_intervals(expected: str, answer: str) -> bool:
    """Whether both are intervals, or unions and intersections of them, with the same ends."""
    wanted, found = _interval(expected), _interval(answer)
    return wanted is not None and found is not None and bool(wanted.compare(found) == 0)


@functools.lru_cache(maxsize=512)
def _readings(text: str) -> tuple[Any, ...]:
    """A text as latex2sympy reads it, else as sympy's grammar does, and as Python."""
    latex = read_extended(_BARE_ROOT.sub(r"\\sqrt{\1}", text))
    if latex is None and (plain := read_latex(text)) is not None:
        latex = plain.subs({sympy.Symbol("pi"): sympy.pi})
    python = read_python(text.replace("^", "**"), implicit=True)
    if isinstance(python, tuple) and len(python) > 2:
        python = list(python)
    return tuple(reading for reading in (latex, python) if reading is not None)


def _interval(text: str) -> Any | None:
    """The set that unions of intersections of intervals are, None if the text is none."""
    try:
        return sympy.Union(
            *(
                sympy.Intersection(
                    *(_one_interval(part.strip()) for part in either.replace("∩", r"\cap").split(r"\cap"))
                )
                for either in text.replace("⋃", r"\cup").split(r"\cup")
            )
        )
    except Exception:  # boundary: whatever cannot be read or built is no interval
        return None


def _one_interval(text: str) -> Any:
    start, end = (_end(side) for side in text.split(","))
    if start.is_number and end.is_number and start > end:
        raise ValueError("the interval ends before it begins")
    return sympy.Interval(start, end, left_open="(" in text, right_open=")" in text)


def _end(text: str) -> Any:
    value = read_extended(text.strip("()[] "))
    if value is None:
        raise ValueError(f"not an endpoint of an interval: {text[:80]!r}")
    if not value.is_number:
        return value
    value = value.evalf()
    whole = value.is_finite and abs(value - round(value)) <= 1e-7
    return sympy.Integer(round(value)) if whole else value


def _same(expected: Any, answer: Any) -> bool:
    if isinstance(expected, (list, set)) and isinstance(answer, (list, set)):
        return _same_collections(expected, answer)
    if isinstance(expected, sympy.MatrixBase) or isinstance(answer, sympy.MatrixBase):
        return _same_matrices(expected, answer)
    if all(isinstance(side, sympy.Eq) and not _is_definition(side) for side in (expected, answer)):
        difference = expected.lhs - expected.rhs
        return any(_same(side, answer.lhs - answer.rhs) for side in (difference, -difference))
    if _is_definition(expected) or _is_definition(answer):
        return _same(*(side.rhs if isinstance(side, sympy.Eq) else side for side in (expected, answer)))
    if all(isinstance(side, sympy.core.relational.Relational) for side in (expected, answer)):
        return _same_inequalities(expected, answer)
    expected, answer = _with_imaginary_unit(expected), _with_imaginary_unit(answer)
    if expected.has(sympy.I) and answer.has(sympy.I):
        return all(_same_values(part(expected), part(answer)) for part in (sympy.re, sympy.im))
    return _same_values(expected, answer)


def _same_collections(expected: Any, answer: Any) -> bool:
    if type(expected) is not type(answer) or len(expected) != len(answer):
        return False
    if isinstance(expected, set):
        return all(any(_same(e, a) for a in answer) for e in expected)
    return all(_same(e, a) for e, a in zip(expected, answer, strict=True))


def _same_matrices(expected: Any, answer: Any) -> bool:
    """Entry by entry; a list is a matrix too, and a row is a column."""
    expected, answer = (sympy.Matrix(side) if isinstance(side, list) else side for side in (expected, answer))
    if expected.shape != answer.shape and 1 in expected.shape:
        answer = answer.transpose()
    return expected.shape == answer.shape and all(_same(e, a) for e, a in zip(expected, answer, strict=True))


def _same_inequalities(expected: Any, answer: Any) -> bool:
    if any(side.rel_op not in _TURNED for side in (expected, answer)):
        return {expected.lhs, expected.rhs} == {answer.lhs, answer.rhs} and expected.rel_op == answer.rel_op
    if len(expected.rel_op) != len(answer.rel_op):
        return False
    return _same(*((side.lhs - side.rhs) * _TURNED[side.rel_op] for side in (expected, answer)))


def _is_definition(relation: Any) -> bool:
    """`y = ...`, `f(x) = ...`: only the right side counts."""
    if not isinstance(relation, sympy.Eq):
        return False
    return bool(relation.lhs.is_Symbol) or any(
        isinstance(side, AppliedUndef) for side in (relation.lhs, 1 / relation.lhs)
    )


def _with_imaginary_unit(value: Any) -> Any:
    """An `i` that is the only unknown is the imaginary unit."""
    symbols = value.free_symbols
    only = next(iter(symbols)) if len(symbols) == 1 else None
    return value.subs(only, sympy.I) if only is not None and only.name == "i" else value


def _same_values(expected: Any, answer: Any) -> bool:
    expected, answer = (side.evalf() if side.is_number else side for side in (expected, answer))
    if holds(lambda: expected.expand(trig=True) == answer.expand(trig=True)):
        return True
    if holds(lambda: _vanishes(expected, _simplified(expected - answer))):
        return True
    chooser = random.Random(str((expected, answer)))
    return any(
        holds(functools.partial(_same_at_points, expected, answer, draw)) for draw in (chooser.randint, chooser.uniform)
    )


def _simplified(difference: Any) -> Any:
    return difference.evalf() if difference.is_number else sympy.simplify(difference)


def _vanishes(expected: Any, difference: Any) -> bool:
    """Whether a difference is zero or within the tolerance, five times as wide for an unround value above 1."""
    if difference == 0 or difference.is_zero:
        return True
    if not difference.is_number:
        return False
    if expected.free_symbols or expected.is_Integer:
        return bool(abs(difference).evalf() < EPSILON)
    if abs(expected) >= 1:
        return bool(abs(difference).evalf() < 5 * EPSILON)
    return bool(abs(expected) > 0 and abs(difference / expected).evalf() < EPSILON)


def _same_at_points(expected: Any, answer: Any, draw: Callable[[int, int], Any]) -> bool:
    if not expected.free_symbols or expected.free_symbols != answer.free_symbols:
        return False
    for _ in range(10):
        point = {symbol: draw(1, 10) for symbol in sorted(expected.free_symbols, key=str)}
        value = expected.evalf(subs=point)
        if not _vanishes(value, value - answer.evalf(subs=point)):
            return False
    return True
