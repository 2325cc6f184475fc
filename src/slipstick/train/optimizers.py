"""Optimisers and the learning rate of every step."""

import math
from typing import Any

import torch

from slipstick.train.data_parallel import Replicas
from slipstick.train.muon import Float32Muon
from slipstick.train.precision import master_of, multiplies_bf16
from slipstick.train.settings import TrainSettings

_PARTS = 4


class Optimizers:
    """Optimisers that step together, in the replicas' threads; their learning rates follow one schedule.

    Weights in bfloat16 are updated through their masters, from gradients that are summed in float32.
    """

    def __init__(self, model: Any, settings: TrainSettings) -> None:
        matrices, others = _split(model)
        rate, decay = settings.learning_rate, settings.weight_decay
        self._trained, self._clip = [*matrices, *others], settings.max_grad_norm
        self._weights = {id(master_of(p)): p for p in self._trained if master_of(p) is not p}
        matrices, others = [master_of(p) for p in matrices], [master_of(p) for p in others]
        self._all: list[torch.optim.Optimizer]
        if settings.optimizer == "muon":
            # In parts, which threads share; always the same number, so that a checkpoint fits any number of threads.
            parts = [part for i in range(_PARTS) if (part := matrices[i::_PARTS])]
            on_cpu = all(p.device.type == "cpu" for p in matrices)
            muon = Float32Muon if on_cpu and not multiplies_bf16() else torch.optim.Muon
            muons = [muon(part, lr=rate, weight_decay=decay, adjust_lr_fn="match_rms_adamw") for part in parts]
            self._all = [*muons, _adamw([(others, 0.0)], settings.embedding_learning_rate, settings.adam_beta2)]
        elif self._weights:  # one each: a gradient is in float32 while its weights are updated, and no longer
            large_first = sorted([*((p, decay) for p in matrices), *((p, 0.0) for p in others)], key=_size)
            self._all = [_adamw([([p], d)], rate, settings.adam_beta2, fused=True) for p, d in large_first]
        else:
            self._all = [_adamw([(matrices, decay), (others, 0.0)], rate, settings.adam_beta2)]
        self._peaks = [[group["lr"] for group in optimizer.param_groups] for optimizer in self._all]

    def step(self, factor: float, replicas: Replicas) -> None:
        """Updates the weights at `factor` times the peak learning rates, then frees the gradients."""
        for optimizer, peaks in zip(self._all, self._peaks, strict=True):
            for group, peak in zip(optimizer.param_groups, peaks, strict=True):
                group["lr"] = peak * factor
        if self._weights:
            scale = self._scale(replicas)
            replicas.map(lambda optimizer: self._step_masters(optimizer, replicas, scale), self._all)
        else:
            if self._clip:
                torch.nn.utils.clip_grad_norm_(self._trained, self._clip)
            replicas.map(lambda optimizer: optimizer.step(), self._all)
        replicas.free_gradients()

    def _scale(self, replicas: Replicas) -> float:
        """What gradients are multiplied by to be clipped."""
        if not self._clip:
            return 1.0
        norms = replicas.map(lambda p: torch.linalg.vector_norm(replicas.gradient(p)), self._trained)
        return min(1.0, self._clip / (float(torch.stack(norms).norm()) + 1e-6))

    def _step_masters(self, optimizer: torch.optim.Optimizer, replicas: Replicas, scale: float) -> None:
        masters = [p for group in optimizer.param_groups for p in group["params"]]
        places = [master.grad for master in masters]  # of those that are not in bfloat16: shared with other processes
        for master in masters:
            master.grad = replicas.gradient(self._weights.get(id(master), master)).mul_(scale)
        optimizer.step()
        for master, place in zip(masters, places, strict=True):
            master.grad = place
            if id(master) in self._weights:
                self._weights[id(master)].data.copy_(master.data)

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


def _adamw(
    groups: list[tuple[list[torch.nn.Parameter], float]], rate: float, beta2: float, *, fused: bool | None = None
) -> torch.optim.AdamW:
    parameters = [{"params": part, "weight_decay": decay} for part, decay in groups if part]
    return torch.optim.AdamW(parameters, lr=rate, betas=(0.9, beta2), eps=1e-8, fused=fused)


def _size(weighted: tuple[torch.nn.Parameter, float]) -> int:
    return -weighted[0].numel()


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
