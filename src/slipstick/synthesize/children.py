"""All new problems of one, with the programs that solve them, and which of them stay once they were answered."""

from collections.abc import AsyncIterator, Sequence
from typing import NamedTuple

from slipstick.interpreters import Interpreter
from slipstick.schema import Code, Drop, Output, Problem, Solution, Verdict
from slipstick.solve.attempt import solution_id
from slipstick.solve.policies import is_correct
from slipstick.store import RunFolder
from slipstick.synthesize.augment import AugmentSettings, refuse, rephrased, turned_round
from slipstick.synthesize.teacher import Selection
from slipstick.synthesize.variation import is_determined, varied
from slipstick.synthesize.writing import worked_steps, write_program


class Children(NamedTuple):
    """What came of a problem."""

    problems: list[Problem]
    """The new problems."""
    given: list[Solution]
    """Solutions of theirs that are known: the changed programs of varied problems."""
    refused: list[Drop]
    """What became no problem, each with its reason."""


async def children(
    parents: Sequence[Problem],
    replies: dict[str, list[Solution]],
    programs: dict[str, str],
    *,
    settings: AugmentSettings,
    interpreter: Interpreter,
    seed: int,
) -> Children:
    """The new problems of all parents.

    replies: parent -> rewordings that were asked for. programs: parent -> a program that solves it, for those without
    worked steps.
    """
    found = Children([], [], [])
    for parent in parents:
        program = programs.get(parent.id) or (write_program(steps) if (steps := worked_steps(parent)) else None)
        mine = _children(parent, replies.get(parent.id, []), program, settings, interpreter, seed)
        async for child, blocks in mine:
            if isinstance(child, Drop):
                found.refused.append(child)
            else:
                found.problems.append(child)
                found.given.extend([_solution(child, blocks)] if blocks else [])
    return found


def first_programs(run: str | None) -> dict[str, str]:
    """Problem id -> its first verified program, of a run folder."""
    found: dict[str, str] = {}
    for solution in RunFolder(run).solutions() if run else ():
        codes = [block.text for block in solution.blocks if isinstance(block, Code)]
        if is_correct(solution) and len(codes) == 1:
            found.setdefault(solution.problem_id, codes[0])
    return found


def mark_validated(found: Selection, problem: Problem) -> Selection:
    """The selection, its problem marked as validated if an attempt comes to the answer it was made with."""
    if problem.answer is None or not any(map(is_correct, found.kept)):
        return found
    about = {**found.problem.metadata, "validated": True}
    return found._replace(problem=found.problem.model_copy(update={"metadata": about}))


def refuse_unanswered(found: Selection) -> Drop | None:
    """A new problem that no check confirms."""
    if found.kept:
        return None
    problem, gold = found.problem, found.problem.answer
    if gold is None:
        rule, reason = "no agreed answer", "no program solves it, and too few attempts agree on an answer"
    else:
        rule, reason = "never solved", f"none of its attempts comes to {gold}, so it may not mean what it should"
    return Drop(row=problem.model_dump(mode="json"), rule=rule, reason=reason)


async def _children(
    parent: Problem,
    replies: Sequence[Solution],
    program: str | None,
    settings: AugmentSettings,
    interpreter: Interpreter,
    seed: int,
) -> AsyncIterator[tuple[Problem | Drop, list[Code | Output]]]:
    """Each new problem with the program and output that solve it, if there are; Drops for the others."""
    for reply in replies:
        yield rephrased(parent, reply), []
    for number in range(settings.variants):
        if "backward" in settings.kinds:
            yield await _turned(parent, number, program, interpreter, seed), []
        if "vary" in settings.kinds:
            yield await varied(parent, number, program=program, interpreter=interpreter, seed=seed)


async def _turned(
    parent: Problem, number: int, program: str | None, interpreter: Interpreter, seed: int
) -> Problem | Drop:
    turned = turned_round(parent, number, seed=seed)
    if isinstance(turned, Drop) or await is_determined(turned, parent, program=program, interpreter=interpreter):
        return turned
    reason = f"other numbers than {turned.answer} give the same answer"
    return refuse(parent, "backward", number, "more than one solution", reason, text=turned.text)


def _solution(child: Problem, blocks: Sequence[Code | Output]) -> Solution:
    """The changed program of a varied problem, as its first solution."""
    gold = str(child.answer)
    parent = child.metadata["parent"]
    reason = f"the program of {parent} with other numbers"
    seconds = sum(block.seconds for block in blocks if isinstance(block, Output))
    return Solution(
        id=solution_id(child, "pot", 0),
        problem_id=child.id,
        format="pot",
        blocks=list(blocks),
        answer=gold,
        verdict=Verdict(outcome="correct", method="variation", expected=gold, reason=reason),
        seconds=round(seconds, 4),
        model=f"program of {parent}",
    )
