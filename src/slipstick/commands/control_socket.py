"""The socket in a run's folder, by which `slipstick ctl` speaks to the process that works on the run.

A line of JSON is asked, one is answered: {"do": "pause"} -> {"status": "paused", ...}, or {"error": "why not"}.
"""

import asyncio
import json
import os
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any

from slipstick.errors import UserError

_NAME = "control.sock"
_SECONDS = 10.0
_LONGEST = 100
"""Bytes of a path that an address certainly holds; the system's limit is about 108."""


@asynccontextmanager
async def listening(folder: Path, answer: Callable[[dict[str, Any]], dict[str, Any]]) -> AsyncIterator[None]:
    """Answers what its owner asks at the folder's socket. Where there are no such sockets the run cannot be asked.

    answer: a question -> its answer; a UserError that it raises is answered by its words.
    """

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, ValueError, TimeoutError):  # whoever asked has left, or it was no JSON
            question = json.loads(await asyncio.wait_for(reader.readline(), _SECONDS))
            try:
                said = answer(question)
            except UserError as error:
                said = {"error": str(error)}
            writer.write(json.dumps(said).encode() + b"\n")
            await writer.drain()
        writer.close()

    server = None
    with suppress(OSError, AttributeError, NotImplementedError):  # a share, or a system, that has no such sockets
        server = await asyncio.start_unix_server(serve, sock=_bound(folder))
    try:
        yield
    finally:
        if server:
            server.close()
            (folder / _NAME).unlink(missing_ok=True)


def ask(folder: Path, question: dict[str, Any]) -> dict[str, Any] | None:
    """What the process that works on a run answers; None if none does. Raises UserError with why it refuses."""
    try:
        with socket.socket(socket.AF_UNIX) as client, _address(folder) as address:
            client.settimeout(_SECONDS)
            client.connect(address)
            client.sendall(json.dumps(question).encode() + b"\n")
            line = client.makefile().readline()
    except (FileNotFoundError, ConnectionRefusedError, AttributeError):
        return None
    except TimeoutError:
        raise UserError(f"the process that works on {folder} does not answer: it may be stopped (Ctrl-Z)") from None
    said: dict[str, Any] = json.loads(line)
    if "error" in said:
        raise UserError(said["error"])
    return said


def _bound(folder: Path) -> socket.socket:
    (folder / _NAME).unlink(missing_ok=True)  # of a process that was killed
    made = socket.socket(socket.AF_UNIX)
    os.fchmod(made.fileno(), 0o600)  # the file has the socket's mode
    with _address(folder) as address:
        made.bind(address)
    return made


@contextmanager
def _address(folder: Path) -> Iterator[str]:
    """The socket's address; one that is too long goes by the open folder."""
    path = str(folder / _NAME)
    if len(os.fsencode(path)) <= _LONGEST:
        yield path
        return
    opened = os.open(folder, os.O_RDONLY)
    try:
        yield f"/proc/self/fd/{opened}/{_NAME}"
    finally:
        os.close(opened)
