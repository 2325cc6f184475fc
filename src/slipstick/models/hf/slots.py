"""Rows that are decoded without padding: each has a slot for its keys and values, and joins or leaves at any step.

A forward pass sees all tokens as one sequence, with their positions, and leaves attention to `_attend`, which writes
keys and values to the slots and has every row look at its own. What a prompt has in common with a row that is there or
has left is copied instead of computed: few-shot examples, other samples of a problem, the turns before.
"""

import math
import mmap
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface
from transformers.cache_utils import DynamicCache, DynamicLayer

_NAME = "slipstick_slots"
_COLUMNS = 256  # slots are lengthened by so many
_WORTH = 8  # tokens in common that are worth a copy
_TOKENS = 1024  # most tokens of prompts in one forward pass, unless one prompt alone has more
_LEFT_BYTES = 512 * 2**20  # keys and values that are kept of rows that have left
_GROUP = 16  # rows that attend together
_SPARING = 0.85  # if they then look at less than this share of what all together would
_NOT_COMPUTED = ("sliding_window", "softcap", "s_aux", "position_bias")  # attention other than the plain one
_CLOSE = {torch.float32: 1e-3}  # how far logits may be off, as a share of the largest, by their numbers
_CLOSE_BELOW = 0.05  # the same for 16 bits


class _Part(NamedTuple):
    """Tokens of a prompt in one forward pass."""

    slot: int
    start: int
    """Column of the first."""
    ids: list[int]


class _Left(NamedTuple):
    """A row that has left."""

    text: str
    """Its tokens, one character each."""
    states: dict[int, tuple[torch.Tensor, torch.Tensor]]
    """Keys and values of every layer, [heads, tokens, width]."""
    bytes: int


class _Group(NamedTuple):
    """Rows that attend together."""

    first: int
    end: int
    columns: int
    mask: torch.Tensor
    """0 or -inf, [rows, 1, 1, columns]."""


class SlotBatch:
    """The rows in decoding, by the number of their slot."""

    can_join = True

    def __init__(self, model: Any) -> None:
        self._model = model
        self._layers: dict[int, tuple[torch.Tensor, torch.Tensor]] = {}  # [slots, heads, columns, width]
        self._size = (0, 0)  # slots, columns
        self._ids: list[list[int]] = []  # a row's tokens
        self._prompts: list[str] = []  # those of its prompt, one character each, as strings compare fastest
        self._left: deque[_Left] = deque()
        self._parts: list[_Part] = []  # what the running forward pass sees; nothing: one token of every row
        self._lengths = torch.zeros(0, dtype=torch.long)  # tokens of the rows before this pass
        self._groups: list[_Group] = []

    def add(self, prompts: Sequence[list[int]]) -> torch.Tensor:
        """Rows join; the logits behind their last token, [rows, vocabulary]."""
        first = len(self._ids)
        self._make_room(first + len(prompts), max(map(len, prompts)) + 1)
        texts = ["".join(map(chr, prompt)) for prompt in prompts]
        self._ids += [[] for _ in prompts]
        self._prompts += ["" for _ in prompts]
        logits: dict[int, torch.Tensor] = {}
        waiting = list(range(len(prompts)))
        while waiting:
            group, waiting = self._group(waiting, texts)
            parts = []
            for place in group:
                start = self._copy_common(texts[place], first + place)
                parts.append(_Part(first + place, start, prompts[place][start:]))
            logits.update(zip(group, self._forward_parts(parts), strict=True))
            for place in group:
                self._ids[first + place], self._prompts[first + place] = list(prompts[place]), texts[place]
        return torch.stack([logits[place] for place in range(len(prompts))])

    def step(self, tokens: Sequence[int]) -> torch.Tensor:
        """Every row takes a token; the logits behind it, [rows, vocabulary]."""
        lengths = list(map(len, self._ids))
        self._make_room(len(self._ids), max(lengths) + 1)
        self._parts, self._lengths = [], torch.tensor(lengths)
        self._groups = [_group(self._lengths, first, end) for first, end in _cuts(lengths)]
        logits = self._forward(list(tokens), lengths, keep=0)
        for ids, token in zip(self._ids, tokens, strict=True):
            ids.append(token)
        return logits

    def keep(self, rows: Sequence[int]) -> list[int]:
        """The other rows leave. Returns the rows that stay in their new order: the last ones fill the gaps."""
        staying = set(rows)
        for row in range(len(self._ids)):
            if row not in staying:
                self._remember(row)
        order = list(range(len(rows)))
        movers = iter([row for row in rows if row >= len(rows)])
        for gap in [row for row in order if row not in staying]:
            order[gap] = mover = next(movers)
            for keys, values in self._layers.values():
                keys[gap, :, : len(self._ids[mover])] = keys[mover, :, : len(self._ids[mover])]
                values[gap, :, : len(self._ids[mover])] = values[mover, :, : len(self._ids[mover])]
        self._ids = [self._ids[row] for row in order]
        self._prompts = [self._prompts[row] for row in order]
        return order

    def attend(
        self, layer: int, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, scale: float
    ) -> torch.Tensor:
        """Writes a layer's keys and values to the slots; what every token sees, [1, tokens, heads, width]."""
        if layer not in self._layers:
            self._layers[layer] = (_empty(key, *self._size), _empty(value, *self._size))
        keys, values = self._layers[layer]
        if not self._parts:
            return self._attend_rows(keys, values, query, key, value, scale)
        seen, at = [], 0
        for slot, start, ids in self._parts:
            end, until = start + len(ids), at + len(ids)
            keys[slot, :, start:end], values[slot, :, start:end] = key[0, :, at:until], value[0, :, at:until]
            shown = None if start == 0 else torch.ones(len(ids), end, dtype=torch.bool).tril(start)
            seen.append(
                scaled_dot_product_attention(
                    query[:, :, at:until],
                    keys[slot : slot + 1, :, :end],
                    values[slot : slot + 1, :, :end],
                    attn_mask=shown,
                    is_causal=start == 0,
                    scale=scale,
                    enable_gqa=query.shape[1] != key.shape[1],
                )
            )
            at = until
        return torch.cat(seen, 2).transpose(1, 2)

    def _attend_rows(
        self,
        keys: torch.Tensor,
        values: torch.Tensor,
        query: torch.Tensor,
        key: torch.Tensor,
        value: torch.Tensor,
        scale: float,
    ) -> torch.Tensor:
        """One token a row. The heads that share keys are the rows of one product, which reads the keys once."""
        heads, width = key.shape[1], query.shape[3]
        every = torch.arange(len(self._lengths))
        keys[every, :, self._lengths] = key[0].transpose(0, 1)
        values[every, :, self._lengths] = value[0].transpose(0, 1)
        asked = query[0].transpose(0, 1).reshape(len(every), heads, -1, width)
        seen = []
        for first, end, columns, mask in self._groups:
            known = keys[first:end].flatten(0, 1)[:, :columns]
            scores = torch.bmm(known, asked[first:end].flatten(0, 1).transpose(1, 2)).transpose(1, 2)
            scores = scores.float().view(end - first, heads, -1, columns).mul_(scale).add_(mask)
            shares = torch.softmax(scores, -1).to(values.dtype).flatten(0, 1)
            seen.append(torch.bmm(shares, values[first:end].flatten(0, 1)[:, :columns]).view(end - first, -1))
        return torch.cat(seen).view(1, len(every), query.shape[1], -1)

    def _forward_parts(self, parts: list[_Part]) -> torch.Tensor:
        self._parts = parts
        ids = [token for part in parts for token in part.ids]
        positions = [place for part in parts for place in range(part.start, part.start + len(part.ids))]
        ends = torch.tensor([len(part.ids) for part in parts]).cumsum(0) - 1
        return self._forward(ids, positions, keep=ends)

    def _forward(self, ids: list[int], positions: list[int], *, keep: int | torch.Tensor) -> torch.Tensor:
        with _attention(self._model):
            logits: torch.Tensor = self._model(
                input_ids=torch.tensor([ids]),
                position_ids=torch.tensor([positions]),
                use_cache=False,
                logits_to_keep=keep,
                slots=self,
            ).logits[0]
        return logits

    def _group(self, waiting: list[int], texts: list[str]) -> tuple[list[int], list[int]]:
        """The prompts of the next pass, and those that wait for it because they share more with one of these."""
        group: list[int] = []
        later: list[int] = []
        tokens = 0
        for place in waiting:
            text = texts[place]
            known = self._common(text)[0]
            ahead = _longest(text, (texts[other] for other in group))
            if group and (ahead >= known + _WORTH or tokens + len(text) - known > _TOKENS):
                later.append(place)
            else:
                group.append(place)
                tokens += len(text) - known
        return group, later

    def _common(self, text: str) -> tuple[int, int]:
        """How much of a prompt is known, and where: the row, or after them the row that has left."""
        best, found = 0, -1
        for i, other in enumerate([*self._prompts, *(left.text for left in self._left)]):
            if other.startswith(text[: best + 1]) and (length := _shared(text, other)) > best:
                best, found = length, i
        return min(best, len(text) - 1), found

    def _copy_common(self, text: str, slot: int) -> int:
        length, found = self._common(text)
        if length < _WORTH:
            return 0
        for layer, (keys, values) in self._layers.items():
            if found < len(self._prompts):
                known = (keys[found], values[found])
            else:
                known = self._left[found - len(self._prompts)].states[layer]
            keys[slot, :, :length], values[slot, :, :length] = known[0][:, :length], known[1][:, :length]
        return length

    def _remember(self, row: int) -> None:
        """Keeps what a row has computed, in place of the oldest."""
        ids = self._ids[row]
        states = {
            layer: (keys[row, :, : len(ids)].clone(), values[row, :, : len(ids)].clone())
            for layer, (keys, values) in self._layers.items()
        }
        size = sum(state.nbytes for pair in states.values() for state in pair)
        self._left.append(_Left("".join(map(chr, ids)), states, size))
        while sum(left.bytes for left in self._left) > _LEFT_BYTES:
            self._left.popleft()

    def _make_room(self, rows: int, columns: int) -> None:
        slots, length = self._size
        if rows <= slots and columns <= length:
            return
        filled = min(len(self._ids), slots)
        self._size = max(rows, slots), max(-(-columns // _COLUMNS) * _COLUMNS, length)
        for layer, (keys, values) in self._layers.items():
            wider = (_empty(keys, *self._size), _empty(values, *self._size))
            wider[0][:filled, :, :length], wider[1][:filled, :, :length] = keys[:filled], values[:filled]
            self._layers[layer] = wider


def _cuts(lengths: list[int]) -> list[tuple[int, int]]:
    """Rows in groups of neighbours, each as wide as its longest row, where that spares much."""
    groups = [(first, min(first + _GROUP, len(lengths))) for first in range(0, len(lengths), _GROUP)]
    looked_at = sum((end - first) * max(lengths[first:end]) for first, end in groups)
    return groups if looked_at < _SPARING * len(lengths) * max(lengths) else [(0, len(lengths))]


def _group(lengths: torch.Tensor, first: int, end: int) -> _Group:
    columns = int(lengths[first:end].max()) + 1
    hidden = torch.arange(columns) > lengths[first:end, None]
    return _Group(first, end, columns, torch.zeros(hidden.shape).masked_fill(hidden, -torch.inf)[:, None, None])


def can_use_slots(model: Any) -> bool:
    """Whether a model's rows can be decoded in slots: on a CPU, with plain attention in all layers.

    A model of which that seems so is tried, because attention that is peculiar in another way is not declared anywhere.
    """
    if model.device.type != "cpu" or not getattr(model, "_supports_attention_backend", False):
        return False
    if any(type(layer) is not DynamicLayer for layer in DynamicCache(config=model.config).layers):
        return False
    words = model.get_input_embeddings().num_embeddings
    prompts = [[(7 * place + 3) % words for place in range(length)] for length in (12, 5)]
    batch = SlotBatch(model)
    try:
        ours = [batch.add([prompt[:-1] for prompt in prompts]), batch.step([prompt[-1] for prompt in prompts])]
    except (ValueError, TypeError, RuntimeError, AttributeError, KeyError, IndexError):
        return False
    for row, prompt in enumerate(prompts):
        theirs = model(input_ids=torch.tensor([prompt]), use_cache=False).logits[0, -2:].float()
        off = (torch.stack([logits[row] for logits in ours]).float() - theirs).abs().max()
        if not off <= _CLOSE.get(model.dtype, _CLOSE_BELOW) * theirs.abs().max():
            return False
    return True


def _attend(module: Any, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, *_: Any, **given: Any) -> Any:
    """The attention function that transformers calls; for its arguments see `AttentionInterface` there."""
    if any(given.get(name) is not None for name in _NOT_COMPUTED) or hasattr(module, "sinks"):
        raise ValueError(f"{type(module).__name__} has attention that is not plain")
    slots: SlotBatch = given["slots"]
    scale = given.get("scaling")
    return slots.attend(module.layer_idx, query, key, value, query.shape[-1] ** -0.5 if scale is None else scale), None


AttentionInterface.register(_NAME, _attend)


@contextmanager
def _attention(model: Any) -> Iterator[None]:
    before = model.config._attn_implementation
    model.config._attn_implementation = _NAME
    try:
        yield
    finally:
        model.config._attn_implementation = before


def _empty(like: torch.Tensor, slots: int, columns: int) -> torch.Tensor:
    """Zeros, because what is masked is multiplied by zero, and must be a number.

    Straight from the system, whose pages are zero and cost nothing before they are written.
    """
    shape = (slots, like.shape[1], columns, like.shape[3])
    pages = mmap.mmap(-1, math.prod(shape) * like.element_size())
    if hasattr(mmap, "MADV_HUGEPAGE"):
        pages.madvise(mmap.MADV_HUGEPAGE)
    return torch.frombuffer(pages, dtype=like.dtype).view(shape)


def _longest(text: str, others: Iterator[str]) -> int:
    return max((_shared(text, other) for other in others), default=0)


def _shared(text: str, other: str) -> int:
    """Length of the common beginning."""
    low, high = 0, min(len(text), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if text.startswith(other[:middle]):
            low = middle
        else:
            high = middle - 1
    return low
