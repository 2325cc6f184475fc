"""Frames over a stream socket: four bytes of length, then one JSON object; what is too long or malformed is refused.

Read by the caller and, inside the sandbox, by sessions: imports nothing but the standard library.
"""

from __future__ import annotations

import json
import os
import struct
from typing import Any

MAX_REQUEST = 8 << 20
"""Bytes of the longest frame to a session: a program of some megabytes."""
MAX_REPLY = 1 << 20
"""Bytes of the longest frame from a session; its text is far shorter (see `child.MAX_OUTPUT`)."""

_LENGTH = struct.Struct(">I")


class FrameError(Exception):
    """A frame that is too long, malformed or cut off."""


def pack(message: dict[str, Any], *, limit: int) -> bytes:
    """The message as a frame; FrameError where it is longer than `limit` bytes."""
    payload = json.dumps(message).encode("ascii")
    if len(payload) > limit:
        raise FrameError(f"a frame of {len(payload)} bytes is over the limit of {limit}")
    return _LENGTH.pack(len(payload)) + payload


def length(data: bytes | bytearray, *, limit: int) -> int | None:
    """Bytes of the whole first frame in `data`, header included; None where the header has not come yet."""
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
        raise FrameError(f"a frame that is no JSON: {error}") from error
    if not isinstance(message, dict):
        raise FrameError("a frame that is no JSON object")
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
