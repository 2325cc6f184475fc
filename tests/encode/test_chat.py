"""Chats: what the model writes in a tokenizer's template, and templates that have no place for a conversation."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slipstick.encode.encoding import IGNORED, encode
from slipstick.encode.settings import EncodeSettings
from slipstick.errors import InputError
from slipstick.formats import Format, load_format, render, render_chat, tool_schema
from slipstick.schema import Block, Code, Output, Text
from tests.encode.encoding_cases import CHATML, EVERY, SAID, THINKING, TRIMMING, chatting, solved

pytest.importorskip("transformers", reason="the extra `train` is not installed")


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


def test_thoughts_take_the_place_of_a_templates_empty_ones(tokenizer: Any) -> None:
    chat, format = chatting(tokenizer, THINKING), load_format("tir")
    said = "<think>\n6*7\n</think>\n\nSo "
    blocks: list[Block] = [Text(text=said), Code(text="6*7"), Output(text="42"), Text(text="So 42.")]
    solution, problem = solved(blocks, format)
    _, labels = encode(solution, problem, format, chat, settings=EncodeSettings(template="chat"))
    trained = chat.decode([label for label in labels if label != IGNORED])
    code = "```python\n6*7\n```\n"
    assert trained == f"{said}{code}<|im_end|><think>\n\n</think>\n\nSo 42.<|im_end|>"


def test_a_template_that_refuses_is_named_with_the_remedy(tokenizer: Any) -> None:
    chat = chatting(tokenizer, "{{ raise_exception('roles must alternate') }}")
    solution, problem = solved([Text(text="So 42.")], load_format("cot"))
    refused = r'refuses conversations in format `cot` .*roles must alternate.*set template = "format"'
    with pytest.raises(InputError, match=refused):
        encode(solution, problem, load_format("cot"), chat, settings=EncodeSettings(template="chat"))


def test_a_template_that_leaves_messages_out_is_refused(tokenizer: Any) -> None:
    chat, format = chatting(tokenizer, "{{ messages[-1]['content'] }}"), load_format("cot")
    solution, problem = solved([Text(text="So 42.")], format)
    with pytest.raises(InputError, match="leaves out, repeats or reorders messages of format `cot`"):
        encode(solution, problem, format, chat, settings=EncodeSettings(template="chat"))


def test_a_template_without_tool_calls_is_told(tokenizer: Any) -> None:
    plain = "{% for message in messages %}<|im_start|>{{ message['content'] }}<|im_end|>{% endfor %}"
    chat, format = chatting(tokenizer, plain), load_format("tools")
    solution, problem = solved([Text(text="Add."), Code(text="12 + 30"), Output(text="42")], format)
    with pytest.raises(InputError, match=r"has no place for tool calls.* of format `tools`.*or use another format"):
        encode(solution, problem, format, chat, settings=EncodeSettings(template="chat"))
