"""Settings of trainings that take a second, and what they leave."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from slipstick.schema import Problem, Solution
from slipstick.train import TrainSettings

Pairs = list[tuple[Solution, Problem]]

SIZE: dict[str, Any] = {"d_model": 32, "num_layers": 2, "num_heads": 2, "d_ff": 64, "vocab_size": 340}

RATES: dict[str, Any] = {
    "batch_tokens": 512,
    "learning_rate": 8e-3,
    "embedding_learning_rate": 8e-3,
    "num_processes": 1,
}

SMALL = TrainSettings(max_train_tokens=12_000, checkpoint_every=3000, **SIZE, **RATES)

TRL: dict[str, Any] = {
    "trainer": "trl",
    "optimizer": "adamw",
    "per_device_train_batch_size": 4,
    "learning_rate": 1e-3,
    "max_length": 128,
}


def losses_in(folder: Path) -> list[float]:
    return [json.loads(line)["loss"] for line in (folder / "losses.jsonl").read_text().splitlines()]


def opened(folder: Path) -> Any:
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(folder)
