"""Every tutorial runs as it stands, and prints what the page shows."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

import pytest

from ..wishes.typed import slipstick
from .server import Tutor

DOCS = Path(__file__).parents[2] / "docs"
BLOCK = re.compile(r'^```(\w+)(?: title="([^"]+)")?\n(.*?)^```$', re.MULTILINE | re.DOTALL)
SERVER = "http://localhost:8000/v1"


@pytest.fixture(scope="module")
def tutor() -> Iterator[str]:
    """The address of a server that solves the tutorials' problems."""
    server = Tutor()
    yield server.url
    server.stop()


def follow(page: str, folder: Path, replaced: dict[str, str] | None = None) -> list[str]:
    """Writes a page's titled blocks as files, runs its `sh` blocks, and looks for the lines of its `text` blocks.

    Gives what each command printed. `replaced` has what the page says for another machine: addresses, models.
    """
    said: list[str] = []
    written = (DOCS / page).read_text("utf-8")
    for there, here in (replaced or {}).items():
        written = written.replace(there, here)
    for language, title, text in BLOCK.findall(written):
        if title and language != "console":
            (folder / title).write_text(text)
        elif language == "sh":
            said += [run(line, folder) for line in text.splitlines()]
        elif language == "text":
            for line in filter(None, map(plain, text.splitlines())):
                assert line in plain(said[-1]), f"{page}: {line}\n{said[-1]}"
    return said


def run(line: str, folder: Path) -> str:
    """What a command prints; `python` is that of this environment."""
    name, _, words = line.partition(" ")
    kept = {key: value for key, value in os.environ.items() if not key.lower().endswith("_proxy")}
    with patch.dict(os.environ, kept | {"COLUMNS": "110"}, clear=True):
        if name == "slipstick":
            code, said = slipstick(words, folder)
        else:
            command = [{"python": sys.executable}[name], *shlex.split(words)]
            ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=240)
            code, said = ran.returncode, ran.stdout + ran.stderr
    assert code == 0, f"{line}\n{said}"
    return said


def plain(text: str) -> str:
    """Without the lines of tables, every gap one space."""
    return " ".join(re.sub(r"[─│╭╮╰╯]", " ", text).split())


def test_the_tutorial_on_judging_gives_what_it_says(tmp_path: Path, tutor: str) -> None:
    follow("tutorial-judge.md", tmp_path, {SERVER: tutor})
    assert list((tmp_path / "runs" / "mine" / "figures").glob("*.svg"))


def test_the_tutorial_on_regrading_gives_what_it_says(tmp_path: Path) -> None:
    follow("tutorial-regrade.md", tmp_path)
    assert list((tmp_path / "runs").glob("*/disagreements.jsonl")), "what the page speaks of"


@pytest.mark.slow
def test_the_tutorial_on_a_model_from_scratch_gives_what_it_says(tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="the extra `train` is not installed")
    *_, evaluated = follow("tutorial-train.md", tmp_path)
    assert "all problems" in evaluated
    assert (tmp_path / "runs" / "small" / "model" / "README.md").is_file()
    assert (tmp_path / "runs" / "test" / "report.html").is_file()


@pytest.mark.slow
def test_the_tutorial_on_a_teacher_gives_what_it_says(tmp_path: Path, tutor: str, tiny_model: Path) -> None:
    (tmp_path / "tiny").symlink_to(tiny_model)
    replaced = {SERVER: tutor, "smollm2": "tiny", "hf:smollm2": "hf:tiny", 'template = "chat"\n': "", "25_000": "2_000"}
    follow("tutorial-teacher.md", tmp_path, replaced)
    assert (tmp_path / "runs" / "lora" / "model" / "adapter").is_dir()


@pytest.mark.slow
def test_the_tutorial_on_reinforcement_learning_gives_what_it_says(tmp_path: Path, tiny_model: Path) -> None:
    (tmp_path / "tiny").symlink_to(tiny_model)
    small = {"max_steps = 20": "max_steps = 1", "batch_size = 32": "batch_size = 8", "max_tokens=128": "max_tokens=16"}
    shorter = {"max_tokens = 128": "max_tokens = 16", "n=100": "n=10", "n=16": "n=4"}
    follow("tutorial-grpo.md", tmp_path, small | shorter | {"runs/quickstart/train/model": "tiny"})
    assert (tmp_path / "runs" / "grpo" / "model" / "steps.jsonl").is_file()
