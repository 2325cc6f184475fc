"""Replies: long ones that a program forged are refused before they are read."""

import pytest

from slipstick.interpreters.guest import protocol
from slipstick.interpreters.guest.protocol import FrameError, Reply

LONG = Reply("ok", text='"\\ü\n' * 50_000, error=["ValueError", "[{"], images=["iVBORw0KGgo" * 20_000] * 4, cpu=1.5e-7)


def test_long_reply_arrives_as_it_was_sent() -> None:
    frame = protocol.pack_reply(3, LONG, output_kb=1000)
    assert protocol.read_reply(protocol.unpack_reply(frame), 3) == LONG


@pytest.mark.parametrize("part", ["[],", "{},", '{"a":0},', "0,", '"",', "[[[["])
def test_long_reply_of_many_parts_is_refused(part: str) -> None:
    body = f'{{"id": 1, "status": "ok", "images": [{part * 40_000}""]}}'.encode()
    with pytest.raises(FrameError, match="long frame"):
        protocol.unpack_reply(len(body).to_bytes(4, "big") + body)


@pytest.mark.parametrize("field", ["\ud800", "x" * 1000, "self", "id"])
def test_a_name_that_a_program_made_up_is_not_told(field: str) -> None:
    with pytest.raises(FrameError) as caught:
        protocol.read_reply({"id": 1, "status": "ok", field: 0}, 1)
    assert str(caught.value) in ("a reply with an unknown field", "a reply to no request")
