"""Scratch folders of sessions, and their removal, whatever a program has left in them."""

import os
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest

from slipstick.interpreters.host.isolation import ISOLATION, missing
from slipstick.interpreters.host.sandbox import Sandbox
from slipstick.interpreters.host.scratch import make_scratch, remove_scratch


def deep(folder: Path) -> None:
    at = os.open(folder, os.O_RDONLY)
    for _ in range(3000):
        os.mkdir("d", dir_fd=at)
        inner = os.open("d", os.O_RDONLY, dir_fd=at)
        os.close(at)
        at = inner
    os.close(at)


def closed(folder: Path) -> None:
    (folder / "a" / "b" / "c").mkdir(parents=True)
    (folder / "a" / "b" / "file").write_text("x")
    for name in ("a/b/c", "a/b", "a"):
        (folder / name).chmod(0)
    folder.chmod(0o500)


def links(folder: Path) -> None:
    (folder / "d").mkdir()
    for at in (folder, folder / "d"):
        (at / "up").symlink_to("..")
        (at / "out").symlink_to(folder.parent / "outside")
        (at / "nowhere").symlink_to("nowhere")
    os.mkfifo(folder / "d" / "pipe")


def names(folder: Path) -> None:
    for name in ("slipstick-0", "slipstick-1", "-rf", " ", "\n", "ä" * 100):
        (folder / name / name).mkdir(parents=True)
    os.mkdir(os.fsencode(folder) + b"/\xff\xfe")  # noqa: PTH102 - no text


@pytest.mark.parametrize("fill", [deep, closed, links, names])
def test_everything_in_a_folder_goes_and_nothing_outside_it(fill: Callable[[Path], None], tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir(mode=0o751)
    (outside / "file").write_text("precious")
    folder = tmp_path / "scratch"
    folder.mkdir()
    fill(folder)
    remove_scratch(str(folder))
    assert not folder.exists()
    assert (outside / "file").read_text() == "precious"
    assert outside.stat().st_mode & 0o777 == 0o751


def test_a_link_instead_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "file").write_text("precious")
    (tmp_path / "scratch").symlink_to(outside)
    with pytest.warns(ResourceWarning, match="scratch folder .* cannot be removed"):
        remove_scratch(str(tmp_path / "scratch"))
    assert (outside / "file").read_text() == "precious"


def test_a_folder_that_is_gone_is_no_error() -> None:
    folder = make_scratch()
    assert Path(folder).stat().st_mode & 0o777 == 0o700
    remove_scratch(folder)
    remove_scratch(folder)


@pytest.mark.parametrize("isolation", ISOLATION)
def test_scratch_folder_is_private_and_goes_with_its_session(
    isolation: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if missing(isolation):
        pytest.skip(f"this machine lacks {missing(isolation)}")
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    with Sandbox(scratch_mb=1, isolation=isolation) as sandbox, sandbox.session() as one, sandbox.session() as two:
        assert one.run("open('a.txt', 'w').write('kept')").text == "4"
        assert one.run("open('a.txt').read()").text == "'kept'"
        folder = one.run("import os\nprint(os.getcwd())").text
        assert two.run("import os\nos.listdir()").text == "[]"
        if isolation == "kernel":
            assert "PermissionError" in two.run(f"open({folder!r} + '/b', 'w')").text
        assert one.run("open('big', 'wb').write(bytes(2 << 20))").status == "error"
        if isolation == "full":  # one file within the limit each, too many in all
            assert one.run("for i in range(2): open(f'{i}', 'wb').write(bytes(1 << 19))").status == "error"
        assert len(list(tmp_path.iterdir())) == (0 if isolation == "full" else 3)  # one is that of who has none
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("isolation", ["kernel", "process"])
def test_folder_of_a_program_that_does_not_end_goes_with_it(isolation: str, tmp_path: Path) -> None:
    if missing(isolation):
        pytest.skip(f"this machine lacks {missing(isolation)}")
    outside = tmp_path / "outside"
    outside.write_text("precious")
    outside.chmod(0o640)
    stay = f"""
import os, threading, time
os._exit = lambda code: time.sleep(30)
folder = os.getcwd()
def work():
    number = 0
    while True:
        number += 1
        try:
            os.mkdir(f"{{folder}}/d{{number % 50}}")
            os.symlink({str(outside)!r}, f"{{folder}}/d{{number % 50}}/link")
        except OSError:
            pass
threading.Thread(target=work, daemon=True).start()
time.sleep(0.1)
print(folder)
"""
    with Sandbox(isolation=isolation, scratch_mb=1, timeout=5) as sandbox, warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(5):
            with sandbox.session() as session:
                folder = session.run(stay).text
                assert Path(folder).is_dir()
            assert not Path(folder).exists()
    assert (outside.read_text(), outside.stat().st_mode & 0o777) == ("precious", 0o640)


def test_scratch_folder_holds_a_bounded_number_of_files() -> None:
    if missing("full"):
        pytest.skip(f"this machine lacks {missing('full')}")
    make = """
for number in range(100_000):
    open(f"f{number}", "w").close()
"""
    with Sandbox(isolation="full", scratch_mb=1, timeout=20) as sandbox:
        assert "No space left" in sandbox.run_many([make])[0].text
