"""What `slipstick import` writes into its run folder: the rows, what their programs print, their verdicts."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Literal

from slipstick.commands.import_notices import SEVERAL_SPLITS, UNCHECKED
from slipstick.execute import re_execute
from slipstick.grade import grade_solutions
from slipstick.importers.training import Imported
from slipstick.importers.training.shapes import format_named
from slipstick.interpreters import Interpreter, InterpreterSettings, open_interpreter
from slipstick.schema import Code, Output, Problem, Solution, Verdict
from slipstick.store import RunFolder
from slipstick.trainable import SPLIT_COUNT, most_held_out, split_named, split_of

_AT_ONCE = 200
"""Rows whose programs are run together, and in memory at one time."""
Programs = Literal["none", "pot", "all"]


async def write_rows(
    found: Iterable[Imported], folder: RunFolder, settings: InterpreterSettings, *, programs: Programs
) -> Counter[str]:
    """Writes problems and solutions, those that are there already passed over; counts programs that were run.

    programs: whose missing outputs are made: of solutions that are one program ("pot"), of "all", or of none.
    """
    rows, problems, counts = iter(found), dict[str, Problem](), Counter[str]()
    splits, divided = defaultdict[int, set[str]](set), False
    done = set(folder.index())
    interpreter: Interpreter | None = None
    try:
        while batch := list(islice(rows, _AT_ONCE)):
            for problem, _ in batch:
                problems.setdefault(problem.id, problem)
                splits[hash(problem.text)].add(split_of(problem))
                divided = divided or split_named(problem.metadata.get("split")) is not None
            new = [solution for _, solution in batch if solution.id not in done]
            waiting = [solution for solution in new if _lacks_outputs(solution, programs)]
            if waiting:
                interpreter = interpreter or open_interpreter(settings)
                again = [re_execute(one, interpreter, format=format_named(one.format)) for one in waiting]
                outcome = {solution.id: solution for solution in await asyncio.gather(*again)}
                new = [outcome.get(solution.id, solution) for solution in new]
                counts["programs run"] += len(waiting)
            for solution in new:
                folder.append(solution)
    finally:
        if interpreter:
            await interpreter.close()
    folder.write_problems(_held_out(problems.values(), splits) if divided else problems.values())
    counts[SEVERAL_SPLITS] = divided * sum(len(names) > 1 for names in splits.values())
    return counts


def _held_out(problems: Iterable[Problem], splits: Mapping[int, set[str]]) -> Iterator[Problem]:
    """The problems with their split; a question that several splits have is of the one held out most strictly.

    splits: hash of a question -> splits of its rows.
    """
    for problem in problems:
        split = most_held_out(splits[hash(problem.text)])
        yield problem.model_copy(update={"metadata": problem.metadata | {"split": split}})


def grade_rows(folder: RunFolder, profile: str) -> Counter[str]:
    """Grades the solutions whose problem has a gold; the counts of the run."""
    golds = {problem.id: problem for problem in folder.problems() if problem.answer}
    splits = {problem.id: problem.metadata.get("split") for problem in folder.problems()}
    divided = any(map(split_named, splits.values()))
    counts = Counter[str](problems=len(splits))

    def verdicts() -> Iterator[Solution]:
        known = (solution for solution in folder.solutions() if solution.problem_id in golds)
        yield from grade_solutions(known, golds.values(), profile=profile)
        for solution in folder.solutions():
            if solution.problem_id not in golds and solution.verdict is None and (reason := _failed(solution)):
                verdict = Verdict(outcome="no_answer", method="none", reason=reason)
                yield solution.model_copy(update={"verdict": verdict})

    folder.write_verdicts(list(verdicts()))
    for solution in folder.solutions():
        counts["solutions"] += 1
        counts[f"in {solution.format}"] += 1
        counts[f"{SPLIT_COUNT}{splits[solution.problem_id]}"] += divided
        counts[solution.verdict.outcome if solution.verdict else UNCHECKED] += 1
    return +counts


def _lacks_outputs(solution: Solution, programs: Programs) -> bool:
    """Whether a program of it has no output, and is to be run."""
    if programs == "none" or (programs == "pot" and solution.format != "pot"):
        return False
    pairs = zip(solution.blocks, [*solution.blocks[1:], None], strict=True)
    return any(isinstance(block, Code) and not isinstance(after, Output) for block, after in pairs)


def _failed(solution: Solution) -> str:
    """Why a solution without a gold is certainly none: its one program fails, or prints nothing."""
    last = solution.blocks[-1]
    if solution.format != "pot" or not isinstance(last, Output):
        return ""
    if last.status != "ok":
        return f"its program ends with {last.status}: {last.text.strip()[-200:]}"
    return "" if last.text.strip() else "its program prints nothing"
