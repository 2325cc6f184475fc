"""What is kept of an output: head and tail, the same for the process and for whoever reads its memory."""

import os
import struct

import pytest

from slipstick.interpreters.guest.capture import Captures, memory_size, read_memory


def _kept(text: bytes) -> str:
    if len(text) <= 1000:
        return text.decode()
    return f"{text[:750].decode()}\n... [{len(text) - 1000} bytes of output cut] ...\n{text[-250:].decode()}"


@pytest.mark.parametrize(
    "sizes", [[0], [3, 4], [750], [1000], [1001], [700, 300], [5000], [1] * 1300, [999, 600, 7, 240]]
)
def test_head_and_tail_are_kept(sizes: list[int]) -> None:
    fd = os.memfd_create("test")
    os.truncate(fd, memory_size(1))
    reader = os.dup(fd)
    captures = Captures(1)
    captures.share(fd)
    captures.begin()
    written = b""
    for number, size in enumerate(sizes):
        part = (b"%d" % number * size)[:size]
        written += part
        captures.out.write(part)
        assert captures.out.ends_line() == (not written)
    captures.err.write(b"other")
    data = os.pread(reader, 10**6, 0)
    assert read_memory(data)[1:] == (_kept(written), "other")
    assert captures.out.take() == _kept(written)
    assert read_memory(os.pread(reader, 10**6, 0))[1:] == ("", "other")
    os.close(reader)


def test_no_content_of_the_memory_is_trusted() -> None:
    for pattern in (b"\xff", b"\x00", b"\x80", struct.pack("Q", 2**63)):
        data = (pattern * memory_size(1))[: memory_size(1)]
        _, out, err = read_memory(data)
        assert len(out) <= 1100
        assert len(err) <= 1100


def test_a_stream_hands_on_its_first_writes_promptly_and_gathers_the_others() -> None:
    captures = Captures(20)
    stream = captures.out.stream()
    for number in range(600):
        print(number, end=" ", file=stream)
    stream.write("now")
    assert captures.out.take().endswith("599 now")
    for number in range(3000):
        print(number, file=stream)
    stream.flush()
    assert captures.out.take().endswith("2999\n")
