"""Rounds of self-training: what each one added, as records and as a table.

MARIO (arXiv 2401.08190, section 2) fine-tunes on its first solutions, lets the model solve more problems, keeps what
comes to the gold, and fine-tunes again; STaR (Zelikman et al. 2022) is the same loop for words alone.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from pydantic import Field
from rich.table import Table

from slipstick.schema import Metric, Record, Solution


class Round(Record):
    """One training and what the trained model did."""

    name: str
    """"round 1", ..., and "final" for the training on all that the rounds brought."""
    examples: int
    """Solutions it was trained on."""
    trained_tokens: int
    """Tokens of training, repeats included."""
    held_out: list[Metric]
    """Accuracy on problems that are never trained on, one for each format."""
    attempts: int = 0
    """Solutions that the model wrote of the problems to learn from."""
    written_tokens: int = 0
    """Tokens it wrote for them."""
    solved: int = 0
    """Problems with a correct one."""
    newly_solved: int = 0
    """Of these, problems of which no solution was known before."""
    added: int = 0
    """Solutions of this round that are in the data of the next training."""
    seconds: float = Field(ge=0)
    """Wall-clock seconds of the round's stages."""


def solved_by(solutions: Iterable[Solution]) -> set[str]:
    """Ids of the problems with a correct solution."""
    return {s.problem_id for s in solutions if s.verdict and s.verdict.outcome == "correct"}


def newly(solved: Collection[str], known: Collection[str]) -> int:
    """How many were solved that had no solution before."""
    return len(set(solved) - set(known))


def rounds_table(rounds: Sequence[Round]) -> Table:
    """What each round added."""
    formats = list(dict.fromkeys(metric.format for each in rounds for metric in each.held_out))
    table = Table(box=None, title="What each round added", title_justify="left")
    table.add_column("")
    heads = [f"held out\n{format} %" for format in formats]
    for head in (
        "trained\non",
        *heads,
        "\nsolved",
        "first\ntime",
        "\nadded",
        "tokens\ntrained",
        "tokens\nwritten",
        "\ns",
    ):
        table.add_column(head, justify="right", no_wrap=True)
    for each in rounds:
        measured = {metric.format: metric for metric in each.held_out}
        last = each.attempts == 0
        table.add_row(
            each.name,
            f"{each.examples:,}",
            *(_accuracy(measured.get(format)) for format in formats),
            *(("-",) * 3 if last else (f"{each.solved:,}", f"{each.newly_solved:,}", f"{each.added:,}")),
            f"{each.trained_tokens:,}",
            f"{each.written_tokens:,}",
            f"{each.seconds:,.0f}",
        )
    return table


def _accuracy(metric: Metric | None) -> str:
    if metric is None:
        return "-"
    return f"{100 * metric.value:.1f} ({100 * metric.low:.1f}-{100 * metric.high:.1f})"
