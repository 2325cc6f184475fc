"""Operations of our own in a training on a CPU: transformers' loss and gradients, and nothing left behind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from slipstick.train import TrainSettings

pytest.importorskip("torch", reason="the extra `train` is not installed")
pytest.importorskip("transformers", reason="the extra `train` is not installed")

import torch
import transformers

from slipstick.encode.encoding import Encoded
from slipstick.train import kernels
from slipstick.train.adapters import add_adapters
from slipstick.train.data_parallel import summed_loss
from slipstick.train.precision import Arithmetic, computing, master_of

SIZE: dict[str, Any] = {
    "vocab_size": 150,
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 512,
    "pad_token_id": 3,
}
KINDS = ["llama", "mistral", "qwen2", "qwen3"]
# Longer than a block of queries, of different lengths; the padding token occurs, and some tokens many times.
BATCH = [
    Encoded([(7 * i) % 11 + 1 for i in range(150)], [-100] * 40 + [(5 * i) % 150 for i in range(110)]),
    Encoded([(3 * i) % 150 for i in range(90)], [-100] * 60 + [(3 * i) % 150 for i in range(60, 90)]),
]


def model_of(kind: str, **changes: Any) -> Any:
    torch.manual_seed(1)
    config = transformers.AutoConfig.for_model(kind, **SIZE | changes)
    auto: Any = transformers.AutoModelForCausalLM
    return auto.from_config(config, attn_implementation="sdpa").train()


def gradients(model: Any, loss: Callable[[], torch.Tensor]) -> tuple[float, dict[str, torch.Tensor]]:
    model.zero_grad()
    found: Any = loss()
    found.backward()
    return float(found.detach()), {n: p.grad.float() for n, p in model.named_parameters() if p.grad is not None}


def difference(found: dict[str, torch.Tensor], expected: dict[str, torch.Tensor]) -> float:
    """Norm of the difference of all gradients, as a share of their norm."""
    assert found.keys() == expected.keys()
    squares = sum(float((found[name] - expected[name]).norm()) ** 2 for name in expected)
    return float((squares / sum(float(grad.norm()) ** 2 for grad in expected.values())) ** 0.5)


@pytest.mark.parametrize("attention", [False, True])
@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_in_float32_loss_and_gradients_are_those_of_transformers(kind: str, tied: bool, attention: bool) -> None:
    model = model_of(kind, tie_word_embeddings=tied)
    assert kernels.is_plain(model)
    loss, expected = gradients(model, lambda: summed_loss(model, BATCH))
    with kernels.fused(model, attention=attention):
        ours, found = gradients(model, lambda: summed_loss(model, BATCH, Arithmetic(fused=True)))
    assert ours == pytest.approx(loss, rel=1e-5)
    assert difference(found, expected) < 1e-5
    again, _ = gradients(model, lambda: summed_loss(model, BATCH))
    assert again == loss, "what was put in is taken out"


@pytest.mark.parametrize("kind", KINDS)
def test_in_bfloat16_gradients_are_as_exact_as_those_of_autocast(kind: str) -> None:
    model = model_of(kind)
    loss, expected = gradients(model, lambda: summed_loss(model, BATCH))
    _, rounded = gradients(model, lambda: summed_loss(model, BATCH, Arithmetic(bf16=True)))
    arithmetic = Arithmetic(bf16=True, fused=True)
    with computing(model, arithmetic):
        assert model.model.layers[0].mlp.up_proj.weight.dtype == torch.bfloat16
        ours, found = gradients(model, lambda: summed_loss(model, BATCH, arithmetic))
    assert ours == pytest.approx(loss, rel=2e-3)
    assert difference(found, expected) < 1.3 * difference(rounded, expected) < 0.06


def test_weights_are_float32_again_with_every_digit() -> None:
    model = model_of("llama")
    before = {name: weight.detach().clone() for name, weight in model.named_parameters()}
    with computing(model, Arithmetic(bf16=True, fused=True)):
        weight = model.model.layers[0].mlp.up_proj.weight
        master_of(weight).data += 1e-6
    for name, weight in model.named_parameters():
        added = 1e-6 if name == "model.layers.0.mlp.up_proj.weight" else 0.0
        assert weight.dtype == torch.float32 and torch.equal(weight, before[name] + added), name


def test_frozen_weights_have_neither_masters_nor_gradients() -> None:
    settings = TrainSettings(base="any", lora_rank=4)
    model = add_adapters(model_of("llama"), settings)
    assert kernels.is_plain(model)
    for name, weight in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weight, std=0.02)
    _, expected = gradients(model, lambda: summed_loss(model, BATCH))
    assert expected and all("lora" in name for name in expected)
    arithmetic = Arithmetic(bf16=True, fused=True)
    with computing(model, arithmetic):
        _, found = gradients(model, lambda: summed_loss(model, BATCH, arithmetic))
        for name, weight in model.named_parameters():
            assert (master_of(weight) is not weight) == ("lora" in name), name
    assert difference(found, expected) < 0.06


@pytest.mark.parametrize(
    "other",
    [
        lambda: model_of("gemma", head_dim=16),
        lambda: model_of("cohere"),
        lambda: model_of("granite"),
        lambda: model_of("llama", attention_dropout=0.1),
        lambda: add_adapters(
            model_of("llama"), TrainSettings(base="any", lora_rank=4, lora_target_modules=["lm_head"])
        ),
    ],
    ids=["gemma", "cohere", "granite", "dropout", "adapter of the head"],
)
def test_a_model_that_computes_otherwise_is_left_to_transformers(other: Callable[[], Any]) -> None:
    assert not kernels.is_plain(other())


def test_attention_with_a_mask_or_a_cache_is_pytorchs() -> None:
    """Solutions are written by a model under training too."""
    model = model_of("llama").eval()
    ids = torch.arange(20).view(2, 10)
    mask = torch.tensor([[0] * 3 + [1] * 7, [1] * 10])
    options: dict[str, Any] = {"attention_mask": mask, "max_new_tokens": 5, "do_sample": False}
    expected = model.generate(ids, **options)
    with kernels.fused(model, attention=True):
        assert torch.equal(model.generate(ids, **options), expected)
