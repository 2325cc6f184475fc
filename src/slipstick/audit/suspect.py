"""What an audit finds: problems whose label may be wrong, each with everything that speaks for or against it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from slipstick.schema import Record


class Evidence(Record):
    """One thing that makes a label more or less likely to be wrong."""

    signal: str
    """"votes" for what solvers say, else a signal of `signals.toml`, or "steps"."""
    weight: float
    """Log-odds it adds to the label being wrong; negative where it speaks for the label."""
    says: str
    """In words: who says what, or which line contradicts which."""


class Suspect(Record):
    """A problem and how likely its label is wrong."""

    id: str
    """The problem's id."""
    rank: int
    """1 for the most suspicious."""
    score: float
    """Probability that the label is wrong, the weights of all evidence added to the prior log-odds."""
    looks: Literal["wrong", "ambiguous"]
    """`ambiguous` where solvers disagree with the label without agreeing among themselves."""
    gold: str | list[str]
    """The label."""
    answer: str | None
    """What the solvers say instead, the likeliest of their answers; None where nobody says anything else."""
    evidence: list[Evidence] = Field(default_factory=list)
    """Heaviest first."""
