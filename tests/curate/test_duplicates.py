"""Near duplicates: what is found, what is left alone, and that it does not depend on chunks."""

from __future__ import annotations

import random
from itertools import pairwise

import numpy as np
import pytest

from slipstick.curate.duplicates import choose_bands, digest, near_duplicates
from slipstick.curate.shingles import CHUNK, hash_runs, hash_words

WORDS = [f"{a}{b}{c}" for a in "bdgklm" for b in "aeiou" for c in ("n", "rt", "st", "l")]


def texts(number: int, *, seed: int = 0) -> list[str]:
    rng = random.Random(seed)
    return [" ".join(rng.choices(WORDS, k=40)) + f" {rng.randrange(100)}" for _ in range(number)]


def edited(text: str) -> str:
    words = text.split()
    words[20] = "zebra"
    return " ".join(words)


def test_one_word_among_forty_is_near() -> None:
    rows = texts(300)
    found = near_duplicates([*rows, *map(edited, rows)], similarity=0.8)
    assert [(near.place, near.earlier) for near in found] == [(300 + place, place) for place in range(300)]
    assert all(0.8 <= near.similarity < 1 for near in found)


def test_what_is_reported_is_what_comparing_all_pairs_gives() -> None:
    rows = texts(40)
    rng = random.Random(1)
    for _ in range(240):
        words = rng.choice(rows).split()
        for place in rng.sample(range(40), rng.randrange(5)):
            words[place] = rng.choice(WORDS)
        rows.append(" ".join(words))
    runs, starts = hash_runs(hash_words(rows), 3)
    sets = [set(runs[a:b].tolist()) for a, b in pairwise(starts)]
    numbers = [row.split()[-1] for row in rows]
    pairs = {
        later
        for later in range(len(rows))
        for earlier in range(later)
        if numbers[later] == numbers[earlier]
        and len(sets[later] & sets[earlier]) / len(sets[later] | sets[earlier]) >= 0.7
    }
    found = {near.place for near in near_duplicates(rows, similarity=0.7)}
    assert found <= pairs, "each has been compared itself"
    assert len(found) >= 0.98 * len(pairs) > 100


def test_other_numbers_are_another_problem() -> None:
    assert not near_duplicates(
        ["ann has 3 nuts and gives 2 away today", "ann has 4 nuts and gives 2 away today"], similarity=0.1
    )
    same = ["ann has 1,000 nuts and gives 2 away", "Ann has 1000 nuts, and gives 2 away!"]
    assert len(near_duplicates(same, similarity=1.0)) == 1


def test_only_one_group_is_compared() -> None:
    rows = ["the same words in each of them"] * 4
    found = near_duplicates(rows, similarity=0.9, groups=[0, 1, 0, 1])
    assert [(near.place, near.earlier) for near in found] == [(2, 0), (3, 1)]


def test_short_and_empty_texts() -> None:
    found = near_duplicates(["", "a", "A", "a b", "", "b a"], similarity=0.5)
    assert [(near.place, near.earlier) for near in found] == [(2, 1), (4, 0)]
    assert near_duplicates([], similarity=0.5) == []


def test_chunks_make_no_difference() -> None:
    rows = texts(CHUNK + 50)
    rows[CHUNK + 7] = edited(rows[3])
    assert [(near.place, near.earlier) for near in near_duplicates(iter(rows), similarity=0.8)] == [(CHUNK + 7, 3)]


@pytest.mark.parametrize("similarity", [0.3, 0.5, 0.7, 0.8, 0.9, 1.0])
def test_bands_miss_few(similarity: float) -> None:
    bands, size = choose_bands(similarity)
    assert 1 - (1 - similarity**size) ** bands >= 0.99 or size == 1


def test_words_are_the_same_in_every_process_and_chunk() -> None:
    words = hash_words(["Ann has 1,000 nuts", "ANN HAS 1000 NUTS!", "don’t (3,4)", "12,345,678", "你好"])
    assert np.diff(words.starts).tolist() == [4, 4, 4, 1, 2]
    assert (words.hashes[:4] == words.hashes[4:8]).all()
    assert words.hashes[0] == hash_words(["x " * 1000 + "ann"]).hashes[-1]
    assert int(hash_words(["ann"]).hashes[0]) == 4178541271146987094, "the hash of a word never changes"


def test_digest_ignores_spacing_and_case_only() -> None:
    assert digest("A  b\n") == digest("a B")
    assert digest("x = 1") != digest("x = 2")
    digest("\ud800")  # half a surrogate pair
