"""Token ids and labels of solutions: what is trained on, in which prompts, in every format and template."""

from __future__ import annotations

import copy
import json
from collections.abc import Sequence
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slipstick.encode import IGNORED, Encoded, EncodeSettings, PromptConfig, encode, encode_within, pieces_of
from slipstick.encode.prompts import prompt_for
from slipstick.encode.tokens import text_of, token_ids
from slipstick.errors import InputError
from slipstick.formats import Format, join, load_format, render, render_chat, render_example, render_prompt, tool_schema
from slipstick.schema import Block, Code, Output, Problem, Solution, Text

transformers = pytest.importorskip("transformers", reason="the extra `train` is not installed")

from slipstick.train.tokenizer import fixed_strings, train_tokenizer  # noqa: E402

Variant = Literal["one", "run", "example"]
LAYOUTS = [load_format(name) for name in ("cot", "pot", "tir")]
TEXTS = ["Ann has 12 nuts and finds 30 more.", "nuts = 12 + 30\nprint(nuts)", "The answer is \\boxed{42}."] * 5


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return train_tokenizer(TEXTS, LAYOUTS, vocab_size=330)


@pytest.fixture(scope="module")
def spacing_tokenizer() -> Any:
    """One that puts a space before every text it is given, as those of Llama and Mistral do."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors

    names = ["<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256)), "▁", *"acdeinrsw.", "is", "▁is"]
    merges = [("i", "s"), ("▁", "is")]
    made = Tokenizer(models.BPE({name: i for i, name in enumerate(names)}, merges, byte_fallback=True))
    made.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first", split=False)
    made.post_processor = processors.TemplateProcessing("<s> $A", special_tokens=[("<s>", 0)])
    made.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    return transformers.PreTrainedTokenizerFast(tokenizer_object=made, bos_token="<s>", eos_token="</s>")


PLAIN = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
BLOCKS = st.lists(
    st.one_of(st.builds(Text, text=PLAIN), st.builds(Code, text=PLAIN), st.builds(Output, text=PLAIN)),
    max_size=6,
)


def solved(blocks: Sequence[Block], format: Format, question: str = "How many nuts?") -> tuple[Solution, Problem]:
    problem = Problem(id="x/test/1", text=question)
    return Solution(id="x/test/1#0", problem_id=problem.id, format=format.name, blocks=list(blocks)), problem


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


@pytest.mark.parametrize("format", LAYOUTS, ids=lambda format: format.name)
def test_a_prompt_costs_two_tokens_beside_the_question(tokenizer: Any, format: Format) -> None:
    question = "Ann has 12 nuts?"
    _, problem = solved([], format, question)
    (ids,) = token_ids(tokenizer, [render_prompt(format, problem)])
    assert len(ids) == len(tokenizer(question)["input_ids"]) + 2


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


EVERY = [load_format(name) for name in ("cot", "pot", "tir", "mario", "react", "tools")]
CHATML = """{%- if tools %}<|im_start|>tools
{{ tools | tojson }}<|im_end|>
{% endif -%}
{%- for m in messages %}{{ '<|im_start|>' + m['role'] + '\\n' + m['content'] }}
{%- for c in m.tool_calls or [] %}<call>{{ c['function']['arguments']['code'] | tojson }}</call>{% endfor %}
{{- '<|im_end|>\\n' }}{% endfor %}
{%- if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"""
# Trims contents, knows no system message, has no generation prompt and ends turns with the end of text, as Llama 2's.
TRIMMING = """{%- for m in messages %}{%- if m['role'] == 'system' %}{{ raise_exception('no system') }}{% endif %}
{%- if m['role'] == 'user' %}{{ '[INST] ' + m['content'].strip() + ' [/INST]' }}
{%- else %}{{ ' ' + m['content'] | trim + ' ' + eos_token }}{% endif %}{% endfor %}"""
# Puts an empty thought before every answer, as Qwen 3's does.
THINKING = CHATML.replace("m['role'] + '\\n' + m['content']", "m['role'] + '\\n' + thought(m) + m['content']")
THINKING = (
    "{%- macro thought(m) %}{% if m['role'] == 'assistant' %}{{ '<think>\\n\\n</think>\\n\\n' }}{% endif %}"
    "{% endmacro -%}" + THINKING
)


def chatting(tokenizer: Any, template: str) -> Any:
    from tokenizers import AddedToken

    chat = copy.deepcopy(tokenizer)
    chat.add_tokens([AddedToken(name, special=True) for name in ("<|im_start|>", "<|im_end|>")])
    chat.chat_template = template
    return chat


@pytest.fixture(scope="module")
def chatml(tokenizer: Any) -> Any:
    return chatting(tokenizer, CHATML)


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


SAID = st.text(st.characters(exclude_categories=["Cs", "Co", "Cc"]), min_size=1, max_size=30).filter(
    lambda t: t.strip()
)


@settings(deadline=None, max_examples=60)
@given(first=SAID, code=SAID, output=SAID, last=SAID, format=st.sampled_from(EVERY))
def test_in_a_chat_the_model_writes_its_messages_and_their_ends(
    chatml: Any, first: str, code: str, output: str, last: str, format: Format
) -> None:
    blocks: list[Block] = [Text(text=first), Code(text=code), Output(text=output), Text(text=last)]
    solution, problem = solved(blocks, format)
    ids, labels = encode(solution, problem, format, chatml, settings=EncodeSettings(template="chat"))
    trained = chatml.decode([label for label in labels if label != IGNORED])
    given_text = chatml.decode([token for token, label in zip(ids, labels, strict=True) if label == IGNORED])
    if format.tool:
        assert trained == f"{first}<call>{json.dumps(code, ensure_ascii=False)}</call><|im_end|>{last}<|im_end|>"
        assert given_text.endswith(f"<|im_start|>tool\n{output}<|im_end|>\n<|im_start|>assistant\n")
        return
    turns = [""]
    for piece in render(format, blocks):
        if piece.trained:
            turns[-1] += piece.text
        else:
            turns.append("")
            assert given_text.endswith(f"<|im_start|>user\n{piece.text}<|im_end|>\n<|im_start|>assistant\n")
    assert trained == "".join(f"{turn}<|im_end|>" for turn in turns)


@pytest.mark.parametrize("template", [CHATML, TRIMMING, THINKING], ids=["chatml", "trimming", "thinking"])
@pytest.mark.parametrize("name", ["cot", "tir", "tools"])
def test_a_chat_is_laid_out_as_its_template_does(tokenizer: Any, template: str, name: str) -> None:
    if name == "tools" and template == TRIMMING:
        return  # it has no place for calls
    chat, format = chatting(tokenizer, template), load_format(name)
    blocks: list[Block] = [
        Text(text=" We add. "),
        Code(text='print("12 + 30")\n'),
        Output(text="42"),
        Text(text="So 42.\n"),
    ]
    solution, problem = solved(blocks[:1] if name == "cot" else blocks, format)
    ids, _ = encode(solution, problem, format, chat, settings=EncodeSettings(template="chat"))
    messages = render_chat(format, problem, solution.blocks)
    if template == TRIMMING:
        system, user, *rest = messages
        messages = [{**user, "content": f"{system['content']}\n\n{user['content']}"}, *rest]
    for message in messages:
        for call in message.get("tool_calls", []):
            call["function"]["arguments"] = json.loads(call["function"]["arguments"])
    tools = [tool_schema(format.tool)] if format.tool else None
    whole = chat.apply_chat_template(messages, tokenize=False, tools=tools)
    assert chat.decode(ids) == whole.rstrip("\n")


def test_what_follows_the_generation_prompt_is_written_by_the_model(tokenizer: Any) -> None:
    chat, format = chatting(tokenizer, THINKING), load_format("cot")
    solution, problem = solved([Text(text="So 42.")], format)
    _, labels = encode(solution, problem, format, chat, settings=EncodeSettings(template="chat"))
    trained = chat.decode([label for label in labels if label != IGNORED])
    assert trained == "<think>\n\n</think>\n\nSo 42.<|im_end|>"


def turns_of(encoded: Encoded) -> list[int]:
    """Where each stretch of labels begins."""
    labels = encoded.labels
    return [i for i, label in enumerate(labels) if label != IGNORED and labels[i - 1] == IGNORED]


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


def test_a_template_that_refuses_is_named_with_the_remedy(tokenizer: Any) -> None:
    chat = chatting(tokenizer, "{{ raise_exception('roles must alternate') }}")
    solution, problem = solved([Text(text="So 42.")], load_format("cot"))
    refused = r'refuses conversations in format `cot` .*roles must alternate.*set template = "format"'
    with pytest.raises(InputError, match=refused):
        encode(solution, problem, load_format("cot"), chat, settings=EncodeSettings(template="chat"))


def test_a_template_that_leaves_messages_out_is_refused(tokenizer: Any) -> None:
    chat, format = chatting(tokenizer, "{{ messages[-1]['content'] }}"), load_format("cot")
    solution, problem = solved([Text(text="So 42.")], format)
    with pytest.raises(InputError, match="leaves out, repeats or reorders messages"):
        encode(solution, problem, format, chat, settings=EncodeSettings(template="chat"))


def test_outputs_are_trained_on_where_a_recipe_asks(tokenizer: Any) -> None:
    format = load_format("tir")
    solution, problem = solved([Code(text="12 + 30"), Output(text="42"), Text(text="So 42.")], format)
    _, labels = encode(solution, problem, format, tokenizer, settings=EncodeSettings(train_on_outputs=True))
    text = tokenizer.decode([label for label in labels if label != IGNORED])
    assert text == join(render(format, solution.blocks)) + tokenizer.eos_token


def test_prompt_variants_are_chosen_by_the_seed(tokenizer: Any) -> None:
    format = load_format("cot")
    pairs = [solved([Text(text="So.")], format) for _ in range(30)]
    pairs = [(s.model_copy(update={"id": str(n)}), p) for n, (s, p) in enumerate(pairs)]

    def prompts(variant: Variant, seed: int = 0) -> list[str]:
        recipe = EncodeSettings(template="alpaca", prompt_variant=variant)
        return [pieces_of(s, p, format, tokenizer, settings=recipe, seed=seed)[0].text for s, p in pairs]

    assert set(prompts("one")) == {render_prompt(format, pairs[0][1])}
    assert len(set(prompts("run"))) == 1 and len({prompts("run", seed)[0] for seed in range(30)}) > 5
    assert len(set(prompts("example"))) > 5 and prompts("example") == prompts("example") != prompts("example", 1)


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
