"""What a grading profile consists of: how a published grader finds an answer, and when it takes two as the same."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from slipstick.errors import SlipstickError

MAX_CHARACTERS = 4_000
"""Longer answers and golds are left undecided: several of the graders rewrite by regular expressions."""


@dataclass(frozen=True, slots=True)
class Profile:
    """A published grader's rules.

    find: (output, kind) -> the answer it takes from a model's output, "" where it takes none; in linear time, so it is
        not rewritten yet.
    match: (answer, expected, kind, worker) -> name of the rule by which they are the same, None where by none.
    Where `worker` is false, `match` raises NeedsWorkerError instead of loading computer algebra.
    """

    find: Callable[[str, str | None], str]
    match: Callable[[str, str, str | None, bool], str | None]


class NeedsWorkerError(SlipstickError):
    """Only computer algebra can tell; it runs in a worker process."""


class UndecidableError(SlipstickError):
    """The comparison says nothing; the message is the reason."""
