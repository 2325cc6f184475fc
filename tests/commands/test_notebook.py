"""The verbs called from Python: as a script, and in an event loop that is running already, as in a notebook."""

from __future__ import annotations

import asyncio
import io
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from slipstick.commands import Invocation
from slipstick.commands.evaluate import run_evaluate
from slipstick.commands.synthesize import run_synthesize
from slipstick.models.fake import FakeModel
from slipstick.store import RunFolder

PROGRAM = Path(__file__).parents[2] / "examples" / "solve_and_grade.py"


def test_the_example_runs_as_a_script() -> None:
    found = subprocess.run([sys.executable, str(PROGRAM)], capture_output=True, text=True, check=True)
    assert sorted(line.split()[-1] for line in found.stdout.splitlines()) == ["correct"] * 6


def test_the_example_runs_in_a_running_loop(capsys: pytest.CaptureFixture[str]) -> None:
    main = runpy.run_path(str(PROGRAM))["main"]

    async def notebook() -> None:
        await main()

    asyncio.run(notebook())
    assert capsys.readouterr().out.count("correct") == 6


def test_a_recipe_runs_in_a_running_loop(tmp_path: Path) -> None:
    recipe = tmp_path / "r.toml"
    recipe.write_text('problems = "synthetic:known,n=4"\nmodel = "fake:"\nformats = ["pot"]\nsandbox_workers = 1\n')
    model = FakeModel(lambda request: f"print({request.problem.answer!r})")
    console = Console(file=io.StringIO())

    async def notebook() -> tuple[Path, Path]:
        evaluated = run_evaluate(Invocation(str(recipe), out=tmp_path / "evaluated", model=model), console)
        order = Invocation(str(recipe), ["method=teacher"], out=tmp_path / "taught", model=model)
        return evaluated, run_synthesize(order, console)

    evaluated, taught = asyncio.run(notebook())
    assert RunFolder(evaluated).run().counts["correct"] == 4
    assert RunFolder(taught).run().counts["solved"] == 4
