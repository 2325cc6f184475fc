"""Supervised fine-tuning of a Llama-2-7B-shaped model with random weights on one GPU, ours and plain SFTTrainer."""

from __future__ import annotations

import contextlib
import gc
import random
import tempfile
import time
from pathlib import Path
from typing import Any

from slipstick.encode.encoding import IGNORED, Encoded
from slipstick.plan.memory import GIB, Workload, flops_per_token, memory_parts, total
from slipstick.plan.shapes import ModelShape, shape_of
from slipstick.train.examples import Examples
from slipstick.train.settings import TrainSettings
from slipstick.train.tokenizer import train_tokenizer

LENGTH, STEPS, WARM = 2048, 20, 4


def examples(vocab: int) -> Examples:
    """Random tokens in examples of the lengths that mathematics has, a third of each the prompt."""
    chance = random.Random(0)
    made = []
    for _ in range(STEPS * 8 * LENGTH // 300):
        ids = [chance.randrange(10, vocab) for _ in range(chance.randint(100, 500))]
        third = len(ids) // 3
        made.append(Encoded(ids, [IGNORED] * third + ids[third:]))
    return Examples(made, ["cot"] * len(made))


def model_of(shape: ModelShape) -> Any:
    """The model on the GPU in bfloat16."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        hidden_size=shape.d_model,
        num_hidden_layers=shape.num_layers,
        num_attention_heads=shape.num_heads,
        num_key_value_heads=shape.kv_heads,
        intermediate_size=shape.d_ff,
        vocab_size=shape.vocab_size,
        max_position_embeddings=4096,
    )
    torch.set_default_dtype(torch.bfloat16)
    try:
        with torch.device("cuda"):
            return LlamaForCausalLM(config)
    finally:
        torch.set_default_dtype(torch.float32)


def matrix_rate() -> float:
    """The card's measured bfloat16 matrix rate, operations a second."""
    import torch

    a = torch.randn(8192, 8192, device="cuda", dtype=torch.bfloat16)
    for _ in range(5):
        a @ a
    torch.cuda.synchronize()
    began = time.monotonic()
    for _ in range(30):
        a @ a
    torch.cuda.synchronize()
    return 30 * 2 * 8192**3 / (time.monotonic() - began)


def rate_of(settings: TrainSettings, shape: ModelShape, rows: Examples) -> tuple[float, float]:
    """Tokens a second after the first steps, and the most memory in bytes."""
    import torch

    from slipstick.train.adapters import add_adapters
    from slipstick.train.run import Observers, Training
    from slipstick.train.trl import fit_with_trl, rows_of

    gc.collect()
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    model = model_of(shape)
    model = add_adapters(model, settings) if settings.lora_rank else model
    marks: list[tuple[float, int]] = []

    class EnoughError(Exception):
        pass

    def mark(done: int, total: int, loss: float) -> None:
        marks.append((time.monotonic(), done))
        if len(marks) == STEPS:
            raise EnoughError

    tokenizer = train_tokenizer(["nuts"] * 9, (), vocab_size=300)
    with tempfile.TemporaryDirectory() as folder, contextlib.suppress(EnoughError):
        training = Training(Path(folder), "", Observers(mark))
        fit_with_trl(lambda: model, tokenizer, rows_of(rows, settings), settings=settings, training=training)
    (begun, early), (ended, late) = marks[WARM], marks[-1]
    return (late - early) / (ended - begun), float(torch.cuda.max_memory_allocated())


def measure() -> dict[str, Any]:
    """Utilisation, speed against SFTTrainer's documented defaults, and memory against the plan."""
    import torch

    shape = shape_of("meta-llama/Llama-2-7b-hf")
    assert shape is not None
    rows, peak_rate = examples(shape.vocab_size), matrix_rate()
    common: dict[str, Any] = {"trainer": "trl", "base": "random", "max_length": LENGTH, "param_dtype": "bfloat16"}
    common |= {
        "optimizer": "adafactor",
        "learning_rate": 1e-5,
        "checkpoint_every": 10**12,
        "gradient_checkpointing": True,
    }
    lean = TrainSettings.model_validate(
        {**common, "max_train_tokens": 10**7, "per_device_train_batch_size": 4, "packing": "bfd"}
    )
    plain = TrainSettings.model_validate(
        {**common, "max_train_tokens": 10**7, "per_device_train_batch_size": 8, "packing": "none"}
    )
    adapters = lean.model_copy(update={"lora_rank": 16, "optimizer": "adamw"})
    seen = {name: rate_of(s, shape, rows) for name, s in (("full", lean), ("lora", adapters), ("plain", plain))}
    load = Workload(
        tokens=LENGTH,  # without FlashAttention a pass has one packed row
        length=300,
        weight_bytes=2,
        bf16=True,
        optimizer="adafactor",
        gradient_checkpointing=True,
        fused_head=True,
    )
    useful = flops_per_token(shape, load.model_copy(update={"gradient_checkpointing": False}))
    counted = total(part for part in memory_parts(shape, load) if part.name != "process")
    return {
        "mfu": round(seen["full"][0] * useful / peak_rate, 3),
        "vs_sfttrainer": round(seen["full"][0] / seen["plain"][0], 3),
        "device": torch.cuda.get_device_name(),
        "gpu_tokens_per_second": {name: round(rate) for name, (rate, _) in seen.items()},
        "gpu_peak_gib": round(seen["full"][1] / GIB, 1),
        "gpu_plan_memory_error": round(abs(counted - seen["full"][1]) / seen["full"][1], 3),
    }
