"""A reply that comes piece by piece, as server-sent events -> the body that the server would have sent as a whole.

What follows reads that body, so a reply is the same with and without streaming.
A file of its own, as importing httpx2 takes a third of a second.
"""

import asyncio
import json
import re
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from itertools import chain, groupby
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
        self._text = _Value("text")
        self._message = _Fields()
        self._calls: dict[int, _Call] = {}
        """By the server's index."""
        self._last_call = 0
        """The highest of these."""

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
            self._text.add(choice.pop("text", None))
            self._choice |= {key: value for key, value in choice.items() if value is not None}
            for key, value in (delta or {}).items():
                if key == "tool_calls":
                    for call in value or ():
                        self._add_call(call)
                else:
                    self._message.add(key, value)

    def body(self) -> str:
        """The answer as a body."""
        calls = {"tool_calls": [call.whole() for call in self._calls.values()]} if self._calls else {}
        text = self._text.whole()
        said = {"message": self._message.whole() | calls} if text is None else {"text": text}
        return json.dumps(self._answer | {"choices": [said | self._choice]})

    def _add_call(self, call: dict[str, Any]) -> None:
        """A piece of a call. Some servers leave the index out, or give all calls the same: then an id begins the next.

        Others give each piece an id of its own, and only the first one a name.
        """
        function = call.get("function") or {}
        place = call.get("index")
        if not isinstance(place, int):
            place = self._last_call
        known = self._calls.get(place)
        if known and function.get("name") and call.get("id") and call["id"] != known.id:
            place, known = self._last_call + 1, None
        if known is None:
            known = self._calls[place] = _Call(call.get("id"))
            self._last_call = max(self._last_call, place)
        for key, value in function.items():
            known.function.add(key, value)


class _Call:
    """A call that grows."""

    def __init__(self, id: Any) -> None:
        self.id, self.function = id, _Fields()

    def whole(self) -> dict[str, Any]:
        return {"type": "function", "id": self.id, "function": self.function.whole()}


class _Fields:
    """Values by key, each of which comes in pieces."""

    def __init__(self) -> None:
        self._values: dict[str, _Value] = {}

    def add(self, key: str, piece: Any) -> None:
        if key not in self._values:
            self._values[key] = _Value(key)
        self._values[key].add(piece)

    def whole(self) -> dict[str, Any]:
        return {key: value.whole() for key, value in self._values.items()}


_ONCE = frozenset({"role", "id", "type", "name"})
"""Texts that some servers repeat in every event."""


class _Value:
    """A value that comes in pieces: texts and lists of parts are joined, the two as parts; of others the last counts.

    The pieces are joined at the end, as an answer may have a hundred thousand of them.
    """

    def __init__(self, key: str) -> None:
        self._key = key
        self._pieces: list[Any] = []

    def add(self, piece: Any) -> None:
        """Raises TypeError for a piece of another kind than those before it."""
        if piece is None or (self._key in _ONCE and any(self._pieces)):
            return
        if self._pieces == [""]:
            self._pieces.clear()
        kinds = {type(piece), type(self._pieces[-1])} if self._pieces else {type(piece)}
        if len(kinds) > 1 and kinds != {str, list}:
            raise TypeError(self._key)
        if isinstance(piece, str | list):
            self._pieces.append(piece)
        else:
            self._pieces = [piece]

    def whole(self) -> Any:
        """The value; None if no piece came."""
        if not self._pieces or not isinstance(self._pieces[0], str | list):
            return self._pieces[0] if self._pieces else None
        runs = [(kind, list(run)) for kind, run in groupby(self._pieces, type)]
        if runs[1:] or runs[0][0] is list:
            return [part for kind, run in runs for part in (chain(*run) if kind is list else _part("".join(run)))]
        return "".join(self._pieces)


def _part(text: str) -> list[dict[str, str]]:
    return [{"type": "text", "text": text}] if text else []
