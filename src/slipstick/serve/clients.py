"""Clients: which are let in, and what happens if one disconnects before its answer."""

import asyncio
import base64
import hmac
import ipaddress
from collections.abc import Coroutine
from typing import Any, TypeVar

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from slipstick.serve import split_tokens
from slipstick.serve.refusals import refuse
from slipstick.serve.service import RefusedError

T = TypeVar("T")
_OPEN = ("/health", "/ready")


def client_of(request: Request) -> str:
    """What a client counts as one by: its token if the service has several, else its address.

    Of IPv6, whose networks have 2**64 addresses for everybody, the first half of it.
    """
    name: str | None = request.scope.get("state", {}).get("client")
    if name is not None:
        return name
    host = request.client.host if request.client else ""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return host
    if address.version == 6 and not address.ipv4_mapped:
        return str(ipaddress.ip_network((int(address), 64), strict=False))
    return str(address.ipv4_mapped or address) if address.version == 6 else host


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
        self._tokens = [each.encode() for each in split_tokens(token)]
        self._host = host

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] == "http":
            method, path = scope["method"], scope["path"]
            scope = {**scope, "method": "GET" if method == "HEAD" else method, "path": path.rstrip("/") or "/"}
            number = self._number(dict(scope["headers"]))
            if refusal := self._stranger(scope["path"], dict(scope["headers"]), number):
                return await refuse(Request(scope), *refusal)(scope, receive, send)
            if number is not None and len(self._tokens) > 1:
                scope["state"] = {**scope.get("state", {}), "client": f"token {number}"}
        try:
            return await self._app(scope, receive, send)
        except asyncio.CancelledError:  # by the server, which stops and has waited long enough
            await refuse(Request(scope), 503, "the service was stopped before the step ended")(scope, receive, send)
            return None

    def _number(self, headers: dict[bytes, bytes]) -> int | None:
        """Which token a request has; every one is compared, so that the time tells nothing."""
        secret = _secret(headers.get(b"authorization", b""))
        found = [number for number, each in enumerate(self._tokens, 1) if hmac.compare_digest(secret, each)]
        return found[0] if found else None

    def _stranger(self, path: str, headers: dict[bytes, bytes], number: int | None) -> tuple[int, str] | None:
        if not self._tokens and not self._is_own(_name(headers.get(b"host", b""))):
            name = headers.get(b"host", b"").decode("latin-1")
            return 421, f"host {name!r} is not this service's; use localhost, or start it with a token"
        if self._tokens and path not in _OPEN and number is None:
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
