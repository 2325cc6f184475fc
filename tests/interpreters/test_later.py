"""A run of words alone needs no interpreter: it goes through on any system; only a format with programs refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from rich.console import Console

from slipstick.commands import Invocation
from slipstick.commands.doctor import examine
from slipstick.commands.evaluate import run_evaluate
from slipstick.commands.execute import run_execute
from slipstick.errors import InputError, InterpreterError
from slipstick.store import RunFolder


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    problem = {"id": "p/1", "text": "What is 6 times 7?", "answer": "42"}
    script = [{"problem_id": "p/1", "format": name, "text": "The answer is 42."} for name in ("cot", "pot")]
    (tmp_path / "problems.jsonl").write_text(json.dumps(problem) + "\n")
    (tmp_path / "script.jsonl").write_text("".join(json.dumps(row) + "\n" for row in script))
    recipe = tmp_path / "r.toml"
    recipe.write_text(
        f'problems = "{tmp_path}/problems.jsonl"\nmodel = "fake:{tmp_path}/script.jsonl"\nformats = ["cot"]\n'
    )
    return recipe


def test_words_alone_need_no_linux(recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("slipstick.interpreters.host.isolation.sys.platform", "darwin")
    console = Console(quiet=True)
    folder = RunFolder(run_evaluate(Invocation(str(recipe), out=tmp_path / "cot"), console))
    assert folder.run().status == "finished"
    with pytest.raises(InterpreterError, match="needs Linux; this machine runs darwin"):
        run_evaluate(Invocation(str(recipe), ["formats=pot"], out=tmp_path / "pot"), console)
    assert not (tmp_path / "pot").exists() or RunFolder(tmp_path / "pot").run().status != "finished"


def test_nothing_to_execute(recipe: Path, tmp_path: Path) -> None:
    console = Console(quiet=True)
    run = run_evaluate(Invocation(str(recipe), out=tmp_path / "cot"), console)
    with pytest.raises(InputError, match="has no program to execute; the formats of its solutions: cot"):
        run_execute(Invocation(str(run)), console)
    assert not (tmp_path / "cot-executed").exists()


def test_doctor_says_what_does_not_work_on_other_systems(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("slipstick.interpreters.host.isolation.sys.platform", "win32")
    found = dict(examine([]))
    assert "needs Linux; this machine runs win32: run slipstick in Docker or WSL" in found["interpreter"]
    assert "the format cot work; every format that runs programs does not" in found["without it"]
