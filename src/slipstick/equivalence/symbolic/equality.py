r"""Says whether two expressions are the same: constants by certified digits, functions at several points.

Two constants are different when their balls do not touch, and the same when they still do with three hundred digits.
Two functions are compared at points chosen from the texts. A point at which one of them is not real says
nothing as long as others are: log(a^2) is 2 log(a). |x| is not x.
"""

import itertools
from collections import Counter
from collections.abc import Iterator
from fractions import Fraction

from flint import acb, arb

from slipstick.equivalence.symbolic.evaluation import Point, evaluate, precision
from slipstick.equivalence.symbolic.exact import TooLargeError, divides_by_zero, exact, is_rational
from slipstick.equivalence.symbolic.expression import (
    Expression,
    difference,
    heads,
    is_meromorphic,
    nodes,
    number,
    replace,
    symbol,
    symbols,
)
from slipstick.equivalence.symbolic.parameters import INTEGER_LETTERS, renamed, with_exchanged_constants
from slipstick.equivalence.symbolic.points import STEPS, corner_points, one_negative, usual_points
from slipstick.equivalence.values.numbers import Number, approximates, read_number, rounds_to

Answer = tuple[bool | None, str]
"""Same, different or open, and one line why."""

BITS, MORE_BITS, MOST_BITS = 200, 1_000, 4_000
MAX_SYMBOLS = 20
_AGREED_BITS = 130
"""Bits of relative accuracy that two balls that touch must have to be one number."""
_TINY = 2.0**-120
"""A ball around zero is zero when it is narrower than this."""
ROUNDED = "the value, rounded"
"""The reason if a decimal gold is the answer's value, rounded."""
_FLOAT_NOISE = 1e-11
_ENOUGH = 4
"""Points that must agree if both functions are analytic; all of them if one is not."""
_LEAST = 3
_BRANCHED = frozenset(("sqrt", "root", "^", "ln", "log", "log_base", "log2", "log10"))
_BINDING = frozenset(("sum", "product", "integral"))
_RENAMED = "the same up to the names of free parameters"


def same_expression(a: Expression, e: Expression, answer: str, expected: str) -> Answer:
    """Whether an answer's tree means the same as the expected one's; the texts tell how many digits a decimal shows."""
    if a == e:
        return True, "the same expression"
    free_a, free_e = symbols(a), symbols(e)
    if len(free_a | free_e) > MAX_SYMBOLS:
        return None, f"more than {MAX_SYMBOLS} symbols"
    found = _same_function(a, e) if free_a or free_e else _same_constant(a, e, answer, expected)
    if found[0] is None and divides_by_zero(a) and not divides_by_zero(e):
        return False, "the answer divides by zero"
    if found[0] is not False:
        return found
    for other_a, other_e in renamed(a, e):
        if same_expression(other_a, other_e, answer, expected)[0]:
            return True, _RENAMED
    exchanged = with_exchanged_constants(a) if free_a == free_e else None
    return (True, _RENAMED) if exchanged and _same_function(exchanged, e)[0] else found


# Constants


def _same_constant(a: Expression, e: Expression, answer: str, expected: str) -> Answer:
    if (found := _infinities(a, e)) is not None:
        return found
    try:
        exact_e = exact(e)
    except ZeroDivisionError:
        return None, "the expected answer divides by zero"
    except TooLargeError:
        exact_e = None
    try:
        exact_a = exact(a)
    except ZeroDivisionError:
        return False, "the answer divides by zero"
    except TooLargeError:
        exact_a = None
    if exact_a is not None and exact_e is not None:
        if exact_a == exact_e or _shows(answer, exact_e) or _shows(expected, exact_a, rounded=True):
            return True, "the same value"
        if _has_float(a) or _has_float(e):
            return _near(exact_a, exact_e), "to the noise of floating-point numbers"
        return False, "different values"
    found = None, "a value that cannot be computed"
    for reading in _readings(a, e):
        found = _same_value(a, e, reading)
        if found[0] is False:
            found = _rounded(a, e, answer, expected, reading)
        if found[0] is not False:
            return found
    return found


def _near(a: Fraction, e: Fraction) -> bool:
    return abs(a - e) <= Fraction(_FLOAT_NOISE) * max(abs(a), abs(e))


def _infinities(a: Expression, e: Expression) -> Answer | None:
    signs = [_infinite_sign(side) for side in (a, e)]
    if not any(signs):
        return None
    return signs[0] == signs[1], "infinity"


def _infinite_sign(of: Expression) -> int:
    """1 or -1 for an infinity, else 0."""
    if of.head == "-":
        return -_infinite_sign(of.args[0])
    return int(of.head == "constant" and of.value == "infinity")


def _readings(a: Expression, e: Expression) -> Iterator[Point]:
    """The ways to read what is ambiguous in two expressions, the usual one first."""
    named = heads(a) | heads(e)
    logs = (False, True) if "log" in named else (False,)
    roots = (False, True) if "^" in named and _has_odd_root(a, e) else (False,)
    for common_log, real_roots in itertools.product(logs, roots):
        yield Point(common_log=common_log, real_roots=real_roots)


def _has_odd_root(*expressions: Expression) -> bool:
    powers = (node.args[1].value for tree in expressions for node in nodes(tree) if node.head == "^")
    return any(isinstance(power, Fraction) and power.denominator % 2 and power.denominator > 1 for power in powers)


def _same_value(a: Expression, e: Expression, reading: Point) -> Answer:
    rational = False
    for bits in (BITS, MORE_BITS, MOST_BITS):
        with precision(bits):
            try:
                value_a, value_e = evaluate(a, reading.at({})), evaluate(e, reading.at({}))
            except (ValueError, OverflowError):
                return None, "a value that cannot be computed"
            if not value_a.is_finite() or not value_e.is_finite():
                return None, "a value too large or not defined"
            if not value_a.overlaps(value_e):
                return False, "different values"
            if bits > BITS and _agree(value_a, value_e) and _is_moderate(value_a, bits):
                rational = is_rational(a) and is_rational(e)
                break
    else:
        return None, "values too close to tell apart"
    return (None, "numbers too long to compare") if rational else (True, "the same value")


def _agree(a: acb, e: acb) -> bool:
    """Whether two balls that touch are narrow enough to be one number."""
    zeros = (a.contains(0), e.contains(0))
    if all(zeros):
        return all(bool(ball.real.rad() < _TINY and ball.imag.rad() < _TINY) for ball in (a, e))
    return not any(zeros) and min(a.rel_accuracy_bits(), e.rel_accuracy_bits()) > _AGREED_BITS


def _is_moderate(value: acb, bits: int) -> bool:
    """Whether a value is of a size at which so many bits also show what is added to it."""
    return value.contains(0) or bool(2.0 ** -min(bits, 1000) < abs(value) < arb(2) ** (bits // 2))


def _rounded(a: Expression, e: Expression, answer: str, expected: str, reading: Point) -> Answer:
    """Whether one side is a decimal that shows the digits of the other."""
    with precision(BITS):
        value_a, value_e = evaluate(a, reading.at({})), evaluate(e, reading.at({}))
        exact_a, exact_e = _fraction(value_a), _fraction(value_e)
        if exact_e is not None and _shows(answer, exact_e):
            return True, "the value to every digit shown"
        if exact_a is not None and _shows(expected, exact_a, rounded=True):
            return True, "the value, to every digit shown" if _shows(expected, exact_a) else ROUNDED
        if (_has_float(a) or _has_float(e)) and _is_noise(value_a, value_e):
            return True, "the same value but for the noise of floating-point numbers"
    return False, "different values"


def _fraction(value: acb) -> Fraction | None:
    """The middle of a real ball of ordinary size."""
    if not value.imag.is_zero() or value.rel_accuracy_bits() < 100 or abs(value) > 1e60:
        return None
    mantissa, exponent = value.real.mid().man_exp()
    if exponent < -4 * BITS:
        return None
    return Fraction(int(mantissa)) * Fraction(2) ** int(exponent)


def _shows(text: str, value: Fraction, *, rounded: bool = False) -> bool:
    """Whether a text is a decimal that shows the digits of a value; `rounded`: a gold that rounds it."""
    if "." not in text and "," not in text:
        return False
    shown = read_number(text)
    if shown is None or shown.places is None:
        return False
    return approximates(shown, value) or (rounded and rounds_to(Number(value), shown))


def _is_noise(a: acb, e: acb) -> bool:
    return bool(abs(a - e) < _FLOAT_NOISE * abs(e)) or bool(abs(a - e) < _FLOAT_NOISE * abs(a))


def _has_float(expression: Expression) -> bool:
    return any(node.head == "float" for node in nodes(expression))


# Functions


def _same_function(a: Expression, e: Expression) -> Answer:
    if len(set(map(_infinite_sign, (a, e)))) == 2:
        return False, "a function against infinity"
    found: Answer = (None, "functions that cannot be evaluated")
    free = symbols(a) | symbols(e)
    for reading in _readings(a, e):
        found = agree_at_points(a, e, reading)
        if found[0]:
            return found
        if (whole := free & (INTEGER_LETTERS | {"N", "M"})) and agree_at_points(a, e, reading, whole=frozenset(whole))[
            0
        ]:
            return True, "the same at all integers tried"
    return found


def agree_at_points(a: Expression, e: Expression, reading: Point, *, whole: frozenset[str] = frozenset()) -> Answer:
    """Whether two functions agree at points with real coordinates; those of `whole` are integers.

    A point at which one is not real says nothing, unless no point with positive coordinates is one at which both are.
    Roots of several letters that part only where one is negative are left open: the letters may stand for lengths.
    """
    noisy = _has_float(a) or _has_float(e)
    smooth = is_meromorphic(a) and is_meromorphic(e)
    complex_unit = any(node.head == "constant" and node.value == "i" for tree in (a, e) for node in nodes(tree))
    several = len(symbols(a) | symbols(e)) > 1
    for_positive = several and not (smooth or complex_unit or whole) and not (heads(a) | heads(e)) & STEPS
    counted = _counted(a) | _counted(e)
    seen: Counter[str] = Counter()
    which = {"whole": whole, "counted": counted}
    more = [] if smooth or whole or counted else one_negative(a, e)
    for positive, values in itertools.chain(usual_points(a, e, **which), more, corner_points(a, e, **which)):
        same, real_a, real_e = _same_at(a, e, reading.at(values), noisy=noisy)
        real = real_a and real_e
        if same is None or (not real and not positive and not complex_unit):
            continue
        if same is False and (complex_unit or (real and (positive or not for_positive))):
            return False, "different values"
        seen["agreed"] += same
        seen["agreed for positive"] += same and real and positive
        seen["agreed and real"] += same and real
        seen["differ where negative"] += not same and real
        seen["differ where not real"] += not same and not real
        seen["one is real"] += positive and real_a != real_e
        if smooth and seen["agreed"] >= _ENOUGH and not seen["differ where not real"] and not whole:
            break
    return _conclusion(seen)


def _conclusion(seen: Counter[str]) -> Answer:
    """What the points at which two functions agree and differ say."""
    if seen["one is real"] and not seen["agreed for positive"]:
        return False, "one of them is not real where the other is"
    if seen["differ where negative"]:
        only = seen["agreed for positive"] >= _LEAST
        return (None, "the same only if all letters are positive") if only else (False, "different values")
    if seen["differ where not real"]:
        real = seen["agreed and real"] >= _LEAST
        return (True, "the same value where it is real") if real else (False, "different values")
    if seen["agreed"] >= _LEAST:
        return True, "the same value"
    return None, "functions that cannot be evaluated"


def _counted(expression: Expression) -> frozenset[str]:
    """Symbols that take integers only: in the bounds of a sum, or because only at integers there is a value."""
    found: set[str] = set()
    for node in nodes(expression):
        if node.head in ("sum", "product"):
            found |= symbols(node.args[0]) | symbols(node.args[1])
        elif node.head in ("gcd", "lcm", "double_factorial"):
            found |= symbols(node)
    return frozenset(found)


def _same_at(a: Expression, e: Expression, point: Point, *, noisy: bool) -> tuple[bool | None, bool, bool]:
    """Whether two functions agree at a point, None if it says nothing; and whether each is real there."""
    for bits in (BITS, MORE_BITS):
        with precision(bits):
            try:
                value_a, value_e = evaluate(a, point), evaluate(e, point)
            except (ValueError, OverflowError, ZeroDivisionError):
                return None, False, False
            if not value_a.is_finite() or not value_e.is_finite():
                return None, False, False
            real_a, real_e = value_a.imag.contains(0), value_e.imag.contains(0)
            if not value_a.overlaps(value_e):
                if noisy and _is_noise(value_a, value_e):
                    return True, real_a, real_e
                return False, real_a and _is_real_inside(a, point), real_e and _is_real_inside(e, point)
            if _agree(value_a, value_e):
                return True, real_a, real_e
    return None, False, False


def _is_real_inside(of: Expression, point: Point) -> bool:
    r"""Whether no root or logarithm in a function is of a negative number there: \sqrt{a}\sqrt{b} has two.

    What has no letters, as |\sqrt{-1}|, is the same everywhere and says nothing of a point.
    """
    if of.head in _BINDING or not symbols(of):
        return True
    if of.head in _BRANCHED and not evaluate(of, point).imag.contains(0):
        return False
    return all(_is_real_inside(arg, point) for arg in of.args)


def same_up_to_a_constant(a: Expression, e: Expression) -> Answer:
    """Whether two antiderivatives of one variable, without their constants, differ by a number only."""
    found = same_expression(a, e, "", "")
    free = symbols(a) | symbols(e)
    if found[0] is not False or len(free) != 1 or symbols(a) != symbols(e):
        return found
    gap = difference(a, e)
    moved = replace(gap, {name: Expression("+", (symbol(name), number(Fraction(5, 16)))) for name in free})
    if agree_at_points(gap, moved, Point())[0]:
        return True, "the same but for a constant"
    return found
