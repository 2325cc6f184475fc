"""The solutions of the runs: which stay by the rules that look at one, then by those that compare them."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field

from slipstick.curate import rules
from slipstick.curate.duplicates import digest, near_duplicates
from slipstick.curate.mixing import Candidate, choose_mix, group_of, over_cap
from slipstick.curate.questions import Questions
from slipstick.curate.reading import read_chosen, read_solutions
from slipstick.curate.rules import DropReason
from slipstick.curate.settings import CurateSettings
from slipstick.schema import Code, Drop, Solution
from slipstick.store import RunFolder


@dataclass
class Solutions:
    """The solutions as they are kept in memory, without their text."""

    candidates: list[Candidate] = field(default_factory=list)
    """The rows that stay so far, in order."""
    dropped: dict[int, DropReason] = field(default_factory=dict)
    """Place -> why the row is dropped."""
    tokens: array[int] = field(default_factory=lambda: array("i"))
    """Place -> tokens."""
    digests: dict[int, int] = field(default_factory=dict)
    """Place of a candidate -> 64 bits of its text."""

    def drop(self, reasons: dict[int, DropReason]) -> None:
        """Drops rows; reasons: place -> why."""
        self.dropped.update(reasons)
        self.candidates = [row for row in self.candidates if row.place not in reasons]


def screen_solutions(
    runs: Sequence[RunFolder], questions: Questions, settings: CurateSettings, *, limited: bool = False
) -> Solutions:
    """Reads the solutions once and applies the rules that look at one alone.

    limited: whether solutions of problems that were not read are skipped instead of dropped.
    """
    found = Solutions()
    count = rules.token_counter(settings.tokenizer)
    for line, solution in read_solutions(runs):
        found.tokens.append(0)
        if isinstance(solution, Drop):
            found.dropped[line.place] = DropReason(solution.rule, solution.reason)
            continue
        number = questions.numbers.get(solution.problem_id)
        if number is None and limited:
            continue
        text = rules.text_of(solution)
        found.tokens[line.place] = count(text)
        if reason := _drop_reason(solution, number, questions, settings, tokens=found.tokens[line.place]):
            found.dropped[line.place] = reason
        elif number is not None:
            source, question = questions.sources[number], questions.question[number]
            has_code = any(isinstance(block, Code) for block in solution.blocks)
            row = Candidate(line.place, question, number, source, solution.format, has_code, solution.id)
            found.candidates.append(row)
            found.digests[line.place] = digest(text)
    return found


def drop_duplicates(runs: Sequence[RunFolder], found: Solutions, settings: CurateSettings) -> None:
    """Drops solutions that say what an earlier one of the same question and format says, exactly or nearly."""
    if "solutions" in settings.duplicates:
        firsts: dict[tuple[int, str, int], Candidate] = {}
        reasons: dict[int, DropReason] = {}
        for row in found.candidates:
            first = firsts.setdefault((row.question, row.format, found.digests[row.place]), row)
            if first is not row:
                reasons[row.place] = DropReason("duplicate", f"says what {first.id} says")
        found.drop(reasons)
    if similarity := settings.near_duplicates.get("solutions"):
        rows = found.candidates
        numbers: dict[tuple[int, str], int] = {}
        groups = [numbers.setdefault((row.question, row.format), len(numbers)) for row in rows]
        texts = (rules.text_of(solution) for _, solution in read_chosen(runs, {row.place for row in rows}))
        nears = near_duplicates(texts, similarity=similarity, groups=groups) if len(numbers) < len(rows) else []
        likeness = {rows[near.place].place: f"{near.similarity:.0%} like {rows[near.earlier].id}" for near in nears}
        found.drop({place: DropReason("near duplicate", like) for place, like in likeness.items()})


def drop_surplus(found: Solutions, settings: CurateSettings) -> None:
    """Drops the solutions of a question beyond the cap, then those the mix has no room for.

    Raises InputError for a weight of something the rows do not have.
    """
    if cap := settings.max_solutions_per_problem:
        reason = DropReason("cap", f"its question has {cap} solutions already")
        found.drop(dict.fromkeys(over_cap(found.candidates, cap), reason))
    if settings.mix or settings.max_rows:
        stay = choose_mix(
            found.candidates, settings.mix, by=settings.mix_by, total=settings.max_rows, seed=settings.seed
        )
        gone = {row.place: group_of(row, settings.mix_by) for row in found.candidates if row.place not in stay}
        found.drop(
            {place: DropReason("mix", f"the mix has no room for more of {name}") for place, name in gone.items()}
        )


def _drop_reason(
    solution: Solution, number: int | None, questions: Questions, settings: CurateSettings, *, tokens: int
) -> DropReason | None:
    if number is None:
        return DropReason("no problem", f"its problem `{solution.problem_id}` is not in the run")
    if number in questions.dropped:
        return questions.dropped[number]
    source = questions.sources[number]
    stays = source in settings.unverified or "*" in settings.unverified
    if reason := rules.verdict(solution, has_gold=bool(questions.has_gold[number]), unverified_stays=stays):
        return DropReason("verdict", reason)
    if not settings.allow_hardcoded_answers and (reason := rules.hardcoded_answer(solution)):
        return DropReason("hardcoded answer", reason)
    if solution.format in settings.require_code and (reason := rules.no_code_run(solution)):
        return DropReason("no code run", reason)
    if reason := rules.length(solution, settings, tokens=tokens):
        return DropReason("length", reason)
    if settings.language and (reason := rules.language(rules.words_of(solution), settings.language)):
        return DropReason("language", f"the solution {reason}")
    return None
