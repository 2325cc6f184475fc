"""Word dropout (Iyyer et al. 2015, §3): some words of the question are hidden, so that no single one is leant on.

A small model that has met a few hundred sentences learns to tell them apart by single words; where those are missing at
times it learns to use the others too, and meets a sentence of a new shape better prepared.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from slipstick.encode import IGNORED, Encoded


def hide_words(examples: Sequence[Encoded], tokenizer: Any, *, share: float, seed: int) -> list[Encoded]:
    """The examples with about `share` of the words before the first label replaced by the padding token.

    Of each example a share drawn between none and twice as many. Numbers, signs, single letters and pieces of words
    are never hidden. The same seed hides the same words.
    """
    hidden = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else tokenizer.eos_token_id
    words = {i for i in range(len(tokenizer)) if _is_word(tokenizer.decode([i]))}
    return [_hide(example, words, hidden, share, random.Random(f"{seed}/{n}")) for n, example in enumerate(examples)]


def _hide(example: Encoded, words: set[int], hidden: int, share: float, draw: random.Random) -> Encoded:
    start = next((place for place, label in enumerate(example.labels) if label != IGNORED), 0)
    chance = 2 * share * draw.random()
    asked = [hidden if token in words and draw.random() < chance else token for token in example.ids[:start]]
    return Encoded([*asked, *example.ids[start:]], example.labels)


def _is_word(text: str) -> bool:
    word = text.strip(" ")
    return len(word) > 1 and word.isalpha()
