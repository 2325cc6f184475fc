"""What came of a command line that a test has run."""

from collections.abc import Callable
from typing import NamedTuple


class Invoked(NamedTuple):
    """How a command ended."""

    code: int
    """Its exit code."""
    out: str
    """What it printed on standard output."""
    err: str
    """What it printed on standard error."""


Invoke = Callable[..., Invoked]
"""Runs `slipstick` with these arguments: the fixture `invoke`."""
