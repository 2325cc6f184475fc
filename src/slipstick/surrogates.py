"""Replaces halves of surrogate pairs, which JSON may escape ("\\ud83d") but UTF-8 cannot hold."""

import json
import re
from typing import Any

_HALF = re.compile("[\ud800-\udfff]")
_ESCAPED_HALF = re.compile(r"\\[uU][dD][89a-fA-F]|[\ud800-\udfff]")


def load_json(text: str, *, strict: bool = True) -> Any:
    """The value of a JSON text, U+FFFD in place of every half of a surrogate pair; raises what `json.loads` raises.

    strict: refuses line breaks and other control characters in strings.
    """
    value = json.loads(text, strict=strict)
    return replace_surrogates(value) if _ESCAPED_HALF.search(text) else value


def replace_surrogates(value: Any) -> Any:
    """A text, or the JSON value around texts, with U+FFFD in place of every half of a surrogate pair.

    Two halves that belong together are joined. Anything else is the same object.
    """
    match value:
        case str():
            if not _HALF.search(value):
                return value
            return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        case list():
            return [replace_surrogates(item) for item in value]
        case dict():
            return {replace_surrogates(key): replace_surrogates(item) for key, item in value.items()}
        case _:
            return value
