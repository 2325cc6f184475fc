"""A new model's weights, and the folder that trained weights are written to."""

import shutil
from pathlib import Path
from typing import Any

from slipstick.encode.settings import PromptConfig, save_prompt_config
from slipstick.models.hf import quietly
from slipstick.train.adapters import merged, save_adapters
from slipstick.train.settings import StageSettings, TrainSettings


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


def save_trained(model: Any, tokenizer: Any, settings: TrainSettings, folder: Path) -> None:
    """Writes the trained weights; of adapters themselves too, and the base with them merged into it."""
    if settings.lora_rank and settings.base is not None:
        save_adapters(model, folder, base=settings.base)
        model = merged(folder, settings.base)
    save_model(model, tokenizer, settings, folder)


def save_model(model: Any, tokenizer: Any, settings: StageSettings, folder: Path) -> None:
    """Writes a folder that transformers, vLLM and `hf:` open; it also says how prompts were laid out in training."""
    part = folder / "model.part"
    with quietly():
        model.save_pretrained(part)
    publish(part, tokenizer, settings, folder)


def publish(part: Path, tokenizer: Any, settings: StageSettings, folder: Path) -> None:
    """Completes a folder of weights and moves its files to `folder`; config.json, which makes it a model, last."""
    with quietly():
        tokenizer.save_pretrained(part)
    config = PromptConfig(template=settings.template, prompt_variant=settings.prompt_variant, seed=settings.seed)
    save_prompt_config(config, part)
    for file in sorted(part.iterdir(), key=lambda file: file.name == "config.json"):
        if file.name != "training_args.bin":
            file.replace(folder / file.name)
    shutil.rmtree(part)
