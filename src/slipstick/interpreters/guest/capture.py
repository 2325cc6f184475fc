"""What a step has printed, head and tail, in memory that the host can read when the step does not end by itself.

The host makes the memory, seals its size and reads it as a file: it maps nothing and trusts no content. Layout:

    processor seconds that the process had used when the step began (a float of 8 bytes)
    standard output, then standard error: bytes written in all (8 bytes), the head, a ring with the tail
"""

from __future__ import annotations

import io
import mmap
import os
import struct
import time
from typing import IO, Any, cast

KB = 1000
_NUMBER = 8
_PROMPT_WRITES, _CHUNK = 2000, 256
"""After so many writes, they are gathered until there are so many characters: a program that prints a lot is not slowed
down, and loses but the last of them if it has to be ended."""


def memory_size(output_kb: int) -> int:
    """Bytes of memory for outputs of which `output_kb` kilobytes are kept each."""
    return _NUMBER + 2 * (_NUMBER + output_kb * KB)


class Capture:
    """Keeps the head, three quarters, and the tail, one quarter, of what is written to a stream, however long it is."""

    closed = False

    def __init__(self, memory: memoryview) -> None:
        self._total = memory[:_NUMBER].cast("Q")
        self._kept = memory[_NUMBER:]
        self._size = len(self._kept)
        self._head = _head(self._size)
        self._written = 0
        self._calls = 0
        self._stream: io.TextIOWrapper | None = None

    def stream(self) -> io.TextIOWrapper:
        """A text stream that hands on what it gets: the first writes promptly, so that a step can be ended any time."""
        self._calls = 0
        self._stream = io.TextIOWrapper(cast("IO[bytes]", self), "utf-8", errors="backslashreplace")
        self._stream._CHUNK_SIZE = 1  # type: ignore[attr-defined]
        return self._stream

    def fileno(self) -> int:
        """Standard error's, for what asks for one: as in a notebook, raw writes are not part of the output."""
        return 2

    def readable(self) -> bool:
        return False

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return False

    def flush(self) -> None:
        """Does nothing: everything is written already."""

    def close(self) -> None:
        """Does nothing: what a program prints after closing its stdout is still captured."""

    def write(self, data: Any) -> int:
        start, size = self._written, len(data)
        end = self._written = start + size
        if end <= self._head:
            self._kept[start:end] = data
        else:
            self._write_tail(data, start)
        self._total[0] = end
        self._calls += 1
        if self._calls == _PROMPT_WRITES and self._stream is not None:
            self._stream._CHUNK_SIZE = _CHUNK  # type: ignore[attr-defined]
        return size

    def _write_tail(self, data: Any, start: int) -> None:
        room = max(self._head - start, 0)
        self._kept[start : start + room] = data[:room]
        tail = self._size - self._head
        data, start = data[room:], start + room - self._head
        if len(data) > tail:
            data, start = data[-tail:], start + len(data) - tail
        at = self._head + start % tail
        room = min(self._size - at, len(data))
        self._kept[at : at + room] = data[:room]
        self._kept[self._head : self._head + len(data) - room] = data[room:]

    def ends_line(self) -> bool:
        """Whether the next character starts a line."""
        last = self._written - 1
        if last >= self._head:
            last = self._head + (last - self._head) % (self._size - self._head)
        return last < 0 or self._kept[last] == 10

    def take(self) -> str:
        """The text kept since the last call, with a notice of how much was cut."""
        text = _text(self._written, self._kept)
        self._written = self._total[0] = 0
        return text


class Captures:
    """Both streams of a session's process, in memory of its own until the memory that the host reads is known."""

    def __init__(self, output_kb: int) -> None:
        self._divide(memoryview(bytearray(memory_size(output_kb))))
        self._began = 0.0

    def share(self, fd: int) -> None:
        """Continues in the memory behind a descriptor, which is closed."""
        self._divide(memoryview(mmap.mmap(fd, os.fstat(fd).st_size)))
        os.close(fd)

    def begin(self) -> None:
        """Notes the processor seconds that the process has used before the step that begins."""
        self._began = self._used[0] = time.process_time()

    def spent(self) -> float:
        """Processor seconds that the step has taken."""
        return time.process_time() - self._began

    def _divide(self, memory: memoryview) -> None:
        middle = (_NUMBER + len(memory)) // 2
        self._used = memory[:_NUMBER].cast("d")
        self.out = Capture(memory[_NUMBER:middle])
        self.err = Capture(memory[middle:])


def read_memory(data: bytes) -> tuple[float, str, str]:
    """Processor seconds at the step's start, and what standard output and standard error have kept.

    Nothing of it is certain: the program can write to this memory.
    """
    middle = (_NUMBER + len(data)) // 2
    used: float = struct.unpack_from("d", data)[0]
    out, err = (
        _text(int.from_bytes(part[:_NUMBER], "little"), memoryview(part)[_NUMBER:])
        for part in (data[_NUMBER:middle], data[middle:])
    )
    return used, out, err


def _head(size: int) -> int:
    return size * 3 // 4


def _text(written: int, kept: memoryview) -> str:
    head, size = _head(len(kept)), len(kept)
    if written <= size:
        return str(kept[:written], "utf-8", "replace")
    end = head + (written - head) % (size - head)
    notice = b"\n... [%d bytes of output cut] ...\n" % (written - size)
    return b"".join([kept[:head], notice, kept[end:], kept[head:end]]).decode("utf-8", "replace")
