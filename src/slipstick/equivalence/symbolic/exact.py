"""Evaluates rational expressions without free symbols exactly, as long as the numbers stay short enough to compare."""

import math
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from types import MappingProxyType
from typing import Final

from slipstick.equivalence.symbolic.expression import Expression, nodes

MAX_BITS = 20_000
"""Longest numerator or denominator."""
MAX_TERMS = 1_000
"""Most terms of sums and products, those within others counted each time."""
MAX_COUNTED = 2_000
"""Largest n of n! and of a binomial."""


class TooLargeError(Exception):
    """An exact value has too many digits to compare."""


def exact(expression: Expression) -> Fraction | None:
    """The value of a rational expression without free symbols, None where it is another.

    Raises TooLargeError where it has too many digits or terms, and ZeroDivisionError.
    """
    return _exact(expression, {}, [MAX_TERMS])


def is_rational(expression: Expression) -> bool:
    """Whether a value is rational, also where it is too large to be computed."""
    try:
        return exact(expression) is not None
    except TooLargeError:
        return True
    except ZeroDivisionError:
        return False


def divides_by_zero(expression: Expression) -> bool:
    """Whether somewhere in the tree a number is divided by nothing."""
    return any(node.head == "/" and _is_zero(node.args[0]) for node in nodes(expression))


def _is_zero(expression: Expression) -> bool:
    try:
        return exact(expression) == 0
    except (TooLargeError, ZeroDivisionError):
        return False


def _exact(expression: Expression, bound: Mapping[str, Fraction], left: list[int]) -> Fraction | None:
    head, args, value = expression
    if isinstance(value, Fraction):
        return value
    if head == "symbol":
        return bound.get(str(value))
    if head in ("sum", "product"):
        return _total(expression, bound, left)
    if head == "mod" and (rest := _remainder(args[0], args[1], bound, left)) is not None:
        return rest
    rule = _RULES.get(head)
    if rule is None:
        return None
    found = []
    for arg in args:
        part = _exact(arg, bound, left)
        if part is None:
            return None
        found.append(part)
    return _short(rule(found))


def _remainder(of: Expression, by: Expression, bound: Mapping[str, Fraction], left: list[int]) -> Fraction | None:
    """The remainder of integers, of powers too long to be written down as well; None of anything else."""
    divisor = _exact(by, bound, left)
    if divisor is None or divisor.denominator != 1 or divisor <= 0:
        return None

    def residue(node: Expression) -> int | None:
        if node.head in ("+", "*"):
            parts = [residue(arg) for arg in node.args]
            known = [part for part in parts if part is not None]
            if len(known) < len(parts):
                return None
            return (sum(known) if node.head == "+" else math.prod(known)) % int(divisor)
        if node.head == "-":
            part = residue(node.args[0])
            return None if part is None else -part % int(divisor)
        if node.head == "^":
            base, power = residue(node.args[0]), _exact(node.args[1], bound, left)
            whole = base is not None and power is not None and power.denominator == 1 and power >= 0
            return pow(base or 0, int(power or 0), int(divisor)) if whole else None
        value = _exact(node, bound, left)
        return int(value % divisor) if value is not None and value.denominator == 1 else None

    rest = residue(of)
    return None if rest is None else Fraction(rest)


def _short(value: Fraction | None) -> Fraction | None:
    if value is not None and max(value.numerator.bit_length(), value.denominator.bit_length()) > MAX_BITS:
        raise TooLargeError
    return value


def _total(expression: Expression, bound: Mapping[str, Fraction], left: list[int]) -> Fraction | None:
    first, last = (_exact(arg, bound, left) for arg in expression.args[:2])
    if first is None or last is None or first.denominator != 1 or last.denominator != 1:
        return None
    left[0] -= max(0, int(last - first) + 1)
    if left[0] < 0:
        raise TooLargeError
    total: Fraction | None = Fraction(expression.head == "product")
    for index in range(int(first), int(last) + 1):
        term = _exact(expression.args[2], {**bound, str(expression.value): Fraction(index)}, left)
        if term is None or total is None:
            return None
        total = _short(total * term if expression.head == "product" else total + term)
    return total


def _power(args: list[Fraction]) -> Fraction | None:
    base, exponent = args
    if exponent.denominator != 1:
        return None
    size = max(base.numerator.bit_length(), base.denominator.bit_length())
    if size > 1 and abs(exponent) * size > MAX_BITS:
        raise TooLargeError
    return base ** int(exponent) if size > 1 else base ** (int(exponent) % 2 if base else int(exponent))


def _sum(args: list[Fraction]) -> Fraction | None:
    return sum(args, Fraction(0))


def _product(args: list[Fraction]) -> Fraction | None:
    found = Fraction(1)
    for arg in args:
        found = _short(found * arg) or Fraction(0)
    return found


def _whole(args: Sequence[Fraction]) -> list[int] | None:
    """The arguments as integers small enough to count with, None where they are not."""
    if any(arg.denominator != 1 or arg < 0 for arg in args):
        return None
    if any(arg > MAX_COUNTED for arg in args):
        raise TooLargeError
    return [int(arg) for arg in args]


def _counting(rule: Callable[..., int]) -> Callable[[list[Fraction]], Fraction | None]:
    def counted(args: list[Fraction]) -> Fraction | None:
        whole = _whole(args)
        return None if whole is None else Fraction(rule(*whole))

    return counted


def _dividing(rule: Callable[..., int]) -> Callable[[list[Fraction]], Fraction | None]:
    return lambda args: None if any(arg.denominator != 1 for arg in args) else Fraction(rule(*map(int, args)))


def double_factorial(n: int) -> int:
    """n (n - 2) (n - 4) ... down to 1 or 2."""
    return math.prod(range(n, 0, -2))


_RULES: Final[Mapping[str, Callable[[list[Fraction]], Fraction | None]]] = MappingProxyType(
    {
        "+": _sum, "*": _product, "-": lambda args: -args[0], "/": lambda args: 1 / args[0], "^": _power,
        "abs": lambda args: abs(args[0]), "floor": lambda args: Fraction(math.floor(args[0])),
        "ceil": lambda args: Fraction(math.ceil(args[0])), "mod": lambda args: args[0] % args[1],
        "min": min, "max": max, "re": lambda args: args[0], "conjugate": lambda args: args[0],
        "im": lambda args: Fraction(0), "sign": lambda args: Fraction((args[0] > 0) - (args[0] < 0)),
        "gcd": _dividing(math.gcd), "lcm": _dividing(math.lcm), "factorial": _counting(math.factorial),
        "double_factorial": _counting(double_factorial), "binomial": _counting(math.comb),
        "permutations": _counting(math.perm),
    }
)  # fmt: skip
