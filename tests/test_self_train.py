"""Self-training in small: a real tiny model, real stages, and what a kill or a mistake leaves behind."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import pytest
from rich.console import Console

from slipstick.commands import Invocation
from slipstick.commands.self_train import SelfTrainRecipe, check_stages, run_self_train
from slipstick.errors import RecipeError
from slipstick.metrics.labels import metric_label
from slipstick.report.facts import rounds_tables
from slipstick.schema import Metric
from slipstick.self_train import Round, describe_gain, rounds_table
from slipstick.store import RunFolder

RECIPE = """\
problems = "synthetic:train,n=6,seed=1"
rounds = 1
[start]
problems = "synthetic:train,n=30"
formats = ["pot"]
[train]
max_train_tokens = 2000
d_model = 16
d_ff = 32
num_layers = 1
num_heads = 2
vocab_size = 400
num_processes = 1
[held_out]
problems = "synthetic:known,n=3"
formats = ["pot"]
max_tokens = 8
[solve]
formats = ["pot"]
num_samples = 2
temperature = 0.7
max_tokens = 8
[curate]
contamination_rules = ["exact"]
"""
STAGES = (
    "start",
    "round-1/train",
    "round-1/held-out",
    "round-1/solve",
    "round-1/data",
    "final/train",
    "final/held-out",
)


def recipe(folder: Path, text: str = RECIPE) -> str:
    (folder / "r.toml").write_text(text)
    return str(folder / "r.toml")


def test_every_stage_is_checked_before_the_first_begins(tmp_path: Path) -> None:
    broken = RECIPE.replace("max_train_tokens = 2000", "max_train_tokens = 0\nmodle = 1").replace(
        "num_samples = 2", 'num_samples = 2\nmodel = "hf:x"'
    )
    with pytest.raises(RecipeError) as caught:
        run_self_train(Invocation(recipe(tmp_path, broken), out=tmp_path / "run"), Console())
    assert [line.partition(" ")[0] for line in caught.value.mistakes] == [
        "train.modle:",
        "train.max_train_tokens",
        "solve.model:",
    ]
    with pytest.raises(RecipeError, match="name run folders of the first solutions, or give a table `start`"):
        run_self_train(Invocation(recipe(tmp_path), ["data=runs/x"], out=tmp_path / "run"), Console())
    assert not (tmp_path / "run").exists()


def test_the_table_fits_a_terminal() -> None:
    accuracy = Metric(measure="accuracy", format="pot", value=0.612, low=0.543, high=0.677, n=200)
    first = Round(
        name="round 1",
        examples=700,
        trained_tokens=500_000,
        held_out=[accuracy],
        attempts=6000,
        written_tokens=300_000,
        solved=900,
        newly_solved=850,
        added=1700,
        seconds=100,
    )
    last = Round(name="final", examples=2400, trained_tokens=500_000, held_out=[accuracy], seconds=60)
    console = Console(record=True, width=80, file=io.StringIO())
    console.print(rounds_table([first, last]))
    shown = console.export_text()
    assert "61.2 (54.3-67.7)" in shown and "300,000" in shown and "…" not in shown


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of one round that was killed while it trained, and taken up again."""
    pytest.importorskip("torch", reason="the extra `train` is not installed")
    pytest.importorskip("transformers", reason="the extra `train` is not installed")
    folder = tmp_path_factory.mktemp("rounds")
    run = folder / "run"
    slipstick = str(Path(sys.executable).with_name("slipstick"))
    command = [slipstick, "self-train", recipe(folder), "--out", str(run)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    while not (run / "round-1" / "train" / "run.json").is_file() and process.poll() is None:
        time.sleep(0.01)
    assert process.poll() is None, "it ended before it could be killed"
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert RunFolder(run).run().status == "running"
    with (folder / "said.txt").open("w") as file:
        run_self_train(Invocation(recipe(folder), out=run, resume=True), Console(file=file, width=100))
    return run


def test_a_killed_run_goes_on_to_its_end(finished: Path) -> None:
    assert RunFolder(finished).run().status == "finished"
    assert all(RunFolder(finished / stage).run().status == "finished" for stage in STAGES)
    assert (finished / "final" / "train" / "model" / "model.safetensors").is_file()
    rounds = [Round.model_validate(row) for row in json.loads((finished / "rounds.json").read_text())]
    assert [each.name for each in rounds] == ["round 1", "final"]
    attempts = list(RunFolder(finished / "round-1" / "solve").solutions())
    assert rounds[0].attempts == len(attempts) == 12 and all(attempt.verdict for attempt in attempts)
    assert metric_label(rounds[0].held_out[0]) == "accuracy, pot" and rounds[0].held_out[0].n == 3
    kept = len(list(RunFolder(finished / "round-1" / "data").solutions()))
    assert rounds[1].examples == kept and rounds[0].added == kept - rounds[0].examples
    assert {metric_label(metric) for metric in RunFolder(finished).run().metrics} == {"accuracy, pot, final"}


def test_no_stage_names_the_command_that_the_next_one_is(finished: Path) -> None:
    said = (finished.parent / "said.txt").read_text()
    assert "12 solutions of " in said and "next: slipstick" not in said


def test_the_last_model_is_compared_with_the_first(finished: Path) -> None:
    head, row = describe_gain(finished)
    assert head.startswith("round 1 against final, trained on ") and row.startswith("pot: no difference shown")
    assert any(head in table.lead for table in rounds_tables(finished))
    assert describe_gain(finished / "start") == [], "a run without rounds"


def test_a_finished_run_is_not_done_again(finished: Path) -> None:
    models = {path: path.stat().st_mtime_ns for path in finished.rglob("model.safetensors")}
    console = Console(record=True, width=100, file=io.StringIO())
    run_self_train(Invocation(recipe(finished.parent), out=finished, resume=True), console)
    assert console.export_text().count("already done") == len(STAGES)
    assert models == {path: path.stat().st_mtime_ns for path in finished.rglob("model.safetensors")}


def test_each_stage_can_be_run_by_its_own_recipe(finished: Path) -> None:
    settings = tomllib.loads((finished / "round-1" / "data.toml").read_text())
    assert settings["data"] == [str(finished / "start"), str(finished / "round-1" / "solve")]
    assert settings["decontaminate_against"] == ["synthetic:known,n=3"], "what is held out never gets into the data"


def test_the_shipped_recipe_holds() -> None:
    from slipstick.commands import load_settings

    settings, _ = load_settings(Invocation("self-train"), SelfTrainRecipe)
    check_stages(settings, "self-train")
    misspelt, _ = load_settings(Invocation("self-train", ["train.tokenz=1"]), SelfTrainRecipe)
    with pytest.raises(RecipeError, match="tokenz"):
        check_stages(misspelt, "self-train")
