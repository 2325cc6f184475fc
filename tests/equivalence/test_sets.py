"""Tests of sets of real numbers: every spelling of a random set is that set, and no other set is."""

from fractions import Fraction

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from slipstick.equivalence import compare
from slipstick.equivalence.layers import decide
from slipstick.equivalence.structures.intervals import REALS, complement, intersection, union
from slipstick.equivalence.structures.sets import read_set

Interval = tuple[int, int, bool, bool]
"""Both ends, and whether each belongs to the interval."""
ends = st.integers(-5, 5)
piece = st.tuples(ends, ends, st.booleans(), st.booleans()).map(
    lambda sampled: (
        min(sampled[:2]),
        max(sampled[:2]),
        sampled[2] or sampled[0] == sampled[1],
        sampled[3] or sampled[0] == sampled[1],
    )
)
pieces = st.lists(piece, min_size=1, max_size=4)
POINTS = [Fraction(n, 2) for n in range(-13, 14)]


def in_brackets(sampled: Interval) -> str:
    low, high, low_in, high_in = sampled
    return rf"\{{{low}\}}" if low == high else f"{'[' if low_in else '('}{low},{high}{']' if high_in else ')'}"


def in_signs(sampled: Interval) -> str:
    low, high, low_in, high_in = sampled
    first, second = (r"\leq" if closed else "<" for closed in (low_in, high_in))
    return f"x={low}" if low == high else f"{low} {first} x {second} {high}"


def members(sampled: list[Interval]) -> set[Fraction]:
    return {
        value
        for value in POINTS
        for low, high, low_in, high_in in sampled
        if low < value < high or (value == low and low_in) or (value == high and high_in)
    }


def members_read(text: str) -> set[Fraction]:
    found = read_set(text)
    assert found is not None, text
    ends = [(low.value, low_in, high.value, high_in) for low, low_in, high, high_in in found.pieces]
    return {
        value
        for value in POINTS
        for low, low_in, high, high_in in ends
        if low is not None and high is not None
        if low < value < high or (value == low and low_in) or (value == high and high_in)
    }


def is_interval_set(sampled: list[Interval]) -> bool:
    return any(low < high for low, high, _, _ in sampled)


@settings(deadline=None)
@given(pieces)
def test_a_set_has_the_members_it_is_written_with(sampled: list[Interval]) -> None:
    assume(is_interval_set(sampled))
    assert members_read(r"\cup".join(map(in_brackets, sampled))) == members(sampled)
    assert members_read(" or ".join(map(in_signs, sampled))) == members(sampled)


@settings(deadline=None)
@given(pieces, pieces)
def test_two_sets_are_the_same_if_their_members_are(a: list[Interval], e: list[Interval]) -> None:
    assume(is_interval_set(a) and is_interval_set(e) and len(a) > 1 and len(e) > 1)
    decision = decide(" or ".join(map(in_signs, a)), r"\cup ".join(map(in_brackets, e)))
    assert decision.equal == (members(a) == members(e)), decision


@settings(deadline=None)
@given(pieces)
def test_the_complement_of_the_complement(sampled: list[Interval]) -> None:
    assume(is_interval_set(sampled))
    found = read_set(r"\cup".join(map(in_brackets, sampled)))
    assert found is not None
    assert complement(complement(found.pieces)) == found.pieces
    assert union([found.pieces, complement(found.pieces)]) == REALS
    assert intersection([found.pieces, complement(found.pieces)]) == ()


def test_ends_whose_order_is_unknown_are_left_open() -> None:
    assert read_set(r"(-\infty,a)\cup(b,\infty)") is None
    assert read_set(r"x < \log 2 \text{ or } x > \log 3") is None
    assert compare(r"(-\infty,a)\cup(b,\infty)", r"(-\infty,a)\cup(c,\infty)").outcome != "correct"


def test_ends_that_are_nearly_the_same_are_told_apart() -> None:
    assert compare(r"x > \frac{355}{113}", r"(\pi, \infty)").outcome == "incorrect"


def test_prose_that_says_too_little_is_no_set() -> None:
    for text in ("between 1 and 2", "some real numbers", "a real problem", "the solution", "least"):
        assert read_set(text) is None, text
