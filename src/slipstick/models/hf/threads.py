"""How many threads a small model is worth."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_NARROW = 512


@contextmanager
def few_threads(model: Any) -> Iterator[None]:
    """One thread for a narrow model on a CPU, whose operations are too short to be worth dividing among several."""
    import torch

    threads = torch.get_num_threads()
    if model.device.type == "cpu" and model.get_input_embeddings().weight.shape[1] < _NARROW:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
