"""Answers that are errors, and bodies that are too much."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import pytest


@pytest.fixture(scope="module")
def client(start_sandbox: Callable[..., Any]) -> Iterator[httpx2.Client]:
    served = start_sandbox("body_mb=1")
    with httpx2.Client(base_url=served.url, trust_env=False, timeout=60) as opened:
        yield opened


def comes(client: httpx2.Client, status: int, body: dict[str, Any]) -> bool:
    """Whether the service answers with this status within some time."""
    deadline = time.monotonic() + 60
    while client.post("/run_code", json=body).status_code != status:
        if time.monotonic() > deadline:
            return False
    return True


_JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize(
    ("method", "path", "headers", "status", "says"),
    [
        (
            "GET",
            "/nowhere",
            {},
            404,
            "there is no /nowhere; there are POST /sessions/{name}/run, GET /sessions/{name}/files",
        ),
        ("GET", "/run_code", {}, 405, "/run_code takes POST, not GET"),
        ("OPTIONS", "/health", {}, 405, "/health takes GET, HEAD, not OPTIONS"),
        ("POST", "/run_code", {}, 415, "Content-Type is missing; send JSON"),
        ("POST", "/run_code", _JSON | {"Content-Encoding": "gzip"}, 415, "cannot be compressed"),
        ("POST", "/run_code", _JSON | {"Expect": "more"}, 417, "100-continue"),
        ("GET", "/health", {"X": "a" * 200_000}, 431, "no valid HTTP"),
        ("GET", "/health", {"Host": ""}, 421, "use localhost"),
        ("POST", "/run_code/", _JSON, 422, "body.code: Field required"),
        ("HEAD", "/health", {}, 200, ""),
    ],
)
def test_statuses_and_bodies_of_errors(
    client: httpx2.Client, method: str, path: str, headers: dict[str, str], status: int, says: str
) -> None:
    body = b"{}" if method == "POST" else b""
    answer = client.request(method, path, content=body, headers=headers)
    assert answer.status_code == status and says in answer.text
    assert answer.headers["Content-Type"] == "application/json"
    assert status != 405 or answer.headers["Allow"]


def test_one_client_cannot_fill_memory_with_long_bodies(client: httpx2.Client) -> None:
    head = b"POST /run_code HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    body = {"code": "print(1)", "language": "python", "stdin": "x" * 100_000}

    def full(seconds: float) -> bool:
        """Whether there is no room for one more long body, some time after eight of the greatest length have come."""
        long = [socket.create_connection((client.base_url.host, client.base_url.port or 80)) for _ in range(8)]
        for connection in long:
            connection.sendall(head + b"Content-Length: 1048576\r\n\r\n" + b" " * 1_048_000)
        time.sleep(seconds)
        statuses = [client.post("/run_code", json=body | {"stdin": text}).status_code for text in (body["stdin"], "")]
        for connection in long:
            connection.close()
        return statuses == [504, 200]

    assert any(full(seconds) for seconds in (0.5, 2, 5))
    assert comes(client, 200, body)


def test_long_bodies_are_refused(client: httpx2.Client) -> None:
    body = json.dumps({"code": "#" * (1 << 20), "language": "python"}).encode()
    headers = {"Content-Type": "application/json"}
    assert client.post("/run_code", content=body, headers=headers).status_code == 413
    chunked = client.post("/run_code", content=iter([body[:500_000], body[500_000:]]), headers=headers)
    assert chunked.status_code == 413 and "over this service's" in chunked.json()["error"]
    many = b'{"code": [' + b"[]," * 200_000 + b'[]], "language": "python"}'
    refused = client.post("/run_code", content=many, headers=headers)
    assert refused.status_code == 422 and "more than 100,000 values" in refused.json()["error"]
    wrong = client.post("/run_jupyter", json={"cells": [1] * 50_000}).json()["error"]
    assert wrong.endswith("; and 49990 more") and len(wrong) < 2000
    unclosed = client.post("/run_code", content=b'{"code": "' + b'\\"' * 500_000, headers=headers)  # read only once
    assert unclosed.status_code == 422 and "not JSON" in unclosed.json()["error"]
    text = "[]," * 100_000 + '\\"\',"[{' * 10_000
    answer = client.post("/run_code", json={"code": f"print(len({text!r}))", "language": "python"})
    assert answer.json()["run_result"]["stdout"] == f"{len(text)}\n"
    assert "over this service's 1,048,576" in client.post("/run_code", content=body, headers=headers).json()["error"]


def test_the_description_of_the_interface_names_every_status(client: httpx2.Client) -> None:
    from slipstick.serve.refusals import REFUSALS

    paths = client.get("/openapi.json").json()["paths"]
    for operations in paths.values():
        for operation in operations.values():
            assert {"200", *map(str, REFUSALS)} <= set(operation["responses"])
