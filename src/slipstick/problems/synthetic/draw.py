"""Draws the numbers of a problem, as long as its split wants them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random


def draws(rng: Random, digits: int) -> Mapping[str, Callable[..., int]]:
    """The functions by which a template says which numbers it wants; `digits` is the length of the longest one.

    long()            exactly that length, at least 2
    any()             that length or up to two digits shorter, at least 2
    less(n)           from 1 to n - 1, about as long as n
    multiple(n)       a multiple of n, at least 2 n, about that length
    small(low, high)  from low to high, whatever the length
    pick(a, b, ...)   one of these
    """

    def of_length(length: int) -> int:
        return rng.randint(max(2, 10 ** (length - 1)), 10**length - 1)

    def less(n: int) -> int:
        return rng.randint(min(max(1, 10 ** max(0, len(str(n)) - 2)), n - 1), n - 1)

    return {
        "long": lambda: of_length(digits),
        "any": lambda: of_length(rng.randint(max(1, digits - 2), digits)),
        "less": less,
        "multiple": lambda n: n * max(2, of_length(digits) // n),
        "small": rng.randint,
        "pick": lambda *numbers: rng.choice(numbers),
        "max": max,
        "min": min,
    }
