"""What a training run can be told."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from slipstick.schema import Record


class Phase(Record):
    """A stretch of training with its own mix of formats."""

    share: float = Field(gt=0)
    """Its part of all tokens; shares are divided by their sum."""
    mix: dict[str, float]
    """Format -> its part of the examples; formats that are not named are left out."""


class TrainSettings(Record):
    """How a model is trained; the defaults train a model of one million parameters from scratch on a CPU."""

    base: str | None = None
    """Folder (or hub name) of a model to go on from; None trains a new one from scratch, tokenizer included."""
    seed: int = 0
    """Decides the weights' start and the order of the examples."""
    tokens: int = Field(default=1_500_000, gt=0)
    """Tokens to train on, prompts included; examples repeat when they run out."""
    batch_tokens: int = Field(default=1024, gt=0)
    """Most tokens of one step, padding included."""
    optimizer: Literal["muon", "adamw"] = "muon"
    """"muon" orthogonalises the updates of matrices and leaves the rest to AdamW; "adamw" is AdamW for all."""
    learning_rate: float = Field(default=3e-3, gt=0)
    """Peak rate of matrices (of everything with "adamw"); MAmmoTH's fine-tuning used 2e-5 with AdamW."""
    embedding_rate: float = Field(default=4e-3, gt=0)
    """Peak rate of embeddings and norms with "muon"."""
    warmup: float = Field(default=0.02, ge=0, lt=1)
    """Part of the tokens over which the rate rises from nothing; after it the rate falls to zero in a straight line."""
    weight_decay: float = Field(default=0.1, ge=0)
    """Decoupled weight decay of matrices."""
    max_length: int = Field(default=1024, gt=1)
    """Longer examples are left out and counted; of a new model also the most tokens it can be asked for."""
    phases: list[Phase] = Field(default_factory=list)
    """A curriculum, in order; none: one phase in which every example is as likely as any other."""
    d_model: int = Field(default=128, gt=0)
    """Width of a new model."""
    layers: int = Field(default=4, gt=0)
    """Depth of a new model."""
    heads: int = Field(default=4, gt=0)
    """Attention heads of a new model."""
    d_ff: int = Field(default=384, gt=0)
    """Width of a new model's feed-forward layers."""
    vocab: int = Field(default=1500, ge=300)
    """Tokens of a new tokenizer, the 256 bytes and the formats' fixed strings included."""
    threads: int | None = Field(default=None, gt=0)
    """CPU threads that divide every step among them; None takes one per core, at most four."""
    device: str = "auto"
    """"cpu", "cuda" or "auto"."""
    checkpoint_every: int = Field(default=100_000, gt=0)
    """Tokens between two checkpoints; a killed training goes on from the last one."""
