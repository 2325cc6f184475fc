"""Optimisers and the learning rate of every step."""

import math
from typing import Any

import torch

from slipstick.train.data_parallel import Replicas
from slipstick.train.settings import TrainSettings

_PARTS = 4


class Optimizers:
    """Optimisers that step together, in the replicas' threads; their learning rates follow one schedule."""

    def __init__(self, model: Any, settings: TrainSettings) -> None:
        matrices, others = _split(model)
        rate, decay = settings.learning_rate, settings.weight_decay
        self._all: list[torch.optim.Optimizer]
        if settings.optimizer == "muon":
            # In parts, which threads share; always the same number, so that a checkpoint fits any number of threads.
            parts = [part for i in range(_PARTS) if (part := matrices[i::_PARTS])]
            muons = [
                torch.optim.Muon(part, lr=rate, weight_decay=decay, adjust_lr_fn="match_rms_adamw") for part in parts
            ]
            self._all = [*muons, _adamw([(others, 0.0)], settings.embedding_learning_rate, settings.adam_beta2)]
        else:
            self._all = [_adamw([(matrices, decay), (others, 0.0)], rate, settings.adam_beta2)]
        self._trained, self._clip = [*matrices, *others], settings.max_grad_norm
        self._peaks = [[group["lr"] for group in optimizer.param_groups] for optimizer in self._all]

    def step(self, factor: float, replicas: Replicas) -> None:
        """Updates the weights at `factor` times the peak learning rates, then frees the gradients."""
        for optimizer, peaks in zip(self._all, self._peaks, strict=True):
            for group, peak in zip(optimizer.param_groups, peaks, strict=True):
                group["lr"] = peak * factor
        if self._clip:
            torch.nn.utils.clip_grad_norm_(self._trained, self._clip)
        replicas.map(lambda optimizer: optimizer.step(), self._all)
        replicas.free_gradients()

    def state_dict(self) -> list[dict[str, Any]]:
        """What a checkpoint keeps."""
        return [optimizer.state_dict() for optimizer in self._all]

    def load_state_dict(self, state: list[dict[str, Any]]) -> None:
        """Restores what a checkpoint kept."""
        for optimizer, part in zip(self._all, state, strict=True):
            optimizer.load_state_dict(part)


def rate_factor(done: float, *, warmup: float, schedule: str = "linear") -> float:
    """The learning rate as a share of its peak when `done` (0 to 1) of the tokens are done.

    It rises linearly over `warmup`, then falls to zero, linearly or along half a cosine.
    """
    if done < warmup:
        return max(done, 1e-3) / warmup
    left = (1.0 - done) / (1.0 - warmup)
    return left if schedule == "linear" else (1.0 - math.cos(math.pi * left)) / 2.0


def _adamw(groups: list[tuple[list[torch.nn.Parameter], float]], rate: float, beta2: float) -> torch.optim.AdamW:
    parameters = [{"params": part, "weight_decay": decay} for part, decay in groups if part]
    return torch.optim.AdamW(parameters, lr=rate, betas=(0.9, beta2), eps=1e-8)


def _split(model: Any) -> tuple[list[torch.nn.Parameter], list[torch.nn.Parameter]]:
    """The matrices of the layers, and the rest: embeddings, output head, norms, biases."""
    tables = {id(model.get_input_embeddings().weight)}
    head = model.get_output_embeddings()
    if head is not None:
        tables.add(id(head.weight))
    trained = [p for p in model.parameters() if p.requires_grad]
    matrices = [p for p in trained if p.ndim == 2 and id(p) not in tables]
    chosen = {id(p) for p in matrices}
    return matrices, [p for p in trained if id(p) not in chosen]
