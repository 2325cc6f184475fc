"""Pieces of text to token ids."""

from __future__ import annotations

from typing import Any

import pytest

from slipstick.encode.encoding import IGNORED, encode
from slipstick.encode.tokens import text_of
from slipstick.formats import join, load_format, render, render_example
from slipstick.schema import Block, Code, Output, Text
from tests.encode.encoding_cases import LAYOUTS, solved

pytest.importorskip("transformers", reason="the extra `train` is not installed")
from slipstick.train.tokenizer import fixed_strings


def test_what_formats_fix_is_one_token_each_and_digits_stand_alone(tokenizer: Any) -> None:
    assert all(len(tokenizer(text)["input_ids"]) == 1 for text in fixed_strings(LAYOUTS))
    assert [tokenizer.decode(token) for token in tokenizer("1204")["input_ids"]] == ["1", "2", "0", "4"]


def test_a_tokenizer_that_adds_spaces_adds_one_only_at_the_start(spacing_tokenizer: Any) -> None:
    format = load_format("tir")
    blocks: list[Block] = [
        Text(text="We add.\n"),
        Code(text="12 + 30"),
        Output(text="42"),
        Text(text=" The answer is 42."),
    ]
    solution, problem = solved(blocks, format)
    ids, labels = encode(solution, problem, format, spacing_tokenizer)
    assert ids[0] == spacing_tokenizer.bos_token_id and ids.count(spacing_tokenizer.bos_token_id) == 1
    assert text_of(spacing_tokenizer, ids) == " " + join(render_example(format, problem, blocks))
    written = "".join(piece.text for piece in render(format, blocks) if piece.trained)
    assert text_of(spacing_tokenizer, [label for label in labels if label != IGNORED]) == written
