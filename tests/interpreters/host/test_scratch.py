"""Removal of scratch folders, whatever a program has left in them."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

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
