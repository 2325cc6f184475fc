"""Goes through all attempts of a teacher's run at its end: kept, or dropped with a reason.

While a run is running every attempt lies in solutions.jsonl, with its verdict. At its end those that are kept stay
there and the others move to dropped.jsonl; a run that is resumed first moves them back.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence, Set
from typing import NamedTuple

from pydantic import ValidationError
from rich.table import Table

from slipstick.metrics.intervals import wilson
from slipstick.schema import Drop, Problem, Record, Solution
from slipstick.solve.policies import SamplingPolicy, is_correct, still_wanted
from slipstick.store import RunFolder, write_atomically
from slipstick.synthesize.teacher import Selection


class Method(NamedTuple):
    """How often a teacher is sampled, and which of its attempts are kept."""

    policy: SamplingPolicy
    """How many attempts of a problem are sampled, and how."""
    most: int
    """Most attempts at a problem in one format."""
    review: Callable[[Problem, Sequence[Solution]], Selection]
    """Says which attempts of a problem are kept."""
    refuse: Callable[[Selection], Drop | None] = lambda found: None
    """Whether the problem itself is dropped."""


class TeacherInput(NamedTuple):
    """Problems that a teacher is asked, and what there is without asking."""

    problems: Sequence[Problem]
    """The problems to ask about."""
    given: Sequence[Solution] = ()
    """Attempts that exist already."""
    refused: Sequence[Drop] = ()
    """What was dropped before."""


class AttemptCounts(Record):
    """A line of attempts.jsonl."""

    problem_id: str
    """The problem that was attempted."""
    format: str
    """Name of the format it was attempted in."""
    attempts: int
    """How many there were."""
    correct: int
    """How many of them are correct; without a gold, how many were kept."""
    kept: int
    """How many stay in solutions.jsonl."""


def put_back(folder: RunFolder) -> None:
    """Puts attempts that an earlier end of this run dropped back among its solutions."""
    known = folder.index()
    for row in folder.dropped():
        try:
            solution = Solution.model_validate(row.row)
        except ValidationError:
            continue  # a question that was refused
        if solution.id not in known:
            folder.append(solution)


def by_problem(folder: RunFolder) -> dict[str, list[str]]:
    """Problem id -> the ids of its attempts in a folder."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for key in folder.index():
        found[key.rsplit("#", 2)[0]].append(key)
    return found


def select(folder: RunFolder, asked: TeacherInput, method: Method, *, formats: Sequence[str]) -> Table:
    """Reviews all attempts, problem by problem, and writes the result; returns the table of counts.

    formats: in whose order the attempts at a problem are reviewed. A kill between two files is repaired by the next
    resume.
    """
    index, ids = folder.index(), by_problem(folder)
    given = {solution.id for solution in asked.given}
    kept: list[Solution] = []
    stay: list[Problem] = []
    counted: list[AttemptCounts] = []
    rules = Counter[str](row.rule for row in asked.refused)

    def drops() -> Iterator[Drop]:
        yield from asked.refused
        for problem in asked.problems:
            found_ids = sorted(ids.get(problem.id, []), key=lambda key: _place(key, formats))
            attempts = _wanted([index[key] for key in found_ids], method.policy, given)
            found = method.review(problem, attempts)
            out = method.refuse(found)
            kept.extend(solution.model_copy(update={"blocks": [], "previous_attempts": []}) for solution in found.kept)
            counted.extend(_count(problem, attempts, found))
            stay.extend([] if out else [found.problem])
            for row in (*found.dropped, *([out] if out else [])):
                rules[row.rule] += 1
                yield row

    folder.write_dropped(drops())
    folder.write_verdicts(kept)
    folder.write_problems(stay)
    write_atomically(folder.path / "attempts.jsonl", (f"{row.model_dump_json()}\n" for row in counted))
    folder.rearrange(solution.id for solution in kept)
    solved = len({solution.problem_id for solution in kept})
    attempts = sum(row.attempts for row in counted)
    counts = {"problems": len(stay), "attempts": attempts, "solutions": len(kept), "solved": solved}
    folder.note(counts=counts | {"dropped": rules.total()})
    return _table(len(asked.problems), counted, solved, rules)


def _wanted(attempts: Sequence[Solution], policy: SamplingPolicy, given: Set[str]) -> list[Solution]:
    """The attempts at a problem without those that were needless after all: a failed one before them was made again."""
    kept: list[Solution] = []
    for name in dict.fromkeys(attempt.format for attempt in attempts):
        mine = [attempt for attempt in attempts if attempt.format == name]
        kept += mine if any(attempt.id in given for attempt in mine) else still_wanted(policy, mine)
    return kept


def _place(key: str, formats: Sequence[str]) -> tuple[int, str, int]:
    _, name, sample = key.rsplit("#", 2)
    return (formats.index(name) if name in formats else len(formats)), name, int(sample)


def _count(problem: Problem, attempts: Sequence[Solution], found: Selection) -> Iterator[AttemptCounts]:
    for name in dict.fromkeys(attempt.format for attempt in attempts):
        mine = [attempt for attempt in attempts if attempt.format == name]
        kept = [solution for solution in found.kept if solution.format == name]
        correct = sum(map(is_correct, mine)) if problem.answer is not None else len(kept)
        yield AttemptCounts(problem_id=problem.id, format=name, attempts=len(mine), correct=correct, kept=len(kept))


def _table(problems: int, counted: Sequence[AttemptCounts], solved: int, rules: Counter[str]) -> Table:
    """What came of it."""
    table = Table("", "", box=None, show_header=False)
    table.columns[1].justify = "right"
    low, high = wilson(solved, problems) if problems else (0.0, 0.0)
    share = f"{100 * solved / max(1, problems):.1f} % ({100 * low:.1f}-{100 * high:.1f})"
    table.add_row("problems", f"{problems:,}")
    table.add_row("solved at least once", f"{solved:,}, {share}")
    table.add_row("attempts", f"{sum(row.attempts for row in counted):,}")
    table.add_row("kept", f"{sum(row.kept for row in counted):,}")
    times = Counter(row.kept for row in counted)
    if times:
        table.add_row("kept per problem and format", ", ".join(f"{k}: {times[k]:,}" for k in sorted(times)))
    for rule, count in rules.most_common():
        table.add_row(f"dropped, {rule}", f"{count:,}")
    return table
