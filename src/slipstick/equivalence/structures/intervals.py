r"""Unions of real intervals and points: union, intersection, complement, and whether two of them are the same."""

import functools
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

from slipstick.equivalence.decision import Decision, Same, structure
from slipstick.equivalence.symbolic.expression import Expression, heads, symbols
from slipstick.equivalence.symbolic.reader import read
from slipstick.equivalence.values.numbers import read_number

_BITS = 128
_LARGEST_ERROR = 1e-15
_MARGIN = Fraction(1, 10**9)
"""Relative difference of two computed ends from which their order is certain."""
_INFINITE = re.compile(r"([-+]?)\s*(?:\\infty|oo|inf|infinity|Infinity)")
_LETTERS = re.compile(r"[^,;:=<>|]{1,200}")
_WORDS = re.compile(
    r"\\(?:frac|sqrt|pi|infty|cdot|times|log|ln|sin|cos|tan|arcsin|arccos|arctan|exp)(?![A-Za-z])"
    r"|(?<![A-Za-z])(?:pi|sqrt|e|oo|infinity|inf|ln|log|exp)(?![A-Za-z])"
)


class OpenOrderError(Exception):
    """It is not known which of two ends is the larger."""


@dataclass(frozen=True, slots=True)
class End:
    """An end of an interval: as written, and its value: exact (Fraction), computed or infinite (float), or unknown."""

    text: str
    value: Fraction | float | None

    @property
    def infinite(self) -> bool:
        """Whether it is not a number."""
        return isinstance(self.value, float) and math.isinf(self.value)


class Piece(NamedTuple):
    """An interval; a point if both ends are the same and belong to it."""

    low: End
    """Lower end."""
    low_in: bool
    """Whether the lower end belongs to it."""
    high: End
    """Upper end."""
    high_in: bool
    """Whether the upper end belongs to it."""


EMPTY: tuple[Piece, ...] = ()
REALS = (Piece(End(r"-\infty", -math.inf), False, End(r"\infty", math.inf), False),)


def read_end(text: str) -> End | None:
    """The constant a text is, None if it is none."""
    text = text.strip()
    if match := _INFINITE.fullmatch(text):
        return End(text, -math.inf if match[1] == "-" else math.inf)
    if number := read_number(text):
        if number.unit or number.percent or not isinstance(number.value, Fraction):
            return None
        return End(text, number.value)
    if is_constant(text):
        tree = read(text)
        return End(text, None if tree is None or symbols(tree) else real_value(tree))
    return End(text, None) if _LETTERS.fullmatch(text) and read(text) else None


def may_precede(low: End, high: End) -> bool:
    """Whether an interval may reach from one end to the other."""
    return low.value is None or high.value is None or low.value < high.value


def is_constant(text: str) -> bool:
    """Whether a text has no variable in it."""
    return bool(text.strip()) and not re.search(r"[A-Za-z\\<>=]", _WORDS.sub(" ", text))


def point(end: End) -> Piece:
    """The set of one number."""
    return Piece(end, True, end, True)


def union(sets: Sequence[tuple[Piece, ...]]) -> tuple[Piece, ...]:
    """The union of the sets, in ascending order, touching intervals as one."""
    pieces = sorted((piece for pieces in sets for piece in pieces), key=functools.cmp_to_key(_before))
    merged: list[Piece] = []
    for piece in pieces:
        if merged:
            last = merged[-1]
            gap = _order(piece.low, last.high)
            if gap < 0 or (gap == 0 and (piece.low_in or last.high_in)):
                further = _order(piece.high, last.high)
                high, high_in = (piece.high, piece.high_in) if further > 0 else (last.high, last.high_in)
                merged[-1] = Piece(last.low, last.low_in, high, high_in or (further == 0 and piece.high_in))
                continue
        merged.append(piece)
    return tuple(merged)


def complement(pieces: Sequence[Piece]) -> tuple[Piece, ...]:
    """The real numbers outside, of pieces that are a union in order."""
    low, low_in = REALS[0].low, False
    gaps = []
    for piece in pieces:
        order = _order(low, piece.low)
        if order < 0 or (order == 0 and low_in and not piece.low_in):
            gaps.append(Piece(low, low_in, piece.low, not piece.low_in))
        low, low_in = piece.high, not piece.high_in
    if not low.infinite or low.text == REALS[0].low.text:
        gaps.append(Piece(low, low_in, REALS[0].high, False))
    return tuple(gaps)


def intersection(sets: Sequence[tuple[Piece, ...]]) -> tuple[Piece, ...]:
    """The intersection of the sets."""
    return complement(union([complement(union([pieces])) for pieces in sets]))


def same_pieces(a: Sequence[Piece], e: Sequence[Piece], same: Same) -> Decision:
    """Whether two unions in order are the same; their ends are compared by `same`."""
    if len(a) != len(e):
        return structure(False, f"{len(a)} intervals or points against {len(e)}")
    opened: Decision | None = None
    for piece_a, piece_e in zip(a, e, strict=True):
        if (piece_a.low_in, piece_a.high_in) != (piece_e.low_in, piece_e.high_in):
            return structure(False, "an end belongs to one of the sets and not to the other")
        for end_a, end_e in ((piece_a.low, piece_e.low), (piece_a.high, piece_e.high)):
            if end_a.infinite or end_e.infinite:
                if end_a.value != end_e.value:
                    return structure(False, "an end is infinite in one of the sets only")
                continue
            decision = same(end_a.text, end_e.text)
            if decision.equal is False:
                return structure(False, f"an end differs: {decision.reason}")
            if decision.equal is None:
                opened = decision
    return opened or structure(True, "the same set of numbers")


def _before(a: Piece, b: Piece) -> int:
    return _order(a.low, b.low) or b.low_in - a.low_in


def _order(a: End, b: End) -> int:
    """-1, 0 or 1; raises OpenOrderError if it is not certain."""
    if a.text == b.text:
        return 0
    if a.value is None or b.value is None:
        raise OpenOrderError
    if a.infinite or b.infinite or (isinstance(a.value, Fraction) and isinstance(b.value, Fraction)):
        return (a.value > b.value) - (a.value < b.value)
    first, second = Fraction(a.value), Fraction(b.value)  # exact: an integer may be too long for a float
    difference, scale = first - second, max(abs(first), abs(second), Fraction(1, 1000))
    if abs(difference) <= _MARGIN * scale:
        raise OpenOrderError
    return 1 if difference > 0 else -1


def real_value(tree: Expression, values: Mapping[str, int] | None = None) -> float | None:
    """The value if the symbols have these values, None if it is not real, not finite or not certain."""
    from flint import acb  # loaded only when a value is needed: most answers need none

    from slipstick.equivalence.symbolic.evaluation import Point, evaluate, precision

    if "log" in heads(tree):
        return None  # its base is not known
    with precision(_BITS):
        try:
            ball = evaluate(tree, Point({name: acb(value) for name, value in (values or {}).items()}))
        except (ArithmeticError, ValueError, KeyError):
            return None
        middle, error = float(ball.real.mid()), float(ball.real.rad())
        real = ball.imag.contains(0) and float(ball.imag.rad()) < _LARGEST_ERROR
    return middle if real and math.isfinite(middle) and error <= _LARGEST_ERROR * max(1.0, abs(middle)) else None
