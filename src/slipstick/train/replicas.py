"""Spreads a step over CPU threads: each works through its part of the batch, on weights that all of them share.

Operations of a small model are too short to be worth dividing among threads one by one (two threads are slower than
one); whole forward and backward passes are not.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import torch

from slipstick.encode import IGNORED, Encoded

T = TypeVar("T")


class Replicas:
    """A model and its twins, one a thread: the weights are shared, the gradients are each one's own."""

    def __init__(self, model: Any, *, threads: int) -> None:
        self._models = [model, *(_twin(model) for _ in range(threads - 1))]
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="slipstick-train")

    def gradients(self, batch: Sequence[Encoded]) -> float:
        """Leaves the gradients of the mean loss over the batch's labels in the model; gives that loss."""
        counted = sum(label != IGNORED for example in batch for label in example.labels[1:])
        shares = [batch[i :: len(self._models)] for i in range(min(len(self._models), len(batch)))]
        losses = self.map(lambda work: _backward(*work, counted=counted), list(zip(self._models, shares, strict=False)))
        for twin in self._models[1:]:
            for parameter, other in zip(self._models[0].parameters(), twin.parameters(), strict=True):
                if other.grad is not None:
                    parameter.grad = other.grad if parameter.grad is None else parameter.grad.add_(other.grad)
                    other.grad = None
        return sum(losses)

    def map(self, work: Callable[[Any], T], items: Sequence[Any]) -> list[T]:
        """`work` for every item, side by side."""
        return list(self._pool.map(work, items))

    def close(self) -> None:
        """Ends the threads."""
        self._pool.shutdown()


def _twin(model: Any) -> Any:
    twin = copy.deepcopy(model)
    for parameter, original in zip(twin.parameters(), model.parameters(), strict=True):
        parameter.data = original.data
    return twin


def _backward(model: Any, batch: Sequence[Encoded], *, counted: int) -> float:
    """Gradients of the batch's summed loss over `counted`; gives that loss.

    Padding is on the right, where no token that counts can look, so no mask is needed. Output columns without any
    label are never computed.
    """
    width = max(len(example.ids) for example in batch) - 1
    ids = torch.zeros(len(batch), width, dtype=torch.long)
    labels = torch.full((len(batch), width), IGNORED, dtype=torch.long)
    for i, example in enumerate(batch):
        ids[i, : min(width, len(example.ids))] = torch.tensor(example.ids[:width])
        labels[i, : len(example.labels) - 1] = torch.tensor(example.labels[1:])
    ids, labels = ids.to(model.device), labels.to(model.device)
    columns = (labels != IGNORED).any(0).nonzero()[:, 0]
    labels = labels[:, columns]
    logits = model(input_ids=ids, use_cache=False, logits_to_keep=columns).logits
    chosen = labels != IGNORED
    loss = torch.nn.functional.cross_entropy(logits[chosen].float(), labels[chosen], reduction="sum") / counted
    loss.backward()  # type: ignore[no-untyped-call]
    return float(loss.detach())
