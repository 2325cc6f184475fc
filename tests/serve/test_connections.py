"""Clients that keep a server waiting: for the rest of a request, for the next one, or for room to answer."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

uvicorn = pytest.importorskip("uvicorn", reason="the extra `serve` is not installed")

from slipstick.serve import connections  # noqa: E402

_MUCH = 20 << 20
_HEAD = b"GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n"
_CHUNKED = b"POST /little HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n%s0\r\n\r\n"
_HALF_BODY = b"POST /little HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nx"


async def answer(scope: Any, receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Awaitable[None]]) -> None:
    """An application: much at /much, else little after a second."""
    while (await receive()).get("more_body"):
        pass
    body = b"x" * _MUCH if scope["path"] == "/much" else b"answer"
    await asyncio.sleep(0 if scope["path"] == "/much" else 1)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body})


async def received(sent: bytes, *, reads: bool) -> bytes:
    """What a server answers until it closes the connection; raises TimeoutError if it never does."""
    config = uvicorn.Config(answer, http=connections.Connection, log_level="critical", lifespan="off")
    server = uvicorn.Server(config)
    loop = asyncio.get_running_loop()
    got = b""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        with socket.create_connection(listener.getsockname()) as client:
            client.setblocking(False)
            try:
                await loop.sock_sendall(client, sent)
                async with asyncio.timeout(30):
                    while not reads and not server.server_state.connections:  # noqa: ASYNC110 - it has no event
                        await asyncio.sleep(0.01)
                    while reads and (chunk := await loop.sock_recv(client, 1 << 20)):
                        got += chunk
                    while server.server_state.connections:  # noqa: ASYNC110
                        await asyncio.sleep(0.01)
            finally:
                server.force_exit = server.should_exit = True
                await serving
    return got


@pytest.mark.parametrize(
    ("sent", "reads", "answers"),
    [
        (_HEAD[:-4] % b"/little", True, 0),
        (_HEAD % b"/little", True, 1),  # takes longer than a request may take to arrive
        (_HEAD % b"/little" + _HALF_BODY, True, 1),
        (_HEAD % b"/little" + _HEAD[:-4] % b"/little", True, 1),
        (_HEAD % b"/little" * 3, True, 3),
        (_HEAD % b"/much" * 2, True, 2),
        (_HEAD % b"/much", False, 0),
        (_CHUNKED % (b"1\r\nx\r\n" * 900), True, 1),
        (_CHUNKED % (b"1\r\nx\r\n" * 2000), True, 0),  # each part costs the same time, however small
        (_CHUNKED % (b"400\r\n%s\r\n" % (b"x" * 1024) * 2000), True, 1),
        ((_HEAD % b"/little").replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"), True, 1),
    ],
)
def test_a_client_that_keeps_the_server_waiting_is_left(
    sent: bytes, reads: bool, answers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "REQUEST_SECONDS", 0.5)
    monkeypatch.setattr(connections, "IDLE_SECONDS", 0.5)
    assert asyncio.run(received(sent, reads=reads)).count(b"HTTP/1.1 200") == answers
