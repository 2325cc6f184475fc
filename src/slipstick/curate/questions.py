"""The questions of the runs: which there are, and which of them go with all their solutions."""

from __future__ import annotations

import sys
from array import array
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from itertools import chain
from typing import NamedTuple, get_args

from slipstick.curate import rules
from slipstick.curate.contamination import Hit, How, alphanumeric, overlaps, signs
from slipstick.curate.duplicates import near_duplicates
from slipstick.curate.reading import read_problems
from slipstick.curate.settings import CurateSettings
from slipstick.errors import InputError
from slipstick.schema import Drop, Problem
from slipstick.store import RunFolder


class Fault(NamedTuple):
    """Why a row goes."""

    rule: str
    reason: str


@dataclass
class Questions:
    """What is kept in memory of the problems: some 300 bytes each, without their text."""

    numbers: dict[str, int] = field(default_factory=dict)
    """Problem id -> its number, in the order of reading."""
    question: array[int] = field(default_factory=lambda: array("q"))
    """Problem number -> number of its question: that of the first problem with the same letters, digits and signs."""
    sources: list[str] = field(default_factory=list)
    """Problem number -> source."""
    licences: list[str] = field(default_factory=list)
    """Problem number -> licence, "unknown" where nobody states one."""
    golds: bytearray = field(default_factory=bytearray)
    """Problem number -> 1 where it has a gold."""
    faults: dict[int, Fault] = field(default_factory=dict)
    """Problem number -> why it goes."""
    unreadable: list[Drop] = field(default_factory=list)
    """Lines that are no problem."""


def survey(runs: Sequence[RunFolder], settings: CurateSettings, *, limit: int | None = None) -> Questions:
    """Reads the problems once and applies the rules that look at one alone. limit: only the first so many.

    Raises InputError where two runs have different questions under one id.
    """
    found = Questions()
    firsts: dict[bytes, int] = {}
    keys: list[bytes] = []
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
                    "curate the two runs apart, or give the problems other ids"
                )
            continue
        number = len(keys)
        if limit is not None and number >= limit:
            break
        found.numbers[problem.id] = number
        keys.append(key)
        found.question.append(firsts.setdefault(key, number))
        found.sources.append(sys.intern(source_of(problem)))
        found.licences.append(sys.intern(rules.licence_of(problem)))
        found.golds.append(problem.answer is not None)
        _examine(found, number, problem, settings)
    return found


def source_of(problem: Problem) -> str:
    """Where a problem comes from: the first part of its id."""
    return problem.id.partition("/")[0]


def remaining(runs: Sequence[RunFolder], questions: Questions) -> Iterator[tuple[int, Problem]]:
    """The problems without a fault and their numbers, each once."""
    following = 0
    for _, problem in read_problems(runs):
        if isinstance(problem, Problem) and questions.numbers.get(problem.id) == following:
            following += 1
            if following - 1 not in questions.faults:
                yield following - 1, problem


def decontaminate(
    runs: Sequence[RunFolder],
    questions: Questions,
    settings: CurateSettings,
    evaluation: Mapping[str, Sequence[Problem]],
) -> Iterator[Hit]:
    """Every overlap of a question with one of the evaluation sets; those of the kinds to be dropped become faults."""
    rest = remaining(runs, questions)
    faults: dict[int, Fault] = {}
    for hit in overlaps((problem for _, problem in rest), chain.from_iterable(evaluation.values())):
        number = questions.numbers[hit.problem_id]
        if hit.how in settings.contamination_rules and number not in faults:
            text = hit.text if len(hit.text) <= 120 else f"{hit.text[:117]}..."
            faults[number] = Fault("contaminated", f'{hit.how} overlap with {hit.evaluation_id}: "{text}"')
        yield hit
    questions.faults.update(faults)


def count_overlaps(
    hits: Iterable[tuple[str, How]], evaluation: Mapping[str, Sequence[Problem]]
) -> dict[str, dict[str, int]]:
    """Evaluation set -> kind -> its problems that overlap with a question, each counted once as its strongest kind.

    hits: evaluation problem and kind.
    """
    kinds = get_args(How)
    strongest: dict[str, int] = {}
    for name, how in hits:
        rank = kinds.index(how)
        strongest[name] = min(rank, strongest.get(name, rank))
    found: dict[str, dict[str, int]] = {}
    for name, problems in evaluation.items():
        counts: dict[str, int] = defaultdict(int)
        for problem in problems:
            if problem.id in strongest:
                counts[kinds[strongest[problem.id]]] += 1
        found[name] = {kind: counts[kind] for kind in kinds if counts[kind]}
    return found


def drop_repeated(runs: Sequence[RunFolder], questions: Questions, settings: CurateSettings) -> None:
    """Faults the problems that ask what an earlier one asks, to the letter or nearly, where the settings say so."""
    names = list(questions.numbers)
    if "questions" in settings.duplicates:
        kept: dict[int, int] = {}
        for number, question in enumerate(questions.question):
            if number not in questions.faults and (first := kept.setdefault(question, number)) != number:
                questions.faults[number] = Fault("duplicate", f"asks what {names[first]} asks")
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
                questions.faults[number] = Fault("near duplicate", reason)


def _examine(found: Questions, number: int, problem: Problem, settings: CurateSettings) -> None:
    if reason := rules.licence(problem, settings.licences):
        found.faults[number] = Fault("licence", reason)
    elif settings.language and (reason := rules.language(problem.text, settings.language)):
        found.faults[number] = Fault("language", f"the question {reason}")
