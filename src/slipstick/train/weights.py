"""Where a training run's weights come from and go to: a new model, checkpoints, the finished folder."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

from slipstick.encode.settings import PromptConfig, save_prompt_config
from slipstick.models.hf import quietly
from slipstick.train.settings import TrainSettings


def new_model(settings: TrainSettings, tokenizer: Any) -> Any:
    """A model of the given size with random weights and the embeddings tied to the output.

    Qwen 3's architecture, which is Llama's with normed queries and keys. The norm matters at this size: with it a model
    learns to copy numbers from the question, digit by digit, in far fewer tokens.
    """
    import torch
    from transformers import Qwen3Config, Qwen3ForCausalLM

    torch.manual_seed(settings.seed)
    config = Qwen3Config(
        vocab_size=len(tokenizer),
        hidden_size=settings.d_model,
        intermediate_size=settings.d_ff,
        num_hidden_layers=settings.num_layers,
        num_attention_heads=settings.num_heads,
        num_key_value_heads=settings.num_heads,
        head_dim=settings.d_model // settings.num_heads,
        max_position_embeddings=settings.max_length,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    return Qwen3ForCausalLM(config)


def save_model(model: Any, tokenizer: Any, folder: Path, *, taught: PromptConfig | None = None) -> None:
    """Writes a folder that transformers, vLLM and `hf:` open; config.json, which makes it a model, comes last.

    taught: how the prompts were laid out that it was trained on; None: as each format does.
    """
    part = folder / "model.part"
    with quietly():
        model.save_pretrained(part)
        tokenizer.save_pretrained(part)
    save_prompt_config(taught or PromptConfig(), part)
    for file in sorted(part.iterdir(), key=lambda file: file.name == "config.json"):
        file.replace(folder / file.name)
    part.rmdir()


def save_trained(model: Any, tokenizer: Any, settings: TrainSettings, folder: Path) -> None:
    """Writes the trained weights; of adapters themselves too, and the base with them merged into it."""
    from slipstick.train.adapters import merged, save_adapters

    if settings.lora_rank and settings.base is not None:
        save_adapters(model, folder)
        model = merged(folder, settings.base)
    save_model(model, tokenizer, folder, taught=taught_by(settings))


def taught_by(settings: TrainSettings) -> PromptConfig:
    """How a training with these settings laid its prompts out."""
    return PromptConfig(template=settings.template, prompt_variant=settings.prompt_variant, seed=settings.seed)


def save_checkpoint(state: dict[str, Any], file: Path) -> None:
    """Writes tensors and numbers so that a kill at any instant leaves either the old file or the new one whole."""
    import torch

    part = file.with_suffix(".part")
    with part.open("wb") as opened:
        torch.save(state, opened)
        opened.flush()
        os.fsync(opened.fileno())
    part.replace(file)


def load_checkpoint(file: Path) -> dict[str, Any] | None:
    """What `save_checkpoint` wrote, or None where there is none."""
    import torch

    if not file.is_file():
        return None
    state: dict[str, Any] = torch.load(file, map_location="cpu", weights_only=True)
    return state


def last_whole_checkpoint(folder: Path) -> str | None:
    """The last checkpoint in `folder` that a Hugging Face trainer wrote to its end; torn ones are removed."""
    whole = None
    for checkpoint in sorted(folder.glob("checkpoint-[0-9]*"), key=lambda path: int(path.name.rpartition("-")[2])):
        try:
            json.loads((checkpoint / "trainer_state.json").read_bytes())  # the trainer writes it last of all
            whole = str(checkpoint)
        except (OSError, ValueError):
            shutil.rmtree(checkpoint, ignore_errors=True)
    return whole
