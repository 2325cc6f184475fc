"""Replies of a session's process, however they arrive."""

import asyncio
import socket

import pytest

from slipstick.interpreters.guest import protocol
from slipstick.interpreters.host.channel import Channel


def _receive(written: bytes, *, asked: bool = True) -> dict[str, object] | None:
    async def scenario() -> dict[str, object] | None:
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        channel = Channel(ours, most=1000)
        if asked:
            channel.send(b"request")
        with theirs:
            theirs.sendall(written)
        await asyncio.sleep(0.05)  # a busy machine: the process has ended when its reply is looked at
        try:
            return await channel.receive(1.0)
        finally:
            channel.close()

    return asyncio.run(scenario())


def test_a_reply_counts_although_the_process_has_ended_since() -> None:
    frame = protocol.pack({"id": 1}, limit=1000)
    assert _receive(frame) == {"id": 1}
    with pytest.raises(protocol.FrameError, match="more than one"):
        _receive(frame * 2)
    with pytest.raises(ConnectionResetError):
        _receive(frame[:-1])


def test_what_comes_unasked_is_not_kept() -> None:
    with pytest.raises(protocol.FrameError, match="no request"):
        _receive(protocol.pack({"id": 1}, limit=1000), asked=False)
