"""The attacks of ../shared: every one is contained by each isolation that confines files and processes."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from slipstick.interpreters.host.isolation import missing

ATTACKS = Path(__file__).parents[4] / "shared" / "attacks" / "attacks.jsonl"
UNSHARE = ["unshare", "--user", "--map-root-user", "--pid", "--fork", "--kill-child", "--net", "--ipc"]


@pytest.mark.skipif(not ATTACKS.exists(), reason=f"{ATTACKS} is absent")
@pytest.mark.parametrize("isolation", ["full", "kernel"])
def test_attacks_are_contained(isolation: str, tmp_path: Path) -> None:
    if missing(isolation):
        pytest.skip(f"this machine lacks {missing(isolation)}")
    if not shutil.which("unshare") or subprocess.run([*UNSHARE, "true"], check=False).returncode != 0:
        pytest.skip("unshare(1), which makes the namespaces to run attacks in, is absent or refused")
    arena = [sys.executable, str(Path(__file__).parent / "arena.py"), isolation, str(tmp_path / "arena"), str(ATTACKS)]
    done = subprocess.run([*UNSHARE, *arena], check=False, capture_output=True, text=True, timeout=250)
    assert done.returncode == 0, done.stderr
    results = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(results) == len(ATTACKS.read_text("utf-8").splitlines())
    assert [result for result in results if not result["contained"]] == []
