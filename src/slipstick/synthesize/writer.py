"""What writes solutions without a model: a name, what it can write, and the function that writes."""

from collections.abc import Callable
from typing import NamedTuple

from slipstick.formats import Format
from slipstick.schema import Block, Problem


class NotWrittenError(Exception):
    """A problem that a writer writes no solution to; `rule` is the kind of failure, in a few words."""

    def __init__(self, rule: str, reason: str) -> None:
        super().__init__(reason)
        self.rule, self.reason = rule, reason


class Writer(NamedTuple):
    """One way to write solutions."""

    name: str
    """The `model` named in the solutions."""
    needs: str
    """What a problem has to bring: "worked steps"."""
    suits: Callable[[Format, Problem], bool]
    """Whether a problem has anything to write in a format from."""
    write: Callable[[Format, Problem, str], list[Block]]
    """(format, problem, gold, "" for none) -> the solution, its outputs still missing. Raises NotWrittenError."""
    needs_gold: bool = True
    """Whether nothing is written without a gold; otherwise such a solution has no verdict."""
