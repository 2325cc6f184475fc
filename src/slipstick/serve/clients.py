"""Clients: which are let in, and what happens if one disconnects before its answer."""

import asyncio
import base64
import hmac
import ipaddress
from collections.abc import Coroutine
from typing import Any, TypeVar

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from slipstick.serve.refusals import refuse
from slipstick.serve.service import RefusedError

T = TypeVar("T")
_OPEN = ("/health", "/ready")


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
    """Lets in requests that have the token if there is one; /health and /ready are open.

    The token is a bearer token or the password of basic authentication. Without one, only requests to this machine by
    its own name are served: a page in a browser whose host was bound to 127.0.0.1 meanwhile (DNS rebinding) would
    otherwise be let in as its own origin. HEAD is answered as GET, and a slash at the end of a path is ignored.
    """

    def __init__(self, app: ASGIApp, token: str | None, host: str) -> None:
        self._app = app
        self._token = token.encode() if token else None
        self._host = host

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] == "http":
            method, path = scope["method"], scope["path"]
            scope = {**scope, "method": "GET" if method == "HEAD" else method, "path": path.rstrip("/") or "/"}
            if refusal := self._stranger(scope["path"], dict(scope["headers"])):
                return await refuse(Request(scope), *refusal)(scope, receive, send)
        try:
            return await self._app(scope, receive, send)
        except asyncio.CancelledError:  # by the server, which stops and has waited long enough
            await refuse(Request(scope), 503, "the service was stopped before the step ended")(scope, receive, send)
            return None

    def _stranger(self, path: str, headers: dict[bytes, bytes]) -> tuple[int, str] | None:
        if self._token is None and not self._is_own(_name(headers.get(b"host", b""))):
            name = headers.get(b"host", b"").decode("latin-1")
            return 421, f"host {name!r} is not this service's; use localhost, or start it with a token"
        secret = _secret(headers.get(b"authorization", b""))
        if self._token and path not in _OPEN and not hmac.compare_digest(secret, self._token):
            return 401, "this service needs its token: Authorization: Bearer TOKEN"
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
