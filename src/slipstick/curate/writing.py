"""Writes what curation decided into its run folder; every file atomically."""

from collections import Counter
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence

from slipstick.curate.composition import COMPOSITION, Composition, RowCounter
from slipstick.curate.contamination import Overlap, OverlapKind
from slipstick.curate.questions import Questions
from slipstick.curate.reading import read_problems, read_solutions
from slipstick.curate.rerun import EXECUTED
from slipstick.curate.rules import DropReason
from slipstick.curate.solutions import Solutions
from slipstick.schema import Drop, Problem, Record, Solution
from slipstick.store import RunFolder, read_records, write_atomically, write_records
from slipstick.trainable import in_order, most_held_out, split_of, splits_of

_CONTAMINATION = "contamination.jsonl"
_ORIGINS = "origins.jsonl"
FILES = (COMPOSITION, _CONTAMINATION, EXECUTED, _ORIGINS)
"""What curation writes in addition to the files of every run."""


class Origin(Record):
    """Where a kept row was read: a line of origins.jsonl."""

    id: str
    """Id of the kept solution."""
    run: str
    """The run folder it was read from."""
    line: int
    """Its line in that run's solutions.jsonl, from 1."""
    original_id: str
    """Its id there; different only if two runs use the same."""


def read_origins(folder: RunFolder) -> Iterator[Origin]:
    """Where each kept row of a curated run was read; nothing for other runs."""
    return read_records(folder.path / _ORIGINS, Origin, missing_ok=True)


def write_overlaps(out: RunFolder, overlaps: Iterable[Overlap]) -> list[tuple[str, OverlapKind]]:
    """Writes contamination.jsonl and gives evaluation problem and kind of each overlap."""
    found: list[tuple[str, OverlapKind]] = []

    def noted() -> Iterator[Overlap]:
        for overlap in overlaps:
            found.append((overlap.evaluation_id, overlap.kind))
            yield overlap

    write_records(out.path / _CONTAMINATION, noted())
    return found


def given_splits(runs: Sequence[RunFolder], questions: Questions, kept: Container[int]) -> dict[int, str]:
    """Question -> the split that its problems came with, of several the one that is held out most strictly.

    Problems of runs that are not divided are of "train", if another run is divided; {} if none is.
    """
    divided = {run.path for run in runs if splits_of(run)}
    found: dict[int, str] = {}
    for line, problem in read_problems(runs) if divided else ():
        number = questions.numbers.get(problem.id) if isinstance(problem, Problem) else None
        if isinstance(problem, Drop) or number is None or (question := questions.question[number]) not in kept:
            continue
        split = split_of(problem) if line.run.path in divided else "train"
        found[question] = most_held_out((found.get(question, "train"), split))
    return found


def write_rows(
    runs: Sequence[RunFolder], out: RunFolder, questions: Questions, solutions: Solutions, splits: Mapping[int, str]
) -> Composition:
    """Writes the rows that stay, where each was read, and the dropped rows; gives their counts.

    splits: question -> split.
    """
    counter = RowCounter()
    kept = {row.problem for row in solutions.candidates}
    out.write_problems(_kept_problems(runs, questions, kept, splits))
    _write_solutions(runs, out, solutions, counter)
    out.write_dropped(_dropped_rows(runs, questions, solutions, counter))
    return Composition(
        groups=counter.groups(),
        problems=len(kept),
        licences=dict(sorted(Counter(questions.licences[row.problem] for row in solutions.candidates).items())),
        splits=count_splits(solutions, splits),
    )


def _kept_problems(
    runs: Sequence[RunFolder], questions: Questions, kept: set[int], splits: Mapping[int, str]
) -> Iterator[Problem]:
    """The problems of these numbers with their split in `metadata`; an earlier `split` is kept as `origin_split`."""
    left = set(kept)
    for _, problem in read_problems(runs):
        number = questions.numbers.get(problem.id) if isinstance(problem, Problem) else None
        if isinstance(problem, Drop) or number not in left:
            continue
        left.discard(number)
        yield _with_split(problem, splits.get(questions.question[number]))


def _write_solutions(runs: Sequence[RunFolder], out: RunFolder, solutions: Solutions, counter: RowCounter) -> None:
    sources = {row.place: row.source for row in solutions.candidates}
    origins: list[str] = []
    taken: set[str] = set()

    def kept() -> Iterator[Solution]:
        for line, solution in read_solutions(runs, wanted=sources):
            if isinstance(solution, Drop):
                continue
            name = _free_id(solution.id, line.run.path.name, taken)
            taken.add(name)
            origin = Origin(id=name, run=str(line.run.path), line=line.number, original_id=solution.id)
            origins.append(f"{origin.model_dump_json()}\n")
            counter.keep(sources[line.place], solution.format, tokens=solutions.tokens[line.place])
            yield solution.model_copy(update={"id": name})

    write_records(out.path / "solutions.jsonl", kept())
    write_atomically(out.path / _ORIGINS, origins)


def _dropped_rows(
    runs: Sequence[RunFolder], questions: Questions, solutions: Solutions, counter: RowCounter
) -> Iterator[Drop]:
    """Every dropped row with rule and reason, invalid lines first."""
    for drop in questions.unreadable:
        counter.drop("", "", rule=drop.rule)
        yield drop
    for line, solution in read_solutions(runs, wanted=solutions.dropped):
        reason = solutions.dropped[line.place]
        number = None if isinstance(solution, Drop) else questions.numbers.get(solution.problem_id)
        source = "" if number is None else questions.sources[number]
        counter.drop(source, "" if isinstance(solution, Drop) else solution.format, rule=reason.rule)
        yield solution if isinstance(solution, Drop) else _drop(solution, reason)


def count_splits(solutions: Solutions, splits: Mapping[int, str]) -> dict[str, int]:
    """Split -> kept rows."""
    counts = Counter(dict.fromkeys(in_order(splits.values()), 0))
    counts.update(splits[row.question] for row in solutions.candidates if splits)
    return dict(counts)


def _drop(solution: Solution, reason: DropReason) -> Drop:
    return Drop(row=solution.model_dump(mode="json"), rule=reason.rule, reason=reason.reason)


def _with_split(problem: Problem, split: str | None) -> Problem:
    if split is None:
        return problem
    earlier = problem.metadata.get("split")
    kept = {} if earlier in (None, split) else {"origin_split": earlier}
    return problem.model_copy(update={"metadata": {**problem.metadata, **kept, "split": split}})


def _free_id(name: str, run: str, taken: set[str]) -> str:
    """The id, with the run's name appended if another row has it."""
    found, number = name, 1
    while found in taken:
        found = f"{name}@{run}" if number == 1 else f"{name}@{run}-{number}"
        number += 1
    return found
