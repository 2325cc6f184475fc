"""Groups the problems of a run: by set or split, and broken down by subject, level, topic, kind and size."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from slipstick.schema import Problem

_NUMBER = re.compile(r"\d[\d,]*")
_SIZES = ((2, "1-2 digits"), (3, "3 digits"), (6, "4-6 digits"))
_MOST = 200
"""Values of a key beyond which it names single problems rather than groups."""


class Groups(NamedTuple):
    """The groups of a run's problems, each with the ids of its problems, in order."""

    group_by: str
    """"set", or "split" if all problems are of one set."""
    sets: dict[str, list[str]]
    """Set or split -> ids; empty if there is only one."""
    breakdowns: dict[tuple[str, str], list[str]]
    """("subject", "algebra") -> ids, for subject, level, topic, kind and size; keys with one value are left out."""


def group_problems(problems: Iterable[Problem]) -> Groups:
    """The groups of problems; a key with one value, or with more than 200, makes none.

    With several sets a subject or level is named with its set, since level 3 is not the same everywhere.
    """
    problems = list(problems)
    sets: dict[str, dict[str, list[str]]] = {}
    for problem in problems:
        split = str(problem.metadata.get("split", ""))
        sets.setdefault(set_of(problem), {}).setdefault(split, []).append(problem.id)
    breakdowns: dict[str, dict[str, list[str]]] = {}
    for problem in problems:
        for key, value in _breakdowns(problem, several=len(sets) > 1):
            breakdowns.setdefault(key, {}).setdefault(value, []).append(problem.id)
    labels = _labels(sets)
    return Groups(
        "set" if len(sets) > 1 else "split",
        labels if 1 < len(labels) <= _MOST else {},
        {
            (key, value): ids
            for key, groups in breakdowns.items()
            if 1 < len(groups) <= _MOST
            for value, ids in sorted(groups.items())
        },
    )


def set_of(problem: Problem) -> str:
    """The set a problem belongs to: its metadata's "dataset", else "gsm8k" of an id like "gsm8k/test/7", else ""; also
    "mine" of "mine/7", as row 7 of mine.jsonl is called, unless the problem has a split of its own."""
    named = problem.metadata.get("dataset")
    if isinstance(named, str) and named:
        return named
    parts = problem.id.split("/")
    row_of_a_file = len(parts) == 2 and parts[1].isdecimal() and not problem.metadata.get("split")
    return parts[0] if len(parts) >= 3 or row_of_a_file else ""


def first_of_each(problems: Iterable[Problem], limit: int | None) -> Iterator[Problem]:
    """The first `limit` problems of each set and split, in the order they come in; all if `limit` is None."""
    taken: Counter[tuple[str, str]] = Counter()
    for problem in problems:
        group = set_of(problem), str(problem.metadata.get("split", ""))
        if limit is None or taken[group] < limit:
            taken[group] += 1
            yield problem


def size_of(problem: Problem) -> str | None:
    """The digits of the largest whole number in the question; None if it has no number."""
    digits = [len(number.replace(",", "").lstrip("0")) for number in _NUMBER.findall(problem.text)]
    if not digits:
        return None
    return next((name for most, name in _SIZES if max(digits) <= most), "7 digits and more")


def _labels(sets: dict[str, dict[str, list[str]]]) -> dict[str, list[str]]:
    """Group -> ids: the splits of the only set, else the sets, those of several splits by split."""
    if len(sets) == 1:
        return {split: ids for splits in sets.values() for split, ids in splits.items() if split}
    return {
        (name if len(splits) == 1 else f"{name}/{split}".strip("/")) or split or "other": ids
        for name, splits in sets.items()
        for split, ids in splits.items()
    }


def _breakdowns(problem: Problem, *, several: bool) -> Iterator[tuple[str, str]]:
    metadata = problem.metadata
    if "topic" in metadata:
        yield "topic", str(metadata["topic"])
    for key in ("subject", "level"):
        if metadata.get(key) not in (None, ""):
            yield key, f"{set_of(problem)}: {metadata[key]}" if several and set_of(problem) else str(metadata[key])
    if problem.kind:
        yield "kind", problem.kind
    if size := size_of(problem):
        yield "size", size
