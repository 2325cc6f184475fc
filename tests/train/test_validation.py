"""What is measured while a model is trained: held-out loss, solved problems, the best weights; after kills too."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from slipstick.errors import InputError
from slipstick.train import TrainSettings, train
from slipstick.train.result import Evaluation
from tests.train.small_trainings import SMALL, TRL, Pairs, losses_in, opened

pytest.importorskip("torch", reason="the extra `train` is not installed")

MEASURED: dict[str, Any] = {
    "eval_accuracy_problems": 3,
    "load_best_model_at_end": True,
    "eval_every": 4000,
    "isolation": "process",
    "sandbox_workers": 1,
    "max_tokens": 24,
    "max_turns": 1,
}


def measured_in(folder: Path) -> list[Evaluation]:
    return [Evaluation.model_validate_json(line) for line in (folder / "evaluations.jsonl").read_text().splitlines()]


def settings_for(trainer: str, tiny_model: Path, **more: Any) -> TrainSettings:
    if trainer == "loop":
        return TrainSettings.model_validate({**SMALL.model_dump(), **MEASURED, **more})
    base = {"base": str(tiny_model), "max_train_tokens": 12_000, "checkpoint_every": 3000}
    return TrainSettings.model_validate({**base, **TRL, **MEASURED, **more})


@pytest.mark.parametrize("trainer", ["loop", "trl"])
def test_loss_and_accuracy_are_measured_and_the_best_weights_kept(
    sums: Pairs, tiny_model: Path, tmp_path: Path, trainer: str
) -> None:
    told: list[Evaluation] = []
    # The learning rate rises until it is far too high, and the held-out loss with it.
    rate = {"base": str(tiny_model), "optimizer": "adamw", "learning_rate": 0.05, "warmup_ratio": 0.95}
    settings = settings_for(trainer, tiny_model, eval_every=2000, **rate)
    trained = train(sums[:60], valid=sums[60:72], settings=settings, out=tmp_path, on_evaluation=told.append)
    rows = measured_in(tmp_path)
    assert rows == told and len(rows) >= 3 and rows[-1].step == trained.steps
    losses = [row.valid_loss or 0.0 for row in rows]
    best = min(rows, key=lambda row: row.valid_loss or 0.0)
    assert best.step < rows[-1].step and trained.kept_step == best.step
    assert trained.valid_loss == pytest.approx(min(losses), rel=1e-3)
    for row in rows:
        assert [metric.format for metric in row.accuracy] == ["", "cot", "pot", "tir"]
        assert [metric.n for metric in row.accuracy] == [9, 3, 3, 3]
    assert trained.accuracy == best.accuracy
    assert opened(tmp_path).config == opened(tmp_path / "last").config
    assert not list(tmp_path.glob("best-*")) and not (tmp_path / "checkpoint.pt").exists()
    card = (tmp_path / "README.md").read_text()
    assert f"The weights are those of step {best.step:,} of {rows[-1].step:,}, the best by loss" in card
    assert "of 9 solutions to held-out problems, correct" in card


def test_the_last_weights_are_kept_unless_the_best_are_asked_for(sums: Pairs, tmp_path: Path) -> None:
    settings = SMALL.model_copy(update={"eval_every": 4000})
    trained = train(sums[:60], valid=sums[60:72], settings=settings, out=tmp_path)
    rows = measured_in(tmp_path)
    assert trained.kept_step is None and not (tmp_path / "last").exists()
    assert trained.valid_loss == pytest.approx(rows[-1].valid_loss, rel=1e-4)
    assert all(row.accuracy == [] for row in rows)
    train(sums[:60], valid=sums[60:72], settings=SMALL, out=tmp_path / "plain")
    assert losses_in(tmp_path / "plain") == losses_in(tmp_path), "what is measured changes no step"
    assert not (tmp_path / "plain" / "evaluations.jsonl").exists()


def test_trls_trainer_counts_the_tokens_of_every_step(sums: Pairs, tiny_model: Path, tmp_path: Path) -> None:
    """The interval is in tokens, whatever a step has: it was rounded to whole steps, and tokens were equal shares."""
    from slipstick.train import encoded_examples
    from slipstick.train.trl import rows_of

    made = {"base": str(tiny_model), "max_train_tokens": 3000, "eval_every": 400, **TRL}
    settings = TrainSettings.model_validate(made)
    trained = train(sums[:60], valid=sums[60:66], settings=settings, out=tmp_path)
    lengths = rows_of(encoded_examples(sums[:60], settings)[0], settings).lengths
    done = [sum(lengths[: 4 * (step + 1)]) for step in range(trained.steps)]
    assert [json.loads(line)["tokens"] for line in (tmp_path / "losses.jsonl").read_text().splitlines()] == done
    due = [now for before, now in zip([0, *done], done, strict=False) if now // 400 > before // 400 or now == done[-1]]
    assert [row.tokens for row in measured_in(tmp_path)] == due and done[-1] == trained.tokens
    assert len(due) < trained.steps


KILLED = """
import os, signal, sys
from pathlib import Path
from slipstick.schema import Problem, Solution
from slipstick.train import TrainSettings, train
lines = Path(sys.argv[1]).read_text().splitlines()
pairs = [(Solution.model_validate_json(a), Problem.model_validate_json(b)) for a, b in zip(lines[::2], lines[1::2])]
seen = []
def told(row):
    seen.append(row)
    if len(seen) == 2:
        os.kill(os.getpid(), signal.SIGKILL)
train(pairs[:60], valid=pairs[60:72], settings=TrainSettings.model_validate_json(sys.argv[3]), out=Path(sys.argv[2]),
      on_evaluation=told)
"""


@pytest.mark.parametrize("trainer", ["loop", "trl"])
def test_a_killed_training_has_the_same_evaluations(
    sums: Pairs, tiny_model: Path, tmp_path: Path, trainer: str
) -> None:
    settings = settings_for(trainer, tiny_model, eval_accuracy_problems=2)
    rows = tmp_path / "rows.jsonl"
    rows.write_text("".join(f"{s.model_dump_json()}\n{p.model_dump_json()}\n" for s, p in sums))
    arguments = [str(rows), str(tmp_path / "killed"), settings.model_dump_json()]
    ended = subprocess.run([sys.executable, "-c", KILLED, *arguments], check=False)
    assert ended.returncode == -signal.SIGKILL
    for name in ("whole", "killed"):
        train(sums[:60], valid=sums[60:72], settings=settings, out=tmp_path / name)
    whole, killed = (json.loads((tmp_path / name / "trained.json").read_text()) for name in ("whole", "killed"))
    first, second = ([each.model_dump() for each in measured_in(tmp_path / name)] for name in ("whole", "killed"))
    for each in (*first, *second):
        each["valid_loss"] = round(each["valid_loss"], 5)
    assert first == second
    assert whole["kept_step"] == killed["kept_step"]
    assert not list((tmp_path / "killed").glob("best-*"))


def test_problems_may_be_named_and_the_best_chosen_by_accuracy(sums: Pairs, tiny_model: Path, tmp_path: Path) -> None:
    settings = settings_for("loop", tiny_model, metric_for_best_model="accuracy", eval_every=6000)
    named = [problem for solution, problem in sums[-30:] if solution.format == "pot"]
    trained = train(sums[:60], eval_problems=named, settings=settings, out=tmp_path)
    assert trained.valid_loss is None and trained.accuracy[0].n == 9
    best = max(row.accuracy[0].value for row in measured_in(tmp_path))
    assert trained.accuracy[0].value == best


def test_problems_that_are_trained_on_are_told(
    sums: Pairs, tiny_model: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings = settings_for("loop", tiny_model)
    shouted = sums[0][1].model_copy(update={"id": "mine/1", "text": sums[0][1].text.upper()})
    train(sums[:60], valid=sums[60:72], eval_problems=[shouted, sums[-1][1]], settings=settings, out=tmp_path)
    assert "1 of the 2 problems that measure accuracy are trained on too (the first: mine/1)" in caplog.text


def test_what_cannot_be_measured_is_told_before_anything_starts(sums: Pairs, tmp_path: Path) -> None:
    for setting, says in (
        ({"load_best_model_at_end": True}, "load_best_model_at_end = true needs solutions that are not trained on"),
        ({"eval_every": 100}, "eval_every = 100 needs solutions that are not trained on"),
        ({"eval_accuracy_problems": 8}, "eval_accuracy_problems = 8 needs problems with answers"),
    ):
        with pytest.raises(InputError, match=says):
            train(sums, settings=SMALL.model_copy(update=setting), out=tmp_path / "none")
    without = [problem.model_copy(update={"answer": None}) for _, problem in sums[:3]]
    with pytest.raises(InputError, match="none of the 3 eval_problems has a gold"):
        train(sums, valid=sums[:6], eval_problems=without, settings=SMALL, out=tmp_path / "none")
    assert not (tmp_path / "none").exists()
    with pytest.raises(ValueError, match=r'"accuracy" needs eval_accuracy_problems'):
        TrainSettings(load_best_model_at_end=True, metric_for_best_model="accuracy")
    with pytest.raises(ValueError, match="cannot be combined with eval_every"):
        TrainSettings(parallel="fsdp2", trainer="trl", optimizer="adamw", eval_every=5)
