"""The next token of every row of a batch: the likeliest, or one drawn with the row's own source of randomness."""

import random
from collections.abc import Sequence
from typing import NamedTuple

import torch

from slipstick.models import Sampling

_LIKELIEST = (64, 2048)  # tokens that are looked at before all: nearly always the drawn one is among them
Draw = tuple[Sampling, random.Random]


class Cutoff(NamedTuple):
    """Which of the likeliest tokens may be drawn at all, before `top_p` takes its share of them."""

    top_k: int = 0
    """So many of them; 0 or less: all."""
    min_p: float = 0.0
    """Those with this share of the likeliest one's probability."""

    def allows(self, likely: torch.Tensor) -> torch.Tensor | None:
        """Whether each of the likeliest tokens may be drawn, in order, [rows, tokens]; None if all may."""
        if self.top_k <= 0 and self.min_p <= 0:
            return None
        ranks = torch.arange(likely.shape[1], device=likely.device)
        return (ranks < (self.top_k if self.top_k > 0 else len(ranks))) & (likely >= self.min_p * likely[:, :1])


def choose(logits: torch.Tensor, draws: Sequence[Draw], cutoff: Cutoff = Cutoff()) -> list[int]:  # noqa: B008  immutable
    """The token of each row of logits, [rows, vocabulary].

    What a row draws does not depend on the other rows: its own number between 0 and 1 points into its tokens ordered
    from the likeliest.
    """
    logits = logits.float()  # bfloat16 has no fast argmax
    sampled = [i for i, (sampling, _) in enumerate(draws) if sampling.temperature > 0]
    chosen: list[int] = logits.argmax(-1).tolist() if len(sampled) < len(draws) else [0] * len(draws)
    if not sampled:
        return chosen
    settings = [draws[i][0] for i in sampled]
    heat = torch.tensor([s.temperature for s in settings], device=logits.device)
    shares = torch.softmax((logits if len(sampled) == len(draws) else logits[sampled]) / heat[:, None], -1)
    numbers = torch.tensor([draws[i][1].random() for i in sampled], device=logits.device)
    top_p = torch.tensor([s.top_p for s in settings], device=logits.device)
    tokens = torch.zeros(len(sampled), dtype=torch.long, device=logits.device)
    missed = torch.arange(len(sampled), device=logits.device)
    for of in (*_LIKELIEST, shares.shape[1]):
        if len(missed) == 0:
            break
        drawn, found = _draw(shares[missed], numbers[missed], top_p[missed], cutoff, of=min(of, shares.shape[1]))
        tokens[missed], missed = drawn, missed[~found]
    for i, token in zip(sampled, tokens.tolist(), strict=True):
        chosen[i] = token
    return chosen


def _draw(
    shares: torch.Tensor, numbers: torch.Tensor, top_p: torch.Tensor, cutoff: Cutoff, *, of: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """A token per row, and whether the `of` likeliest tokens, which were looked at, settle it."""
    likely, order = shares.topk(of, -1)
    allowed = cutoff.allows(likely)
    sums = likely.cumsum(-1)
    before = sums - likely
    share = top_p if allowed is None else top_p * (likely * allowed).sum(-1)
    kept = (before < share[:, None]) | (before <= 0)
    seen = ~kept[:, -1]  # of what may be drawn nothing is beyond what was looked at
    if allowed is not None:
        kept, seen = kept & allowed, ~allowed[:, -1]
    ends = (sums * kept).amax(-1)  # the probability of what may be drawn, if all of it was looked at
    whole = seen if of < shares.shape[1] else torch.ones_like(seen)
    cut = torch.ones_like(whole) if allowed is not None else top_p < 1
    point = numbers * torch.where(whole | cut, ends, torch.ones_like(ends))
    index = torch.searchsorted(sums, point[:, None], right=True)[:, 0]
    last = kept.sum(-1) - 1
    return order.gather(1, torch.minimum(index, last)[:, None])[:, 0], whole | (~cut & (index <= last))
