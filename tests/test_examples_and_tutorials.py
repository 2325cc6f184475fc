"""Every example and tutorial runs as it stands."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SLIPSTICK = Path(sys.executable).with_name("slipstick")
SCRIPTS = sorted((ROOT / "examples").glob("*.py"))
BLOCK = re.compile(r'^```(\w+)(?: title="([^"]+)")?\n(.*?)^```$', re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("script", SCRIPTS, ids=[path.name for path in SCRIPTS])
def test_the_example_runs(script: Path) -> None:
    found = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=False, timeout=120)
    assert (found.returncode, found.stderr) == (0, "")
    assert found.stdout.strip()


def test_every_example_is_in_the_list() -> None:
    listed = set(re.findall(r"\]\(([\w.]+)\)", (ROOT / "examples" / "README.md").read_text()))
    assert listed == {path.name for path in (ROOT / "examples").iterdir()} - {"README.md", "__pycache__"}


def test_the_notebook_runs() -> None:
    nbformat = pytest.importorskip("nbformat", reason="nbformat is not installed")
    nbclient = pytest.importorskip("nbclient", reason="nbclient is not installed")
    book = nbformat.read(ROOT / "examples" / "notebook.ipynb", as_version=4)
    nbclient.NotebookClient(book, timeout=120, kernel_name="python3").execute()
    said = [output.get("text", "") for cell in book.cells for output in cell.get("outputs", [])]
    assert any("output: 385" in text for text in said)
    assert any("masked" in text for text in said)


def follow(page: str, folder: Path) -> list[str]:
    """What the commands of a page print: its titled blocks are written as files, its `sh` blocks are run."""
    said = []
    for language, title, text in BLOCK.findall((ROOT / "docs" / page).read_text("utf-8")):
        if title:
            (folder / title).write_text(text)
        elif language == "sh" and "localhost" not in text:
            for line in text.splitlines():
                command = [str(SLIPSTICK), *shlex.split(line)[1:]]
                ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=240)
                assert ran.returncode == 0, f"{line}\n{ran.stdout}{ran.stderr}"
                said.append(ran.stdout)
    return said


def test_the_tutorial_on_judging_gives_what_it_says(tmp_path: Path) -> None:
    evaluated, traced, _, compared = follow("tutorial-judge.md", tmp_path)
    row = next(line for line in evaluated.splitlines() if "all problems" in line)
    assert row.split()[2:] == ["75.0", "30.1–95.4", "75.0", "30.1–95.4", "100.0", "4"]
    assert "the price is 35" in traced and "incorrect" in traced
    assert "no difference shown" in compared


@pytest.mark.slow
def test_the_tutorial_on_training_gives_what_it_says(tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="the extra `train` is not installed")
    *_, evaluated = follow("tutorial-train.md", tmp_path)
    assert "all problems" in evaluated
    assert (tmp_path / "runs" / "small" / "model" / "README.md").is_file()
    assert (tmp_path / "runs" / "test" / "report.html").is_file()
