"""Reads the question, and the answer if there is one, out of chat messages."""

from contextlib import suppress
from typing import Any, NamedTuple

from slipstick.surrogates import load_json
from slipstick.thoughts import thought_fields

_ROLES = {"user": "user", "human": "user", "system": "system", "developer": "system"}
_ROLES |= dict.fromkeys(("assistant", "gpt", "model", "ai", "bot", "chatgpt"), "assistant")


class Chat(NamedTuple):
    """What a dialogue holds."""

    question: str
    """The last message of the user; "" if there is none."""
    system: str
    """The system message; "" if there is none."""
    reply: str
    """What the assistant said after the question; "" if the question is the end."""


def read_chat(value: Any) -> Chat | None:
    """A dialogue in OpenAI's form (role, content) or ShareGPT's (from, value), or its JSON text; None for all else.

    The content of a message is a text or a list of parts.
    """
    if isinstance(value, str) and value.lstrip().startswith("[{") and value.rstrip().endswith("}]"):
        with suppress(ValueError, RecursionError):
            value = load_json(value)
    if isinstance(value, dict) and isinstance(value.get("messages"), list):
        value = value["messages"]
    if not isinstance(value, list) or not value:
        return None
    turns = [_turn(message) for message in value]
    asked = max((place for place, turn in enumerate(turns) if turn and turn[0] == "user"), default=None)
    if None in turns:
        return None
    said = [turn for turn in turns if turn]
    system = next((text for role, text in said if role == "system"), "")
    if asked is None:
        return Chat("", system, "")
    reply = "\n".join(text for role, text in said[asked + 1 :] if role == "assistant")
    return Chat(said[asked][1], system, reply)


def text_of(content: Any) -> str:
    """The text of a message's content: a text, a list of parts, or None beside tool calls."""
    if isinstance(content, list):
        return "".join(part if isinstance(part, str) else _words(part) for part in content)
    return str(content or "")


def _words(part: Any) -> str:
    """The text of a part, under `text`, or under `content` as MathCoder writes it; "" for thoughts."""
    if isinstance(part, dict) and part.get("type") in thought_fields().parts:
        return ""
    found = (part.get(key) for key in ("text", "content")) if isinstance(part, dict) else ()
    return next((each for each in found if isinstance(each, str)), "")


def _turn(message: Any) -> tuple[str, str] | None:
    """Role and text; None for what is no message."""
    if not isinstance(message, dict):
        return None
    for role, content in (("role", "content"), ("from", "value")):
        if isinstance(message.get(role), str) and (content in message or "tool_calls" in message):
            name = message[role].lower()
            return _ROLES.get(name, name), text_of(message.get(content))
    return None
