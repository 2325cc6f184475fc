"""Multiplying in bfloat16 by our loop: the same losses but for rounding, attention as it was afterwards."""

import json
from pathlib import Path

import pytest

from slipstick.schema import Problem, Solution
from slipstick.train import TrainSettings, train

pytest.importorskip("torch", reason="the extra `train` is not installed")

import torch

from slipstick.models.hf import load_weights
from slipstick.train.precision import attention_in_float32

Pairs = list[tuple[Solution, Problem]]


def test_bf16_is_set_or_a_gpus_default() -> None:
    used = {
        bf16: [TrainSettings(bf16=bf16).uses_bf16(device) for device in ("cpu", "cuda")] for bf16 in (None, True, False)
    }
    assert used == {None: [False, True], True: [True, True], False: [False, False]}


def test_bfloat16_gives_nearly_the_losses_of_float32(sums: Pairs, tiny_model: Path, tmp_path: Path) -> None:
    losses = {}
    for narrow in (False, True):
        out = tmp_path / str(narrow)
        settings = {
            "base": str(tiny_model),
            "max_train_tokens": 4000,
            "batch_tokens": 512,
            "optimizer": "adamw",
            "num_processes": 1,
        }
        train(sums, settings=TrainSettings(bf16=narrow, **settings), out=out)
        losses[narrow] = [json.loads(line)["loss"] for line in (out / "losses.jsonl").read_text().splitlines()]
    assert losses[True] == pytest.approx(losses[False], rel=0.05)
    assert losses[True] != losses[False]


def test_attention_is_computed_in_float32_and_restored(tiny_model: Path) -> None:
    model, _ = load_weights(str(tiny_model), dtype="float32")
    before = model.config._attn_implementation
    ids = torch.arange(5)[None]
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        rounded = model(ids).logits.float()
        with attention_in_float32(model, enabled=True):
            assert model.config._attn_implementation != before
            wide = model(ids).logits.float()
    assert model.config._attn_implementation == before
    assert torch.allclose(wide, rounded, atol=0.1) and not torch.equal(wide, rounded)
