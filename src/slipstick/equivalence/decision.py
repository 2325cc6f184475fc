"""What a layer of the grader decides about two texts: same, different or open, and why."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Method = Literal["text", "number", "time", "choice", "words", "structure", "symbolic", "bounds", "none"]
"""How a decision was made, `Verdict.method`; docs/grade.md says which layers decide by which."""


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether two texts mean the same."""

    equal: bool | None
    """None: open."""
    method: Method
    """The layer that decided."""
    reason: str
    """Why, in one line."""


Same = Callable[[str, str], Decision]
"""Compares an answer, or a part of one, with the expected one."""
Algebra = Callable[[str, str], Decision]
"""Compares two tidied texts by computer algebra; there is one in a worker process only."""
NEEDS_ALGEBRA = Decision(None, "symbolic", "needs computer algebra")
"""The decision of the calling process if only algebra can decide."""


def structure(equal: bool | None, reason: str) -> Decision:
    """A decision of the structural layer."""
    return Decision(equal, "structure", reason)
