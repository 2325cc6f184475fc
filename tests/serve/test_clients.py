"""What counts as one client: an address, a network of IPv6, or one of several tokens."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("fastapi", reason="the extra `serve` is not installed")

from starlette.requests import Request

from slipstick.serve.clients import client_of


@pytest.mark.parametrize(
    ("host", "client"),
    [
        ("10.0.0.7", "10.0.0.7"),
        ("::ffff:10.0.0.7", "10.0.0.7"),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:9::9", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("testclient", "testclient"),
    ],
)
def test_one_client(host: str, client: str) -> None:
    assert client_of(Request({"type": "http", "client": (host, 1)})) == client


def test_several_tokens_are_several_clients(start_sandbox: Any) -> None:
    import httpx2

    served = start_sandbox("sessions=2", token="first-token,second-token")
    with httpx2.Client(base_url=served.url, trust_env=False, timeout=60) as client:

        def step(name: str, token: str) -> int:
            headers = {"Authorization": f"Bearer {token}"}
            return client.post(f"/sessions/{name}/run", json={"code": "1"}, headers=headers).status_code

        assert [step("a", "first-token"), step("b", "first-token")] == [200, 200]
        assert step("c", "first-token") == 429, "all sessions are its own"
        assert step("d", "first-token,second-token") == 401
        assert step("e", "second-token") == 200, "who has none gets one, from the same address too"
