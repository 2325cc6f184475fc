"""Reads a server's answer: bodies that differ between servers -> one Reply."""

import json
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from slipstick.formats import Format
from slipstick.models import Reply
from slipstick.models.openai.prices import Price
from slipstick.replies.arguments import UnreadableCallError, check_name, is_whole, read_arguments
from slipstick.replies.turns import end_turn
from slipstick.schema import Finish
from slipstick.surrogates import replace_surrogates
from slipstick.thoughts import thoughts_in, words_in


class NoCompletionError(Exception):
    """The body of an answer is not a completion."""


class Function(BaseModel):
    """What a model calls."""

    name: str | None = None
    arguments: str | dict[str, Any] | None = None


class Call(BaseModel):
    """One call of a function."""

    function: Function = Function()

    def arguments(self) -> str:
        """Its arguments as text; the API says a JSON text, and some servers send the object itself."""
        given = self.function.arguments
        return json.dumps(given, ensure_ascii=False) if isinstance(given, dict) else given or ""


class Message(BaseModel):
    """What a chat model wrote. Some servers give it as a list of parts, with its thoughts among them."""

    model_config = ConfigDict(extra="allow")

    content: str | list[dict[str, Any]] | None = None
    refusal: str | None = None
    tool_calls: list[Call] | None = None

    def words(self) -> str:
        """What it said."""
        return words_in(self.content)

    def thinking(self) -> str:
        """What it thought before, if the server separates that."""
        return thoughts_in({**(self.model_extra or {}), "content": self.content})


class Choice(BaseModel):
    """One of the answers; we ask for one."""

    message: Message = Message()
    text: str | None = None
    finish_reason: str | None = None
    logprobs: Any = None


class CachedTokens(BaseModel):
    """A part of the usage."""

    cached_tokens: int | None = None


class ReasoningTokens(BaseModel):
    """A part of the usage."""

    reasoning_tokens: int | None = None


class Usage(BaseModel):
    """Tokens that were counted."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    total_tokens: int | None = None
    completion_tokens_details: ReasoningTokens | None = None
    prompt_tokens_details: CachedTokens | None = None
    prompt_cache_hit_tokens: int | None = None

    def cached(self) -> int:
        """Tokens of the prompt that the server had in its cache."""
        details = self.prompt_tokens_details.cached_tokens if self.prompt_tokens_details else None
        return min(details or self.prompt_cache_hit_tokens or 0, self.prompt_tokens or 0)

    def generated(self) -> int:
        """Tokens that were generated, thoughts included: some servers count these in the total alone."""
        completion, thoughts = max(0, self.completion_tokens or 0), self.thoughts() or 0
        apart = (self.total_tokens or 0) == (self.prompt_tokens or 0) + completion + thoughts
        return completion + thoughts if apart and thoughts else completion

    def thoughts(self) -> int | None:
        """Tokens of thoughts, if the server counts any."""
        return self.completion_tokens_details.reasoning_tokens if self.completion_tokens_details else None


class Answer(BaseModel):
    """What we read of either endpoint's answer; servers differ in all the rest."""

    choices: list[Choice] = Field(min_length=1)
    usage: Usage | None = None


def read_answer(body: str) -> Answer:
    """The body of a server's answer, with U+FFFD for half a surrogate pair.

    Raises NoCompletionError, with the body shortened, if it is not one.
    """
    body = body.removeprefix("\ufeff")
    with suppress(ValueError):
        if "\\ud" in body.lower():
            body = json.dumps(replace_surrogates(json.loads(body)))
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
    prompt, completion = max(0, usage.prompt_tokens or 0), usage.generated()
    counted: dict[str, Any] = {
        "tokens": completion,
        "thought_tokens": usage.thoughts() or None,
        "prompt_tokens": prompt,
        "cost": price.cost(prompt=prompt, cached=usage.cached(), completion=completion) if price else 0.0,
    }
    if choice.finish_reason == "content_filter":
        return Reply(text="", finish="error", error="the server's content filter stopped the answer", **counted)
    finish: Finish = "length" if choice.finish_reason == "length" else "stop"
    text, finish = end_turn(choice.text or choice.message.words(), finish, format)
    called = list(choice.message.tool_calls or ()) if format.tool else []
    if called and choice.finish_reason == "length" and not is_whole(called[-1].arguments()):
        # Broken off: it is never closed and never run.
        text, finish = text + format.code_begin + called.pop().arguments(), "length"
    calls, refused = read_calls(called, format.tool)
    reasoning = choice.message.thinking()
    error = f"the model refused: {shorten(choice.message.refusal)}" if choice.message.refusal and not text else ""
    return Reply(text=text, finish=finish, reasoning=reasoning, calls=calls, refused=refused, error=error, **counted)


def read_calls(called: Iterable[Call], tool: str) -> tuple[list[str], dict[int, str]]:
    """The code of the calls in order, a call that cannot be read as it is; and why these cannot, by their places."""
    codes: list[str] = []
    refused: dict[int, str] = {}
    for call in called:
        try:
            check_name(call.function.name, tool, call.arguments())
            codes += read_arguments(call.arguments())
        except UnreadableCallError as error:
            refused[len(codes)] = str(error)
            codes.append(call.arguments())
    return codes, refused


def shorten(thing: object, *, clean: Callable[[str], str] = str) -> str:
    """One line of at most 300 characters; an exception with its type and what caused it. clean: goes over its words."""
    text = " ".join(clean(str(thing))[:2000].split())
    if isinstance(thing, Exception):
        cause = f": {clean(str(thing.__cause__))}" if thing.__cause__ and str(thing.__cause__) not in text else ""
        text = f"{type(thing).__name__}: {text}{cause}"
    return text if len(text) <= 300 else f"{text[:297]}..."
