"""Keys and values of the rows that are being decoded: grown in place, rows dropped, rows joined.

Rows end at the same column (padding is on the left), so one step appends one column for all of them.
"""

from __future__ import annotations

from typing import Any

import torch
from transformers.cache_utils import Cache, DynamicCache, DynamicLayer

_ROOM = 64  # columns allocated ahead: a step then writes one column instead of copying all


class GrowingLayer(DynamicLayer):  # type: ignore[no-untyped-call]
    """A layer's keys and values, [rows, heads, columns, width], as views of buffers with room for more columns."""

    _buffers: tuple[torch.Tensor, torch.Tensor] | None = None

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *args: Any, **kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Appends columns and gives all of them back."""
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
            self.keys, self.values = key_states[:, :, :0], value_states[:, :, :0]
        assert self.keys is not None and self.values is not None
        start, end = self.keys.shape[2], self.keys.shape[2] + key_states.shape[2]
        if self._buffers is None or self._buffers[0].shape[2] < end:
            self._buffers = (_with_room(self.keys, end), _with_room(self.values, end))
        keys, values = self._buffers
        keys[:, :, start:end] = key_states
        values[:, :, start:end] = value_states
        self.keys, self.values = keys[:, :, :end], values[:, :, :end]
        return self.keys, self.values

    def keep(self, rows: torch.Tensor, *, skip: int) -> None:
        """Keeps the given rows, without the first `skip` columns, which hold only padding."""
        assert self.keys is not None and self.values is not None
        self.keys, self.values, self._buffers = self.keys[rows, :, skip:], self.values[rows, :, skip:], None

    def join(self, other: GrowingLayer) -> None:
        """Appends the rows of another layer; the narrower of the two is padded on the left."""
        assert self.keys is not None and self.values is not None and other.keys is not None
        assert other.values is not None
        self.keys = _stack(self.keys, other.keys)
        self.values = _stack(self.values, other.values)
        self._buffers = None


def new_cache(config: Any) -> Cache:
    """An empty cache for a model; layers with full attention become GrowingLayers."""
    cache = DynamicCache(config=config)
    growing: Any = GrowingLayer
    cache.layers = [growing() if type(layer) is DynamicLayer else layer for layer in cache.layers]
    return cache


def is_growing(cache: Cache) -> bool:
    """Whether rows can leave and join: not so for layers with a window or a recurrent state."""
    return all(isinstance(layer, GrowingLayer) for layer in cache.layers)


def keep_rows(cache: Cache, rows: torch.Tensor, *, skip: int) -> None:
    """Keeps the given rows in every layer, without their first `skip` columns."""
    for layer in _growing(cache):
        layer.keep(rows, skip=skip)


def join_rows(cache: Cache, other: Cache) -> None:
    """Appends the other cache's rows to every layer."""
    for layer, newcomer in zip(_growing(cache), _growing(other), strict=True):
        layer.join(newcomer)


def _growing(cache: Cache) -> list[GrowingLayer]:
    return [layer for layer in cache.layers if isinstance(layer, GrowingLayer)]


def _with_room(states: torch.Tensor, columns: int) -> torch.Tensor:
    rows, heads, filled, width = states.shape
    buffer = states.new_empty(rows, heads, columns + _ROOM, width)
    buffer[:, :, :filled] = states
    return buffer


def _stack(upper: torch.Tensor, lower: torch.Tensor) -> torch.Tensor:
    columns = max(upper.shape[2], lower.shape[2])
    # Padding must be finite: masked positions are multiplied by zero, and zero times NaN is NaN.
    padded = [torch.nn.functional.pad(states, (0, 0, columns - states.shape[2], 0)) for states in (upper, lower)]
    return torch.cat(padded)
