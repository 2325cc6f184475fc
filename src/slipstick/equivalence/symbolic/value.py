"""The value of a text that is one number or an expression without letters."""

from fractions import Fraction

from slipstick.equivalence.normalize.notation import tidy
from slipstick.equivalence.symbolic.evaluation import Point, evaluate, precision
from slipstick.equivalence.symbolic.reader import read
from slipstick.equivalence.values.numbers import Number
from slipstick.equivalence.values.quantities import read_quantity

_LONGEST = 200
_BITS = 64


def value_of(text: str) -> Number | None:
    """A text as a number with its unit; an expression without letters as its value, to the digits of a float.

    None if the text is neither, or an expression too large for a float.
    """
    text = tidy(text)
    if len(text) > _LONGEST:
        return None
    found = read_quantity(text)
    if found is not None:
        return found
    expression = read(text)
    if expression is None:
        return None
    try:
        with precision(_BITS):
            value = evaluate(expression, Point())
            if not value.is_finite() or not value.imag.contains(0) or value.real.rad() > 1:
                return None
            return Number(Fraction(float(value.real.mid())))  # OverflowError if it is infinite as a float
    except (KeyError, ValueError, ArithmeticError, RecursionError):
        return None
