"""Training in bfloat16 by our loop: the same losses but for rounding, no update lost, the same after a stop."""

import json
from pathlib import Path
from typing import Any

import pytest

from slipstick.train import TrainSettings, train

pytest.importorskip("torch", reason="the extra `train` is not installed")

pytest.importorskip("transformers", reason="the extra `train` is not installed")

import torch
from safetensors.torch import load_file
from transformers import LlamaConfig, LlamaForCausalLM

from slipstick.models.hf import load_weights
from slipstick.train.precision import attention_in_float32
from tests.train.small_trainings import Pairs, losses_in


def test_bf16_is_set_or_the_default_where_it_is_fast() -> None:
    where = [("cpu", False), ("cpu", True), ("cuda", False)]
    used = {
        bf16: [TrainSettings(bf16=bf16).uses_bf16(device, fast=fast) for device, fast in where]
        for bf16 in (None, True, False)
    }
    assert used == {None: [False, True, True], True: [True] * 3, False: [False] * 3}


@pytest.fixture(scope="module")
def wide_model(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of an untrained model that is wide enough for the operations of kernels.py."""
    folder = tmp_path_factory.mktemp("wide")
    tokenizer = load_weights(str(tiny_model), dtype="float32")[1]
    torch.manual_seed(0)
    sizes: dict[str, Any] = {
        "hidden_size": 512,
        "intermediate_size": 128,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
    }
    config = LlamaConfig(vocab_size=len(tokenizer), num_key_value_heads=2, tie_word_embeddings=True, **sizes)
    LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


WIDE: dict[str, Any] = {"max_train_tokens": 4000, "batch_tokens": 512, "learning_rate": 1e-3, "num_processes": 1}


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_a_wide_model_trained_in_bfloat16_follows_float32(
    sums: Pairs, wide_model: Path, tmp_path: Path, optimizer: str
) -> None:
    losses = {}
    for narrow in (False, True):
        settings = TrainSettings(base=str(wide_model), bf16=narrow, optimizer=optimizer, max_grad_norm=1.0, **WIDE)
        train(sums, settings=settings, out=tmp_path / str(narrow))
        losses[narrow] = losses_in(tmp_path / str(narrow))
        saved = load_file(tmp_path / str(narrow) / "model.safetensors")
        assert {weight.dtype for weight in saved.values()} == {torch.float32}
    assert losses[True] == pytest.approx(losses[False], rel=0.02) and losses[True] != losses[False]
    assert losses[True][-1] < losses[True][0] - 1


def test_updates_below_the_precision_of_bfloat16_are_not_lost(sums: Pairs, wide_model: Path, tmp_path: Path) -> None:
    settings = TrainSettings(base=str(wide_model), bf16=True, weight_decay=0.0, **WIDE | {"learning_rate": 1e-7})
    train(sums, settings=settings, out=tmp_path)
    name = "model.layers.0.mlp.down_proj.weight"
    before, after = (load_file(folder / "model.safetensors")[name] for folder in (wide_model, tmp_path))
    moved = (after - before).abs()
    assert 0 < float(moved.max()) < 2e-6
    assert float((moved > 0).float().mean()) > 0.9, "nearly every weight moved"


@pytest.mark.parametrize("processes", [1, 2])
def test_a_wide_training_resumes_along_the_same_losses(
    sums: Pairs, wide_model: Path, tmp_path: Path, processes: int
) -> None:
    fields = WIDE | {"max_train_tokens": 2000, "checkpoint_every": 500, "num_processes": processes}
    settings = TrainSettings(base=str(wide_model), bf16=True, load_best_model_at_end=True, eval_every=750, **fields)
    whole = train(sums[20:], valid=sums[:20], settings=settings, out=tmp_path / "whole")

    def stop(done: int, total: int, loss: float) -> None:
        if done > 1300:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(sums[20:], valid=sums[:20], settings=settings, out=tmp_path / "stopped", progress=stop)
    resumed = train(sums[20:], valid=sums[:20], settings=settings, out=tmp_path / "stopped")
    assert losses_in(tmp_path / "stopped") == losses_in(tmp_path / "whole")
    assert resumed.valid_loss == whole.valid_loss
    for name, weight in load_file(tmp_path / "whole" / "model.safetensors").items():
        assert torch.equal(load_file(tmp_path / "stopped" / "model.safetensors")[name], weight), name


def test_two_processes_sum_bfloat16_gradients_as_one_computes_them(
    sums: Pairs, wide_model: Path, tmp_path: Path
) -> None:
    for processes in (1, 2):
        settings = TrainSettings(base=str(wide_model), bf16=True, **WIDE | {"num_processes": processes})
        train(sums, settings=settings, out=tmp_path / str(processes))
    assert losses_in(tmp_path / "1") == pytest.approx(losses_in(tmp_path / "2"), rel=1e-2)


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
        with attention_in_float32(model):
            assert model.config._attn_implementation != before
            wide = model(ids).logits.float()
    assert model.config._attn_implementation == before
    assert torch.allclose(wide, rounded, atol=0.1) and not torch.equal(wide, rounded)


def test_a_wide_model_solves_problems_while_it_is_trained(sums: Pairs, wide_model: Path, tmp_path: Path) -> None:
    fields = WIDE | {"max_train_tokens": 1000, "eval_accuracy_problems": 2, "max_tokens": 8, "eval_every": 1000}
    settings = TrainSettings(base=str(wide_model), bf16=True, **fields)
    result = train(sums[20:], eval_problems=[sums[0][1], sums[3][1]], settings=settings, out=tmp_path)
    assert result.accuracy[0].n == 2 * len({solution.format for solution, _ in sums})
