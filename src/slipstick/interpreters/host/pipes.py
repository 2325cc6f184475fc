"""The standard streams of a script, seen from outside: pipes whose other ends become its descriptors 0, 1 and 2."""

from __future__ import annotations

import asyncio
import fcntl
import os
from collections.abc import Callable

_CHUNK = 65536
_MOST_LEFT = 16
"""Chunks that are read when a script has ended: what is still in a pipe, and not what others go on writing."""
MOST_WRITTEN = 256 << 20
"""Bytes that a script may write before it is ended."""
_PROMPT = 8
_PAUSE = 0.001
"""After so many chunks, reading pauses after a small one: a script that writes line by line does not wake us for each.
"""
_SEALS = fcntl.F_ADD_SEALS, fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE


class Kept:
    """The head and the tail of what was written: at most `most` bytes."""

    def __init__(self, most: int) -> None:
        self._head_size = most * 3 // 4
        self._tail_size = most - self._head_size
        self._head = bytearray()
        self._tail = bytearray()
        self._cut = 0

    def add(self, data: bytes) -> None:
        """Keeps what has room."""
        room = self._head_size - len(self._head)
        self._head += data[:room]
        self._tail += data[room:]
        if len(self._tail) > 2 * self._tail_size + _CHUNK:
            self._trim()

    def text(self) -> str:
        """What was kept, with a notice of how much was cut; what is no UTF-8 is replaced."""
        self._trim()
        notice = b"\n... [%d bytes of output cut] ...\n" % self._cut if self._cut else b""
        return b"".join([self._head, notice, self._tail]).decode("utf-8", "replace")

    def _trim(self) -> None:
        extra = len(self._tail) - self._tail_size
        if extra > 0:
            del self._tail[:extra]
            self._cut += extra


class Pipes:
    """Our ends of the pipes. Belongs to the running event loop.

    stdin: what the script can read; it need not. source: its code, for tracebacks; None for a program whose two outputs
    are one stream. most: bytes kept of each stream. on_flood: called once if the script writes without end.
    """

    def __init__(self, stdin: bytes, source: str | None, *, most: int, on_flood: Callable[[], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._on_flood = on_flood
        self._read = 0
        """Bytes read so far."""
        self._chunks = 0
        self._kept: dict[int, Kept] = {}
        reader, self._feed = os.pipe2(os.O_CLOEXEC)
        self._stdin = memoryview(stdin)
        self.theirs = [reader]
        """The descriptors to send: the script's 0, 1 and 2, then a file with its source."""
        os.set_blocking(self._feed, False)
        if not self._write():
            self._loop.add_writer(self._feed, self._write)
        for _ in range(1 if source is None else 2):
            ours, writer = os.pipe2(os.O_CLOEXEC)
            os.set_blocking(ours, False)
            self.theirs.append(writer)
            self._kept[ours] = Kept(most)
            self._loop.add_reader(ours, self._receive, ours)
        self.theirs.append(self.theirs[1] if source is None else _file(source))

    def sent(self) -> None:
        """Closes the script's ends here, once its process has them."""
        for each in set(self.theirs):
            os.close(each)
        self.theirs = []

    def texts(self) -> list[str]:
        """What has been written: standard output and standard error, or both in one."""
        for ours in self._kept:
            for _ in range(_MOST_LEFT):
                if not self._take(ours):
                    break
        return [kept.text() for kept in self._kept.values()]

    def close(self) -> None:
        """Closes all that is open here."""
        self.sent()
        self._end_feed()
        for ours in self._kept:
            self._loop.remove_reader(ours)
            os.close(ours)
        self._kept = {}

    def _write(self) -> bool:
        """Writes what fits of the standard input; whether no more is to be written."""
        try:
            while self._stdin:
                self._stdin = self._stdin[os.write(self._feed, self._stdin) :]
        except BlockingIOError:
            return False
        except OSError:  # the script has closed its end
            pass
        self._end_feed()
        return True

    def _end_feed(self) -> None:
        if self._feed >= 0:
            self._loop.remove_writer(self._feed)
            os.close(self._feed)
            self._feed = -1

    def _receive(self, ours: int) -> None:
        size = self._take(ours)
        if not size or self._read > MOST_WRITTEN:
            self._loop.remove_reader(ours)
        elif size < _CHUNK // 4 and self._chunks > _PROMPT:
            self._loop.remove_reader(ours)
            self._loop.call_later(_PAUSE, self._resume, ours)
        if self._read > MOST_WRITTEN:
            self._on_flood()

    def _resume(self, ours: int) -> None:
        if ours in self._kept:
            self._loop.add_reader(ours, self._receive, ours)

    def _take(self, ours: int) -> int:
        """Reads a chunk, and returns its bytes: 0 at the end and while there is nothing to read."""
        try:
            data = os.read(ours, _CHUNK)
        except BlockingIOError:
            return 0
        self._read += len(data)
        self._chunks += 1
        self._kept[ours].add(data)
        return len(data)


def _file(source: str) -> int:
    """A file in memory that cannot be changed."""
    made = os.memfd_create("source", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    data = memoryview(source.encode("utf-8", "surrogatepass"))
    while data:
        data = data[os.write(made, data) :]
    fcntl.fcntl(made, *_SEALS)
    return made
