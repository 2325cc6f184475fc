"""The search for holes finds one that is planted: a call more than the sandbox allows, in a copy of it."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from slipstick.interpreters.host.isolation import missing

ROOT = Path(__file__).parents[3]
SEARCH = """
from pathlib import Path
from benchmarks.attack_search import search
search('full', 2.0, 0, Path('searched'), most=1, only=(%r,))
"""
GUEST = "src/slipstick/interpreters/guest"


# Only holes within the namespaces of `full`: what is planted is used.
@pytest.mark.parametrize(
    ("call", "changes"),
    [
        ("kill", {"kill = [{ place = 0, itself = true,": "kill = [{ place = 0,"}),
        ("fcntl", {"one_of = [0, 1030,": "one_of = [0, 1030, 8, 10,"}),  # a pipe's owner, and its signal
    ],
)
def test_search_finds_a_planted_hole(call: str, changes: dict[str, str], tmp_path: Path) -> None:
    if missing("full"):
        pytest.skip(f"this machine lacks {missing('full')}")
    (tmp_path / "searched").mkdir()
    for folder in ("src", "benchmarks"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    table = tmp_path / GUEST / "syscalls.toml"
    for before, after in changes.items():
        table.write_text(table.read_text("utf-8").replace(before, after, 1), "utf-8")
    second_wall = tmp_path / GUEST / "confinement.py"  # the signal scope of Landlock, which would hold both off
    second_wall.write_text(second_wall.read_text("utf-8").replace("version() >= 6", "version() >= 99"), "utf-8")
    done = subprocess.run(
        [sys.executable, "-c", SEARCH % call],
        env={**os.environ, "PYTHONPATH": f"{tmp_path / 'src'}:{tmp_path}"},
        check=False,
        capture_output=True,
        text=True,
        timeout=240,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    *findings, numbers = [json.loads(line) for line in done.stdout.splitlines()]
    assert "innocent program" in json.dumps(findings), done.stderr
    assert numbers["findings"] == len(findings) == 1
