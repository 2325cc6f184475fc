"""The solutions of the runs: which stay by the rules that look at one, and then by those that look at all."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from slipstick.curate import rules
from slipstick.curate.duplicates import digest, near_duplicates
from slipstick.curate.mixing import Candidate, choose_mix, group_of, over_cap
from slipstick.curate.questions import Fault, Questions
from slipstick.curate.reading import read_solutions
from slipstick.curate.settings import CurateSettings
from slipstick.schema import Code, Drop, Solution
from slipstick.store import RunFolder


@dataclass
class Solutions:
    """What is kept in memory of the solutions."""

    candidates: list[Candidate] = field(default_factory=list)
    """The rows that stay so far, in order."""
    faults: dict[int, Fault] = field(default_factory=dict)
    """Place -> why the row goes."""
    tokens: array[int] = field(default_factory=lambda: array("i"))
    """Place -> tokens."""
    digests: dict[int, int] = field(default_factory=dict)
    """Place of a candidate -> 64 bits of its text."""

    def fault(self, faults: dict[int, Fault]) -> None:
        """Takes rows out."""
        self.faults.update(faults)
        self.candidates = [row for row in self.candidates if row.place not in faults]


def examine(
    runs: Sequence[RunFolder], questions: Questions, settings: CurateSettings, *, limited: bool = False
) -> Solutions:
    """Reads the solutions once and applies the rules that look at one alone.

    limited: whether solutions of problems that were not read are passed over, no fault being found with them.
    """
    found = Solutions()
    count = rules.token_counter(settings.tokenizer)
    for line, solution in read_solutions(runs):
        found.tokens.append(0)
        if isinstance(solution, Drop):
            found.faults[line.place] = Fault(solution.rule, solution.reason)
            continue
        number = questions.numbers.get(solution.problem_id)
        if number is None and limited:
            continue
        text = rules.text_of(solution)
        found.tokens[line.place] = count(text)
        if fault := _fault(solution, number, questions, settings, tokens=found.tokens[line.place]):
            found.faults[line.place] = fault
        elif number is not None:
            source, question = questions.sources[number], questions.question[number]
            executes = any(isinstance(block, Code) for block in solution.blocks)
            row = Candidate(line.place, question, number, source, solution.format, executes, solution.id)
            found.candidates.append(row)
            found.digests[line.place] = digest(text)
    return found


def chosen(runs: Sequence[RunFolder], candidates: Sequence[Candidate]) -> Iterator[tuple[int, Solution]]:
    """The candidates' solutions and places, in order."""
    for line, solution in read_solutions(runs, wanted={row.place for row in candidates}):
        if isinstance(solution, Solution):
            yield line.place, solution


def drop_repeated(runs: Sequence[RunFolder], found: Solutions, settings: CurateSettings) -> None:
    """Faults solutions that say what an earlier one of the same question and format says, to the letter or nearly."""
    if "solutions" in settings.duplicates:
        firsts: dict[tuple[int, str, int], Candidate] = {}
        faults: dict[int, Fault] = {}
        for row in found.candidates:
            first = firsts.setdefault((row.question, row.format, found.digests[row.place]), row)
            if first is not row:
                faults[row.place] = Fault("duplicate", f"says what {first.id} says")
        found.fault(faults)
    if similarity := settings.near_duplicates.get("solutions"):
        rows = found.candidates
        numbers: dict[tuple[int, str], int] = {}
        groups = [numbers.setdefault((row.question, row.format), len(numbers)) for row in rows]
        texts = (rules.text_of(solution) for _, solution in chosen(runs, rows))
        nears = near_duplicates(texts, similarity=similarity, groups=groups) if len(numbers) < len(rows) else []
        found.fault(
            {
                rows[near.place].place: Fault("near duplicate", f"{near.similarity:.0%} like {rows[near.earlier].id}")
                for near in nears
            }
        )


def drop_surplus(found: Solutions, settings: CurateSettings) -> None:
    """Faults what is beyond the cap of a question, then what the mix has no room for.

    Raises InputError for a weight of something the rows do not have.
    """
    if settings.max_solutions_per_problem:
        reason = f"its question has {settings.max_solutions_per_problem} solutions already"
        found.fault(
            {place: Fault("cap", reason) for place in over_cap(found.candidates, settings.max_solutions_per_problem)}
        )
    if settings.mix or settings.max_rows:
        stay = choose_mix(
            found.candidates, settings.mix, by=settings.mix_by, total=settings.max_rows, seed=settings.seed
        )
        gone = {row.place: group_of(row, settings.mix_by) for row in found.candidates if row.place not in stay}
        found.fault({place: Fault("mix", f"the mix has no room for more of {name}") for place, name in gone.items()})


def _fault(
    solution: Solution, number: int | None, questions: Questions, settings: CurateSettings, *, tokens: int
) -> Fault | None:
    if number is None:
        return Fault("no problem", f"its problem `{solution.problem_id}` is not in the run")
    if number in questions.faults:
        return questions.faults[number]
    source = questions.sources[number]
    stays = source in settings.unverified or "*" in settings.unverified
    if reason := rules.verdict(solution, has_gold=bool(questions.golds[number]), unverified_stays=stays):
        return Fault("verdict", reason)
    if not settings.allow_hardcoded_answers and (reason := rules.hardcoded_answer(solution)):
        return Fault("hardcoded answer", reason)
    if reason := rules.length(solution, settings, tokens=tokens):
        return Fault("length", reason)
    if settings.language and (reason := rules.language(rules.words_of(solution), settings.language)):
        return Fault("language", f"the solution {reason}")
    return None
