"""An answer of a server in pieces, as events of a stream."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

PIECE = 3
"""Characters of a piece: every marker is split."""
DONE = "data: [DONE]\n\n"


def event(chunk: Any) -> str:
    """A chunk as an event."""
    return f"data: {json.dumps(chunk)}\n\n"


def events_of(answer: dict[str, Any], *, usage: bool = True) -> list[str]:
    """The events of a whole answer: who speaks, the texts in pieces, the calls in pieces, why it ended, the usage."""
    chunks: list[dict[str, Any]] = [{}]
    (choice,) = answer["choices"]
    if "text" in choice:
        chunks = [{"text": piece} for piece in pieces(choice["text"])]
    else:
        message = {key: value for key, value in choice["message"].items() if key != "tool_calls"}
        deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}]
        deltas += [{key: piece} for key, value in message.items() if key != "content" for piece in parts(value)]
        deltas += [{"content": piece} for piece in parts(message.get("content"))]
        deltas += [{"tool_calls": [call]} for call in calls(choice["message"].get("tool_calls") or ())]
        chunks = [{"delta": delta} for delta in deltas]
    chunks.append({"delta": {}, "finish_reason": choice["finish_reason"]})
    head = {key: value for key, value in answer.items() if key not in ("choices", "usage")}
    events = [event({**head, "choices": [{"index": 0, **chunk}], "usage": None}) for chunk in chunks]
    events += [event({**head, "choices": [], "usage": answer["usage"]})] if usage else []
    return [": keep-alive\n\n", *events, DONE]


def pieces(text: str) -> list[str]:
    """A text in pieces."""
    return [text[at : at + PIECE] for at in range(0, len(text), PIECE)]


def parts(value: Any) -> Iterator[Any]:
    """The pieces of what a message has under a key: a text, or a list of parts whose texts come in pieces."""
    if isinstance(value, str):
        yield from pieces(value)
    elif isinstance(value, list):
        for part in value:
            ((key, text),) = [(key, text) for key, text in part.items() if key not in ("type", "signature")]
            for piece in parts(text):
                yield [{**part, key: piece}]
    else:
        yield value


def calls(called: Any) -> Iterator[dict[str, Any]]:
    """Each call: its name first, then its arguments in pieces."""
    for place, call in enumerate(called):
        function = call["function"]
        yield {"index": place, "id": f"call_{place}", "function": {"name": function["name"], "arguments": ""}}
        for piece in pieces(function["arguments"]):
            yield {"index": place, "function": {"arguments": piece}}
