"""Servers that speak the OpenAI API."""

from collections.abc import Callable, Iterator

import pytest

from tests.models.scripted_server import Server


@pytest.fixture
def start_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], Server]]:
    """Starts servers, and stops them after the test."""
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    started: list[Server] = []

    def start() -> Server:
        started.append(Server())
        return started[-1]

    yield start
    for server in started:
        if not server.stopped.is_set():
            server.stop()


@pytest.fixture
def server(start_server: Callable[[], Server]) -> Server:
    return start_server()
