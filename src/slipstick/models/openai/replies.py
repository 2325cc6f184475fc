"""Reads a server's answer: bodies that differ between servers -> one Reply."""

import json
import re
from typing import Any

from pydantic import BaseModel, Field, ValidationError

from slipstick.formats import Format
from slipstick.models import Reply
from slipstick.models.openai.prices import Price
from slipstick.schema import Finish

_FENCED = re.compile(
    r"^```(?:python|py)?[^\S\n]*\n(.*?)(?:\n```[^\S\n]*$|\Z)", re.DOTALL | re.MULTILINE | re.IGNORECASE
)


class NoCompletionError(Exception):
    """The body of an answer is not a completion."""


class Function(BaseModel):
    """What a model calls."""

    name: str | None = None
    arguments: str | dict[str, Any] | None = None


class Call(BaseModel):
    """One call of a function."""

    function: Function = Function()


class Message(BaseModel):
    """What a chat model wrote. Some servers give it as a list of parts, with its thoughts among them."""

    content: str | list[dict[str, Any]] | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    tool_calls: list[Call] | None = None

    def words(self) -> str:
        """What it said."""
        return _text_of(self.content)

    def thinking(self) -> str:
        """What it thought before, if the server separates that."""
        parts = self.content if isinstance(self.content, list) else []
        return self.reasoning_content or self.reasoning or "".join(_text_of(part.get("thinking")) for part in parts)


class Choice(BaseModel):
    """One of the answers; we ask for one."""

    message: Message = Message()
    text: str | None = None
    finish_reason: str | None = None
    logprobs: Any = None


class CachedTokens(BaseModel):
    """A part of the usage."""

    cached_tokens: int | None = None


class Usage(BaseModel):
    """Tokens that were counted."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    prompt_tokens_details: CachedTokens | None = None
    prompt_cache_hit_tokens: int | None = None

    def cached(self) -> int:
        """Tokens of the prompt that the server had in its cache."""
        details = self.prompt_tokens_details.cached_tokens if self.prompt_tokens_details else None
        return min(details or self.prompt_cache_hit_tokens or 0, self.prompt_tokens or 0)


class Answer(BaseModel):
    """What we read of either endpoint's answer; servers differ in all the rest."""

    choices: list[Choice] = Field(min_length=1)
    usage: Usage | None = None


def read_answer(body: str) -> Answer:
    """The body of a server's answer. Raises NoCompletionError, with the body shortened, if it is not one."""
    try:
        return Answer.model_validate_json(body)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "it"
        raise NoCompletionError(
            f"the server's answer is not a completion ({where}: {first['msg']}): {shorten(body)}"
        ) from error


def to_reply(body: str, format: Format, price: Price | None = None) -> Reply:
    """The body of a server's answer as a Reply. Raises NoCompletionError if it is not a completion."""
    answer = read_answer(body)
    choice, usage = answer.choices[0], answer.usage or Usage()
    prompt, completion = usage.prompt_tokens or 0, usage.completion_tokens or 0
    counted: dict[str, Any] = {
        "tokens": completion,
        "prompt_tokens": prompt,
        "cost": price.cost(prompt=prompt, cached=usage.cached(), completion=completion) if price else 0.0,
    }
    if choice.finish_reason == "content_filter":
        return Reply(text="", finish="error", error="the server's content filter stopped the answer", **counted)
    finish: Finish = "length" if choice.finish_reason == "length" else "stop"
    text, finish = end_turn(choice.text or choice.message.words(), finish, format)
    called = [_arguments(call) for call in choice.message.tool_calls or ()] if format.tool else []
    if called and choice.finish_reason == "length" and not is_whole(called[-1]):
        text, finish = text + format.code_begin + called.pop(), "length"  # broken off: it is never closed and never run
    calls = [code_of(arguments) for arguments in called]
    return Reply(text=text, finish=finish, reasoning=choice.message.thinking(), calls=calls, **counted)


def end_turn(text: str, finish: Finish, format: Format) -> tuple[str, Finish]:
    """The text of one turn as if every server stopped exactly at the stop strings, and how the turn ended.

    Cut before the first stop string or behind the first closed code block, whichever comes first; a code block whose
    fence the server cut as the stop string is closed again. In a format whose response is one bare program, a fence
    around it is removed, with the words before and behind it.
    """
    stops = [at for at in (text.find(stop) for stop in format.stop if stop) if at >= 0]
    at = min(stops, default=len(text))
    if format.executes == "steps" and format.code_begin:
        begin = text.find(format.code_begin)
        inside = begin + len(format.code_begin)
        end = text.find(format.code_end, inside) if begin >= 0 else -1
        if end >= 0 and end + len(format.code_end) <= at:
            return text[: end + len(format.code_end)], "stop"
        if finish == "stop" and 0 <= begin < at == len(text):
            return text + _missing(text[inside:], format.code_end), "stop"
    text, finish = text[:at], "stop" if stops else finish
    if format.executes == "program" and not format.code_begin and (fenced := _FENCED.search(text)):
        text = fenced[1]
    return text, finish


def code_of(arguments: str) -> str:
    """The code in the arguments of a call, which should be {"code": "..."} and may not be.

    An object's only text counts whatever its name, a JSON string is the code, and anything else is the code: if it
    is none, the interpreter's error says so to the model.
    """
    found = _load(arguments)
    if isinstance(found, dict):
        texts = [value for value in found.values() if isinstance(value, str)]
        code = found.get("code")
        return code if isinstance(code, str) else texts[0] if len(texts) == 1 else arguments
    return found if isinstance(found, str) else arguments


def is_whole(arguments: str) -> bool:
    """Whether the arguments are complete JSON, and not broken off."""
    return _load(arguments) is not None


def shorten(thing: object) -> str:
    """One line of at most 300 characters; an exception with its type and what caused it."""
    text = " ".join(str(thing)[:2000].split())
    if isinstance(thing, Exception):
        cause = f": {thing.__cause__}" if thing.__cause__ and str(thing.__cause__) not in text else ""
        text = f"{type(thing).__name__}: {text}{cause}"
    return text if len(text) <= 300 else f"{text[:297]}..."


def _text_of(content: Any) -> str:
    """A text, or the joined texts of a list of parts."""
    if isinstance(content, list):
        return "".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
    return content if isinstance(content, str) else ""


def _arguments(call: Call) -> str:
    given = call.function.arguments
    if isinstance(given, dict):  # the API says a JSON text; some servers send the object itself
        code = given.get("code")
        return code if isinstance(code, str) else str(given)
    return given or ""


def _missing(code: str, end: str) -> str:
    """What closes the code: all of `end`, or what is missing if the model wrote its fence but not its line end."""
    for length in range(len(end) - 1, 0, -1):
        if end[:length].strip() and code.endswith(end[:length]):
            return end[length:]
    return end


def _load(arguments: str) -> Any:
    try:
        return json.loads(arguments, strict=False)  # models leave line breaks in strings as they are
    except ValueError:
        return None
