"""Writes what curation decided into its run folder; every file whole or not at all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from slipstick.curate.composition import Tally
from slipstick.curate.questions import Fault, Questions
from slipstick.curate.reading import read_problems, read_solutions
from slipstick.curate.solutions import Solutions
from slipstick.schema import Drop, Problem, Record, Solution
from slipstick.store import RunFolder, write_atomically


class Origin(Record):
    """Where a kept row was read: a line of origins.jsonl."""

    id: str
    """Id of the kept solution."""
    run: str
    """The run folder it was read from."""
    line: int
    """Its line in that run's solutions.jsonl, from 1."""
    original_id: str
    """Its id there; another one only where two runs use the same."""


def write_problems(
    runs: Sequence[RunFolder], out: RunFolder, questions: Questions, kept: set[int], splits: Mapping[int, str]
) -> int:
    """Writes the problems of these numbers, with their split in `metadata`, and gives their number.

    splits: question -> split. What an earlier `split` said goes on as `origin_split`.
    """

    def problems() -> Iterator[Problem]:
        left = set(kept)
        for _, problem in read_problems(runs):
            number = questions.numbers.get(problem.id) if isinstance(problem, Problem) else None
            if isinstance(problem, Drop) or number not in left:
                continue
            left.discard(number)
            yield _with_split(problem, splits.get(questions.question[number]))

    return out.write_problems(problems())


def write_solutions(runs: Sequence[RunFolder], out: RunFolder, solutions: Solutions, tally: Tally) -> None:
    """Writes the rows that stay, and where each was read."""
    stay = {row.place: row.source for row in solutions.candidates}
    origins: list[str] = []
    taken: set[str] = set()

    def lines() -> Iterator[str]:
        for line, solution in read_solutions(runs, wanted=stay):
            if isinstance(solution, Drop):
                continue
            name = _free_id(solution.id, line.run.path.name, taken)
            taken.add(name)
            origin = Origin(id=name, run=str(line.run.path), line=line.number, original_id=solution.id)
            origins.append(f"{origin.model_dump_json()}\n")
            tally.keep(stay[line.place], solution.format, tokens=solutions.tokens[line.place])
            yield f"{solution.model_copy(update={'id': name}).model_dump_json()}\n"

    write_atomically(out.path / "solutions.jsonl", lines())
    write_atomically(out.path / "origins.jsonl", origins)


def write_dropped(
    runs: Sequence[RunFolder], out: RunFolder, questions: Questions, solutions: Solutions, tally: Tally
) -> int:
    """Writes every row that goes, with rule and reason, lines that are no problem first, and gives their number."""
    written = 0

    def drops() -> Iterator[Drop]:
        for drop in questions.unreadable:
            tally.drop("", "", rule=drop.rule)
            yield drop
        for line, solution in read_solutions(runs, wanted=solutions.faults):
            fault = solutions.faults[line.place]
            number = None if isinstance(solution, Drop) else questions.numbers.get(solution.problem_id)
            source = "" if number is None else questions.sources[number]
            tally.drop(source, "" if isinstance(solution, Drop) else solution.format, rule=fault.rule)
            yield solution if isinstance(solution, Drop) else _drop(solution, fault)

    def lines() -> Iterator[str]:
        nonlocal written
        for drop in drops():
            written += 1
            yield f"{drop.model_dump_json()}\n"

    write_atomically(out.path / "dropped.jsonl", lines())
    return written


def count_kept(questions: Questions, solutions: Solutions, splits: Mapping[int, str]) -> dict[str, dict[str, int]]:
    """Kept rows by licence of their problem and by split."""
    licences: Counter[str] = Counter()
    by_split: Counter[str] = Counter(dict.fromkeys(splits.values(), 0))
    for row in solutions.candidates:
        licences[questions.licences[row.problem]] += 1
        if splits:
            by_split[splits[row.question]] += 1
    return {"licences": dict(sorted(licences.items())), "splits": dict(by_split)}


def _drop(solution: Solution, fault: Fault) -> Drop:
    return Drop(row=solution.model_dump(mode="json"), rule=fault.rule, reason=fault.reason)


def _with_split(problem: Problem, split: str | None) -> Problem:
    if split is None:
        return problem
    earlier = problem.metadata.get("split")
    kept = {} if earlier is None else {"origin_split": earlier}
    return problem.model_copy(update={"metadata": {**problem.metadata, **kept, "split": split}})


def _free_id(name: str, run: str, taken: set[str]) -> str:
    """The id, or where another row has it, the id with the run's name behind it."""
    found, number = name, 1
    while found in taken:
        found = f"{name}@{run}" if number == 1 else f"{name}@{run}-{number}"
        number += 1
    return found
