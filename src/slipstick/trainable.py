"""Which runs and solutions may be trained on, and which are held out."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from slipstick.errors import RunFolderError
from slipstick.schema import Problem, Solution
from slipstick.store import RunFolder

_UNCHECKED = ("import", "curate")
"""Verbs whose runs hold solutions without a verdict on purpose: there was no gold to compare with."""
_HELD_OUT = ("valid", "validation", "val", "dev", "development", "eval", "evaluation")
SPLIT_NAMES = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("test", "testing"), "test"),
    **dict.fromkeys(_HELD_OUT, "valid"),
}
"""What splits are usually called -> what a training calls them."""
_SPLIT = re.compile(rf"({'|'.join(SPLIT_NAMES)})(?:[^a-z].*)?", re.DOTALL)
_ORDER = ("train", "", "valid", "test")
"""Splits from what is trained on to what is held out most strictly; "" stands for those of other names."""
SPLIT_COUNT = "split "
"""What the counts of a divided run begin with, before the name of a split."""


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
    """How many of them no gold was compared with."""
    return sum(map(is_unchecked, trainable(folder)))


def is_unchecked(solution: Solution) -> bool:
    """Whether no gold was compared with it: it has no verdict, or one by the agreement of attempts."""
    return solution.verdict is None or solution.verdict.method == "agreement"


def split_named(value: object) -> str | None:
    """The split "train", "valid" or "test" by any of their usual names in any case, also with more behind it that is no
    letter ("test_sft", "train[:80%]"); None for all else."""
    found = _SPLIT.fullmatch(value.strip().lower()) if isinstance(value, str) else None
    return SPLIT_NAMES[found[1]] if found else None


def split_of(problem: Problem) -> str:
    """The split of a problem in a divided run; "train" if nothing says one."""
    return str(problem.metadata.get("split") or "train")


def most_held_out(splits: Iterable[str]) -> str:
    """The split of a question that several splits have: the one that is held out most strictly."""
    return max(splits, key=lambda name: _ORDER.index(name if name in _ORDER else ""))


def in_order(splits: Iterable[str]) -> list[str]:
    """Names of splits, what is trained on first."""
    return sorted(set(splits), key=lambda name: (_ORDER.index(name if name in _ORDER else ""), name))


def splits_of(folder: RunFolder) -> list[str]:
    """The splits of a run whose problems are divided, by the imported rows themselves or by a curation; else []."""
    run = folder.run()
    if run.verb not in _UNCHECKED:
        return []
    counted = [name.removeprefix(SPLIT_COUNT) for name in run.counts if name.startswith(SPLIT_COUNT)]
    return list(run.recipe.get("splits") or counted)
