"""The way back from a row."""

from __future__ import annotations

import io
import shutil
from pathlib import Path

import pytest
from rich.console import Console

from slipstick.commands.trace import run_trace
from slipstick.errors import InputError
from slipstick.store import RunFolder
from slipstick.trace import trace


def test_a_row_is_traced_to_the_run_it_was_written_in(curated_runs: Path) -> None:
    kept = next(RunFolder(curated_runs / "kept").solutions())
    steps = trace(kept.id, curated_runs)
    assert [Path(step.path).name for step in steps] == ["data", "kept"]
    assert all(step.problem and step.problem.id == kept.problem_id for step in steps)
    console = Console(record=True, width=200, file=io.StringIO())
    run_trace(kept.id, [f"runs_dir={curated_runs}"], console)
    said = console.export_text()
    for part in (kept.problem_id, "verdict", "rules passed", "recipe"):
        assert part in said


def test_runs_that_have_a_row_alike_are_one_panel(curated_runs: Path, tmp_path: Path) -> None:
    row = next(RunFolder(curated_runs / "data").solutions()).id
    for name in ("a", "b", "c"):
        shutil.copytree(curated_runs / "data", tmp_path / name)
    console = Console(record=True, width=300, file=io.StringIO())
    run_trace(row, [f"runs_dir={tmp_path}"], console)
    (also,) = (line for line in console.export_text().splitlines() if "the same in" in line)
    assert f"{tmp_path}/b, {tmp_path}/c" in also


def test_a_dropped_row_is_traced_with_its_rule(curated_runs: Path) -> None:
    dropped = next(RunFolder(curated_runs / "kept").dropped())
    steps = trace(dropped.row["id"], curated_runs)
    assert steps[-1].drop == dropped
    with pytest.raises(InputError, match="no run in"):
        trace("nobody/knows/1#cot#0", curated_runs)
