"""Lays a solution out by a tokenizer's chat template, and finds in it what the model has to write.

The template is rendered once with a marker instead of every content. This shows exactly what the template itself puts
between contents, whatever its language can express, and the real contents are inserted unchanged. Of the template's
own text the model writes what comes between the generation prompt and the content, and what follows a content up to
the token that ends the turn.
"""

import json
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from slipstick.errors import InputError
from slipstick.formats import Format, Piece, render_chat, tool_schema
from slipstick.schema import Block, Problem
from slipstick.thoughts import split_thoughts

# A mark is two private-use characters around the content's number. The vertical tabs show whether the template strips
# white space, the quotation mark whether it writes JSON.
_MARK = '\v\ue000{}"\ue001\v'
_NO_THOUGHTS = re.compile(r"<think>\s*</think>\s*\Z")
_FOUND = re.compile(r'(\v|\\u000b)?\ue000(\d+)(\\?)"\ue001(\v|\\u000b)?')


class _Content(NamedTuple):
    """What a message says, or the code that it calls."""

    text: str
    role: str
    message: int
    """Number of the message."""


def chat_pieces(
    format: Format, problem: Problem, blocks: Sequence[Block], tokenizer: Any, *, ended: bool
) -> list[Piece]:
    """The pieces of the conversation, up to the token that ends the last turn (one that has not `ended` has none).

    Raises InputError if the tokenizer has no chat template, or one that refuses, leaves out or repeats contents.
    """
    if not tokenizer.chat_template:
        raise InputError(
            f'the tokenizer of `{tokenizer.name_or_path}` has no chat template, which template = "chat" needs: use a '
            'chat-tuned base, name a Jinja file with chat_template = "FILE", or set template = "format"'
        )
    messages = render_chat(format, problem, blocks)
    tools = [tool_schema(format.tool)] if format.tool else None
    contents, marked = _mark(messages)
    try:
        text, begun = _render(tokenizer, marked, tools)
    except Exception:  # boundary: a template refuses by an error of its own what it has no place for
        contents, marked = _mark(_without_system(messages))
        text, begun = _render_plain(tokenizer, marked, tools, format)
    return _split(text, contents, generation=begun, tokenizer=tokenizer, ended=ended, format=format)


def _mark(messages: list[dict[str, Any]]) -> tuple[list[_Content], list[dict[str, Any]]]:
    """The contents, and the messages with marks in their place; a call's code is a content."""
    contents: list[_Content] = []
    marked = []

    def mark(text: str, role: str, number: int) -> str:
        contents.append(_Content(text, role, number))
        return _MARK.format(len(contents) - 1)

    for number, message in enumerate(messages):
        calls, role, text = message.get("tool_calls", []), message["role"], message["content"]
        new = {**message, "content": mark(text, role, number) if text or not calls else ""}
        if calls:
            new["tool_calls"] = [
                {**call, "function": {**call["function"], "arguments": {"code": mark(_code(call), role, number)}}}
                for call in calls
            ]
        marked.append(new)
    return contents, marked


def _code(call: dict[str, Any]) -> str:
    code: str = json.loads(call["function"]["arguments"])["code"]
    return code


def _without_system(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The system message as the beginning of the user's, for templates that support none."""
    if messages[0]["role"] != "system":
        return messages
    system, user, *rest = messages
    return [{**user, "content": f"{system['content']}\n\n{user['content']}"}, *rest]


def _render(tokenizer: Any, messages: list[dict[str, Any]], tools: Any) -> tuple[str, str]:
    """The whole conversation, and what the template adds where the model begins (its generation prompt)."""
    asked = next((i for i, message in enumerate(messages) if message["role"] == "assistant"), len(messages))
    common = {"tokenize": False, "tools": tools}
    before = tokenizer.apply_chat_template(messages[:asked], **common)
    begun = tokenizer.apply_chat_template(messages[:asked], add_generation_prompt=True, **common)
    whole = tokenizer.apply_chat_template(messages, **common) if asked < len(messages) else begun
    return whole, begun[len(before) :] if begun.startswith(before) else ""


def _render_plain(tokenizer: Any, messages: list[dict[str, Any]], tools: Any, format: Format) -> tuple[str, str]:
    """The same without a system message; a template that refuses this too has no place for the format."""
    try:
        return _render(tokenizer, messages, tools)
    except Exception as error:  # boundary: as above
        raise InputError(
            f"the chat template of `{tokenizer.name_or_path}` refuses conversations in format `{format.name}` "
            f'({type(error).__name__}: {error}): give another with chat_template = "FILE", or set template = "format"'
        ) from error


def _split(
    text: str, contents: list[_Content], *, generation: str, tokenizer: Any, ended: bool, format: Format
) -> list[Piece]:
    found = list(_FOUND.finditer(text))
    if [int(match[2]) for match in found] != list(range(len(contents))):
        what = "has no place for tool calls, or it " if format.tool else ""
        raise InputError(
            f"the chat template of `{tokenizer.name_or_path}` {what}leaves out, repeats or reorders messages of format "
            f'`{format.name}`: give another with chat_template = "FILE", set template = "format", or use another format'
        )
    pieces: list[Piece] = []
    at, turn = 0, -1
    before = _Content("", "", -1)
    for match, content in zip(found, contents, strict=True):
        gap = text[at : match.start()]
        writes = content.role == "assistant"
        if writes and split_thoughts(content.text).thought:
            gap = _NO_THOUGHTS.sub("", gap)  # the model's own are in their place
        turn += writes and before.message != content.message
        pieces += _between(gap, before, content, generation=generation, tokenizer=tokenizer)
        words = json.dumps(content.text, ensure_ascii=False)[1:-1] if match[3] else content.text
        words = words if match[1] else words.lstrip()
        words = words if match[4] else words.rstrip()
        output = not writes and before.role == "assistant"
        pieces.append(Piece(words, trained=writes, output=output, turn=turn if writes else None))
        at, before = match.end(), content
    rest = text[at:]
    if before.role != "assistant":
        return [*pieces, Piece(rest, trained=False)]
    if ended:
        end = _end_of_turn(rest, tokenizer)
        pieces.append(Piece(rest[:end] if end else tokenizer.eos_token, trained=True))
    return pieces


def _between(gap: str, left: _Content, right: _Content, *, generation: str, tokenizer: Any) -> list[Piece]:
    """The template's own text between two contents, as the model's end of turn, given text, and its beginning."""
    if left.message == right.message:
        return [Piece(gap, trained=True)]  # words, then a call
    end = _end_of_turn(gap, tokenizer) if left.role == "assistant" else 0
    begin = len(gap)
    if right.role == "assistant" and generation and generation in gap[end:]:
        begin = gap.rindex(generation) + len(generation)
    cut = [Piece(gap[:end], trained=True), Piece(gap[end:begin], trained=False), Piece(gap[begin:], trained=True)]
    return [piece for piece in cut if piece.text]


def _end_of_turn(text: str, tokenizer: Any) -> int:
    """Where the first special token of a text ends; 0 if there is none."""
    special = {*tokenizer.all_special_tokens, *(str(t) for t in tokenizer.added_tokens_decoder.values() if t.special)}
    ends = [text.index(token) + len(token) for token in special if token and token in text]
    return min(ends, default=0)
