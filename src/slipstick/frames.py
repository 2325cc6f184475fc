"""Runs as pandas frames that can be joined: problems, solutions, steps, verdicts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from slipstick.errors import InputError
from slipstick.extras import require
from slipstick.metrics.groups import set_of
from slipstick.schema import Problem, Solution, Verdict
from slipstick.store import RunFolder

if TYPE_CHECKING:
    import os

    import pandas

PROBLEMS = ("run", "problem_id", "set", "problem", "expected", "kind", "choices", "rationale", "licence", "metadata")
SOLUTIONS = (
    *("run", "id", "problem_id", "set", "problem", "expected", "format", "sample", "solution", "answer", "outcome"),
    *("reason", "finish", "error", "tokens", "prompt_tokens", "cost", "seconds", "value", "model", "metadata"),
)
STEPS = (
    *("run", "id", "problem_id", "format", "sample", "attempt", "step", "type", "text"),
    *("status", "seconds", "cpu_seconds", "images"),
)
VERDICTS = ("run", "id", "problem_id", "format", "sample", "answer", *Verdict.model_fields)


class Frames(NamedTuple):
    """Four frames of one or several runs. `run` and `problem_id` join all, `id` (a solution's) the last three."""

    problems: pandas.DataFrame
    """A row for each problem: text, expected answer (a list if there are several), set, kind, choices, metadata."""
    solutions: pandas.DataFrame
    """A row for each solution: answer, outcome, reason, finish, tokens, cost, its text, and what its problem is."""
    steps: pandas.DataFrame
    """A row for each block: "text", "code" or "output" with its status and seconds; `attempt` counts a hybrid's."""
    verdicts: pandas.DataFrame
    """A row for each graded solution: outcome, the grader's layer, the gold it was compared with, the reason."""


def frames(runs: str | os.PathLike[str] | Sequence[str | os.PathLike[str]]) -> Frames:
    """A run, or several, as frames: folders, or what a verb gave back. The column `run` has the folder's name.

    Folders of one name are told apart by their paths. Raises RunFolderError if a folder holds no run, InputError if
    none is named, UserError if pandas is not installed.
    """
    named = [runs] if isinstance(runs, str) or not isinstance(runs, Sequence) else list(runs)
    folders = [RunFolder(Path(run)) for run in named]
    if not folders:
        raise InputError("no run is named: frames(FOLDER) or frames([FOLDER, FOLDER])")
    short = [folder.path.name for folder in folders]
    names = short if len(set(short)) == len(short) else [str(folder.path) for folder in folders]
    problems: list[dict[str, Any]] = []
    solutions: list[dict[str, Any]] = []
    steps: list[dict[str, Any]] = []
    verdicts: list[dict[str, Any]] = []
    for name, folder in zip(names, folders, strict=True):
        known = {problem.id: problem for problem in folder.problems()}
        problems += [{"run": name, "problem_id": one.id, **_of_problem(one)} for one in known.values()]
        for solution in folder.solutions():
            key = {"run": name, **solution.model_dump(include={"id", "problem_id", "format", "sample"})}
            solutions.append(key | solution_row(solution, known.get(solution.problem_id)))
            steps += [key | step for step in _steps(solution)]
            if solution.verdict:
                verdicts.append(key | {"answer": solution.answer} | solution.verdict.model_dump())
    rows = ((problems, PROBLEMS), (solutions, SOLUTIONS), (steps, STEPS), (verdicts, VERDICTS))
    return Frames(*(frame_of(*each) for each in rows))


def solution_row(solution: Solution, problem: Problem | None) -> dict[str, Any]:
    """A solution as a row of `SOLUTIONS`, without `run`; problem: the one it answers, if the run has it."""
    verdict = solution.verdict
    return {
        **solution.model_dump(include=set(SOLUTIONS) & Solution.model_fields.keys()),
        **(_of_problem(problem) if problem else {"metadata": {}}),
        "solution": "\n".join(block.text for block in solution.blocks),
        "outcome": verdict.outcome if verdict else None,
        "reason": verdict.reason if verdict else None,
    }


def frame_of(rows: list[dict[str, Any]], columns: Sequence[str]) -> pandas.DataFrame:
    """Rows as a frame with these columns, also if there is no row. Raises UserError if pandas is not installed."""
    require("pandas", to="a frame")
    import pandas

    return pandas.DataFrame(rows, columns=list(columns))


def _of_problem(problem: Problem) -> dict[str, Any]:
    own = problem.model_dump(include={"kind", "choices", "rationale", "licence", "metadata"})
    return {**own, "set": set_of(problem), "problem": problem.text, "expected": problem.answer}


def _steps(solution: Solution) -> Iterator[dict[str, Any]]:
    """The blocks of a solution, those of a hybrid's earlier attempts before them."""
    for attempt, one in enumerate([*solution.previous_attempts, solution]):
        for number, block in enumerate(one.blocks):
            yield {**block.model_dump(), "attempt": attempt, "step": number}
