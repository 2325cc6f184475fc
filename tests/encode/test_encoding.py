"""Token ids and labels of solutions: what is trained on, in every format and template."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slipstick.encode.encoding import IGNORED, encode, encode_within
from slipstick.encode.settings import EncodeSettings
from slipstick.encode.tokens import token_ids
from slipstick.formats import Format, join, load_format, render, render_example, render_prompt
from slipstick.schema import Block, Code, Output, Text
from tests.encode.encoding_cases import BLOCKS, EVERY, LAYOUTS, PLAIN, solved

pytest.importorskip("transformers", reason="the extra `train` is not installed")


@settings(deadline=None, max_examples=60)
@given(blocks=BLOCKS, format=st.sampled_from(LAYOUTS), question=PLAIN)
def test_labels_lie_on_what_the_model_writes_and_nowhere_else(
    tokenizer: Any, blocks: list[Block], format: Format, question: str
) -> None:
    solution, problem = solved(blocks, format, question)
    ids, labels = encode(solution, problem, format, tokenizer)

    written = "".join(piece.text for piece in render(format, blocks) if piece.trained)
    assert tokenizer.decode([label for label in labels if label != IGNORED]) == written + tokenizer.eos_token
    given_text = render_prompt(format, problem) + "".join(p.text for p in render(format, blocks) if not p.trained)
    unlabelled = [token for token, label in zip(ids, labels, strict=True) if label == IGNORED]
    assert tokenizer.decode(unlabelled) == given_text
    assert all(label in (token, IGNORED) for token, label in zip(ids, labels, strict=True))
    assert tokenizer.decode(ids) == join(render_example(format, problem, blocks)) + tokenizer.eos_token


@settings(deadline=None, max_examples=40)
@given(blocks=BLOCKS, cut=st.integers(0, 6))
def test_later_blocks_never_change_the_ids_of_earlier_ones(tokenizer: Any, blocks: list[Block], cut: int) -> None:
    format = load_format("tir")
    whole, problem = solved(blocks, format)
    part, _ = solved(blocks[:cut], format)
    ids = encode(part, problem, format, tokenizer).ids[:-1]
    assert encode(whole, problem, format, tokenizer).ids[: len(ids)] == ids


def test_without_an_end_token_nothing_can_be_encoded(tokenizer: Any) -> None:
    class Endless:
        eos_token_id = None
        bos_token_id = None
        name_or_path = "endless"

        def __call__(self, text: str, **kwargs: Any) -> Any:
            return tokenizer(text, **kwargs)

        def convert_ids_to_tokens(self, ids: Any) -> Any:
            return tokenizer.convert_ids_to_tokens(ids)

    solution, problem = solved([], load_format("cot"))
    with pytest.raises(ValueError, match="endless"):
        encode(solution, problem, load_format("cot"), Endless())


@settings(deadline=None, max_examples=100)
@given(blocks=BLOCKS, format=st.sampled_from(EVERY), question=PLAIN, template=st.sampled_from(["format", "alpaca"]))
def test_in_every_format_no_token_of_prompt_or_output_has_a_label(
    tokenizer: Any, blocks: list[Block], format: Format, question: str, template: str
) -> None:
    if template == "alpaca" and format.name in ("mario", "react"):
        return
    solution, problem = solved(blocks, format, question)
    recipe = EncodeSettings(template=template, prompt_variant="example")
    ids, labels = encode(solution, problem, format, tokenizer, settings=recipe)
    written = "".join(piece.text for piece in render(format, blocks) if piece.trained)
    assert tokenizer.decode([label for label in labels if label != IGNORED]) == written + tokenizer.eos_token
    outputs = "".join(piece.text for piece in render(format, blocks) if not piece.trained)
    unlabelled = tokenizer.decode([token for token, label in zip(ids, labels, strict=True) if label == IGNORED])
    assert unlabelled.endswith(outputs) and question in unlabelled


def test_outputs_are_trained_on_where_a_recipe_asks(tokenizer: Any) -> None:
    format = load_format("tir")
    solution, problem = solved([Code(text="12 + 30"), Output(text="42"), Text(text="So 42.")], format)
    _, labels = encode(solution, problem, format, tokenizer, settings=EncodeSettings(train_on_outputs=True))
    text = tokenizer.decode([label for label in labels if label != IGNORED])
    assert text == join(render(format, solution.blocks)) + tokenizer.eos_token


def test_long_examples_are_cut_behind_a_whole_block_or_left_out(tokenizer: Any) -> None:
    format = load_format("tir")
    blocks: list[Block] = [Text(text="We add. "), Code(text="12 + 30"), Output(text="42"), Text(text="nuts " * 40)]
    solution, problem = solved(blocks, format)
    whole = encode(solution, problem, format, tokenizer)
    limit = len(whole.ids) - 3
    assert encode_within(solution, problem, format, tokenizer, settings=EncodeSettings(max_length=limit)) == (
        None,
        False,
    )
    recipe = EncodeSettings(max_length=limit, too_long="cut")
    example, cut = encode_within(solution, problem, format, tokenizer, settings=recipe)
    assert cut and example is not None
    text = tokenizer.decode(example.ids)
    assert text == join(render_example(format, problem, blocks[:2])), "no output that nothing follows, and no end"
    tiny = EncodeSettings(max_length=5, too_long="cut")
    assert encode_within(solution, problem, format, tokenizer, settings=tiny) == (None, False)
    assert encode_within(solution, problem, format, tokenizer) == (whole, False)


def test_what_was_broken_off_has_no_end(tokenizer: Any) -> None:
    format = load_format("cot")
    solution, problem = solved([Text(text="So 4")], format)
    ids, _ = encode(solution.model_copy(update={"finish": "length"}), problem, format, tokenizer)
    assert ids[-1] != tokenizer.eos_token_id
    thinking, problem = solved([Text(text="<think>\nSo 4")], format)
    assert encode(thinking, problem, format, tokenizer).ids[-1] != tokenizer.eos_token_id
    thought, problem = solved([Text(text="<think>\nSo 4</think>\n4")], format)
    assert encode(thought, problem, format, tokenizer).ids[-1] == tokenizer.eos_token_id


def test_generated_ids_are_kept_where_they_are_the_text(tokenizer: Any) -> None:
    format = load_format("tir")
    blocks: list[Block] = [Text(text="nuts"), Code(text="12"), Output(text="42"), Text(text="nuts")]
    solution, problem = solved(blocks, format)
    plain = encode(solution, problem, format, tokenizer)
    letters = [tokenizer.convert_tokens_to_ids(letter) for letter in "nuts"]
    assert tokenizer.decode(letters) == "nuts" and letters != tokenizer("nuts")["input_ids"]
    code = [token for piece in render(format, blocks[1:2]) for token in tokenizer(piece.text)["input_ids"]]
    kept = solution.model_copy(update={"turn_ids": [letters + code, [*letters[:3], 10**6]]})
    ids, labels = encode(kept, problem, format, tokenizer)
    first = len(token_ids(tokenizer, [render_prompt(format, problem)])[0])
    assert ids[first : first + len(letters + code)] == letters + code == labels[first : first + len(letters + code)]
    assert tokenizer.decode(ids) == tokenizer.decode(plain.ids)
    assert ids[-3:] == plain.ids[-3:], "of another tokenizer: the text is encoded"
