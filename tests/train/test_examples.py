"""Word dropout: only words of the question are hidden, about as many as asked for, the same for one seed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="the extra `train` is not installed")

from slipstick.encode.encoding import IGNORED, Encoded, encode
from slipstick.formats import load_format
from slipstick.models.hf import load_weights
from slipstick.schema import Problem, Solution
from slipstick.train.examples import hide_words


@pytest.fixture(scope="module")
def encoded(sums: list[tuple[Solution, Problem]], tiny_model: Path) -> tuple[list[Encoded], Any]:
    _, tokenizer = load_weights(str(tiny_model), dtype="float32")
    return [encode(solution, problem, load_format(solution.format), tokenizer) for solution, problem in sums], tokenizer


def test_what_is_hidden_are_words_of_the_question(encoded: tuple[list[Encoded], Any]) -> None:
    examples, tokenizer = encoded
    hidden = hide_words(examples, tokenizer, share=0.3, seed=1)
    changed = 0
    for before, after in zip(examples, hidden, strict=True):
        assert after.labels == before.labels and len(after.ids) == len(before.ids)
        start = next(place for place, label in enumerate(before.labels) if label != IGNORED)
        assert after.ids[start:] == before.ids[start:]
        for old, new in zip(before.ids, after.ids, strict=True):
            if old != new:
                changed += 1
                assert new == tokenizer.pad_token_id and tokenizer.decode([old]).strip().isalpha()
    assert changed > len(examples) / 4


def test_the_same_seed_hides_the_same_words(encoded: tuple[list[Encoded], Any]) -> None:
    examples, tokenizer = encoded
    first = hide_words(examples, tokenizer, share=0.3, seed=1)
    assert (
        first
        == hide_words(examples, tokenizer, share=0.3, seed=1)
        != hide_words(examples, tokenizer, share=0.3, seed=2)
    )
    assert hide_words(examples, tokenizer, share=0.0, seed=1) == examples
