"""Files that are written whole or not at all."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from slipstick.parts import part_of, replacing
from slipstick.store import write_atomically

_WRITER = """
import sys
from pathlib import Path
from slipstick.parts import replacing
with replacing(Path(sys.argv[1])) as new:
    new.write(b"half of a much longer text\\n" * 1000)
    new.flush()
    print("half", flush=True)
    if sys.stdin.readline():
        new.write(b"whole\\n")
"""


def half_written(path: Path) -> subprocess.Popen[str]:
    """A process that has written half of a file and waits for a line to write the rest."""
    process = subprocess.Popen(
        [sys.executable, "-c", _WRITER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout and process.stdout.readline() == "half\n"
    return process


def test_what_a_kill_leaves_is_gone_once_the_file_is_written_again(tmp_path: Path) -> None:
    file = tmp_path / "messages.jsonl"
    file.write_text("old\n")
    with half_written(file) as process:
        process.send_signal(signal.SIGKILL)
    assert file.read_text() == "old\n" and part_of(file).stat().st_size > 0
    write_atomically(file, ["n", "ew\n"])
    assert file.read_text() == "new\n" and [*tmp_path.iterdir()] == [file]


def test_a_writer_that_fails_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text("old\n")
    with pytest.raises(UnicodeEncodeError):
        write_atomically(file, ["new\n", "\ud800"])
    assert file.read_text() == "old\n" and [*tmp_path.iterdir()] == [file]
    with pytest.raises(IsADirectoryError):
        write_atomically(tmp_path, "a file where a folder is")
    assert not part_of(tmp_path).exists()


def test_two_processes_that_write_one_file_take_turns(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    with half_written(file) as first:
        second = subprocess.Popen(
            [sys.executable, "-c", _WRITER, str(file)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        with second:
            assert first.stdin and second.stdin and second.stdout
            first.stdin.write("go on\n")
            first.stdin.close()
            assert second.stdout.readline() == "half\n"  # it has begun, so the first is done
            assert file.read_text().endswith("whole\n")
            second.send_signal(signal.SIGKILL)
    assert file.read_text().endswith("whole\n") and file.read_text().count("\n") == 1001


def test_a_new_file_has_the_permissions_of_any_other(tmp_path: Path) -> None:
    write_atomically(tmp_path / "ours", "")
    (tmp_path / "another").write_text("")
    with replacing(tmp_path / "bytes") as new:
        new.write(b"\x00")
    assert len({path.stat().st_mode for path in tmp_path.iterdir()}) == 1
