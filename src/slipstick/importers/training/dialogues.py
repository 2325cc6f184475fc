"""Dialogues: messages of OpenAI and TRL, turns of ShareGPT; calls of a tool and their results as code and output."""

import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, NamedTuple

from slipstick.errors import InputError
from slipstick.formats import Format
from slipstick.importers.training.layouts import joined, output, read_text
from slipstick.problems.messages import text_of
from slipstick.replies.arguments import UnreadableCallError, check_name, read_arguments
from slipstick.replies.calls import find_calls
from slipstick.schema import Block, Code, Output, Text
from slipstick.surrogates import load_json
from slipstick.thoughts import split_thoughts, thoughts_in

_ROLES = {
    "system": ("system", "developer"),
    "user": ("user", "human", "prompter"),
    "assistant": ("assistant", "gpt", "model", "ai", "bot", "chatgpt", "function_call", "tool_call"),
    "tool": ("tool", "function", "ipython", "observation", "tool_response", "tool_result", "execution", "interpreter"),
}
_KINDS = {name: role for role, names in _ROLES.items() for name in names}
_ANSWERED = re.compile(
    r"\s*(?:(?=```(?:output|stdout)\n)|<(?P<tag>output|interpreter|execution|tool_response)>|"
    r"\[(?:execution )?(?:output|result)s?\]:?|"
    r"(?:the )?(?:code |program )?(?:execution )?(?:output|result|observation)s?(?: is)?:)\s*",
    re.IGNORECASE,
)
"""How a user's message begins that is no question but what a program printed."""
_IN_FENCE = re.compile(r"```\w*\n(?P<text>.*?)(?:\n?```\s*|\Z)", re.DOTALL)
_RESPONSE = re.compile(r"<tool_response>(?:(?!</tool_response>).)*</tool_response>", re.DOTALL)
"""A result as Hermes and Qwen write it; several of parallel calls may be one message."""
_TARGET_KEYS = ("weight", "train", "training")
"""Where OpenAI's format and Axolotl's say of a message, by 0 or false, that it is not trained on."""


class Exchange(NamedTuple):
    """A question and the whole reply to it."""

    question: str
    """What the user asked."""
    blocks: list[Block]
    """The reply: words, code that was called, what it printed."""
    before: list[tuple[str, str]]
    """The turns before it, as (role, text)."""
    system: str | None
    """The system message of the dialogue, "" if it has none; None for a question that stood in no dialogue."""
    is_target: bool = True
    """Whether it may be trained on: none of its messages says that it is not."""


def listed(value: Any) -> Any:
    """The list that a cell of CSV or Parquet holds as JSON text; anything else unchanged."""
    if isinstance(value, str) and value.lstrip().startswith("["):
        with suppress(ValueError, RecursionError):
            return load_json(value)
    return value


def is_dialogue(value: Any) -> bool:
    """Whether a value is a list of messages, or its JSON text."""
    value = listed(value)
    return isinstance(value, list) and bool(value) and all(_role(message) for message in value)


def asks(value: Any) -> bool:
    """Whether a value is a dialogue that begins with a question, and not with the reply to one."""
    if not is_dialogue(value):
        return False
    return next((role for role in map(_role, listed(value)) if role != "system"), None) == "user"


def read_dialogue(value: Any, *, where: str, named: Format | None = None) -> list[Exchange]:
    """The questions of a dialogue with their replies; one that nobody replied to is left out.

    named: the format of the replies, if it is known. Raises InputError for a message of no known role, for a call whose
    arguments hold no Python, and for a result without a call.
    """
    reader = _Reader(where, named)
    for message in listed(value):
        if (role := _role(message)) is None:
            raise InputError(f"{where}: {str(message)[:80]} is no message with a role and a content")
        reader.take(role, message)
    reader.close()
    if not reader.found:
        raise InputError(f"{where} has no message of an assistant behind one of a user")
    return reader.found


class _Reader:
    """Takes the messages of a dialogue one by one."""

    def __init__(self, where: str, named: Format | None) -> None:
        self.found: list[Exchange] = []
        self._where = where
        self._named = named
        self._system = ""
        self._before: list[tuple[str, str]] = []
        self._asked: list[str] = []
        self._blocks: list[Block] = []
        self._waiting: list[Code] = []  # calls of the last message whose results have not come
        self._called: list[tuple[str, Code]] = []  # calls with an id whose results have not come
        self._is_target = True

    def take(self, role: str, message: dict[str, Any]) -> None:
        text = _content(message)
        match role:
            case "system":
                self._system = "\n".join(filter(None, (self._system, text)))
            case "tool":
                for result in _responses(text) or [text]:
                    self._result(result, str(message.get("tool_call_id") or ""))
            case "user" if _ANSWERED.match(text) and self._ends_in_code():
                for result in _responses(text) or [_plain_output(text)]:
                    self._result(result)
            case "user":
                self.close()
                self._asked.append(text)
            case _:
                self._waiting = []
                self._is_target = self._is_target and not any(message.get(key) in (0, False) for key in _TARGET_KEYS)
                self._blocks += self._said(text, message)

    def close(self) -> None:
        """Ends the reply that was read, if there is one."""
        self._waiting, self._called = [], []
        blocks = joined(self._blocks)
        if not blocks:
            return
        if self._asked:
            question = "\n".join(self._asked)
            self.found.append(Exchange(question, blocks, list(self._before), self._system, self._is_target))
            self._before.append(("User", question))
        self._before.append(("Assistant", "\n".join(block.text.strip("\n") for block in blocks)))
        self._asked, self._blocks, self._is_target = [], [], True

    def _said(self, text: str, message: dict[str, Any]) -> Iterator[Block]:
        """The words of an assistant's message; its calls wait for their results."""
        if thought := thoughts_in(message):
            text = f"<think>\n{thought.strip()}\n</think>\n\n{text}"
        called = message.get("tool_calls") or message.get("function_call")
        if not called and str(message.get("from", message.get("role"))).lower() in ("function_call", "tool_call"):
            words, called = _thoughts_before(text)
            text = words
        if called:
            yield from [Text(text=text)] if text.strip() else []
            for call in _calls(called):
                codes = [Code(text=code) for code in self._codes(call)]
                name = call.get("id") if isinstance(call, dict) else None
                self._waiting += codes
                self._called += [(str(name), code) for code in codes] if name else []
                yield from codes
            return
        blocks = _parts(message) or read_text(text, named=self._named)
        said = split_thoughts(text).said
        left = [] if any(isinstance(block, Code) for block in blocks) else find_calls(said)
        if left and not said[left[-1].end :].strip() and all(call.codes for call in left):
            yield Text(text=text[: text.rfind(said[left[0].start : left[-1].end])])
            self._waiting = [Code(text=code) for call in left for code in call.codes]
            yield from self._waiting
        else:
            yield from blocks

    def _codes(self, call: Any) -> list[str]:
        function = call.get("function", call) if isinstance(call, dict) else call
        name = function.get("name") if isinstance(function, dict) else None
        given = function.get("arguments", function) if isinstance(function, dict) else function
        try:
            check_name(name, "python", given)
            return read_arguments(given)
        except UnreadableCallError as error:
            raise InputError(f"{self._where} calls what is no Python: {error}") from error

    def _result(self, text: str, call: str = "") -> None:
        """Puts a result behind its call: the one of that id, else the first that has none."""
        named = next((code for name, code in self._called if name == call), None)
        if named or self._waiting:
            code = named or self._waiting[0]
            self._called = [(name, other) for name, other in self._called if other is not code]
            self._waiting = [other for other in self._waiting if other is not code]
            place = next(place for place, block in enumerate(self._blocks) if block is code)
            self._blocks.insert(place + 1, output(text))
        elif self._ends_in_code():
            self._blocks.append(output(text))
        elif self._blocks and isinstance(self._blocks[-1], Output):
            self._blocks[-1] = output(f"{self._blocks[-1].text}\n{text}")
        else:
            raise InputError(f"{self._where} has the result of a tool that nothing called: {text[:60]!r}")

    def _ends_in_code(self) -> bool:
        return bool(self._waiting) or bool(self._blocks and isinstance(self._blocks[-1], Code))


def _role(message: Any) -> str | None:
    if not isinstance(message, dict):
        return None
    name = message.get("role") or message.get("from")
    return _KINDS.get(name.lower()) if isinstance(name, str) else None


def _content(message: dict[str, Any]) -> str:
    return text_of(message.get("content", message.get("value")))


def _thoughts_before(text: str) -> tuple[str, str]:
    """The thoughts before a call that is the whole of a turn, and the call."""
    begin = text.find("{") if not text.lstrip().startswith("[") else text.find("[")
    return (text[:begin], text[begin:]) if begin > 0 else ("", text)


def _calls(called: Any) -> list[Any]:
    """The calls of a message: a list, one, or JSON text of either."""
    if isinstance(called, str):
        with suppress(ValueError, RecursionError):
            called = load_json(called, strict=False)
    return called if isinstance(called, list) else [called]


def _parts(message: dict[str, Any]) -> list[Block]:
    """A content in typed parts, of which some are code and some what it printed; none if all are words."""
    content = message.get("content")
    if not isinstance(content, list) or not any(
        isinstance(part, dict) and part.get("type") in ("code", "execution") for part in content
    ):
        return []
    blocks: list[Block] = []
    for part in content:
        text = text_of([part])
        match part.get("type"):
            case "code":
                blocks.append(Code(text=text.strip("\n")))
            case "execution" if blocks and isinstance(blocks[-1], Code):
                blocks.append(output(text.strip("\n")))
            case _:
                blocks.append(Text(text=text))
    return blocks


def _responses(text: str) -> list[str]:
    """The results in a message of nothing but `<tool_response>`; none in any other."""
    return [] if _RESPONSE.sub("", text).strip() else [_plain_output(found) for found in _RESPONSE.findall(text)]


def _plain_output(text: str) -> str:
    begins = _ANSWERED.match(text)
    rest = text[begins.end() :] if begins else text
    if begins and begins["tag"]:
        rest = rest.rstrip().removesuffix(f"</{begins['tag']}>")
    fenced = _IN_FENCE.fullmatch(rest)
    return fenced["text"] if fenced else rest.strip("\n")
