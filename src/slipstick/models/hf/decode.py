"""Decodes many requests together: finished rows leave the batch, waiting ones join, each samples its own tokens."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from slipstick.encode.prompts import end_of_turn, prompt_for
from slipstick.encode.settings import PromptConfig
from slipstick.encode.tokens import eos_id, text_of
from slipstick.errors import ModelError
from slipstick.formats import Format
from slipstick.models import Reply, Request, Sampling
from slipstick.models.hf.padded import PaddedBatch
from slipstick.models.hf.sampling import Cutoff, choose
from slipstick.models.hf.slots import SlotBatch, can_use_slots
from slipstick.replies.turns import turn_end

_NO_DRAW = Sampling(temperature=0)


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

    def __init__(
        self, model: Any, tokenizer: Any, config: PromptConfig | None = None, *, cutoff: Cutoff | None = None
    ) -> None:
        """config: how prompts were laid out in training. cutoff: which tokens may be sampled.

        Raises InputError for a chat without a usable template.
        """
        self._model = model
        self._cutoff = cutoff or Cutoff()
        self._tokenizer = tokenizer
        self._config = config or PromptConfig()
        self._ends = end_ids(model, tokenizer)
        if self._config.template == "chat":
            self._ends |= {end_of_turn(tokenizer)}
        self._limit: int | None = getattr(model.config, "max_position_embeddings", None)
        self._token_texts: dict[int, str] = {}
        self.rows: list[Row] = []
        self._next: list[int] = []  # the last token of every row
        with torch.inference_mode():
            self._batch: SlotBatch | PaddedBatch = SlotBatch(model) if can_use_slots(model) else PaddedBatch(model)

    def check(self, format: Format) -> None:
        """Raises ModelError for a format in which this model would write what cannot be parsed here."""
        if format.tool and self._config.template == "chat":
            raise ModelError(
                f"format `{format.name}` has the model call a tool in the syntax of its chat template, which hf: does "
                'not parse: serve the model and set model = "openai:NAME", or use a format with code in its text (tir)'
            )

    def can_join(self) -> bool:
        """Whether rows may be admitted now."""
        return not self.rows or self._batch.can_join

    @torch.inference_mode()
    def run(self, newcomers: Sequence[Row], *, steps: int) -> list[Row]:
        """Admits rows, decodes at most `steps` tokens, and returns the rows that ended, which leave the batch."""
        ended = self._admit(newcomers)
        for _ in range(steps):
            if all(row.reply or row.dropped for row in self.rows):
                break
            self._next = self._take_all(self._batch.step(self._next), self.rows)
            if isinstance(self._batch, SlotBatch):
                ended += self._drop_ended()
        return ended + self._drop_ended()

    def clear(self) -> list[Row]:
        """Removes all rows, after a failure."""
        rows, self.rows, self._batch = self.rows, [], type(self._batch)(self._model)
        return rows

    def _admit(self, newcomers: Sequence[Row]) -> list[Row]:
        for row in newcomers:
            self._prepare(row)
        refused = [row for row in newcomers if row.reply is not None]
        started = [row for row in newcomers if row.reply is None]
        if started:
            logits = self._batch.add([row.prompt for row in started])
            self._next = (
                [*self._next, *self._take_all(logits, started)] if self.rows else self._take_all(logits, started)
            )
            self.rows += started
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

    def _take_all(self, logits: torch.Tensor, rows: list[Row]) -> list[int]:
        """Every row takes its next token; those that have ended take part until they leave."""
        draws = [(row.request.sampling if row.reply is None else _NO_DRAW, row.rng) for row in rows]
        chosen = choose(logits, draws, self._cutoff)
        for row, token in zip(rows, chosen, strict=True):
            if row.reply is None:
                self._take(row, token)
        return chosen

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
        kept = [i for i, row in enumerate(self.rows) if not (row.reply or row.dropped)]
        if len(kept) == len(self.rows):
            return []
        before, order = self.rows, self._batch.keep(kept)
        self.rows, self._next = [before[i] for i in order], [self._next[i] for i in order]
        stayed = set(order)
        return [row for i, row in enumerate(before) if i not in stayed]

    def _text(self, ids: list[int]) -> str:
        return text_of(self._tokenizer, ids)

    def _token_text(self, token: int) -> str:
        if token not in self._token_texts:
            self._token_texts[token] = self._text([token])
        return self._token_texts[token]


def end_ids(model: Any, tokenizer: Any) -> frozenset[int]:
    """Tokens that end a response: those of the model's generation settings, and the tokenizer's own."""
    ends = model.generation_config.eos_token_id if model.generation_config else None
    listed = ends if isinstance(ends, list) else [] if ends is None else [ends]
    return frozenset([*listed, eos_id(tokenizer)])
