"""What every trainer tells an experiment tracker: our loop, TRL's trainers, the value loop."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from slipstick.schema import Problem, Solution, Verdict
from slipstick.train import train
from slipstick.train.grpo import train_grpo
from slipstick.train.rollouts import open_rollout
from slipstick.train.settings import GrpoSettings, TrainSettings, ValueSettings
from slipstick.train.value import train_value
from tests.train.small_trainings import SMALL, TRL, Pairs, losses_in

pytest.importorskip("trl", reason="the extra `train` is not installed")
Told = list[tuple[int, dict[str, float]]]


@pytest.mark.parametrize("trainer", ["loop", "trl"])
def test_losses_and_evaluations_are_told(sums: Pairs, tiny_model: Path, tmp_path: Path, trainer: str) -> None:
    settings = SMALL.model_copy(update={"max_train_tokens": 3000, "eval_every": 1500})
    if trainer == "trl":
        settings = TrainSettings(base=str(tiny_model), max_train_tokens=3000, eval_every=1500, **TRL)
    told: Told = []
    train(
        sums[:60],
        valid=sums[60:],
        settings=settings,
        out=tmp_path,
        track=lambda step, values: told.append((step, dict(values))),
    )
    losses = {step: values["train/loss"] for step, values in told if "train/loss" in values}
    assert losses == pytest.approx(dict(enumerate(losses_in(tmp_path), start=1)))
    evaluated = [(step, values["eval/loss"]) for step, values in told if "eval/loss" in values]
    rows = [json.loads(line) for line in (tmp_path / "evaluations.jsonl").read_text().splitlines()]
    assert evaluated == [(row["step"], row["valid_loss"]) for row in rows]


def test_the_value_loop_tells_its_losses(sums: Pairs, tiny_model: Path, tmp_path: Path) -> None:
    right, wrong = Verdict(outcome="correct", method="number"), Verdict(outcome="incorrect", method="number")
    graded: list[tuple[Solution, Problem]] = []
    for number, (solution, problem) in enumerate(sums[:24]):
        verdict = right if number % 3 else wrong
        graded.append((solution.model_copy(update={"verdict": verdict, "format": "cot"}), problem))
    told: Told = []
    settings = ValueSettings(base=str(tiny_model), batch_tokens=512)
    trained = train_value(
        graded, settings=settings, out=tmp_path, track=lambda step, values: told.append((step, dict(values)))
    )
    assert [step for step, _ in told] == list(range(1, trained.steps + 1)) and "train/loss" in told[0][1]


def test_grpo_tells_its_rewards(sums: Pairs, tiny_model: Path, tmp_path: Path) -> None:
    settings = GrpoSettings(
        base=str(tiny_model), format="cot", max_steps=2, num_generations=2, batch_size=4, max_tokens=8
    )
    told: Told = []

    def reward(completions: list[str], **_: Any) -> list[float | None]:
        return [len(said) / 10 for said in completions]

    problems = list({problem.id: problem for _, problem in sums[:12]}.values())
    with open_rollout(settings, seed=0) as rollout:
        train_grpo(
            problems,
            rollout=rollout,
            reward=reward,
            settings=settings,
            out=tmp_path,
            track=lambda step, values: told.append((step, dict(values))),
        )
    assert [step for step, _ in told] == [1, 2] and all("train/reward" in values for _, values in told)
