"""Rows that are decoded side by side, padded on the left: for any architecture and device that transformers knows."""

from collections.abc import Sequence
from typing import Any

import torch
from transformers.cache_utils import Cache

from slipstick.models.hf.cache import is_growing, join_rows, keep_rows, new_cache


class PaddedBatch:
    """The rows in decoding. In layers with a window or a recurrent state rows cannot leave or join before all ended."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self._cache: Cache | None = None
        self._mask = torch.zeros(0, 0, dtype=torch.long)

    @property
    def can_join(self) -> bool:
        """Whether rows may be added now."""
        return self._cache is None or is_growing(self._cache)

    def add(self, prompts: Sequence[list[int]]) -> torch.Tensor:
        """Rows join; the logits behind their last token, [rows, vocabulary]."""
        width = max(map(len, prompts))
        ids = torch.zeros(len(prompts), width, dtype=torch.long)
        mask = torch.zeros(len(prompts), width, dtype=torch.long)
        for i, prompt in enumerate(prompts):
            ids[i, width - len(prompt) :] = torch.tensor(prompt)
            mask[i, width - len(prompt) :] = 1
        cache = new_cache(self._model.config)
        logits = self._forward(ids, mask=mask, cache=cache)
        if self._cache is None:
            self._cache, self._mask = cache, mask
        else:
            join_rows(self._cache, cache)
            columns = max(width, self._mask.shape[1])
            padded = [torch.nn.functional.pad(part, (columns - part.shape[1], 0)) for part in (self._mask, mask)]
            self._mask = torch.cat(padded)
        return logits

    def step(self, tokens: Sequence[int]) -> torch.Tensor:
        """Every row takes a token; the logits behind it, [rows, vocabulary]."""
        assert self._cache is not None
        self._mask = torch.nn.functional.pad(self._mask, (0, 1), value=1)
        return self._forward(torch.tensor(tokens)[:, None], mask=self._mask, cache=self._cache)

    def keep(self, rows: Sequence[int]) -> list[int]:
        """The other rows leave, if they can. Returns the rows that stay in their new order."""
        if not rows:
            self._cache = None
        if not rows or self._cache is None:
            return []
        if not is_growing(self._cache):
            return list(range(len(self._mask)))
        kept = torch.tensor(rows)
        mask = self._mask[kept]
        skip = int(mask.any(0).long().argmax())
        keep_rows(self._cache, kept.to(self._model.device), skip=skip)
        self._mask = mask[:, skip:]
        return list(rows)

    def _forward(self, ids: torch.Tensor, *, mask: torch.Tensor, cache: Cache) -> torch.Tensor:
        """Runs the model on the last columns of `mask`; ids: [rows, columns]."""
        device = self._model.device
        positions = (mask.cumsum(1) - 1).clamp(min=0)[:, -ids.shape[1] :]
        logits: torch.Tensor = self._model(
            input_ids=ids.to(device),
            attention_mask=mask.to(device),
            position_ids=positions.to(device),
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=1,
        ).logits[:, -1]
        return logits
