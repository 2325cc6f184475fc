"""Decides which of a teacher's attempts are kept, and which are dropped and why.

MARIO (arXiv 2401.08190, section 2) asked once at temperature 0, then twice more at 0.6, kept what equals the gold, and
had people look where the model and the gold disagreed.
"""

from collections.abc import Sequence
from typing import NamedTuple

from slipstick.schema import Drop, Output, Problem, Solution, Verdict
from slipstick.solve.policies import group_answers, is_correct

DISAGREES = "disagrees with the gold"
"""Rule of drops in which several attempts agree on another answer than the gold: what an audit looks at first."""


class Selection(NamedTuple):
    """A problem and its attempts, reviewed."""

    problem: Problem
    """With the answer its attempts agree on, if it had none."""
    kept: list[Solution]
    """The attempts that are kept."""
    dropped: list[Drop]
    """The others, each with its reason."""


def sort_out(problem: Problem, attempts: Sequence[Solution], *, min_votes: int) -> Selection:
    """Which attempts at a problem are kept, in all its formats together.

    With a gold those that are correct. Without one those that say what most attempts say, if at least `min_votes` say
    so and no other answer has as many votes: it becomes the problem's answer, marked as not validated.
    """
    if problem.answer is None:
        return _by_agreement(problem, attempts, min_votes=min_votes)
    crowd = _crowd_against(attempts)
    kept = [solution for solution in attempts if is_correct(solution)]
    dropped = [_drop(solution, problem, crowd) for solution in attempts if not is_correct(solution)]
    return Selection(problem, kept, dropped)


def drop(solution: Solution, rule: str, reason: str) -> Drop:
    """The solution as a dropped row."""
    return Drop(row=solution.model_dump(mode="json"), rule=rule, reason=reason)


def _drop(solution: Solution, problem: Problem, crowd: Sequence[Solution]) -> Drop:
    if fault := _fault(solution):
        return drop(solution, *fault)
    verdict = solution.verdict
    if verdict is None or verdict.outcome == "undecided":
        return drop(solution, "undecided", verdict.reason if verdict else "it was never graded")
    if solution in crowd:
        said = f"{len(crowd)} attempts agree on {crowd[0].answer}, the gold is {problem.answer}"
        return drop(solution, DISAGREES, said)
    failed = _failed_program(solution)
    if failed:
        return drop(solution, "program failed", failed)
    return drop(solution, "wrong answer", f"it comes to {solution.answer}, the gold is {problem.answer}")


def _fault(solution: Solution) -> tuple[str, str] | None:
    """(rule, reason) of an attempt that has no answer at all."""
    if solution.finish == "error":
        return "error", solution.error or "the model gave no reply"
    if (solution.answer or "").strip():
        return None
    failed = _failed_program(solution)
    if failed:
        return "program failed", failed
    ends = {"length": "it ran out of tokens", "turns": "it ran out of turns"}
    return "no answer", ends.get(solution.finish, "nothing in it is an answer")


def _failed_program(solution: Solution) -> str:
    """How its last program failed; '' if it did not."""
    outputs = [block for block in solution.blocks if isinstance(block, Output)]
    if not outputs or outputs[-1].status == "ok":
        return ""
    return f"{outputs[-1].status}: {(outputs[-1].text.strip().splitlines() or [''])[-1]}"


def _crowd_against(attempts: Sequence[Solution]) -> list[Solution]:
    """The incorrect attempts that agree with one another: at least two of them, and more than are correct."""
    wrong = [
        attempt
        for attempt in attempts
        if attempt.verdict and attempt.verdict.outcome == "incorrect" and attempt.answer is not None
    ]
    crowd = max(_classes(wrong), key=len, default=[])
    return crowd if len(crowd) > max(1, sum(map(is_correct, attempts))) else []


def _by_agreement(problem: Problem, attempts: Sequence[Solution], *, min_votes: int) -> Selection:
    faults = {attempt.id: _fault(attempt) for attempt in attempts}
    voters = [attempt for attempt in attempts if not faults[attempt.id]]
    classes = sorted(_classes(voters), key=len, reverse=True)
    lead = classes[0] if classes else []
    if len(lead) < min_votes or (len(classes) > 1 and len(classes[1]) == len(lead)):
        lead = []
    agreed = lead[0].answer if lead else None
    said = f"{len(lead)} of {len(attempts)} attempts agree on {agreed}"
    verdict = Verdict(outcome="correct", method="agreement", expected=agreed, reason=f"{said}; not checked")
    kept = [attempt.model_copy(update={"verdict": verdict}) for attempt in attempts if attempt in lead]
    dropped = [
        drop(attempt, *(faults[attempt.id] or (("outvoted", said) if lead else ("no agreement", _split(classes)))))
        for attempt in attempts
        if attempt not in lead
    ]
    if agreed is not None:
        about = {"answer_by": "agreement", "validated": False, "votes": [len(lead), len(attempts)]}
        problem = problem.model_copy(update={"answer": agreed, "metadata": {**problem.metadata, **about}})
    return Selection(problem, kept, dropped)


def _classes(attempts: Sequence[Solution]) -> list[list[Solution]]:
    """Attempts of equal answers together, in the order of their first."""
    groups = group_answers([attempt.answer or "" for attempt in attempts])
    return [[attempts[place] for place in members] for members in groups.values()]


def _split(classes: Sequence[Sequence[Solution]]) -> str:
    votes = ", ".join(f"{len(members)} for {members[0].answer}" for members in classes[:3])
    return f"too few attempts min_votes: {votes or 'none has an answer'}"
