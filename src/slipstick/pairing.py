"""Which problems of two runs are the same: those of one id or, if the runs share no id, of one question and gold."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from slipstick.equivalence import compare
from slipstick.errors import InputError, counted
from slipstick.schema import Problem, Solution


class Pairs(NamedTuple):
    """The problems that two runs share."""

    common: list[Problem]
    """The problems, in the order of the first run; those paired by text as the second run has them."""
    ids: dict[str, str]
    """Id in the first run -> id in the second, of problems paired by text; empty if ids paired them."""
    notes: list[str]
    """What to know of the pairing."""

    def renamed(self, solutions: Iterable[Solution]) -> Iterator[Solution]:
        """The first run's solutions under the second's ids."""
        for solution in solutions:
            name = self.ids.get(solution.problem_id)
            yield solution.model_copy(update={"problem_id": name}) if name else solution


def pair_problems(first: Mapping[str, Problem], second: Mapping[str, Problem], names: tuple[str, str]) -> Pairs:
    """Pairs the problems of two runs, given by their ids. names: what the runs are called.

    Two files of one set, a model's replies in each, have ids of their own: without a common id, problems of one text,
    with the same options and gold, are the same, those that stand several times in the order they come in.
    Raises InputError if no problem is in both, and if an id names different problems.
    """
    common = [problem for problem in first.values() if problem.id in second]
    if not common:
        return _by_text(first, second, names)
    for problem in common:
        other = second[problem.id]
        if problem.text != other.text or not _same_gold(problem, other):
            what = "question" if problem.text != other.text else "gold"
            raise InputError(
                f"problem {problem.id} has another {what} in {names[1]} than in {names[0]}, so the two cannot be "
                "compared: run both on the same file"
            )
    return Pairs(common, {}, [])


def _by_text(first: Mapping[str, Problem], second: Mapping[str, Problem], names: tuple[str, str]) -> Pairs:
    there: dict[tuple[str, ...], list[Problem]] = {}
    for problem in second.values():
        there.setdefault(_question(problem), []).append(problem)
    several = {text for text, times in Counter(map(_question, first.values())).items() if times > 1}
    several |= {text for text, members in there.items() if len(members) > 1}
    ids: dict[str, str] = {}
    common: list[Problem] = []
    other_gold = 0
    for problem in first.values():
        members = there.get(_question(problem), [])
        found = next((other for other in members if _same_gold(problem, other)), None)
        if found:
            members.remove(found)
            ids[problem.id] = found.id
            common.append(found)
        other_gold += bool(members) and not found
    one, two = names
    have = "has" if other_gold == 1 else "have"
    apart = f"; {counted(other_gold, 'question')} of the same text {have} another gold" if other_gold else ""
    if not common:
        raise InputError(
            f"{one} and {two} have no problem in common: none of the {len(first):,} of {one} is among the "
            f"{len(second):,} of {two}, by id or by text{apart}; compare runs on the same problems"
        )
    notes = [f"{one} and {two} have no id in common: problems are paired by the text of the question and the gold."]
    if repeated := sum(_question(problem) in several for problem in common):
        notes.append(f"{counted(repeated, 'problem')} of a text that stands several times are paired in their order.")
    if other_gold:
        are = "is" if other_gold == 1 else "are"
        notes.append(f"{counted(other_gold, 'problem')} of {one} with another gold in {two} {are} left out.")
    return Pairs(common, ids, notes)


def _question(problem: Problem) -> tuple[str, ...]:
    """What is asked: the words, however they are spaced, and the options."""
    return " ".join(problem.text.split()), *(problem.choices or ())


def _same_gold(one: Problem, two: Problem) -> bool:
    """Whether two golds are written alike or mean the same, as 2,125 and 2125 do."""
    if one.answer == two.answer:
        return True
    if not isinstance(one.answer, str) or two.answer is None:
        return False
    return compare(one.answer, two.answer, kind=one.kind).outcome == "correct"
