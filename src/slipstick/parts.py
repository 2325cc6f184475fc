"""Files that are written whole or not at all.

A file is written beside its place, as .NAME.part, and moved there when it is complete. A kill leaves the part; the next
process that writes the same file writes over it, so that there is never more than one. Two processes that write one
file take turns. Of a file to which lines are added, a kill may leave a torn line: `cut_torn_line`.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO


def part_of(path: Path) -> Path:
    """Where a file is written before it is complete."""
    return path.with_name(f".{path.name}.part")


@contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """A new file that takes the place of `path` when the block ends; if the block raises, `path` stays as it was."""
    part = part_of(path)
    with _locked(part) as new:
        try:
            yield new
            new.flush()
            os.fsync(new.fileno())
            part.replace(path)
        except BaseException:
            part.unlink(missing_ok=True)
            raise


def _locked(part: Path) -> IO[bytes]:
    """The part, empty and locked. Whoever had it locked has moved or removed it by then: it is opened again."""
    while True:
        new = os.fdopen(os.open(part, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o666), "wb")
        try:
            fcntl.flock(new, fcntl.LOCK_EX)
            if part.exists() and os.path.samestat(part.stat(), os.fstat(new.fileno())):
                new.truncate(0)
                return new
        except FileNotFoundError:  # moved between the two
            pass
        except BaseException:
            new.close()
            raise
        new.close()


def cut_torn_line(path: Path) -> None:
    """Removes the last line of a file if a kill cut it before its newline; no file is as good as a whole one."""
    if not path.is_file():
        return
    with path.open("rb+") as file:
        size = file.seek(0, os.SEEK_END)
        start = size
        while start > 0:  # back to the last newline, in blocks
            block = min(1 << 16, start)
            file.seek(start - block)
            newline = file.read(block).rfind(b"\n")
            if newline >= 0:
                start = start - block + newline + 1
                break
            start -= block
        if start < size:
            file.truncate(start)
