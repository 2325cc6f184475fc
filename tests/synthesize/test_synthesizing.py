"""The verb: a method a recipe names, corrupt rows in the drops, a kill that loses and doubles nothing."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from rich.console import Console

from slipstick.commands import Invocation
from slipstick.commands.synthesize import run_synthesize
from slipstick.errors import RecipeError
from slipstick.store import RunFolder

RUN = "import sys; from slipstick.cli import main; sys.argv[0] = 'slipstick'; main()"


def recipe(folder: Path, rows: int, *, corrupt: int | None = None) -> Path:
    """A recipe over so many problems of a file, one line of which is no row."""
    lines = [
        json.dumps(
            {
                "id": f"own/{number}",
                "question": f"A crate holds {number} jars. How many jars are in 3 crates and a bag of 5 jars?",
                "answer": str(3 * number + 5),
                "answer_type": "number",
                "solution": f"The crates hold 3*{number} = <<3*{number}={3 * number}>>{3 * number} jars.\n"
                f"With the bag there are {3 * number}+5 = <<{3 * number}+5={3 * number + 5}>>{3 * number + 5} jars.",
            }
        )
        for number in range(20, 20 + rows)
    ]
    if corrupt is not None:
        lines[corrupt] = lines[corrupt][:40]
    (folder / "problems.jsonl").write_text("\n".join(lines) + "\n")
    path = folder / "mine.toml"
    path.write_text(
        f'method = "annotations"\nproblems = "{folder / "problems.jsonl"}"\nformats = ["cot", "pot", "tir"]\n'
    )
    return path


def rows(folder: Path) -> list[dict[str, object]]:
    """Solutions and drops without what a clock says."""
    found = []
    for record in [*RunFolder(folder).solutions(), *RunFolder(folder).dropped()]:
        row = record.model_dump(mode="json")
        row.pop("seconds", None)
        for block in row.get("blocks", []):
            block.pop("seconds", None)
            block.pop("cpu_seconds", None)
        found.append(row)
    return sorted(found, key=json.dumps)


def test_a_corrupt_row_goes_to_the_drops(tmp_path: Path) -> None:
    mine = recipe(tmp_path, 4, corrupt=2)
    run = RunFolder(run_synthesize(Invocation(str(mine), out=tmp_path / "run"), Console(quiet=True)))
    assert len(list(run.solutions())) == 9
    drops = list(run.dropped())
    assert [drop.rule for drop in drops] == ["corrupt source row"]
    assert f"{tmp_path / 'problems.jsonl'}:3" in drops[0].reason
    assert run.run().counts["dropped"] == 1
    before = rows(run.path)
    run_synthesize(Invocation(str(mine), out=run.path, resume=True), Console(quiet=True))
    assert rows(run.path) == before


def test_killed_and_resumed_it_ends_the_same(tmp_path: Path) -> None:
    mine = recipe(tmp_path, 60, corrupt=10)
    whole = run_synthesize(Invocation(str(mine), out=tmp_path / "whole"), Console(quiet=True))
    out = tmp_path / "killed"
    process = subprocess.Popen(
        [sys.executable, "-c", RUN, "synthesize", str(mine), "--out", str(out)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    file = out / "solutions.jsonl"
    deadline = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < deadline:
        if file.is_file() and file.read_bytes().count(b"\n") > 5:
            break
        time.sleep(0.002)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    with file.open("ab") as torn:
        torn.write(b'{"id":"own/79#tir#0","problem_id":')
    run_synthesize(Invocation(str(mine), out=out, resume=True), Console(quiet=True))
    assert rows(out) == rows(whole)
    assert RunFolder(out).run().counts == RunFolder(whole).run().counts


def test_an_unknown_method_is_named(tmp_path: Path) -> None:
    mine = recipe(tmp_path, 2)
    with pytest.raises(RecipeError, match=r"method = 'anotations' is not known \(did you mean `annotations`"):
        run_synthesize(Invocation(str(mine), ["method=anotations"], out=tmp_path / "run"), Console(quiet=True))


def test_settings_of_another_method_are_refused(tmp_path: Path) -> None:
    mine = recipe(tmp_path, 2)
    with pytest.raises(RecipeError, match="temperature"):
        run_synthesize(Invocation(str(mine), ["temperature=1"], out=tmp_path / "run"), Console(quiet=True))
