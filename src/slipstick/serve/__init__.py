"""The interpreter over HTTP, `slipstick sandbox`: what it can be told, and its start."""

from __future__ import annotations

import asyncio
import ipaddress
import os
import socket

from pydantic import Field
from rich.console import Console

from slipstick.errors import InterpreterError
from slipstick.interpreters import InterpreterSettings
from slipstick.recipe import check_settings

TOKEN_VARIABLE = "SLIPSTICK_SANDBOX_TOKEN"
"""Environment variable that holds the token, for the service and for its clients."""


class ServeSettings(InterpreterSettings):
    """What `slipstick sandbox` can be told; timeout, memory_mb, scratch_mb are the most a client may ask for."""

    host: str = "127.0.0.1"
    """Address to listen on. Any other than loopback needs a token."""
    port: int = Field(default=8080, ge=0, le=65535)
    """Port to listen on; 0 takes a free one and prints it."""
    token: str | None = Field(default=None, min_length=8)
    """What clients must show; None takes it from SLIPSTICK_SANDBOX_TOKEN, and where that is not set asks for none."""
    sessions: int = Field(default=256, ge=1)
    """Sessions that are kept at one time."""
    idle_seconds: float = Field(default=600, gt=0)
    """After so long without a step a session is ended."""
    queue: int = Field(default=1000, ge=0)
    """Steps that may wait for a worker; further ones are told to come back later (429)."""
    body_mb: int = Field(default=16, ge=1)
    """Size of the longest request."""


def run_service(overrides: list[str], console: Console) -> None:
    """`slipstick sandbox`: serves until it is told to stop.

    Raises RecipeError for settings that do not hold, InterpreterError where the service cannot start as asked.
    """
    settings = check_settings({}, ServeSettings, overrides=overrides)
    token = settings.token or os.environ.get(TOKEN_VARIABLE) or None
    if token is None and not _is_loopback(settings.host):
        raise InterpreterError(
            f"host = {settings.host} lets other machines run programs here, so it needs a token: set {TOKEN_VARIABLE} "
            f"(or --set token=...), or leave host out to serve this machine only"
        )
    try:
        from slipstick.serve.app import serve
    except ImportError as error:
        raise InterpreterError(
            f"slipstick sandbox needs the extra `serve` ({error.name} is not installed): pip install 'slipstick[serve]'"
        ) from error
    with _listen(settings) as listener:
        asyncio.run(serve(settings, token, listener, console))


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
