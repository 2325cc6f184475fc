"""The whole path with a model that is really trained: data, weights, solutions, report; and real recorded outputs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from rich.console import Console

from slipstick.errors import RecipeError
from slipstick.launch import Order
from slipstick.launch.quickstart import run_quickstart
from slipstick.launch.solving import run_evaluate
from slipstick.store import RunFolder

TRAJECTORIES = Path(__file__).parents[2] / "shared" / "data" / "trajectories"
SMALL = [
    "data.problems=made:train,n=150",
    "train.tokens=6000",
    "train.d_model=32",
    "train.d_ff=64",
    "train.layers=1",
    "train.vocab=500",
    "evaluate.problems=['made:known,n=3', 'made:abstract,n=2']",
    "evaluate.max_tokens=40",
]


def test_the_quickstart_in_small_and_again(tmp_path: Path) -> None:
    console = Console(record=True, width=120)
    run = run_quickstart(tmp_path / "q", SMALL, console)
    data, train = RunFolder(tmp_path / "q" / "data"), RunFolder(tmp_path / "q" / "train")
    assert not list(data.dropped()) and {s.format for s in data.solutions()} == {"cot", "pot", "tir"}
    assert all(s.verdict and s.verdict.outcome == "correct" for s in data.solutions())
    losses = [json.loads(line)["loss"] for line in (train.path / "model" / "losses.jsonl").read_text().splitlines()]
    assert losses[-1] < losses[0]
    solutions = list(RunFolder(run).solutions())
    assert len(solutions) == 5 * 4 and all(s.verdict for s in solutions)
    names = {metric.name for metric in RunFolder(run).metrics()}
    assert {"accuracy/hybrid", "accuracy/pot/known", "accuracy/cot/abstract"} <= names
    assert (run / "report.html").is_file()

    before = (run / "run.json").read_bytes()
    again = Console(record=True, width=120)
    run_quickstart(tmp_path / "q", SMALL, again)
    assert again.export_text().count("already done") == 3 and (run / "run.json").read_bytes() == before


def test_the_quickstart_knows_its_steps() -> None:
    with pytest.raises(RecipeError, match=r"--set trian\.tokens=1: write seed=N or STAGE\.KEY=VALUE"):
        run_quickstart(Path("nowhere"), ["trian.tokens=1"], Console())


@pytest.mark.skipif(not TRAJECTORIES.is_dir(), reason=f"needs recorded outputs in {TRAJECTORIES}")
@pytest.mark.parametrize(
    ("file", "layout"), [("tora-70b-v1.0.gsm8k", "tir"), ("MathCoder-L-7b.gsm8k", "tir"), ("pot-codex.gsm8k.fs", "pot")]
)
def test_recorded_outputs_run_through_our_own_path(tmp_path: Path, file: str, layout: str) -> None:
    path = TRAJECTORIES / f"{file}.jsonl.gz"
    overrides = [f"problems={path}", f"model=replay:{path}", f"formats=['{layout}']"]
    run = RunFolder(run_evaluate(Order("replay", overrides, limit=60, out=tmp_path / "run"), Console()))
    metrics = {metric.name: metric.value for metric in run.metrics()}
    assert metrics[f"accuracy/{layout}"] > 0.5
    if layout == "tir":
        assert metrics["outputs_equal/tir"] > 0.9
