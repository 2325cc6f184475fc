"""Sizes of a model: from its config.json, or from our table for the bases that presets name."""

import json
import tomllib
from importlib.resources import files
from pathlib import Path
from typing import Any

from pydantic import Field

from slipstick.edges import reading
from slipstick.schema import Record

MODEL_TYPES = ("llama", "mistral", "qwen2", "qwen3", "gemma", "gemma2", "gemma3_text")
"""`model_type`s whose layers `ModelShape` describes, and no others."""


class ModelShape(Record):
    """A decoder of the Llama kind: attention with grouped keys, a gated feed-forward layer."""

    d_model: int = Field(gt=0)
    """Width."""
    num_layers: int = Field(gt=0)
    """Layers."""
    num_heads: int = Field(gt=0)
    """Query heads."""
    kv_heads: int = Field(gt=0)
    """Heads of keys and values."""
    head_dim: int = Field(gt=0)
    """Width of a head."""
    d_ff: int = Field(gt=0)
    """Width of the feed-forward layer."""
    vocab_size: int = Field(gt=0)
    """Tokens."""
    tied: bool = False
    """Whether the output head is the embedding table."""

    def matrices(self) -> list[tuple[int, int]]:
        """(inputs, outputs) of the matrices of one layer."""
        queries, keys = self.num_heads * self.head_dim, self.kv_heads * self.head_dim
        attention = [(self.d_model, queries), (self.d_model, keys), (self.d_model, keys), (queries, self.d_model)]
        return [*attention, (self.d_model, self.d_ff), (self.d_model, self.d_ff), (self.d_ff, self.d_model)]

    def in_layers(self) -> int:
        """Numbers in the matrices of all layers."""
        return self.num_layers * sum(a * b for a, b in self.matrices())

    def table(self) -> int:
        """Numbers in the embedding table."""
        return self.vocab_size * self.d_model

    def parameters(self) -> int:
        """All numbers but the norms', which are too few to matter."""
        return self.in_layers() + self.table() * (1 if self.tied else 2)


def shape_of(base: str) -> ModelShape | None:
    """The shape of a model's folder or of a base in our table; None for an unknown one."""
    file = Path(base) / "config.json"
    if file.is_file():
        with reading(file):
            return _from_config(json.loads(file.read_bytes()))
    table = tomllib.loads(files("slipstick.plan").joinpath("shapes.toml").read_text("utf-8"))
    return ModelShape.model_validate(table[base]) if base in table else None


def _from_config(config: dict[str, Any]) -> ModelShape | None:
    config = config.get("text_config", config)
    kind = config.get("model_type", "")
    if kind not in MODEL_TYPES or any("expert" in key for key in config):
        return None  # another architecture: no estimate is better than a wrong one
    try:
        heads = config["num_attention_heads"]
        return ModelShape(
            d_model=config["hidden_size"],
            num_layers=config["num_hidden_layers"],
            num_heads=heads,
            kv_heads=config.get("num_key_value_heads") or heads,
            head_dim=config.get("head_dim") or config["hidden_size"] // heads,
            d_ff=config["intermediate_size"],
            vocab_size=config["vocab_size"],
            tied=bool(config.get("tie_word_embeddings", kind.startswith("gemma"))),
        )
    except KeyError:
        return None  # sizes that transformers fills in, which only it knows
