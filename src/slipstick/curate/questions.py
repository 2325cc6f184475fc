"""The questions of the runs, and which of them are dropped with all their solutions."""

from __future__ import annotations

import sys
from array import array
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from itertools import chain
from typing import get_args

from slipstick.curate import rules
from slipstick.curate.contamination import Overlap, OverlapKind, alphanumeric, find_overlaps, signs
from slipstick.curate.duplicates import near_duplicates
from slipstick.curate.reading import read_problems
from slipstick.curate.rules import DropReason
from slipstick.curate.settings import CurateSettings
from slipstick.errors import InputError
from slipstick.metrics.groups import set_of
from slipstick.schema import Drop, Problem
from slipstick.store import RunFolder


@dataclass
class Questions:
    """The problems as they are kept in memory: about 300 bytes each, without their text."""

    numbers: dict[str, int] = field(default_factory=dict)
    """Problem id -> its number, in the order of reading."""
    question: array[int] = field(default_factory=lambda: array("q"))
    """Problem number -> number of its question: that of the first problem with the same letters, digits and signs."""
    sources: list[str] = field(default_factory=list)
    """Problem number -> source."""
    licences: list[str] = field(default_factory=list)
    """Problem number -> licence, "unknown" if none is stated."""
    has_gold: bytearray = field(default_factory=bytearray)
    """Problem number -> 1 if it has a gold."""
    dropped: dict[int, DropReason] = field(default_factory=dict)
    """Problem number -> why it is dropped."""
    unreadable: list[Drop] = field(default_factory=list)
    """Lines that are not problems."""


def screen_questions(runs: Sequence[RunFolder], settings: CurateSettings, *, limit: int | None = None) -> Questions:
    """Reads the problems once and applies the rules that look at one alone. limit: only the first `limit` of each set.

    Raises InputError if two runs have different questions under one id.
    """
    found = Questions()
    firsts: dict[bytes, int] = {}
    keys: list[bytes] = []
    taken: Counter[tuple[str, str]] = Counter()
    for line, problem in read_problems(runs):
        if isinstance(problem, Drop):
            found.unreadable.append(problem)
            continue
        key = blake2b(alphanumeric(problem.text) + b" " + signs(problem.text).encode(), digest_size=12).digest()
        number = found.numbers.get(problem.id)
        if number is not None:
            if keys[number] != key:
                where = f"{line.run.path / 'problems.jsonl'}:{line.number}"
                raise InputError(
                    f"{where}: `{problem.id}` is another question than an earlier run has under that id; "
                    "curate the two runs separately, or give the problems other ids"
                )
            continue
        group = set_of(problem), str(problem.metadata.get("split", ""))
        if limit is not None and taken[group] >= limit:
            continue
        taken[group] += 1
        number = len(keys)
        found.numbers[problem.id] = number
        keys.append(key)
        found.question.append(firsts.setdefault(key, number))
        found.sources.append(sys.intern(source_of(problem)))
        found.licences.append(sys.intern(rules.licence_of(problem)))
        found.has_gold.append(problem.answer is not None)
        _examine(found, number, problem, settings)
    return found


def source_of(problem: Problem) -> str:
    """Where a problem comes from: the first part of its id."""
    return problem.id.partition("/")[0]


def remaining(runs: Sequence[RunFolder], questions: Questions) -> Iterator[tuple[int, Problem]]:
    """The problems that are not dropped, each once with its number."""
    following = 0
    for _, problem in read_problems(runs):
        if isinstance(problem, Problem) and questions.numbers.get(problem.id) == following:
            following += 1
            if following - 1 not in questions.dropped:
                yield following - 1, problem


def decontaminate(
    runs: Sequence[RunFolder],
    questions: Questions,
    settings: CurateSettings,
    evaluation: Mapping[str, Sequence[Problem]],
) -> Iterator[Overlap]:
    """Every overlap of a question with one of the evaluation sets; drops the questions with overlaps of the kinds set.

    Questions are dropped once all overlaps have been taken.
    """
    rest = remaining(runs, questions)
    dropped: dict[int, DropReason] = {}
    for overlap in find_overlaps((problem for _, problem in rest), chain.from_iterable(evaluation.values())):
        number = questions.numbers[overlap.problem_id]
        if overlap.kind in settings.contamination_rules and number not in dropped:
            text = overlap.text if len(overlap.text) <= 120 else f"{overlap.text[:117]}..."
            dropped[number] = DropReason(
                "contaminated", f'{overlap.kind} overlap with {overlap.evaluation_id}: "{text}"'
            )
        yield overlap
    questions.dropped.update(dropped)


def count_overlaps(
    overlaps: Iterable[tuple[str, OverlapKind]], evaluation: Mapping[str, Sequence[Problem]]
) -> dict[str, dict[str, int]]:
    """Evaluation set -> kind -> its problems that overlap with a question, each counted once as its strongest kind.

    overlaps: evaluation problem and kind.
    """
    kinds = get_args(OverlapKind)
    strongest: dict[str, int] = {}
    for name, kind in overlaps:
        rank = kinds.index(kind)
        strongest[name] = min(rank, strongest.get(name, rank))
    found: dict[str, dict[str, int]] = {}
    for name, problems in evaluation.items():
        counts: dict[str, int] = defaultdict(int)
        for problem in problems:
            if problem.id in strongest:
                counts[kinds[strongest[problem.id]]] += 1
        found[name] = {kind: counts[kind] for kind in kinds if counts[kind]}
    return found


def drop_duplicates(runs: Sequence[RunFolder], questions: Questions, settings: CurateSettings) -> None:
    """Drops the problems that ask what an earlier one asks, exactly or nearly, as far as the settings say so."""
    names = list(questions.numbers)
    if "questions" in settings.duplicates:
        kept: dict[int, int] = {}
        for number, question in enumerate(questions.question):
            if number not in questions.dropped and (first := kept.setdefault(question, number)) != number:
                questions.dropped[number] = DropReason("duplicate", f"asks what {names[first]} asks")
    if similarity := settings.near_duplicates.get("questions"):
        places = array("q")

        def texts() -> Iterator[str]:
            for number, problem in remaining(runs, questions):
                places.append(number)
                yield problem.text

        for near in near_duplicates(texts(), similarity=similarity):
            number, first = places[near.place], places[near.earlier]
            if questions.question[number] != questions.question[first]:
                reason = f"question {near.similarity:.0%} like that of {names[first]}"
                questions.dropped[number] = DropReason("near duplicate", reason)


def _examine(found: Questions, number: int, problem: Problem, settings: CurateSettings) -> None:
    if reason := rules.licence(problem, settings.licences):
        found.dropped[number] = DropReason("licence", reason)
    elif settings.language and (reason := rules.language(problem.text, settings.language)):
        found.dropped[number] = DropReason("language", f"the question {reason}")
