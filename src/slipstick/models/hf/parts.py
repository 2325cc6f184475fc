"""A stretch of text that is encoded by itself."""

from __future__ import annotations

from typing import NamedTuple


class Part(NamedTuple):
    """Part of an example's text."""

    text: str
    trained: bool
    """Whether its tokens are labels."""
    output: bool = False
    """Whether the interpreter wrote it."""
    turn: int | None = None
    """The turn of the model it belongs to, counted from 0; None for what is given and for the template's own text."""
