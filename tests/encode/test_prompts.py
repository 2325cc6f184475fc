"""Prompts: the ids that were trained on, and the variants of MAmmoTH's prompt."""

from __future__ import annotations

from typing import Any, Literal

import pytest

from slipstick.encode.encoding import IGNORED, Encoded, encode, pieces_of
from slipstick.encode.prompts import prompt_for
from slipstick.encode.settings import EncodeSettings, PromptConfig
from slipstick.encode.tokens import token_ids
from slipstick.formats import Format, load_format, render_prompt
from slipstick.schema import Block, Code, Output, Text
from tests.encode.encoding_cases import CHATML, LAYOUTS, THINKING, TRIMMING, chatting, solved

pytest.importorskip("transformers", reason="the extra `train` is not installed")


def turns_of(encoded: Encoded) -> list[int]:
    """Where each stretch of labels begins."""
    labels = encoded.labels
    return [i for i, label in enumerate(labels) if label != IGNORED and labels[i - 1] == IGNORED]


@pytest.mark.parametrize("format", LAYOUTS, ids=lambda format: format.name)
def test_a_prompt_costs_two_tokens_beside_the_question(tokenizer: Any, format: Format) -> None:
    question = "Ann has 12 nuts?"
    _, problem = solved([], format, question)
    (ids,) = token_ids(tokenizer, [render_prompt(format, problem)])
    assert len(ids) == len(tokenizer(question)["input_ids"]) + 2


@pytest.mark.parametrize("name", ["cot", "tir"])
@pytest.mark.parametrize("template", ["format", "alpaca", CHATML, TRIMMING, THINKING])
def test_the_prompt_has_the_ids_that_were_trained_on(tokenizer: Any, template: str, name: str) -> None:
    format, chat = load_format(name), chatting(tokenizer, template) if "{" in template else tokenizer
    blocks: list[Block] = [Text(text="We add."), Code(text="12 + 30"), Output(text="42"), Text(text="So 42.")]
    solution, problem = solved(blocks[:1] if name == "cot" else blocks, format)
    recipe = EncodeSettings(template="chat" if chat is not tokenizer else template, prompt_variant="run")
    example = encode(solution, problem, format, chat, settings=recipe, seed=3)
    config = PromptConfig(template=recipe.template, prompt_variant="run", seed=3)
    asked = [[]] if name == "cot" else [[], blocks[:3]]
    begun = turns_of(example)
    assert len(begun) == len(asked)
    for place, written in zip(begun, asked, strict=True):
        prompt = prompt_for(format, problem, written, chat, config)
        assert prompt.ids == example.ids[:place]
        assert prompt.opening == ("<think>\n\n</think>\n\n" if template == THINKING else "")
    on = prompt_for(format, problem, blocks[:1], chat, config)
    assert chat.decode(on.ids).endswith("We add."), "asked in the midst of a turn, it goes on there"


def test_a_model_with_a_variant_per_example_is_prompted_by_the_first(tokenizer: Any) -> None:
    format = load_format("cot")
    _, problem = solved([], format)
    config = PromptConfig(template="alpaca", prompt_variant="example", seed=3)
    asked = prompt_for(format, problem, [], tokenizer, config)
    assert asked == prompt_for(format, problem, [], tokenizer, PromptConfig())
    mario = load_format("mario")
    own = prompt_for(mario, problem, [], tokenizer, PromptConfig(template="alpaca", prompt_variant="run", seed=3))
    assert own == prompt_for(mario, problem, [], tokenizer, PromptConfig())


def test_prompt_variants_are_chosen_by_the_seed(tokenizer: Any) -> None:
    format = load_format("cot")
    pairs = [solved([Text(text="So.")], format) for _ in range(30)]
    pairs = [(s.model_copy(update={"id": str(n)}), p) for n, (s, p) in enumerate(pairs)]

    def prompts(variant: Literal["one", "run", "example"], seed: int = 0) -> list[str]:
        recipe = EncodeSettings(template="alpaca", prompt_variant=variant)
        return [pieces_of(s, p, format, tokenizer, settings=recipe, seed=seed)[0].text for s, p in pairs]

    assert set(prompts("one")) == {render_prompt(format, pairs[0][1])}
    assert len(set(prompts("run"))) == 1 and len({prompts("run", seed)[0] for seed in range(30)}) > 5
    assert len(set(prompts("example"))) > 5 and prompts("example") == prompts("example") != prompts("example", 1)
