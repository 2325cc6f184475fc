r"""Free parameters: constants of integration and integers beside a period, which may have any name.

A constant of integration is a capital C or an indexed letter, C_1 or c_1: a k or a c alone may be anything. It stands
in a sum, alone or before a factor, as in C_1 e^x + C_2 e^{-x}; in ab\sin C it is no constant.
"""

import itertools
import re
from collections.abc import Iterator
from fractions import Fraction

from slipstick.equivalence.symbolic.expression import Expression, nodes, replace, symbol, symbols

INTEGER_LETTERS = frozenset("nkmlj")
"""Letters that by custom are integers."""
MAX_RENAMED = 3
_PERIODS = frozenset(Fraction(period) for period in (90, 180, 360))
_OF_INTEGRATION = re.compile(r"C|[Cc]_\d")
_CONSTANT = re.compile(r"[CcKkABD](?:_\d)?")
_BARE_CAPITAL = re.compile(r"[A-Z]")


def without_constant(of: Expression) -> Expression | None:
    """The expression without its constant of integration, None if it has none."""
    if of.head != "+":
        return None
    rest = tuple(arg for arg in of.args if not (arg.head == "symbol" and _OF_INTEGRATION.fullmatch(str(arg.value))))
    if len(rest) != len(of.args) - 1:
        return None
    return rest[0] if len(rest) == 1 else Expression("+", rest)


def renamed(a: Expression, e: Expression) -> Iterator[tuple[Expression, Expression]]:
    """The pair with free parameters renamed, and with a program's I and E read as constants."""
    free_a, free_e = symbols(a), symbols(e)
    only_a, only_e = free_a - free_e, free_e - free_a
    program = {
        name: Expression("constant", (), value) for name, value in (("I", "i"), ("E", "e")) if name in only_a | only_e
    }
    if program and all(tree.args for tree, only in ((a, only_a), (e, only_e)) if only & program.keys()):
        yield replace(a, program), replace(e, program)
    if only_a and len(only_a) == len(only_e) <= MAX_RENAMED and _may_be_renamed(a, e, only_a, only_e):
        names = sorted(only_a)
        for others in itertools.permutations(sorted(only_e)):
            yield replace(a, dict(zip(names, map(symbol, others), strict=True))), e


def with_exchanged_constants(of: Expression) -> Expression | None:
    """A general solution with its two constants exchanged, None if it has no two of them."""
    free = symbols(of)
    constants = sorted(name for name in free if _OF_INTEGRATION.fullmatch(name))
    if len(constants) != 2 or len(free) == 2 or not all(_is_coefficient(of, name) for name in constants):
        return None
    return replace(of, dict(zip(constants, map(symbol, reversed(constants)), strict=True)))


def _may_be_renamed(a: Expression, e: Expression, only_a: frozenset[str], only_e: frozenset[str]) -> bool:
    """Whether names are free: the integer beside a period, the constants of a general solution."""
    if only_a | only_e <= INTEGER_LETTERS | {"N", "K", "M"}:
        return all(
            any((node.head == "constant" and node.value == "pi") or node.value in _PERIODS for node in nodes(tree))
            for tree in (a, e)
        )
    shared = symbols(a) & symbols(e)
    if not shared or any(_BARE_CAPITAL.fullmatch(name) for name in shared):
        return False
    if not all(_CONSTANT.fullmatch(name) for name in only_a | only_e):
        return False
    if not any(all(_OF_INTEGRATION.fullmatch(name) for name in names) for names in (only_a, only_e)):
        return False
    return all(_is_coefficient(tree, name) for tree, names in ((a, only_a), (e, only_e)) for name in names)


def _is_coefficient(of: Expression, name: str) -> bool:
    """Whether an expression is linear in a symbol, which stands in no function, power or denominator."""
    if of.head == "symbol" or name not in symbols(of):
        return True
    if of.head in ("+", "-"):
        return all(_is_coefficient(arg, name) for arg in of.args)
    holding = [arg for arg in of.args if name in symbols(arg)]
    return of.head == "*" and len(holding) == 1 and _is_coefficient(holding[0], name)
