"""Small files in the raw shapes of tools and data sets: each loads, or fails with one line that names the remedy."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from slipstick.commands import Invocation
from slipstick.commands.grade import run_grade
from slipstick.commands.import_data import run_import
from slipstick.errors import UserError
from slipstick.problems import load_problems
from slipstick.schema import Problem
from slipstick.store import RunFolder

FOLDER = Path(__file__).parent / "cases" / "files"
CASES: list[dict[str, Any]] = json.loads((FOLDER / "index.json").read_text("utf-8"))


def problems_of(path: Path, settings: list[str]) -> list[Problem]:
    fields = dict(setting.removeprefix("field_map.").split("=") for setting in settings)
    return list(load_problems(str(path), field_map=fields or None, on_notice=lambda line: None))


@pytest.mark.parametrize("case", CASES, ids=[case["file"] for case in CASES])
def test_a_file_loads_or_says_what_to_do(case: dict[str, Any], tmp_path: Path) -> None:
    path, settings, console = FOLDER / case["file"], case.get("set", []), Console(file=io.StringIO(), width=200)
    run = {"grade": run_grade, "import": run_import}.get(case["verb"])
    invocation = Invocation(str(path), overrides=settings, out=tmp_path / "run")
    if says := case.get("says"):
        with pytest.raises(UserError) as error:
            _ = run(invocation, console) if run else problems_of(path, settings)
        assert re.search(says, str(error.value)) and "\n" not in str(error.value)
        assert not (tmp_path / "run").exists()
        return
    if run is None:
        found = problems_of(path, settings)
        assert ([problem.answer for problem in found], len(found)) == (case["golds"], case["rows"])
        return
    folder = RunFolder(run(invocation, console))
    solutions = list(folder.solutions())
    assert len(solutions) == case["rows"]
    if "formats" in case:
        assert [solution.format for solution in solutions] == case["formats"]
        assert [problem.answer for problem in folder.problems()] == case["golds"]
    if "outcomes" in case:
        assert [solution.verdict and solution.verdict.outcome for solution in solutions] == case["outcomes"]


def test_every_file_has_its_case() -> None:
    assert {path.name for path in FOLDER.iterdir()} == {case["file"] for case in CASES} | {"index.json"}
    assert len(CASES) >= 40
