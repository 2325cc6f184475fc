"""How many of each: cap, mix, splits."""

from __future__ import annotations

from collections import Counter

import pytest

from slipstick.curate.mixing import Candidate, choose_mix, over_cap, split_questions
from slipstick.errors import InputError


def candidates(*rows: tuple[int, str, str]) -> list[Candidate]:
    return [
        Candidate(place, question, question, source, format, False, f"{question}#{format}#{place}")
        for place, (question, source, format) in enumerate(rows)
    ]


def test_cap_lets_formats_take_turns() -> None:
    rows = candidates(*[(1, "a", "pot")] * 4, (1, "a", "cot"), (2, "a", "pot"))
    assert over_cap(rows, 2) == [1, 2, 3]
    assert over_cap(rows, 3) == [2, 3]
    assert over_cap(rows, 9) == []


def test_a_cap_below_the_number_of_formats_leaves_rows_of_each() -> None:
    rows = candidates(*[(n, "a", format) for n in range(99) for format in ("cot", "pot", "tir")])
    gone = set(over_cap(rows, 2))
    assert Counter(row.format for row in rows if row.place not in gone) == {"cot": 66, "pot": 66, "tir": 66}


def test_mix_takes_as_many_as_the_weights_allow() -> None:
    rows = candidates(*[(n, "a", "pot") for n in range(100)], *[(n, "b", "pot") for n in range(100, 130)])
    stay = choose_mix(rows, {"a": 2, "b": 1}, by="source", total=None, seed=0)
    assert Counter(rows[place].source for place in stay) == {"a": 60, "b": 30}
    assert stay == choose_mix(list(reversed(rows)), {"a": 2, "b": 1}, by="source", total=None, seed=0)
    assert stay != choose_mix(rows, {"a": 2, "b": 1}, by="source", total=None, seed=1)
    fewer = choose_mix(rows, {"a": 2, "b": 1}, by="source", total=30, seed=0)
    assert Counter(rows[place].source for place in fewer) == {"a": 20, "b": 10}
    assert len(choose_mix(rows, {}, by="source", total=50, seed=0)) == 50
    assert {rows[place].source for place in choose_mix(rows, {"a": 1, "b": 0}, by="source", total=None, seed=0)} == {
        "a"
    }
    with pytest.raises(InputError, match=r"mix names `bb`.*there are: a, b"):
        choose_mix(rows, {"a": 1, "bb": 1}, by="source", total=None, seed=0)


def test_splits_share_out_every_source_alike() -> None:
    sources = {n: "a" if n % 10 else "b" for n in range(2000)}
    found = split_questions(sources, {"train": 0.9, "valid": 0.1}, seed=0)
    assert Counter((sources[n], split) for n, split in found.items()) == {
        ("a", "train"): 1620,
        ("a", "valid"): 180,
        ("b", "train"): 180,
        ("b", "valid"): 20,
    }
    assert found != split_questions(sources, {"train": 0.9, "valid": 0.1}, seed=1)
    assert split_questions({7: "a"}, {"train": 0.9, "valid": 0.1}, seed=0) == {7: "train"}
