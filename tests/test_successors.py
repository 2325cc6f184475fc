"""Recipes that name what comes after them: one command, checked as a whole, that goes on where it was killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import slipstick
from slipstick.commands import Invocation
from slipstick.errors import InputError, RecipeError
from slipstick.problems import load_problems
from slipstick.store import RunFolder
from slipstick.successors import parts_of
from tests.wishes.typed import slipstick as typed

FIRST = 'problems = "synthetic:train,n=400"\nformats = ["pot", "cot"]\nthen = "curate data.toml --set seed=3"\n'
SECOND = (
    'data = "runs/first"\ncontamination_rules = ["exact"]\ndecontaminate_against = ["synthetic:known,n=20"]\n'
    'then = "export runs/data --set shapes=alpaca"\n'
)


@pytest.fixture
def recipes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "first.toml").write_text(FIRST)
    (tmp_path / "data.toml").write_text(SECOND)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def synthesize(more: str = "") -> tuple[int, str]:
    """Exit code and words of the command that makes all."""
    return typed(f"synthesize first.toml {more}", Path())


def test_one_command_runs_all_parts_side_by_side(recipes: Path) -> None:
    code, said = synthesize("--out made/first")
    assert code == 0, said
    assert "1/3 synthesize first.toml" in said and "3/3 export made/data" in said
    curated = RunFolder(recipes / "made" / "data").run()
    assert curated.recipe["data"] == ["made/first"] and curated.recipe["seed"] == 3
    rows = json.loads((recipes / "made" / "data" / "exports" / "alpaca.json").read_text())
    assert len(rows) == curated.counts["solutions"] > 0
    assert "then" not in (recipes / "made" / "first" / "recipe.toml").read_text(), "it repeats this part alone"


def test_a_killed_chain_goes_on_where_it_was(recipes: Path) -> None:
    command = [sys.executable, "-m", "slipstick", "synthesize", "first.toml"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    while not (recipes / "runs" / "data" / "run.json").is_file() and process.poll() is None:
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    code, said = synthesize("--resume")
    assert code == 0 and "already done in runs/first" in said, said
    assert (recipes / "runs" / "data" / "exports" / "alpaca.json").is_file()


def test_every_part_is_checked_before_the_first_begins(recipes: Path) -> None:
    with pytest.raises(RecipeError) as caught:
        parts_of("synthesize", Invocation("first.toml", ["data.sede=1", "modle=2"]))
    assert {line.partition(":")[0] for line in caught.value.mistakes} == {"first.modle", "data.sede"}
    (recipes / "data.toml").write_text(SECOND.replace("export runs/data", "exprot runs/data"))
    with pytest.raises(RecipeError, match=r"then = 'exprot runs/data.* is no command line: write then = "):
        parts_of("synthesize", Invocation("first.toml"))
    (recipes / "data.toml").write_text('data = "runs/first"\nthen = "synthesize first.toml"\n')
    with pytest.raises(RecipeError, match="comes a second time"):
        parts_of("synthesize", Invocation("first.toml"))


def test_a_later_part_that_is_there_already_is_told_first(recipes: Path) -> None:
    assert synthesize("--set then= --out runs/data --limit 40")[0] == 0
    with pytest.raises(InputError, match=r"runs/data is there already, which curate data would write"):
        parts_of("synthesize", Invocation("first.toml"))
    assert [part.verb for part in parts_of("synthesize", Invocation("first.toml", ["then="]))] == ["synthesize"]


def test_a_setting_goes_to_every_part_that_leaves_it_open(recipes: Path) -> None:
    said = ["seed=5", "formats=pot", "max_solutions_per_problem=1", "data.min_characters=5"]
    first, data, export = parts_of("synthesize", Invocation("first.toml", said))
    assert first.invocation.overrides == ["seed=5", "formats=pot"]
    assert data.invocation.overrides == ["seed=3", "seed=5", "max_solutions_per_problem=1", "min_characters=5"]
    assert export.invocation.overrides == ["shapes=alpaca"]


def test_a_name_that_is_no_source_is_told_before_the_first_part_begins(recipes: Path) -> None:
    wrong = ["data.decontaminate_against=['svamp','gsm8k:tets','catalogue']", "problems=['synthetic:train','nowhere']"]
    with pytest.raises(RecipeError) as caught:
        parts_of("synthesize", Invocation("first.toml", wrong))
    said = {line.partition(":")[0]: line for line in caught.value.mistakes if "svamp" not in line}
    assert len(caught.value.mistakes) == 3 and "no split `tets`" in said["data.decontaminate_against"]
    assert "there is no source of problems `nowhere`" in said["first.problems"]
    made = 'problems = "runs/first/problems.jsonl"\nmodel = "fake:"\nformats = ["cot"]\n'
    (recipes / "again.toml").write_text(made)
    (recipes / "first.toml").write_text(FIRST.replace("curate data.toml --set seed=3", "solve again.toml"))
    parts_of("synthesize", Invocation("first.toml"))  # what a part will make is no mistake


def test_keys_are_those_of_a_parts_own_method_and_limits_those_of_parts_with_problems(recipes: Path) -> None:
    (recipes / "first.toml").write_text(FIRST.replace("curate data.toml --set seed=3", "synthesize more.toml"))
    more = 'method = "teacher"\nproblems = "synthetic:train,n=9"\nformats = ["cot"]\nthen = "curate data.toml"\n'
    (recipes / "more.toml").write_text(more)
    said = ["model=fake:", "first.seed=7", "leave_out=gsm8k"]
    first, teacher, data, _ = parts_of("synthesize", Invocation("first.toml", said, limit=2))
    assert first.invocation.changes == ["leave_out=gsm8k", "seed=7", "limit=2"], "it asks no model"
    assert teacher.invocation.changes == ["model=fake:", "leave_out=gsm8k", "limit=2"]
    assert data.invocation.changes == []


def test_an_estimate_runs_what_it_needs_and_nothing_else(recipes: Path) -> None:
    """What is asked estimates; it reads the problems of the first part, not the training set curated of them."""
    ids = [problem.id for problem in load_problems("synthetic:train,n=400", limit=30)]
    script = (json.dumps({"problem_id": name, "text": "The answer is 1."}) for name in ids)
    (recipes / "script.jsonl").write_text("\n".join(script) + "\n")
    asked = 'problems = "runs/first/problems.jsonl"\nmodel = "fake:script.jsonl"\nformats = ["cot"]\nestimate = true\n'
    (recipes / "asked.toml").write_text(asked)
    (recipes / "data.toml").write_text(SECOND.replace("export runs/data --set shapes=alpaca", "solve asked.toml"))
    code, said = synthesize("--limit 30")
    assert code == 0, said
    assert "then: curate data.toml, solve asked.toml" in said and "2/2 solve asked.toml" in said
    assert {path.name for path in (recipes / "runs").iterdir()} == {"first", "asked"}


def test_a_part_with_other_settings_is_not_taken_for_done(recipes: Path) -> None:
    assert synthesize("--limit 40")[0] == 0
    rows = (recipes / "runs/first/solutions.jsonl").read_bytes()
    for more, changed in (
        ("", "limit: 40 then, None now"),
        ("--limit 40 --set data.seed=4", "seed: 3 then, 4"),
    ):
        code, said = synthesize(f"{more} --resume")
        assert code == 2 and changed in said and "--resume --overwrite replaces it" in said, said
    code, said = synthesize("--limit 40 --resume")
    assert code == 0 and said.count("already done in") == 2, said
    code, said = synthesize("--limit 40 --set data.seed=4 --resume --overwrite")
    assert code == 0, said
    assert "already done in runs/first" in said and "already done in runs/data" not in said
    assert RunFolder(recipes / "runs/data").run().recipe["seed"] == 4
    assert (recipes / "runs/first/solutions.jsonl").read_bytes() == rows


def test_a_part_whose_data_were_replaced_is_not_taken_for_done(recipes: Path) -> None:
    assert synthesize("--limit 40")[0] == 0
    assert synthesize("--set then= --limit 40 --set seed=9 --overwrite")[0] == 0
    again = "--limit 40 --set first.seed=9 --resume"
    code, said = synthesize(again)
    assert code == 2 and "already done in runs/first" in said and "other contents of runs/first" in said, said
    code, said = synthesize(f"{again} --overwrite")
    assert code == 0, said
    exported = json.loads((recipes / "runs/data/exports/alpaca.json").read_text())
    assert len(exported) == RunFolder(recipes / "runs/data").run().counts["solutions"]


def test_a_limit_is_of_problems_also_as_a_setting(recipes: Path) -> None:
    first, data, _ = parts_of("synthesize", Invocation("first.toml", ["limit=40"]))
    assert first.invocation.changes == ["limit=40"]
    assert not [each for each in data.invocation.changes if each.startswith("limit")]


def test_a_call_from_python_says_what_it_does_not_follow(recipes: Path, caplog: pytest.LogCaptureFixture) -> None:
    made = slipstick.synthesize(recipe="first.toml", limit=5, quiet=True)
    assert made.record.status == "finished"
    assert not (recipes / "runs/data").exists()
    assert 'slipstick.curate(recipe="data.toml") is yours to call' in caplog.text
