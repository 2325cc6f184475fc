"""Anthropic's Messages API: the body of a chat completion as a body of this API, and its answer as a chat completion.

A seed does not exist there, and of `temperature` and `top_p` newer models take one alone: a `top_p` of 1 is not sent.
"""

import json
from collections.abc import Mapping
from typing import Any

ANTHROPIC = "https://api.anthropic.com/v1"
"""The server if a recipe names none."""
HEADERS = {"anthropic-version": "2023-06-01"}
_FINISHED = {"max_tokens": "length", "model_context_window_exceeded": "length", "refusal": "content_filter"}


def to_messages(body: Mapping[str, Any]) -> dict[str, Any]:
    """The body of a request: the system message apart, stop strings and tools under their names there."""
    ours = ("messages", "tools", "stop", "seed", "top_p")
    sent = {key: value for key, value in body.items() if key not in ours}
    if system := "\n\n".join(each["content"] for each in body["messages"] if each["role"] == "system"):
        sent["system"] = system
    sent["messages"] = _turns([each for each in body["messages"] if each["role"] != "system"])
    if stops := [stop for stop in body.get("stop", ()) if stop.strip()]:
        sent["stop_sequences"] = stops
    if body.get("top_p", 1) != 1:
        sent["top_p"] = body["top_p"]
    if "tools" in body:
        functions = [tool["function"] for tool in body["tools"]]
        sent["tools"] = [
            {"name": each["name"], "description": each["description"], "input_schema": each["parameters"]}
            for each in functions
        ]
    return sent


def from_message(message: Any) -> dict[str, Any]:
    """The answer as that of a chat completion; what is no message is left as it is, for the reader of answers."""
    if not isinstance(message, dict) or not isinstance(message.get("content"), list):
        return message if isinstance(message, dict) else {"answer": message}
    parts = [part for part in message["content"] if isinstance(part, dict)]
    calls = [
        {"id": part.get("id"), "type": "function", "function": {"name": part.get("name"), "arguments": part["input"]}}
        for part in parts
        if part.get("type") == "tool_use" and isinstance(part.get("input"), dict)
    ]
    said = {"role": "assistant", "content": [part for part in parts if part.get("type") != "tool_use"]}
    choice = {"index": 0, "message": said | ({"tool_calls": calls} if calls else {})}
    choice["finish_reason"] = _FINISHED.get(str(message.get("stop_reason")), "stop")
    return {"model": message.get("model"), "choices": [choice], "usage": _usage(message.get("usage"))}


def _usage(counted: Any) -> dict[str, Any] | None:
    if not isinstance(counted, dict):
        return None
    cached = counted.get("cache_read_input_tokens") or 0
    prompt = (counted.get("input_tokens") or 0) + (counted.get("cache_creation_input_tokens") or 0) + cached
    return {
        "prompt_tokens": prompt,
        "completion_tokens": counted.get("output_tokens") or 0,
        "prompt_tokens_details": {"cached_tokens": cached},
    }


def _turns(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Messages whose calls and their results are parts, results among what the user says."""
    turns: list[dict[str, Any]] = []
    for message in messages:
        if message["role"] == "tool":
            part = {"type": "tool_result", "tool_use_id": message["tool_call_id"], "content": message["content"]}
            turns.append({"role": "user", "content": [part]})
        elif message.get("tool_calls"):
            words = [{"type": "text", "text": message["content"]}] if message["content"].strip() else []
            turns.append({"role": "assistant", "content": [*words, *map(_call, message["tool_calls"])]})
        else:
            turns.append({"role": message["role"], "content": message["content"]})
    return turns


def _call(call: Mapping[str, Any]) -> dict[str, Any]:
    function = call["function"]
    return {
        "type": "tool_use",
        "id": call["id"],
        "name": function["name"],
        "input": json.loads(function["arguments"]),
    }
