"""The code in the arguments of a call, repaired where it is clear what was meant, else refused with the reason.

A call's arguments should be `{"code": "..."}`. Models and servers write them with escapes that JSON has not, doubled,
wrapped into another object, as a list of lines, in Python's notation, with quotation marks left as they are or without
their end. What is JSON is never run as Python.
"""

import ast
import json
import re
import warnings
from collections.abc import Iterable
from typing import Any

from slipstick.replies.programs import parse_python, program_of
from slipstick.surrogates import replace_surrogates

_NAMES = ("code", "python_code", "python", "script", "program", "source", "source_code", "cell", "command", "cmd")
_WRAPPERS = ("arguments", "parameters", "args", "kwargs", "params", "input", "tool_input", "function", "raw_arguments")
_NO_ARGUMENTS = frozenset({"name", "type", "id", "tool", "tool_name", "tool_call_id", "action", *_WRAPPERS})
_ESCAPE = re.compile(r'\\(u[0-9a-fA-F]{4}|["\\/bfnrt])|\\')
_SPACE = re.compile(r"[\s,;]*")
_FIELD_NAME = re.compile(r"""["'](?:code|script|program|python|command)["']\s*:""")
_FIELD = re.compile(
    r"""\{\s*["']?(?:code|script|program|python|command)["']?\s*:\s*(["'])(?P<code>.*?)\1?\s*"""
    r"""(?:,\s*["']\w+["']\s*:\s*(?:["'][^"']*["']|[\w.]+)\s*)*\}*\s*""",
    re.DOTALL,
)
_IS_OBJECT = re.compile(r"""[\[({\s]*["'](?:[^"'\\\n]|\\.){0,200}["']\s*:""")
_UNESCAPED = {"n": "\n", "t": "\t", "r": "\r", '"': '"', "\\": "\\", "/": "/"}
_TOOL_WORDS = ("python", "code", "interpreter", "exec", "repl", "jupyter", "sandbox")
_MOST = 1_000_000
"""Longest arguments that are repaired."""


class UnreadableCallError(ValueError):
    """A call whose code cannot be told; its text is for the model and for the record."""


def read_arguments(given: object) -> list[str]:
    """The programs in a call's arguments, mostly one, in order. Raises UnreadableCallError."""
    if not isinstance(given, str):
        return _codes(given)
    text = _without_fence(given).strip()
    if not text:
        raise UnreadableCallError("the call has no code")
    if text[0] not in "{[\"'":
        return [_cleaned(text)]
    values = _load(text)
    if values is not None:
        return _once(code for value in values for code in _codes(value))
    if not _IS_OBJECT.match(text) and parse_python(text):
        return [text]
    raise UnreadableCallError("the arguments of the call are neither JSON nor Python" + _json_error(text))


def is_whole(arguments: str) -> bool:
    """Whether the arguments of a call are complete, and not broken off."""
    text = arguments.strip()
    return text[:1] in ("{", "[", '"') and _missing_end(text) == ""


def check_name(name: str | None, tool: str, arguments: object) -> None:
    """Raises UnreadableCallError for a call of another function, unless its arguments have `code`."""
    called = (name or "").lower()
    known = not called or tool.lower() in called or any(word in called for word in _TOOL_WORDS)
    if not known and not re.search(r"\bcode\b", str(arguments)[:_MOST]):
        raise UnreadableCallError(
            f"there is no function `{(name or '')[:100]}`: call `{tool}` with the argument `code`"
        )


def _codes(value: Any, depth: int = 0) -> list[str]:
    """The programs in a value that was loaded."""
    if depth > 4:
        raise UnreadableCallError("the arguments of the call are nested too deeply")
    if isinstance(value, str):
        loaded = _load(value) if value.lstrip()[:1] in ("{", '"') else None
        if loaded and any(isinstance(inner, dict | str) for inner in loaded):
            return _once(code for inner in loaded for code in _codes(inner, depth + 1))
        return [_cleaned(value)]
    if isinstance(value, list) and value:
        if all(isinstance(line, str) for line in value):
            return [_cleaned("\n".join(line.rstrip("\n") for line in value))]
        if all(isinstance(inner, dict) for inner in value):
            return [code for inner in value for code in _codes(inner, depth + 1)]
    if isinstance(value, dict):
        return _codes(_chosen(value), depth + 1)
    raise UnreadableCallError(f"the arguments of the call have no code: {json.dumps(value, ensure_ascii=False)[:200]}")


def _chosen(value: dict[Any, Any]) -> object:
    """What in an object is the code, or holds it."""
    lower = {str(key).lower(): inner for key, inner in value.items()}
    for key in (*_NAMES, *_WRAPPERS):
        if lower.get(key):
            return lower[key]
    others = {key: inner for key, inner in lower.items() if key not in _NO_ARGUMENTS}
    texts = [inner for inner in others.values() if isinstance(inner, str) and inner.strip()]
    if len(texts) == 1:
        return texts[0]
    keys = ", ".join(f"`{key}`" for key in list(others)[:10]) or "none"
    raise UnreadableCallError(f"the call needs the argument `code`; it has {keys}"[:400])


def _load(text: str) -> list[Any] | None:
    """The JSON values in a text, repaired; several if they stand one behind another. None if there is none."""
    if len(text) > _MOST:
        return None
    escaped = _ESCAPE.sub(lambda match: match[0] if match[1] else "\\\\", text)
    missing = _missing_end(escaped)
    for attempt in (text, escaped, escaped + missing if missing else ""):
        if attempt and (values := _decode(attempt)) and (attempt in (text, escaped) or _runs(values)):
            return values
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return [ast.literal_eval(text)]  # Python's notation: single or triple quotes, a comma too many
        except (SyntaxError, ValueError, TypeError, OverflowError, RecursionError, MemoryError):
            pass
    begins = _FIELD_NAME.search(text)
    field = _FIELD.fullmatch("{" + text[begins.start() :]) if begins else None
    if field is None:
        return None
    code = re.sub(r"\\(.)", lambda match: _UNESCAPED.get(match[1], match[0]), field["code"], flags=re.DOTALL)
    return [{"code": code}] if parse_python(code) else None


def _decode(text: str) -> list[Any] | None:
    """The values one behind another; what follows them is left out, unless it is another value."""
    decoder = json.JSONDecoder(strict=False)  # models leave line breaks in strings as they are
    values: list[Any] = []
    at = 0
    while at < len(text):
        try:
            value, at = decoder.raw_decode(text, at)
            values.append(replace_surrogates(value))
        except (ValueError, RecursionError):
            break
        space = _SPACE.match(text, at)
        at = space.end() if space else at
    rest = text[at:].strip().strip("}]\"'`;")
    return values if values and (not rest or not _IS_OBJECT.match(rest)) else None


def _runs(values: list[Any]) -> bool:
    """Whether all programs of repaired values are Python."""
    try:
        return all(parse_python(code) for value in values for code in _codes(value))
    except UnreadableCallError:
        return False


def _missing_end(text: str) -> str:
    """What closes the strings, objects and lists that are still open at the end of a JSON text."""
    open_, quoted = "", False
    for match in re.finditer(r'\\.|["{}\[\]]', text, re.DOTALL):
        mark = match.group()
        if mark == '"':
            quoted = not quoted
        elif quoted or len(mark) == 2:
            continue
        elif mark in "{[":
            open_ = ("}" if mark == "{" else "]") + open_
        elif open_[:1] == mark:
            open_ = open_[1:]
    return ('"' if quoted else "") + open_


def _cleaned(code: str) -> str:
    """Code without fences around it, and with line breaks where all of them were escaped once too often."""
    if "```" in code or "~~~" in code:
        code = program_of(code)
    if "\n" not in code.strip() and "\\n" in code and not parse_python(code):
        broken = re.sub(r"\\([nt\"])", lambda match: _UNESCAPED[match[1]], code)
        code = broken if parse_python(broken) else code
    return code


def _without_fence(text: str) -> str:
    fenced = re.fullmatch(r"\s*```(?:json|tool_call)?\s*\n?(\{.*\})\s*```\s*", text, re.DOTALL)
    return fenced[1] if fenced else text


def _json_error(text: str) -> str:
    try:
        json.loads(text, strict=False)
    except json.JSONDecodeError as error:
        return f" ({error.msg} at line {error.lineno}, column {error.colno})"
    except RecursionError:
        return " (nested too deeply)"
    return ""


def _once(codes: Iterable[str]) -> list[str]:
    """Programs without those that repeat the one before."""
    kept: list[str] = []
    for code in codes:
        if not kept or kept[-1].strip() != code.strip():
            kept.append(code)
    return kept
