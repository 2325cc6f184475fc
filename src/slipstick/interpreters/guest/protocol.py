"""Messages between a session and its client: frames of four bytes of length and one JSON object over a stream socket.

    request   {"id": 1, "code": "...", "last": false}; `last`: the process ends after this step
    reply     {"id": 1, "status": "ok", "text": "...", "more": true}; `more`: the process can run another step

Frames that are too long or malformed are refused.
"""

from __future__ import annotations

import json
import os
import struct
from typing import Any

MAX_REQUEST = 8 << 20
"""Bytes of the longest frame to a session: a program of some megabytes."""
MAX_REPLY = 1 << 20
"""Bytes of the longest frame from a session; its text is far shorter (see `session.MAX_OUTPUT`)."""

_LENGTH = struct.Struct(">I")


class FrameError(Exception):
    """A frame that is too long, malformed or cut off."""


def pack(message: dict[str, Any], *, limit: int) -> bytes:
    """The message as a frame; raises FrameError if it is longer than `limit` bytes."""
    payload = json.dumps(message).encode("ascii")
    if len(payload) > limit:
        raise FrameError(f"a frame of {len(payload)} bytes is over the limit of {limit}")
    return _LENGTH.pack(len(payload)) + payload


def length(data: bytes | bytearray, *, limit: int) -> int | None:
    """Bytes of the whole first frame in `data`, header included; None before the header is complete."""
    if len(data) < _LENGTH.size:
        return None
    size: int = _LENGTH.unpack_from(data)[0]
    if size > limit:
        raise FrameError(f"a frame of {size} bytes is over the limit of {limit}")
    return _LENGTH.size + size


def unpack(data: bytes | bytearray) -> dict[str, Any]:
    """The message of one whole frame."""
    try:
        message = json.loads(data[_LENGTH.size :])
    except (ValueError, RecursionError) as error:
        raise FrameError(f"a frame that is not JSON: {error}") from error
    if not isinstance(message, dict):
        raise FrameError("a frame that is not a JSON object")
    return message


def receive(fd: int, *, limit: int) -> dict[str, Any] | None:
    """The next message from a blocking socket; None at its end."""
    data = bytearray()
    want: int | None = None
    while want is None or len(data) < want:
        chunk = os.read(fd, 65536)
        if not chunk:
            return None
        data += chunk
        want = length(data, limit=limit)
    return unpack(data)
