"""The order of a training run: which examples form which step, decided by the seed alone.

A resumed run asks for the same order again and skips the steps it has done.
"""

import math
import random
from collections.abc import Iterator, Mapping, Sequence

from slipstick.train.examples import Examples
from slipstick.train.settings import Phase, TrainSettings

_POOL = 64  # steps whose examples are sorted by length together, then shuffled step by step


def batches_of(examples: Examples, settings: TrainSettings, *, batch_tokens: int) -> list[list[int]]:
    """The example numbers of every step of a training with these settings; see `order_batches`."""
    lengths = examples.lengths()
    epochs = settings.num_train_epochs
    return list(
        order_batches(
            lengths,
            examples.groups,
            phases=settings.phases,
            tokens=settings.max_train_tokens if epochs is None else max(1, round(epochs * sum(lengths))),
            batch_tokens=batch_tokens,
            seed=settings.seed,
        )
    )


def order_batches(
    lengths: Sequence[int],
    groups: Sequence[str],
    *,
    phases: Sequence[Phase],
    tokens: int,
    batch_tokens: int,
    seed: int,
) -> Iterator[list[int]]:
    """Yields the example numbers of each step until `tokens` tokens have been dealt.

    lengths, groups: tokens and format of every example. Examples of a step are of similar length, so that padding
    is small; a step holds at most `batch_tokens` tokens with padding, or one longer example.
    """
    chance = random.Random(seed)
    decks = {
        group: _Deck([i for i, name in enumerate(groups) if name == group], chance) for group in sorted(set(groups))
    }
    even = {group: float(len(deck.cards)) for group, deck in decks.items()}
    stretches = [(phase.share, phase.mix) for phase in phases] or [(1.0, even)]
    total, dealt, due = sum(share for share, _ in stretches), 0, 0.0
    for share, mix in stretches:
        due += tokens * share / total
        while dealt < due:
            room = min(_POOL * batch_tokens, math.ceil(due - dealt))
            pool = _draw(decks, mix, lengths=lengths, tokens=room, chance=chance)
            for batch in cut_batches(pool, lengths, batch_tokens=batch_tokens, chance=chance):
                dealt += sum(lengths[i] for i in batch)
                yield batch


class _Deck:
    """Examples that are dealt in random order, all of them once before any comes again."""

    def __init__(self, cards: list[int], chance: random.Random) -> None:
        self.cards = cards
        self._chance = chance
        self._left: list[int] = []

    def deal(self) -> int:
        if not self._left:
            self._left = list(self.cards)
            self._chance.shuffle(self._left)
        return self._left.pop()


def _draw(
    decks: Mapping[str, _Deck], mix: Mapping[str, float], *, lengths: Sequence[int], tokens: int, chance: random.Random
) -> list[int]:
    names = [name for name in decks if mix.get(name, 0.0) > 0]
    weights = [mix[name] for name in names]
    pool: list[int] = []
    while tokens > 0:
        pool.append(decks[chance.choices(names, weights)[0]].deal())
        tokens -= lengths[pool[-1]]
    return pool


def cut_batches(
    pool: Sequence[int], lengths: Sequence[int], *, batch_tokens: int, chance: random.Random
) -> list[list[int]]:
    """The pool as batches of similar length, each of at most `batch_tokens` with padding, in random order."""
    batches: list[list[int]] = [[]]
    for i in sorted(pool, key=lambda i: lengths[i]):
        if batches[-1] and (len(batches[-1]) + 1) * lengths[i] > batch_tokens:
            batches.append([])
        batches[-1].append(i)
    chance.shuffle(batches)
    return batches
