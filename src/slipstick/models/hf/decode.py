"""Decodes many requests together: finished rows leave the batch, waiting ones join, each samples its own tokens."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from transformers.cache_utils import Cache

from slipstick.encode.prompts import end_of_turn, prompt_for
from slipstick.encode.settings import PromptConfig
from slipstick.encode.tokens import eos_id, text_of
from slipstick.errors import ModelError
from slipstick.formats import Format
from slipstick.models import Reply, Request
from slipstick.models.hf.cache import is_growing, join_rows, keep_rows, new_cache
from slipstick.replies.turns import turn_end


@dataclass(eq=False)
class Row:
    """One running request."""

    request: Request
    """The request."""
    prompt: list[int] = field(default_factory=list)
    """Token ids of the prompt."""
    opening: str = ""
    """What a chat template has the model write before its own words; it is not part of the reply."""
    written: list[int] = field(default_factory=list)
    """Token ids generated so far."""
    reply: Reply | None = None
    """Set when the turn has ended."""
    dropped: bool = False
    """Set from outside when the reply is no longer needed."""
    rng: random.Random = field(default_factory=random.Random)
    """Source of randomness of this request alone."""


class Decoder:
    """The rows of the batch, their cache and the model; for use from one thread at a time."""

    def __init__(self, model: Any, tokenizer: Any, config: PromptConfig | None = None) -> None:
        """config: how prompts were laid out in training. Raises InputError for a chat without a usable template."""
        self._model = model
        self._tokenizer = tokenizer
        self._config = config or PromptConfig()
        self._ends = end_ids(model, tokenizer)
        if self._config.template == "chat":
            self._ends |= {end_of_turn(tokenizer)}
        self._limit: int | None = getattr(model.config, "max_position_embeddings", None)
        self._token_texts: dict[int, str] = {}
        self.rows: list[Row] = []
        self._cache: Cache | None = None
        self._mask = torch.zeros(0, 0, dtype=torch.long)
        self._next = torch.zeros(0, dtype=torch.long)

    def check(self, format: Format) -> None:
        """Raises ModelError for a format in which this model would write what cannot be parsed here."""
        if format.tool and self._config.template == "chat":
            raise ModelError(
                f"format `{format.name}` has the model call a tool in the syntax of its chat template, which hf: does "
                'not parse: serve the model and set model = "openai:NAME", or use a format with code in its text (tir)'
            )

    def can_join(self) -> bool:
        """Whether rows may be admitted now."""
        return not self.rows or (self._cache is not None and is_growing(self._cache))

    @torch.inference_mode()
    def run(self, newcomers: Sequence[Row], *, steps: int) -> list[Row]:
        """Admits rows, decodes at most `steps` tokens, and returns the rows that ended, which leave the batch."""
        ended = self._admit(newcomers)
        for _ in range(steps):
            if all(row.reply or row.dropped for row in self.rows):
                break
            self._step()
        return ended + self._drop_ended()

    def clear(self) -> list[Row]:
        """Removes all rows, after a failure."""
        rows, self.rows, self._cache = self.rows, [], None
        return rows

    def _admit(self, newcomers: Sequence[Row]) -> list[Row]:
        for row in newcomers:
            self._prepare(row)
        refused = [row for row in newcomers if row.reply is not None]
        started = [row for row in newcomers if row.reply is None]
        if started:
            self._prefill(started)
        return refused

    def _prepare(self, row: Row) -> None:
        request = row.request
        prompt = prompt_for(request.format, request.problem, request.blocks, self._tokenizer, self._config)
        row.prompt, row.opening = prompt
        if request.sampling.seed is not None:
            row.rng = random.Random(f"{request.sampling.seed}/{request.problem.id}/{request.sample}/{request.turn}")
        if self._limit is not None and len(row.prompt) >= self._limit:
            message = f"the prompt has {len(row.prompt)} tokens; the model takes at most {self._limit}"
            row.reply = Reply(text="", finish="error", error=message)

    def _prefill(self, rows: list[Row]) -> None:
        width = max(len(row.prompt) for row in rows)
        ids = torch.zeros(len(rows), width, dtype=torch.long)
        mask = torch.zeros(len(rows), width, dtype=torch.long)
        for i, row in enumerate(rows):
            ids[i, width - len(row.prompt) :] = torch.tensor(row.prompt)
            mask[i, width - len(row.prompt) :] = 1
        cache = new_cache(self._model.config)
        chosen = self._forward(ids, mask=mask, cache=cache, rows=rows)
        if self._cache is None:
            self._cache, self._mask, self._next = cache, mask, chosen
        else:
            join_rows(self._cache, cache)
            columns = max(width, self._mask.shape[1])
            padded = [torch.nn.functional.pad(part, (columns - part.shape[1], 0)) for part in (self._mask, mask)]
            self._mask, self._next = torch.cat(padded), torch.cat([self._next, chosen])
        self.rows += rows

    def _step(self) -> None:
        self._mask = torch.nn.functional.pad(self._mask, (0, 1), value=1)
        assert self._cache is not None
        self._next = self._forward(self._next[:, None], mask=self._mask, cache=self._cache, rows=self.rows)

    def _forward(self, ids: torch.Tensor, *, mask: torch.Tensor, cache: Cache, rows: list[Row]) -> torch.Tensor:
        """Runs the model on the last columns of `mask` and lets every row take its next token; ids: [rows, columns]."""
        device = self._model.device
        positions = (mask.cumsum(1) - 1).clamp(min=0)[:, -ids.shape[1] :]
        logits = self._model(
            input_ids=ids.to(device),
            attention_mask=mask.to(device),
            position_ids=positions.to(device),
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=1,
        ).logits[:, -1]
        chosen = _choose(logits, rows)
        for row, token in zip(rows, chosen, strict=True):
            if row.reply is None:
                self._take(row, token)
        return torch.tensor(chosen)

    def _take(self, row: Row, token: int) -> None:
        """Adds a token to a row and sets its reply if that ends the turn."""
        row.written.append(token)
        format, tokens = row.request.format, len(row.written)
        if token in self._ends:
            self._finish(row, row.written[:-1])
        elif self._may_end(row, token) and turn_end(format, self._text(row.written)) is not None:
            self._finish(row, row.written)
        elif tokens >= row.request.sampling.max_tokens or len(row.prompt) + tokens == self._limit:
            text = self._text(row.written).removeprefix(row.opening)
            row.reply = Reply(text=text, finish="length", tokens=tokens, prompt_tokens=len(row.prompt), ids=row.written)

    def _finish(self, row: Row, ids: list[int]) -> None:
        text = self._text(ids)
        text = text[: turn_end(row.request.format, text)].removeprefix(row.opening)
        row.reply = Reply(text=text, tokens=len(row.written), prompt_tokens=len(row.prompt), ids=ids)

    def _may_end(self, row: Row, token: int) -> bool:
        """A cheap look at the last token, then at the last few, before the whole text is decoded."""
        format = row.request.format
        ends = [end for end in (*format.stop, format.code_end if format.executes == "steps" else "") if end]
        if not any(end[-1] in self._token_text(token) for end in ends):
            return False
        # All tokens but parts of a character have a character or more, so this many hold any of the strings.
        tail = self._text(row.written[-8 - max(map(len, ends)) :])
        return any(end in tail for end in ends)

    def _drop_ended(self) -> list[Row]:
        ended = [row for row in self.rows if row.reply or row.dropped]
        kept = [i for i, row in enumerate(self.rows) if not (row.reply or row.dropped)]
        if not kept:
            self.clear()
            return ended
        if not ended or self._cache is None or not is_growing(self._cache):
            return []
        rows = torch.tensor(kept)
        mask = self._mask[rows]
        skip = int(mask.any(0).long().argmax())
        keep_rows(self._cache, rows.to(self._model.device), skip=skip)
        self._mask, self._next, self.rows = mask[:, skip:], self._next[rows], [self.rows[i] for i in kept]
        return ended

    def _text(self, ids: list[int]) -> str:
        return text_of(self._tokenizer, ids)

    def _token_text(self, token: int) -> str:
        if token not in self._token_texts:
            self._token_texts[token] = self._text([token])
        return self._token_texts[token]


def _choose(logits: torch.Tensor, rows: list[Row]) -> list[int]:
    """The next token of every row: the likeliest, or one sampled with the row's own generator."""
    chosen: list[int] = logits.argmax(-1).tolist()
    sampled = [i for i, row in enumerate(rows) if row.request.sampling.temperature > 0 and row.reply is None]
    if not sampled:
        return chosen
    settings = [rows[i].request.sampling for i in sampled]
    at_random = torch.tensor([rows[i].rng.random() for i in sampled], device=logits.device)
    temperature = torch.tensor([s.temperature for s in settings], device=logits.device)
    top_p = torch.tensor([s.top_p for s in settings], device=logits.device)
    shares, order = torch.softmax(logits[sampled].float() / temperature[:, None], -1).sort(-1, descending=True)
    before = shares.cumsum(-1) - shares
    shares = shares.masked_fill((before >= top_p[:, None]) & (before > 0), 0.0)
    sums = shares.cumsum(-1)
    index = torch.searchsorted(sums, (at_random * sums[:, -1])[:, None], right=True).clamp(max=sums.shape[1] - 1)
    for i, token in zip(sampled, order.gather(1, index)[:, 0].tolist(), strict=True):
        chosen[i] = token
    return chosen


def end_ids(model: Any, tokenizer: Any) -> frozenset[int]:
    """Tokens that end a response: those of the model's generation settings, and the tokenizer's own."""
    ends = model.generation_config.eos_token_id if model.generation_config else None
    listed = ends if isinstance(ends, list) else [] if ends is None else [ends]
    return frozenset([*listed, eos_id(tokenizer)])
