"""Bodies of requests: what is too long, too much at one time, not JSON, or JSON that takes long to read.

One loop serves all clients: what takes a second to parse keeps everybody waiting.
"""

import asyncio
import re
from collections import Counter

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from slipstick.serve.refusals import refuse, too_long

_SHORT = 64 << 10
"""Bytes of a body that is neither counted nor looked at."""
_MOST_LONG = 8
"""Bodies of the greatest length that one client may have here at one time."""
_MOST_VALUES = 100_000
"""Values of a body: 16 MB of empty lists would take seconds, and half a GB of memory."""
_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)', re.DOTALL)
"""A string, or the rest of the body if it is not closed: to look for the next would take the square of the length."""


class Bodies:
    """Lets in requests whose body can be read, and not more long ones of one client than there is room for."""

    def __init__(self, app: ASGIApp, most: int) -> None:
        self._app = app
        self._most = most
        self._long: Counter[str] = Counter()
        """Bytes of long bodies that are held, by client."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        headers = dict(scope["headers"])
        # without its length, a body may be as long as is allowed; the parser has checked the number
        length = self._most if b"transfer-encoding" in headers else int(headers.get(b"content-length", b"0"))
        refusal = self._refusal(headers, length)
        if refusal is None and length > _SHORT:
            return await self._take_long(scope, receive, send)
        return await (refuse(Request(scope), *refusal) if refusal else self._app)(scope, receive, send)

    async def _take_long(self, scope: Scope, receive: Receive, send: Send) -> None:
        """A request with a long body, which is read here."""
        address = scope["client"][0] if scope["client"] else ""
        body, refusal, more = bytearray(), None, True
        try:
            while more and not refusal:
                message = await receive()
                if message["type"] != "http.request":
                    return None
                part, more = message.get("body", b""), message.get("more_body", False)
                body += part
                self._long[address] += len(part)
                if len(body) > self._most:
                    refusal = 413, too_long(self._most)
                elif len(body) > _SHORT and self._long[address] > self._most * _MOST_LONG:
                    refusal = 429, "this client has too many long bodies here already; try again later"
            if not refusal and await asyncio.to_thread(_has_too_many_values, body):
                refusal = 422, f"the body has more than {_MOST_VALUES:,} values; send less at one time"
            if refusal:
                return await refuse(Request(scope), *refusal)(scope, receive, send)
            rest: list[Message] = [{"type": "http.request", "body": bytes(body), "more_body": False}]

            async def again() -> Message:
                return rest.pop() if rest else await receive()

            return await self._app(scope, again, send)
        finally:
            self._long[address] -= len(body)
            self._long += Counter()  # forgets those without any

    def _refusal(self, headers: dict[bytes, bytes], length: int) -> tuple[int, str] | None:
        if length > self._most:
            return 413, too_long(self._most, length)
        if headers.get(b"expect", b"100-continue").lower() != b"100-continue":
            return 417, "Expect can only be 100-continue"
        kind = headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
        if length and kind != b"application/json" and not kind.endswith(b"+json"):
            name = f"{kind.decode('latin-1')!r}" if kind else "missing"
            return 415, f"Content-Type is {name}; send JSON, with Content-Type: application/json"
        if length and headers.get(b"content-encoding", b"identity").lower() != b"identity":
            return 415, "bodies cannot be compressed; remove Content-Encoding"
        return None


def _has_too_many_values(body: bytearray) -> bool:
    """Whether a body has so many values that it would take long to parse; what is in strings does not count."""
    if body.count(b'"') - body.count(b'\\"') > 2 * _MOST_VALUES:
        return True
    bare = _STRING.sub(b"", body)
    return sum(bare.count(mark) for mark in (b",", b"[", b"{")) > _MOST_VALUES
