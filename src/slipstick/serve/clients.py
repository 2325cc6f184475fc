"""Clients: which are let in, and what happens if one disconnects before its answer."""

import asyncio
import base64
import hmac
import ipaddress
from collections.abc import Coroutine
from typing import Any, TypeVar

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from slipstick.serve.service import RefusedError

T = TypeVar("T")


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
    """Lets in requests that are not too long, and that have the token if there is one; /health is open.

    The token is a bearer token or the password of basic authentication. Without one, only requests to this machine by
    its own name are served: a page in a browser whose host was bound to 127.0.0.1 meanwhile (DNS rebinding) would
    otherwise be let in as its own origin.
    """

    def __init__(self, app: ASGIApp, token: str | None, host: str, max_body: int) -> None:
        self._app = app
        self._token = token.encode() if token else None
        self._host = host
        self._max_body = max_body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        refusal = self._refusal(scope) if scope["type"] == "http" else None
        await (refusal or self._app)(scope, receive, send)

    def _refusal(self, scope: Scope) -> JSONResponse | None:
        headers = dict(scope["headers"])
        if self._token is None and not self._is_own(_name(headers.get(b"host", b""))):
            name = headers.get(b"host", b"").decode("latin-1")
            message = f"host {name!r} is not this service's; use localhost, or start the service with a token"
            return JSONResponse({"error": message}, 421)
        secret = _secret(headers.get(b"authorization", b""))
        if self._token and scope["path"] != "/health" and not hmac.compare_digest(secret, self._token):
            message = "this service needs its token: Authorization: Bearer TOKEN"
            return JSONResponse({"error": message}, 401, {"WWW-Authenticate": "Bearer"})
        length = headers.get(b"content-length", b"")
        if length.isdigit() and int(length) > self._max_body:
            message = f"a body of {int(length):,} bytes is over this service's {self._max_body:,}; send less, or start "
            return JSONResponse({"error": f"{message}the service with --set body_mb=..."}, 413)
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
