"""Which examples form which step: bounds, order, curriculum."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice

from hypothesis import given
from hypothesis import strategies as st

from slipstick.train.batches import order_batches
from slipstick.train.settings import Phase


def order(
    lengths: list[int],
    groups: list[str],
    *,
    phases: Sequence[Phase] = (),
    tokens: int = 5000,
    batch_tokens: int = 200,
    seed: int = 0,
) -> Iterator[list[int]]:
    return order_batches(lengths, groups, phases=phases, tokens=tokens, batch_tokens=batch_tokens, seed=seed)


@given(st.lists(st.integers(1, 150), min_size=1, max_size=80), st.integers(1, 8000), st.integers(0, 9))
def test_steps_hold_what_they_may_and_add_up_to_the_tokens(lengths: list[int], tokens: int, seed: int) -> None:
    batches = list(order(lengths, ["a"] * len(lengths), tokens=tokens, seed=seed))
    assert all(len(batch) * max(lengths[i] for i in batch) <= 200 for batch in batches)
    dealt = sum(lengths[i] for batch in batches for i in batch)
    assert tokens <= dealt <= tokens + max(lengths)


def test_every_example_comes_once_before_any_comes_again() -> None:
    lengths = [10] * 50
    counts = Counter(i for batch in order(lengths, ["a"] * 50, tokens=1000) for i in batch)
    assert set(counts.values()) == {2} and len(counts) == 50


def test_the_seed_alone_decides_the_order() -> None:
    lengths, groups = list(range(1, 90)), ["a", "b", "c"] * 29 + ["a", "b"]
    assert list(order(lengths, groups)) == list(order(lengths, groups)) != list(order(lengths, groups, seed=1))


def test_phases_follow_each_other_with_their_own_mix() -> None:
    lengths, groups = [10] * 300, ["pot"] * 100 + ["cot"] * 100 + ["tir"] * 100
    phases = [Phase(share=1, mix={"pot": 1}), Phase(share=3, mix={"cot": 3, "tir": 1})]
    dealt = [groups[i] for batch in order(lengths, groups, phases=phases, tokens=20_000) for i in batch]
    assert set(dealt[:500]) == {"pot"}
    later = Counter(dealt[500:])
    assert later["pot"] == 0
    assert 2 < later["cot"] / later["tir"] < 4.5


def test_the_order_can_be_asked_for_without_end() -> None:
    assert len(list(islice(order([5], ["a"], tokens=10**9), 1000))) == 1000
