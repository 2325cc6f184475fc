"""Every example runs as it stands. The tutorials: `tests/tutorials`."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SCRIPTS = sorted((ROOT / "examples").glob("*.py"))


@pytest.mark.parametrize("script", SCRIPTS, ids=[path.name for path in SCRIPTS])
def test_the_example_runs(script: Path) -> None:
    found = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=False, timeout=120)
    assert (found.returncode, found.stderr) == (0, "")
    assert found.stdout.strip()


def test_every_example_is_in_the_list() -> None:
    listed = set(re.findall(r"\]\(([\w.]+)\)", (ROOT / "examples" / "README.md").read_text()))
    assert listed == {path.name for path in (ROOT / "examples").iterdir()} - {"README.md", "__pycache__"}


def printed(notebook: str) -> list[str]:
    """What the cells of a notebook print."""
    nbformat = pytest.importorskip("nbformat", reason="nbformat is not installed")
    nbclient = pytest.importorskip("nbclient", reason="nbclient is not installed")
    book = nbformat.read(ROOT / "examples" / notebook, as_version=4)
    nbclient.NotebookClient(book, timeout=120, kernel_name="python3").execute()
    return [output.get("text", "") for cell in book.cells for output in cell.get("outputs", [])]


def test_the_notebook_runs() -> None:
    said = printed("notebook.ipynb")
    assert any("output: 385" in text for text in said)
    assert any("masked" in text for text in said)


def test_the_notebook_of_frames_runs() -> None:
    pytest.importorskip("pandas", reason="pandas is not installed")
    said = printed("frames.ipynb")
    assert any("ok        60" in text for text in said)
    assert any("different values" in text for text in said)
