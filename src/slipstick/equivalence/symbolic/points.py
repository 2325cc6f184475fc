"""The points at which two functions are compared, always the same for the same two.

Random ones tell smooth functions apart. Where a function has steps or corners, |x| or the integer part, they may all
miss the place of a step, so integers are tried too, and numbers around those that stand in the functions.
"""

import zlib
from collections.abc import Iterator
from fractions import Fraction

from flint import acb, arb, fmpq

from slipstick.equivalence.symbolic.expression import Expression, heads, nodes, symbols

STEPS = frozenset(("floor", "ceil", "min", "max", "abs", "sign", "mod"))
"""Functions with steps or corners."""
MAX_CORNERS = 12
"""Numbers in two functions around which points are chosen."""
_USUAL = ((1, 1), (1, 3), (-1, 1), (1, 1), (-1, 2), (1, 20), (-2, 1), (-1, 20), (1, 300), (-2, 2000))
"""Points for functions of variables: 1 positive, -1 mixed, -2 negative coordinates, and their size."""
_INTEGERS = (*range(41), *range(-1, -13, -1), 49, 50, 64, 81, 99, 100, 101, 125, 127, 128, 243, 256, 1000, 1023, 1024)
_STRIDE = 7
"""Step through the candidates from one variable to the next."""


def usual_points(
    a: Expression, e: Expression, *, whole: frozenset[str] = frozenset(), counted: frozenset[str] = frozenset()
) -> Iterator[tuple[bool, dict[str, acb]]]:
    """Whether all coordinates are positive, and the point; `counted` are positive integers, `whole` any."""
    names = sorted(symbols(a) | symbols(e))
    state = zlib.crc32(repr(names).encode())
    for place, (sign, size) in enumerate(_USUAL):
        values = {}
        for name in names:
            state = (state * 1_103_515_245 + 12_345) % 2**31
            drawn = state >> 8
            if name in counted or name in whole:
                count = 2 + place % 2 + 2 * (drawn % 5)
                values[name] = acb(-count if sign < 0 and name not in counted else count)
                continue
            negative = sign == -2 or (sign == -1 and drawn & 1)
            values[name] = acb(arb(((-1 if negative else 1) * (103 + (drawn >> 1) % 1847) * size, -10)))
        yield sign > 0, values


def one_negative(a: Expression, e: Expression) -> Iterator[tuple[bool, dict[str, acb]]]:
    """Points like `usual_points` at which one coordinate is negative, each in turn: what luck may leave out."""
    names = sorted(symbols(a) | symbols(e))
    for negative in names:
        yield (
            False,
            {
                name: acb(arb(((-1 if name == negative else 1) * (519 + 217 * order), -9)))
                for order, name in enumerate(names)
            },
        )


def corner_points(
    a: Expression, e: Expression, *, whole: frozenset[str] = frozenset(), counted: frozenset[str] = frozenset()
) -> Iterator[tuple[bool, dict[str, acb]]]:
    """More points like `usual_points`, if one of two functions has steps or corners; none otherwise."""
    if not (heads(a) | heads(e)) & STEPS:
        return
    names = sorted(symbols(a) | symbols(e))
    near = _near_numbers(a, e)
    integers = [*near[0], *_INTEGERS]
    candidates = [*near[1], *integers]
    for place in range(len(candidates)):
        values: dict[str, Fraction] = {}
        for order, name in enumerate(names):
            if name in counted or name in whole:
                value = integers[(place * (1 + order) + _STRIDE * order) % len(integers)]
                values[name] = Fraction((abs(value) or 1) if name in counted else value)
            else:
                values[name] = Fraction(candidates[(place * (1 + order) + _STRIDE * order) % len(candidates)])
        yield (
            all(value > 0 for value in values.values()),
            {name: acb(fmpq(value.numerator, value.denominator)) for name, value in values.items()},
        )


def _near_numbers(a: Expression, e: Expression) -> tuple[list[int], list[Fraction]]:
    """Integers, and fractions, beside the numbers that stand in two functions."""
    found = dict.fromkeys(
        abs(node.value)
        for tree in (a, e)
        for node in nodes(tree)
        if isinstance(node.value, Fraction) and 1 < abs(node.value) < 10**6
    )
    numbers = list(found)[:MAX_CORNERS]
    floors = [value.numerator // value.denominator for value in numbers]
    integers = [near for value in floors for near in (value - 1, value, value + 1, -value, 2 * value, 3 * value + 1)]
    return integers, [near for value in numbers for near in (value, value - Fraction(1, 3), value + Fraction(1, 3))]
