"""What a grading profile consists of: how a published grader finds an answer, when two are the same, its word lists."""

import functools
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from slipstick.equivalence.decision import Method
from slipstick.errors import SlipstickError

MAX_CHARACTERS = 4_000
"""Longer answers and golds are left undecided: several of the graders rewrite by regular expressions."""


@dataclass(frozen=True, slots=True)
class Profile:
    """A published grader's rules.

    find: (output, kind) -> the answer it takes from a model's output, "" if it takes none; in linear time, so it is
        not rewritten yet.
    match: (answer, expected, kind, worker) -> method of the rule by which they are the same, None if by none.
    If `worker` is false, `match` raises NeedsWorkerError instead of loading computer algebra.
    """

    find: Callable[[str, str | None], str]
    match: Callable[[str, str, str | None, bool], Method | None]


class NeedsWorkerError(SlipstickError):
    """Only computer algebra can decide; it runs in a worker process."""


class UndecidableError(SlipstickError):
    """The comparison says nothing; the message is the reason."""


@functools.cache
def words_of(profile: str) -> dict[str, Any]:
    """The words that a profile's grader leaves out of an answer or reads as numbers: its table of words.toml."""
    tables: dict[str, dict[str, Any]] = tomllib.loads(files(__package__).joinpath("words.toml").read_text("utf-8"))
    return tables[profile]
