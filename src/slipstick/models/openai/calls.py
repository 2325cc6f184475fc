"""Native tool calls: the function a chat model is given, and the code in what it calls."""

from __future__ import annotations

import json
from typing import Any

_WHAT_IT_DOES = (
    "Runs Python and gives back what it prints and the value of its last line. Variables persist from call to call."
)


def tool_schema(name: str) -> dict[str, Any]:
    """The function as the OpenAI API describes one: its single argument is `code`."""
    code = {"type": "string", "description": "The Python code to run."}
    parameters = {"type": "object", "properties": {"code": code}, "required": ["code"]}
    return {"type": "function", "function": {"name": name, "description": _WHAT_IT_DOES, "parameters": parameters}}


def code_of(arguments: str) -> str:
    """The code in the arguments of a call, which should be {"code": "..."} and are what a model makes of that.

    An object's only text counts whatever its name, a JSON string is the code, and what is neither is code as it
    stands: where it is none, the interpreter's error tells the model so.
    """
    found = _load(arguments)
    if isinstance(found, dict):
        texts = [value for value in found.values() if isinstance(value, str)]
        code = found.get("code")
        return code if isinstance(code, str) else texts[0] if len(texts) == 1 else arguments
    return found if isinstance(found, str) else arguments


def is_whole(arguments: str) -> bool:
    """Whether the arguments are JSON to their end, and not broken off."""
    return _load(arguments) is not None


def _load(arguments: str) -> Any:
    try:
        return json.loads(arguments, strict=False)  # models leave line breaks in strings as they are
    except ValueError:
        return None
