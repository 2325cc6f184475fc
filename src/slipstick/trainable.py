"""Which runs and solutions may be trained on."""

from collections.abc import Iterator
from pathlib import Path

from slipstick.errors import RunFolderError
from slipstick.schema import Solution
from slipstick.store import RunFolder

_UNCHECKED = ("import", "curate")
"""Verbs whose runs hold solutions without a verdict on purpose: there was no gold to compare with."""


def open_run(source: Path | str) -> RunFolder:
    """A run that is trained on. Raises RunFolderError if there is none, saying how a file becomes one."""
    if Path(source).is_file():
        raise RunFolderError(f"{source} is a file, not a run folder: `slipstick import {source}` makes a run of it")
    return RunFolder(source)


def trainable(folder: RunFolder) -> Iterator[Solution]:
    """The solutions that were graded correct; in imported and curated runs also those that nothing could grade.

    Those have no verdict: the imported file held no gold for them, and a curation let them stay by `unverified`.
    """
    unchecked = folder.run().verb in _UNCHECKED
    for solution in folder.solutions():
        if solution.verdict.outcome == "correct" if solution.verdict else unchecked:
            yield solution


def count_unchecked(folder: RunFolder) -> int:
    """How many of them no gold was compared with: they have no verdict, or one by the agreement of attempts."""
    verdicts = (solution.verdict for solution in trainable(folder))
    return sum(verdict is None or verdict.method == "agreement" for verdict in verdicts)
