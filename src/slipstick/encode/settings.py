"""What a recipe can say of how solutions become token ids and labels."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from slipstick.models.hf.prompts import PromptSettings


class EncodeSettings(PromptSettings):
    """How prompts are laid out and what is trained on; the defaults are those of the formats, outputs masked."""

    chat_template: str | None = None
    """With "chat": a Jinja file to use instead of the tokenizer's own template; it stays with the trained model."""
    train_on_outputs: bool = False
    """Label what the interpreter answered too, as ToRA and AlphaMath did."""
    max_length: int = Field(default=1024, gt=1)
    """Most tokens of an example; of a new model also the most tokens it can be asked for."""
    too_long: Literal["drop", "cut"] = "drop"
    """What becomes of longer examples: left out, or cut behind the last whole block that fits. Both are counted."""
