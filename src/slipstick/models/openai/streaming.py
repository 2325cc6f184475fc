"""A reply that comes piece by piece, as server-sent events -> the body that the server would have sent as a whole.

What follows reads that body, so a reply is the same with and without streaming.
A file of its own, as importing httpx2 takes a third of a second.
"""

import asyncio
import json
import re
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Any

import httpx2

from slipstick.models.openai.failures import FailureKind

_DONE = "[DONE]"
_LAST_WORDS_SECONDS = 0.1
"""How long the rest of a response is waited for after its last event, so that its connection can be used again."""


class StreamError(Exception):
    """A stream that ended in an error of the server, or before its end."""

    def __init__(self, reason: str, *, kind: FailureKind = "broken") -> None:
        super().__init__(reason)
        self.kind: FailureKind = kind


class StalledError(StreamError):
    """No byte came for too long."""


def is_stream(response: httpx2.Response) -> bool:
    """Whether a response is one of events; servers that do not stream answer as a whole."""
    return response.headers.get("content-type", "").partition(";")[0].strip().lower() == "text/event-stream"


async def read_stream(response: httpx2.Response, *, stall_timeout: float) -> str:
    """The body of the answer that the events of a response make up.

    stall_timeout: seconds between two bytes. The first may take longer: until then a request may wait in a queue.
    Raises StreamError for an error of the server and for a stream that was cut, StalledError if it stalls,
    httpx2.TransportError if the connection is lost.
    """
    watched = _Watched(response, stall_timeout)
    response.stream = watched
    whole, done = _Whole(), False
    try:
        async for event in httpx2.EventSource(response):
            if event.data.startswith(_DONE):
                done, watched.timeout = True, _LAST_WORDS_SECONDS
            elif event.data and not done:
                whole.add(_read(event), event.data)
    except StalledError:
        if not done:
            raise
    finally:
        await response.aclose()
    if not (done or whole.finished):
        raise StreamError("the stream ended before the answer did")
    return whole.body()


class _Watched(httpx2.AsyncByteStream):
    """The bytes of a response, which may not be long in coming once the first has come."""

    def __init__(self, response: httpx2.Response, timeout: float) -> None:
        assert isinstance(response.stream, httpx2.AsyncByteStream)
        self._stream, self.timeout = response.stream, timeout

    async def __aiter__(self) -> AsyncIterator[bytes]:
        timeout = None
        async with aclosing(_pieces(self._stream)) as pieces:
            while True:
                try:
                    async with asyncio.timeout(timeout):
                        piece = await anext(pieces, None)
                except TimeoutError:
                    raise StalledError(
                        f"the stream stalled: no byte for {timeout:g} s (stall_timeout)", kind="timeout"
                    ) from None
                if piece is None:
                    return
                yield piece
                timeout = self.timeout

    async def aclose(self) -> None:
        await self._stream.aclose()


async def _pieces(stream: httpx2.AsyncByteStream) -> AsyncGenerator[bytes, None]:
    async for piece in stream:
        yield piece


def _read(event: httpx2.ServerSentEvent) -> dict[str, Any]:
    """What an event holds. Raises StreamError if it is an error, or cannot be read."""
    try:
        chunk = json.loads(event.data)
    except ValueError:
        raise StreamError(f"an event of the stream is no JSON: {event.data}") from None
    error = chunk.get("error") if isinstance(chunk, dict) else None
    if error or event.event == "error" or not isinstance(chunk, dict):
        told = error or chunk
        code = told.get("code") if isinstance(told, dict) else None
        said = told.get("message") if isinstance(told, dict) else told
        raise StreamError(f"an error in the stream: {said or told}", kind=_kind_of(str(code)))
    return chunk


def _kind_of(code: str) -> FailureKind:
    """What an error in the middle of an answer means, which would have been one with this status before it."""
    if code in ("429", "503"):
        return "busy"
    return "rejected" if re.fullmatch("4[0-9][0-9]", code) and code not in ("408", "409") else "broken"


class _Whole:
    """An answer that grows."""

    def __init__(self) -> None:
        self._answer: dict[str, Any] = {}
        self._choice: dict[str, Any] = {"index": 0}
        self._message: dict[str, Any] = {}
        self._calls: dict[int, dict[str, Any]] = {}
        """By the server's index."""

    @property
    def finished(self) -> bool:
        """Whether the server said why the answer ended."""
        return bool(self._choice.get("finish_reason"))

    def add(self, chunk: dict[str, Any], written: str) -> None:
        """One event, as it was read and as it was written. Raises StreamError if it is no piece of an answer."""
        try:
            self._add(chunk)
        except (AttributeError, TypeError) as error:
            raise StreamError(f"an event of the stream is no piece of an answer: {written}") from error

    def _add(self, chunk: dict[str, Any]) -> None:
        """The last event has no choices and the usage."""
        self._answer |= {key: value for key, value in chunk.items() if key != "choices" and value is not None}
        for choice in chunk.get("choices") or ():
            if choice.get("index"):
                continue  # we ask for one
            delta = choice.pop("delta", None)
            text = choice.pop("text", None)
            if text is not None:
                self._choice["text"] = self._choice.get("text", "") + text
            self._choice |= {key: value for key, value in choice.items() if value is not None}
            for key, value in (delta or {}).items():
                if key == "tool_calls":
                    for call in value or ():
                        self._add_call(call)
                else:
                    self._message[key] = _joined(key, self._message.get(key), value)

    def body(self) -> str:
        """The answer as a body."""
        message = self._message | ({"tool_calls": list(self._calls.values())} if self._calls else {})
        choice = self._choice if "text" in self._choice else {"message": message} | self._choice
        return json.dumps(self._answer | {"choices": [choice]})

    def _add_call(self, call: dict[str, Any]) -> None:
        """A piece of a call. Some servers leave the index out, or give all calls the same: then an id begins the next.

        Others give each piece an id of its own, and only the first one a name.
        """
        function = call.get("function") or {}
        place = call.get("index")
        if not isinstance(place, int):
            place = max(self._calls, default=0)
        known = self._calls.get(place)
        if known and function.get("name") and call.get("id") and call["id"] != known.get("id"):
            place, known = max(self._calls) + 1, None
        if known is None:
            known = self._calls[place] = {"type": "function", "id": call.get("id"), "function": {}}
        for key, value in function.items():
            if key == "name":
                known["function"]["name"] = known["function"].get("name") or value
            else:
                known["function"][key] = _joined(key, known["function"].get(key), value)


_ONCE = frozenset({"role", "id", "type"})
"""Texts that some servers repeat in every event."""


def _joined(key: str, before: Any, more: Any) -> Any:
    """Two pieces of a value: texts and lists of parts are joined, the two as parts; of other values the last counts.

    Raises TypeError for values of two kinds.
    """
    if more is None or (before and key in _ONCE):
        return before
    if before in (None, ""):
        return more
    if isinstance(before, str) and isinstance(more, str):
        return before + more
    if isinstance(before, list) or isinstance(more, list):
        return [*_parts(before), *_parts(more)]
    if type(before) is not type(more):
        raise TypeError(key)
    return more


def _parts(value: Any) -> list[Any]:
    if isinstance(value, list):
        return value
    return [{"type": "text", "text": value}] if value else []
