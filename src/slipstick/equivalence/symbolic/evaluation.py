"""Evaluates expressions in ball arithmetic, whose error bounds are certain.

Balls are those of FLINT (Johansson, "Arb: efficient arbitrary-precision midpoint-radius interval arithmetic", IEEE
Trans. Computers 66(8), 2017): every value comes with a radius, so that two balls that do not touch are two numbers.
FLINT keeps one precision for the whole process: it is set and restored under a lock, so callers keep their own.
"""

from __future__ import annotations

import math
import operator
import os
import threading
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from fractions import Fraction
from types import MappingProxyType
from typing import Final

from flint import acb, arb, ctx, fmpq

from slipstick.equivalence.symbolic.exact import MAX_COUNTED, MAX_TERMS, double_factorial
from slipstick.equivalence.symbolic.expression import Expression, is_meromorphic

MAX_DEGREE = 1_000
"""Largest degree of a root."""
INTEGRAND_VALUES = 3_000
"""Most values of an integrand."""
INTEGRAL_BITS = 160
"""Bits of an integral that are certain."""
_LOCK = threading.RLock()
_NAN = acb(arb("nan"))
_HALF = arb("0.5")


@dataclass(frozen=True, slots=True)
class Point:
    """Where an expression is evaluated, and how what is ambiguous in it is read."""

    values: dict[str, acb] = field(default_factory=dict)
    """Name of a variable -> its value."""
    common_log: bool = False
    r"""Whether \\log is to the base 10."""
    real_roots: bool = False
    """Whether (-8)^(1/3) is -2, and not the principal root."""
    terms: list[int] = field(default_factory=lambda: [MAX_TERMS])
    """How many terms of sums and products may still be computed."""

    def at(self, values: dict[str, acb]) -> Point:
        """Another point, read the same way."""
        return Point(values, self.common_log, self.real_roots)

    def with_value(self, name: str, value: acb) -> Point:
        """The same point with one more coordinate."""
        return replace(self, values={**self.values, name: value})


@contextmanager
def precision(bits: int) -> Iterator[None]:
    """Balls of so many bits, for one thread at a time; the precision that was set before is restored."""
    with _LOCK:
        before = ctx.prec
        ctx.prec = bits
        try:
            yield
        finally:
            ctx.prec = before


def _before_fork() -> None:
    _LOCK.acquire()


def _after_fork_in_parent() -> None:
    with suppress(RuntimeError):  # the fork began before this module was loaded, and so without the lock
        _LOCK.release()


def _after_fork_in_child() -> None:
    global _LOCK  # noqa: PLW0603 - another thread of the parent may have held it
    _LOCK = threading.RLock()


os.register_at_fork(before=_before_fork, after_in_parent=_after_fork_in_parent, after_in_child=_after_fork_in_child)


def evaluate(expression: Expression, point: Point) -> acb:
    """The value at a point; not finite if there is none. To be called within `precision`.

    Raises KeyError for a symbol the point does not know, OverflowError for too many terms.
    """
    head, args, value = expression
    if head == "symbol":
        return point.values[value]  # type: ignore[index]
    if head in ("number", "float"):
        return acb(value.numerator) if value.denominator == 1 else acb(fmpq(value.numerator, value.denominator))  # type: ignore[union-attr]
    if head == "^":
        return _power(args[0], args[1], point)
    if head in ("+", "*"):
        found = evaluate(args[0], point)
        for arg in args[1:]:
            found = found + evaluate(arg, point) if head == "+" else found * evaluate(arg, point)
        return found
    if head == "constant":
        return _CONSTANTS[value]()  # type: ignore[index]
    if head in ("sum", "product"):
        return _repeated(expression, point)
    if head == "integral":
        return _integral(expression, point)
    if head == "log":
        return evaluate(args[0], point).log() / (acb(10).log() if point.common_log else 1)
    values = [evaluate(arg, point) for arg in args]
    return _unknown(str(value), values) if head == "apply" else _FUNCTIONS[head](*values)


def _power(base: Expression, exponent: Expression, point: Point) -> acb:
    power = exponent.value if exponent.head in ("number", "float") else None
    if base.head == "constant" and base.value == "e":
        return evaluate(exponent, point).exp()
    found = evaluate(base, point)
    if not isinstance(power, Fraction):
        raised = evaluate(exponent, point)
        if found.is_zero():
            return acb(0) if raised.real > 0 else _NAN
        return found**raised
    if power.denominator == 1:
        return found ** int(power)
    if found.is_zero():
        return acb(0) if power > 0 else _NAN
    if power.denominator == 2:
        return found.sqrt() ** power.numerator
    if power.denominator > MAX_DEGREE:
        return found ** acb(fmpq(power.numerator, power.denominator))
    root = _real_root(found, power.denominator) if point.real_roots else found.root(power.denominator)
    return root**power.numerator


def _real_root(of: acb, degree: int) -> acb:
    """The real root if there is one, else the principal one."""
    if of.is_zero():
        return acb(0)
    if degree % 2 and of.imag.is_zero() and of.real < 0:
        return -((-of).root(degree))
    return of.root(degree)


def _root(of: acb, degree: acb) -> acb:
    whole = _integer(degree)
    if whole is None or not 0 < abs(whole) <= MAX_DEGREE:
        return of ** (1 / degree)
    return _real_root(of, whole) if whole > 0 else 1 / _real_root(of, -whole)


def _repeated(expression: Expression, point: Point) -> acb:
    first, last = (_integer(evaluate(arg, point)) for arg in expression.args[:2])
    if first is None or last is None:
        return _NAN
    point.terms[0] -= max(0, last - first + 1)
    if point.terms[0] < 0:
        raise OverflowError(f"more than {MAX_TERMS:,} terms")
    total = acb(expression.head == "product")
    for index in range(first, last + 1):
        term = evaluate(expression.args[2], point.with_value(str(expression.value), acb(index)))
        total = total * term if expression.head == "product" else total + term
    return total


def _integral(expression: Expression, point: Point) -> acb:
    """A definite integral of what has no branches; an indefinite one is the same if its integrand is."""
    *ends, body = expression.args
    name = str(expression.value)
    if not ends:
        return _unknown(f"integral {name}", [evaluate(body, point)])
    low, high = (evaluate(end, point) for end in ends)
    if not (low.is_finite() and high.is_finite() and is_meromorphic(body)):
        return _NAN

    def integrand(place: acb, _analytic: bool) -> acb:
        try:
            return evaluate(body, point.with_value(name, place))
        except (ArithmeticError, KeyError):
            return _NAN

    return acb.integral(integrand, low, high, eval_limit=INTEGRAND_VALUES, rel_tol=arb(2) ** -INTEGRAL_BITS)


def _integer(value: acb) -> int | None:
    """The integer a ball is so close to that it must be meant, None if there is none or it is huge."""
    if not value.is_finite() or abs(value) > 1e15:
        return None
    nearest = (value.real + _HALF).mid().floor()
    if not (value - nearest).contains(0) or value.rad() > 1e-9:
        return None
    whole = nearest.unique_fmpz()
    return None if whole is None else int(whole)


def _real(rule: Callable[..., arb]) -> Callable[..., acb]:
    """A function of real numbers; not finite elsewhere."""

    def checked(*args: acb) -> acb:
        if any(not arg.imag.is_zero() for arg in args):
            return _NAN
        return acb(rule(*(arg.real for arg in args)))

    return checked


def _floor(of: acb) -> acb:
    whole = _integer(of)
    return acb(of.real.floor()) if whole is None else acb(whole)


def _ceiling(of: acb) -> acb:
    return -_floor(-of)


def _modulo(of: acb, divisor: acb) -> acb:
    return of - divisor * _floor(of / divisor)


def _whole_numbers(rule: Callable[..., int]) -> Callable[..., acb]:
    def checked(*args: acb) -> acb:
        whole = [_integer(arg) for arg in args]
        return acb(rule(*whole)) if None not in whole else _NAN

    return checked


def _binomial(n: acb, k: acb) -> acb:
    return (n + 1).gamma() * (k + 1).rgamma() * (n - k + 1).rgamma()


def _permutations(n: acb, k: acb) -> acb:
    return (n + 1).gamma() * (n - k + 1).rgamma()


def _odd_factorial(n: acb) -> acb:
    whole = _integer(n)
    return acb(double_factorial(whole)) if whole is not None and 0 <= whole <= MAX_COUNTED else _NAN


def _unknown(name: str, args: list[acb]) -> acb:
    """The value of an undefined function: the same for the same arguments, else another, from 0.3 to 1.3."""
    key = [name]
    for arg in args:
        for part in (arg.real, arg.imag):
            if not part.is_finite() or part.rad() > 1e-30 * (1 + abs(part)):
                return _NAN
            key.append("0" if part.contains(0) else part.str(25, radius=False))
    text = "|".join(key).encode()
    return acb(arb((zlib.crc32(text) << 32) + zlib.crc32(text[::-1])) / 2**64 + arb("0.3"))


def _sign(of: acb) -> acb:
    return acb(of.real.sgn()) if of.imag.is_zero() else of / abs(of)


def _infinite() -> acb:
    return acb(arb.pos_inf())


_CONSTANTS: Final = MappingProxyType(
    {"pi": acb.pi, "e": lambda: acb(arb.const_e()), "i": lambda: acb(0, 1), "infinity": _infinite}
)
_FUNCTIONS: Final[MappingProxyType[str, Callable[..., acb]]] = MappingProxyType(
    {
        "-": operator.neg, "/": lambda of: 1 / of, "sqrt": acb.sqrt, "root": _root, "ln": acb.log, "exp": acb.exp,
        "log2": lambda of: of.log() / acb(2).log(), "log10": lambda of: of.log() / acb(10).log(),
        "log_base": lambda of, base: of.log() / base.log(), "abs": lambda of: acb(abs(of)),
        "sin": acb.sin, "cos": acb.cos, "tan": acb.tan, "cot": acb.cot, "sec": acb.sec, "csc": acb.csc,
        "sinh": acb.sinh, "cosh": acb.cosh, "tanh": acb.tanh, "coth": acb.coth, "sech": acb.sech, "csch": acb.csch,
        "arcsin": acb.asin, "arccos": acb.acos, "arctan": acb.atan, "arcsinh": acb.asinh, "arccosh": acb.acosh,
        "arctanh": acb.atanh, "arccot": lambda of: (1 / of).atan(), "arcsec": lambda of: (1 / of).acos(),
        "arccsc": lambda of: (1 / of).asin(), "arccoth": lambda of: (1 / of).atanh(),
        "arcsech": lambda of: (1 / of).acosh(), "arccsch": lambda of: (1 / of).asinh(),
        "floor": _floor, "ceil": _ceiling, "mod": _modulo, "gcd": _whole_numbers(math.gcd),
        "lcm": _whole_numbers(math.lcm), "min": _real(lambda *args: _fold(arb.min, args)),
        "max": _real(lambda *args: _fold(arb.max, args)), "atan2": _real(arb.atan2),
        "re": lambda of: acb(of.real), "im": lambda of: acb(of.imag), "conjugate": lambda of: of.conjugate(),
        "arg": lambda of: acb(of.arg()), "sign": _sign, "cis": lambda of: (of * acb(0, 1)).exp(),
        "factorial": lambda of: (of + 1).gamma(), "double_factorial": _odd_factorial, "binomial": _binomial,
        "permutations": _permutations, "gamma": acb.gamma, "erf": acb.erf, "zeta": acb.zeta,
        "^": lambda base, exponent: base**exponent,
    }
)  # fmt: skip


def _fold(rule: Callable[[arb, arb], arb], args: Sequence[arb]) -> arb:
    found = args[0]
    for arg in args[1:]:
        found = rule(found, arg)
    return found
