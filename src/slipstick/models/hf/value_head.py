"""The value head: one number per token from the hidden states of a language model, stored with its weights.

`value_head.safetensors` holds the tensors, `value_head.json` says how to read them; the folder stays a stock Hugging
Face model, so one checkpoint both writes (any server can load it) and scores (this file).
"""

from pathlib import Path
from typing import Any, Literal

import torch
from pydantic import ValidationError

from slipstick.errors import ModelError
from slipstick.parts import replacing
from slipstick.schema import Record
from slipstick.store import write_atomically

TENSORS = "value_head.safetensors"
SETTINGS = "value_head.json"


class HeadSettings(Record):
    """Settings of a head: how its number is computed and what it means."""

    width: int
    """Width of the hidden states."""
    squash: Literal["none", "sigmoid", "tanh"]
    """Applied to the number: nothing (a value regressed on 0 and 1), a function to 0..1, or one to -1..1."""
    read_at: Literal["tokens", "steps"]
    """Where it was trained: at every token of a solution, or at the end of each step."""
    dropout: float = 0.0
    """Share of the hidden state that is dropped during training."""


class ValueHead(torch.nn.Module):
    """value = squash(w · dropout(gain * h + bias)): the head of OVM (Yu et al. 2023, §3; its code's gain and bias).

    `w` starts as zeros. OVM's code starts from the mean of the output embeddings, with which values are mean logits: of
    a pretrained model they are so far from zero (6.6 on average of SmolLM2's) that a sigmoid is saturated everywhere.
    """

    def __init__(self, settings: HeadSettings) -> None:
        super().__init__()
        self.settings = settings
        self.gain = torch.nn.Parameter(torch.ones(settings.width))
        self.bias = torch.nn.Parameter(torch.zeros(settings.width))
        # A vector, not a matrix of one row: optimisers that treat matrices differently leave it alone.
        self.weight = torch.nn.Parameter(torch.zeros(settings.width))

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        """The numbers before squashing; hidden: [..., width] -> [...]."""
        shaped = self.gain * hidden.float() + self.bias
        return torch.nn.functional.dropout(shaped, self.settings.dropout, self.training) @ self.weight

    def squash(self, numbers: torch.Tensor) -> torch.Tensor:
        """Values from numbers, of any shape."""
        if self.settings.squash == "none":
            return numbers
        return torch.sigmoid(numbers) if self.settings.squash == "sigmoid" else torch.tanh(numbers)


def hidden_and_logits(model: Any, ids: torch.Tensor, columns: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The last hidden states, [rows, columns of ids, width], and the logits at `columns`, from one forward pass."""
    done = model(input_ids=ids, use_cache=False, logits_to_keep=columns, output_hidden_states=True)
    return done.hidden_states[-1], done.logits


def save_head(head: ValueHead, folder: Path) -> None:
    """Writes the head to the model's folder; value_head.json, which makes the folder a value model, comes last."""
    from safetensors.torch import save

    tensors = {name: tensor.detach().float().cpu().contiguous() for name, tensor in head.state_dict().items()}
    with replacing(folder / TENSORS) as new:
        new.write(save(tensors))
    write_atomically(folder / SETTINGS, head.settings.model_dump_json(indent=2) + "\n")


def load_head(folder: Path) -> ValueHead:
    """The head in a model's folder. Raises ModelError if there is none or it is damaged."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    remedy = 'train one by `slipstick train` with stage = "value"'
    if not (folder / SETTINGS).is_file():
        raise ModelError(f"{folder} is not a value model, because it has no {SETTINGS}: {remedy}")
    try:
        head = ValueHead(HeadSettings.model_validate_json((folder / SETTINGS).read_bytes()))
        head.load_state_dict(load_file(folder / TENSORS))
    except (OSError, ValidationError, SafetensorError, RuntimeError) as error:
        raise ModelError(f"the value head in {folder} cannot be read: {error}; {remedy}") from error
    return head.eval()
