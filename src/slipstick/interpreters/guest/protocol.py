"""Messages between a session and its client: frames of four bytes of length and one JSON object over a stream socket.

    request   the fields of `Request` and a number: {"id": 1, "code": "...", ...}
    reply     the fields of `Reply` and the number of its request: {"id": 1, "status": "ok", "text": "...", ...}

Fields that have their defaults may be left out.
Frames that are too long or malformed are refused.
"""

from __future__ import annotations

import json
import os
import re
import struct
from dataclasses import dataclass, field, fields
from typing import Any, Literal

from slipstick.interpreters.guest.capture import KB

MAX_CODE = 8 << 20
"""Characters of the longest program."""
MAX_REQUEST = 32 << 20
"""Bytes of the longest frame to a session: a program and its files in base64."""
_MAX_IMAGES = 8 << 20
"""Bytes of four images of 1 MB in base64, or of a part of a file, and more than all the small parts of a reply."""
PART = 4 << 20
"""Bytes of a file that one reply has, at most."""
_ESCAPED = 6
"""Bytes of JSON for one byte of a text, at most."""

_SHORT = 1 << 16
"""Bytes of JSON that are quickly read whatever they hold."""
_STRING = rb'"(?:[^"\\]++|\\.)*+"'
_FLAT = re.compile(
    rb'\{(?:(?:, ?)?"[a-z_]{1,12}": ?(?:%b|-?[\w.+-]{1,40}|\[(?:(?:, ?)?%b){0,8}\])){1,16}+\}' % (_STRING, _STRING)
)
"""A JSON object of texts, numbers and lists of few texts, roughly; looked for in linear time."""
SOURCE = 63
"""Descriptor of a script's source in its process, so that Python finds the lines for tracebacks."""

_LENGTH = struct.Struct(">I")
_STATUSES = ("ok", "error", "memory", "refused")


def max_reply(output_kb: int) -> int:
    """Bytes of the longest frame from a session that keeps so much of each of its two streams."""
    return _MAX_IMAGES + 2 * _ESCAPED * KB * output_kb


class FrameError(Exception):
    """A frame that is too long, malformed or cut off."""


@dataclass(frozen=True)
class Request:
    """What a session's process runs."""

    code: str
    """The source."""
    mode: Literal["cell", "script", "write", "list", "read"] = "cell"
    """A cell of a notebook, which shares variables with the cells before it; a whole program, which ends as Python
    ends one: its threads are waited for, `atexit` runs; or no code: files are written, listed, or one (`name`) read."""
    split: bool = False
    """False: one text for a model, with the echo of the last expression and a short traceback. True: the parts apart,
    tracebacks as Python's own; a script then has no echo, and its traceback is on standard error."""
    name: str | None = None
    """File name in tracebacks; None for the interpreter's own ("<program>", "<step 2>")."""
    files: dict[str, str] = field(default_factory=dict)
    """Path -> content in base64, written into the working folder first."""
    stdin: str = ""
    """Standard input of a cell; that of a script comes through a pipe."""
    start: int = 0
    """Of a file that is read: the first byte that is asked for."""


@dataclass
class Reply:
    """How a program ended, and what it wrote besides what went through the pipes of a script."""

    status: str
    """"ok", "error", "memory", or "refused": not run, the process is for simple programs only."""
    text: str = ""
    """Of a request that is not split: all of the output, in the order it was written."""
    stdout: str = ""
    """Of a split cell: what it printed."""
    stderr: str = ""
    """Of a split cell: its standard error."""
    echo: str = ""
    """Of a split cell: the value of its last expression."""
    traceback: str = ""
    """Of a split cell: Python's own traceback."""
    error: list[str] = field(default_factory=list)
    """Name and message of the error that was raised; empty if there was none."""
    exit_code: int = 0
    """As Python's own."""
    images: list[str] = field(default_factory=list)
    """Figures that were shown, as PNG in base64."""
    data: str = ""
    """The part of a file that was asked for, in base64; or the names of files, as a JSON list."""
    cpu: float = 0.0
    """Seconds of processor time that it took."""
    more: bool = False
    """Whether the process can run another request."""


_TYPES = {"str": str, "int": int, "float": float, "bool": bool, "list[str]": list}
_PLAIN_REQUEST, _PLAIN_REPLY = vars(Request("")), vars(Reply("ok"))
_REPLY = {each.name: _TYPES[str(each.type)] for each in fields(Reply)}


def pack_request(number: int, request: Request) -> bytes:
    """The frame of a request; raises FrameError if it or its code is too long."""
    if len(request.code) > MAX_CODE:
        raise FrameError(f"{len(request.code)} characters are over the limit of {MAX_CODE}")
    return pack({"id": number, "code": request.code, **_beside(request, _PLAIN_REQUEST)}, limit=MAX_REQUEST)


def pack_reply(number: int, reply: Reply, *, output_kb: int) -> bytes:
    """The frame of a reply; raises FrameError if it is too long."""
    message = {"id": number, "status": reply.status, **_beside(reply, _PLAIN_REPLY)}
    return pack(message, limit=max_reply(output_kb))


def read_reply(message: dict[str, Any], number: int) -> Reply:
    """The reply to request `number`, every field checked: the program may have written it. Raises FrameError."""
    if message.pop("id", None) != number or message.get("status") not in _STATUSES:
        raise FrameError("a reply to no request")
    if not _REPLY.keys() >= message.keys():  # a name of the program's own is not told: it may be anything
        raise FrameError("a reply with an unknown field")
    for name, value in message.items():
        if type(value) is not _REPLY[name] or (value.__class__ is list and not {str}.issuperset(map(type, value))):
            raise FrameError(f"a reply whose {name} is malformed")
    if len(message.get("error", ())) not in (0, 2):
        raise FrameError("a reply whose error is malformed")
    return Reply(**message)


def _beside(message: Request | Reply, plain: dict[str, Any]) -> dict[str, Any]:
    """The fields of a message that differ from a plain one's."""
    return {name: value for name, value in vars(message).items() if value != plain[name]}


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


def unpack_reply(data: bytes | bytearray) -> dict[str, Any]:
    """The reply of one whole frame; a long one must be flat: millions of lists would hold up the reader for seconds."""
    if len(data) > _SHORT and not _FLAT.fullmatch(data, _LENGTH.size):
        raise FrameError("a long frame that holds more than texts, numbers and short lists of texts")
    return unpack(data)


def unpack(data: bytes | bytearray) -> dict[str, Any]:
    """The message of one whole frame."""
    try:
        message = json.loads(data[_LENGTH.size :])
    except (ValueError, RecursionError) as error:
        raise FrameError(f"a frame that is not JSON: {error}") from error
    if not isinstance(message, dict):
        raise FrameError("a frame that is not a JSON object")
    return message


def receive(fd: int) -> tuple[int, Request] | None:
    """The next request, with its number, from a blocking socket; None at its end."""
    data = bytearray()
    want: int | None = None
    while want is None or len(data) < want:
        chunk = os.read(fd, 65536)
        if not chunk:
            return None
        data += chunk
        want = length(data, limit=MAX_REQUEST)
    message = unpack(data)
    return message.pop("id"), Request(**message)
