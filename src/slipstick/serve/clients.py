"""Clients: which are let in, and what happens if one disconnects before its answer."""

import asyncio
import base64
import hmac
import ipaddress
from collections import Counter
from collections.abc import Coroutine
from typing import Any, TypeVar

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from slipstick.serve.refusals import refuse, too_long
from slipstick.serve.service import RefusedError

T = TypeVar("T")
_OPEN = ("/health", "/ready")
_SHORT = 64 << 10
"""Bytes of a body that is not counted."""
_MOST_LONG = 8
"""Bodies of the greatest length that one client may have here at one time."""


def address_of(request: Request) -> str:
    """The client's address: what it counts as one client by."""
    return request.client.host if request.client else ""


async def unless_disconnected(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """Does the work, but cancels it if the client disconnects, so that its worker is free again."""

    async def disconnected() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass

    tasks = [asyncio.ensure_future(work), asyncio.ensure_future(disconnected())]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        if not tasks[0].done():
            raise RefusedError(499, "the client has disconnected", "gone")
        return tasks[0].result()  # type: ignore[return-value]
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class Guard:
    """Lets in requests that have the token if there is one, and a body that can be read; /health and /ready are open.

    The token is a bearer token or the password of basic authentication. Without one, only requests to this machine by
    its own name are served: a page in a browser whose host was bound to 127.0.0.1 meanwhile (DNS rebinding) would
    otherwise be let in as its own origin. HEAD is answered as GET, and a slash at the end of a path is ignored.
    """

    def __init__(self, app: ASGIApp, token: str | None, host: str, max_body: int) -> None:
        self._app = app
        self._token = token.encode() if token else None
        self._host = host
        self._max_body = max_body
        self._long: Counter[str] = Counter()
        """Bytes of long bodies that are held, by client."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        method, path = scope["method"], scope["path"]
        scope = {**scope, "method": "GET" if method == "HEAD" else method, "path": path.rstrip("/") or "/"}
        headers = dict(scope["headers"])
        address = scope["client"][0] if scope["client"] else ""
        length = self._length(headers)
        counted = length if length > _SHORT else 0
        refusal = self._stranger(scope["path"], headers) or self._body(headers, length)
        if refusal is None and counted and self._long[address] + counted > self._max_body * _MOST_LONG:
            refusal = 429, "this client has too many long bodies here already; try again later"
        if refusal is not None:
            return await refuse(Request(scope), *refusal)(scope, receive, send)
        self._long[address] += counted
        try:
            await self._app(scope, receive, send)
        finally:
            self._long[address] -= counted
            self._long += Counter()  # forgets those without any

    def _stranger(self, path: str, headers: dict[bytes, bytes]) -> tuple[int, str] | None:
        if self._token is None and not self._is_own(_name(headers.get(b"host", b""))):
            name = headers.get(b"host", b"").decode("latin-1")
            return 421, f"host {name!r} is not this service's; use localhost, or start it with a token"
        secret = _secret(headers.get(b"authorization", b""))
        if self._token and path not in _OPEN and not hmac.compare_digest(secret, self._token):
            return 401, "this service needs its token: Authorization: Bearer TOKEN"
        return None

    def _length(self, headers: dict[bytes, bytes]) -> int:
        """Bytes of the body, as much as is allowed if it is sent without its length."""
        if b"transfer-encoding" in headers:
            return self._max_body
        return int(headers.get(b"content-length", b"0"))  # the parser has checked it

    def _body(self, headers: dict[bytes, bytes], length: int) -> tuple[int, str] | None:
        if length > self._max_body:
            return 413, too_long(self._max_body, length)
        if headers.get(b"expect", b"100-continue").lower() != b"100-continue":
            return 417, "Expect can only be 100-continue"
        kind = headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
        if length and kind != b"application/json" and not kind.endswith(b"+json"):
            name = f"{kind.decode('latin-1')!r}" if kind else "missing"
            return 415, f"Content-Type is {name}; send JSON, with Content-Type: application/json"
        if length and headers.get(b"content-encoding", b"identity").lower() != b"identity":
            return 415, "bodies cannot be compressed; remove Content-Encoding"
        return None

    def _is_own(self, name: str) -> bool:
        if name in ("localhost", self._host):
            return True
        try:
            return ipaddress.ip_address(name).is_loopback
        except ValueError:
            return False


def _name(host: bytes) -> str:
    """The name in a Host header, without the port."""
    text = host.decode("latin-1").strip().lower()
    return text[1:].partition("]")[0] if text.startswith("[") else text.partition(":")[0]


def _secret(header: bytes) -> bytes:
    kind, _, value = header.partition(b" ")
    if kind.lower() == b"basic":
        try:
            return base64.b64decode(value).partition(b":")[2]
        except ValueError:
            return b""
    return value.strip() if kind.lower() == b"bearer" else b""
