"""The interpreter over HTTP, `slipstick sandbox`: its settings and its start.

app.py             routes and the server; refusals.py: answers that are errors; connections.py: slow clients;
                   clients.py: who is let in, and clients that disconnect; bodies.py: what is too much
sandbox_fusion.py  SandboxFusion's requests; nemo_skills.py: NeMo-Skills'
service.py         sessions and workers; memory.py: what they take; fair_queue.py: whose step is next;
                   metrics.py: counters for Prometheus
"""

import asyncio
import ipaddress
import os
import socket

from pydantic import Field
from rich.console import Console

from slipstick.errors import InterpreterError
from slipstick.interpreters import InterpreterSettings
from slipstick.interpreters.host.remote import TOKEN_VARIABLE
from slipstick.recipe import check_settings

_SHORTEST_TOKEN = 8


class ServeSettings(InterpreterSettings):
    """Settings of `slipstick sandbox`; its limits are the most a client may ask for."""

    scratch_mb: int = Field(default=16, ge=0)
    """Size of a session's private scratch folder, in MB; 0 gives none, and programs can write no file."""
    host: str = "127.0.0.1"
    """Address to listen on; any but a loopback address (127.0.0.1) needs a token."""
    port: int = Field(default=8080, ge=0, le=65535)
    """Port to listen on; 0 takes a free one, which is printed."""
    token: str | None = Field(default=None, min_length=8)
    """Token that clients must send, or several with commas between: each then counts as one client. None takes
    SLIPSTICK_SANDBOX_TOKEN, and if that is not set, none is needed."""
    proxies: str | None = None
    """Addresses of proxies in front, separated by commas: their header X-Forwarded-For names the client."""
    sessions: int = Field(default=256, ge=1)
    """Most sessions kept at one time."""
    sessions_mb: int | None = Field(default=None, ge=1)
    """Most memory of all sessions together, in MB: above it, those unused for longest end; None takes half of the
    machine's."""
    idle_seconds: float = Field(default=600, gt=0)
    """A session without a step for so many seconds is ended."""
    queue: int = Field(default=1000, ge=0)
    """Most steps that wait for a worker; further ones of who has most are refused with 429 (try again later)."""
    body_mb: int = Field(default=16, ge=1)
    """Size of the longest request, in MB."""


def run_service(overrides: list[str], console: Console) -> None:
    """`slipstick sandbox`: serves until it is stopped by a signal.

    Raises RecipeError for invalid settings, InterpreterError if the service cannot start with them.
    """
    settings = check_settings({}, ServeSettings, overrides=overrides)
    token = settings.token or os.environ.get(TOKEN_VARIABLE) or None
    if short := [each for each in split_tokens(token) if len(each) < _SHORTEST_TOKEN]:
        raise InterpreterError(f"a token has {len(short[0])} characters; give each at least {_SHORTEST_TOKEN}")
    if token is None and not _is_loopback(settings.host):
        raise InterpreterError(
            f"host = {settings.host} lets other machines run programs here, so it needs a token: set {TOKEN_VARIABLE} "
            f"(or --set token=...), or remove host to serve this machine only"
        )
    try:
        from slipstick.serve.app import serve
    except ImportError as error:
        raise InterpreterError(
            f"slipstick sandbox needs the extra `serve` ({error.name} is not installed): pip install 'slipstick[serve]'"
        ) from error
    with _listen(settings) as listener:
        asyncio.run(serve(settings, token, listener, console))


def split_tokens(token: str | None) -> list[str]:
    """The tokens of a service; commas separate them."""
    return [each.strip() for each in (token or "").split(",") if each.strip()]


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _listen(settings: ServeSettings) -> socket.socket:
    try:
        family = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((settings.host, settings.port), family=family, backlog=2048)
    except OSError as error:
        reason = error.strerror if isinstance(error, socket.gaierror) else os.strerror(error.errno or 0)
        raise InterpreterError(
            f"cannot listen on port {settings.port} of {settings.host} ({reason}); "
            f"choose another with --set port=... or --set host=..."
        ) from error
