"""The frame of every training stage: finished results, checkpoints, the card."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest

from slipstick.train import TrainSettings
from slipstick.train.card import CardText, write_card
from slipstick.train.result import StageResult
from slipstick.train.run import Training, run_stage, run_steps
from slipstick.train.settings import ValueSettings

TEXT = CardText("1 example", [], "Nothing is known.")


class Counter:
    """A part of a training that counts its steps."""

    def __init__(self) -> None:
        self.steps = 0

    def state_dict(self) -> dict[str, int]:
        return {"steps": self.steps}

    def load_state_dict(self, state: dict[str, int]) -> None:
        self.steps = state["steps"]


def trained(out: Path, *, digest: str = "a", describe: CardText | None = TEXT) -> tuple[StageResult, int]:
    """A stage of 3 steps with a checkpoint after each, and how many of them were taken."""
    pytest.importorskip("torch", reason="the extra `train` is not installed")
    taken, counter = 0, Counter()

    def take_step(step: int, done: float) -> float:
        nonlocal taken
        taken += 1
        counter.steps += 1
        return float(counter.steps)

    def fit(training: Training) -> StageResult:
        losses = run_steps(take_step, [5, 5, 5], parts={"counter": counter}, checkpoint_every=5, training=training)
        return StageResult(steps=len(losses), seconds=0.0)

    def say(result: StageResult) -> CardText:
        assert describe, "it breaks here"
        return describe

    return run_stage(fit, TrainSettings(), digest=digest, result=StageResult, describe=say, out=out), taken


def test_a_finished_training_is_not_repeated(tmp_path: Path) -> None:
    assert trained(tmp_path) == (StageResult(steps=3, seconds=0.0), 3)
    assert trained(tmp_path) == (StageResult(steps=3, seconds=0.0), 0)
    assert trained(tmp_path, digest="other data")[1] == 3


def test_checkpoints_stay_until_the_training_has_finished(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="it breaks here"):
        trained(tmp_path, describe=None)
    assert (tmp_path / "checkpoint.pt").is_file()
    assert trained(tmp_path)[1] == 0, "all steps are in the checkpoint"
    assert not (tmp_path / "checkpoint.pt").exists()
    lines = [json.loads(line) for line in (tmp_path / "losses.jsonl").read_text().splitlines()]
    assert lines == [{"step": n, "tokens": 5 * n + 5, "loss": n + 1.0} for n in range(3)]


def test_a_card_names_a_base_that_the_hub_has(tmp_path: Path) -> None:
    write_card(tmp_path, TrainSettings(base="owner/name"), TEXT)
    card = (tmp_path / "README.md").read_text()
    assert "base_model: owner/name" in card and "bit weights" not in card
    write_card(tmp_path, ValueSettings(base="smollm2"), TEXT)
    card = (tmp_path / "README.md").read_text()
    assert "4-bit weights (Q4_1)" in card and "not those of `HuggingFaceTB/SmolLM2-135M-Instruct`" in card
    assert 'stage = "value"' in card, "a recipe without it is one of another stage"


def interrupted(out: Path, *, at: int, presses: int = 0) -> int:
    """Steps of 40 that are taken after a training without `checkpoint_every` was stopped in step `at`.

    presses: how often Ctrl-C is pressed in it; 0: something else ends it at once.
    """
    pytest.importorskip("torch", reason="the extra `train` is not installed")
    counter, stopped, taken = Counter(), False, 0

    def take_step(step: int, done: float) -> float:
        nonlocal stopped, taken
        if step == at and not stopped:
            stopped, taken = True, 0
            if not presses:
                counter.steps = 0
                raise KeyboardInterrupt
            for _ in range(presses):
                signal.raise_signal(signal.SIGINT)
            taken = -1  # with this step, of which nothing is taken again
        taken += 1
        counter.steps += 1
        return 1.0

    def go() -> None:
        run_steps(take_step, [5] * 40, parts={"counter": counter}, checkpoint_every=None, training=Training(out, "a"))

    with pytest.raises(KeyboardInterrupt):
        go()
    go()
    assert counter.steps == 40
    return taken


def test_a_short_training_has_checkpoints_too(tmp_path: Path) -> None:
    assert interrupted(tmp_path, at=30) == 40 - 28, "a checkpoint after every tenth: 4 steps"


def test_ctrl_c_keeps_the_step_and_a_second_one_ends_it(tmp_path: Path) -> None:
    again = tmp_path / "again"
    again.mkdir()
    assert interrupted(tmp_path, at=30, presses=1) == 40 - 31
    assert interrupted(again, at=30, presses=2) == 40 - 28
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_slow_training_has_checkpoints_by_the_clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(run_steps.__globals__, "_CHECKPOINT_SECONDS", 0.0)
    assert interrupted(tmp_path, at=30) == 10
