"""Computes real values as floats right to their last digits, for what needs an order and no exact comparison."""

from __future__ import annotations

import math
from collections.abc import Mapping

from slipstick.equivalence.symbolic.expression import Expression, heads

_BITS = 128
_LARGEST_ERROR = 1e-15


def real_value(tree: Expression, values: Mapping[str, int] | None = None) -> float | None:
    """The value where the symbols have these values, None where it is not real, not finite or not certain."""
    from flint import acb  # loaded where a value is needed: most answers need none

    from slipstick.equivalence.symbolic.evaluation import Point, evaluate, precision

    if "log" in heads(tree):
        return None  # nobody says to which base
    with precision(_BITS):
        try:
            ball = evaluate(tree, Point({name: acb(value) for name, value in (values or {}).items()}))
        except (ArithmeticError, ValueError, KeyError):
            return None
        middle, error = float(ball.real.mid()), float(ball.real.rad())
        real = ball.imag.contains(0) and float(ball.imag.rad()) < _LARGEST_ERROR
    return middle if real and math.isfinite(middle) and error <= _LARGEST_ERROR * max(1.0, abs(middle)) else None
