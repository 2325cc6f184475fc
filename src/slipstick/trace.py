"""Follows a row back through the runs it was kept, written and run in."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from slipstick.curate.composition import read_composition
from slipstick.curate.writing import read_origins
from slipstick.edges import files_below
from slipstick.errors import InputError
from slipstick.formats import Format, render_chat
from slipstick.formats.recorded import read_formats
from slipstick.schema import Code, Drop, Output, Problem, Record, Run, Solution
from slipstick.store import RunFolder

_MOST_NAMED = 5
"""Solutions of a problem that a message names."""


class TracedRow(Record):
    """A row in one run."""

    path: str
    """The run's folder."""
    run: Run
    """The run."""
    solution: Solution
    """The row, with the verdict the run has for it."""
    problem: Problem | None
    """Its problem, if the run has it."""
    drop: Drop | None = None
    """Why the run dropped it, if it did."""
    asked_in: Format | None = None
    """The format that the run asked in, with its system message and demonstrations, if it asked a model."""
    rules: list[str]
    """The rules of curation that the kept rows of this run have passed."""


def trace(row: str, runs: Path) -> list[TracedRow]:
    """The row of that id in every run that has it, the run that started first first.

    Curation may have changed a row's id (origins.jsonl): both ids are followed. Raises InputError if no run has it.
    """
    files = sorted(path for path in files_below(runs) if path.name == "run.json")
    folders = [RunFolder(path.parent) for path in files]
    if not folders:
        raise InputError(f"there are no runs in {runs}: name the folder they are in, --set runs_dir=FOLDER")
    earlier = (origin.original_id for folder in folders for origin in read_origins(folder) if origin.id == row)
    names = sorted({row, *earlier})
    found = [traced for folder in folders for name in names for traced in _find(folder, name)]
    if not found:
        raise InputError(f"no run in {runs} has a row `{row}`{_solutions_to(row, folders)}")
    return sorted(found, key=lambda traced: traced.run.started)


def describe(row: TracedRow) -> Iterator[tuple[str, str]]:
    """What is known of a row in a run, as names and texts: problem, writer, programs and outputs, verdict, rules."""
    solution, problem = row.solution, row.problem
    yield "row", solution.id
    if problem:
        yield "problem", f"{problem.id} ({problem.licence or 'licence not stated'})\n{problem.text}"
        yield "gold", str(problem.answer)
        for name in ("parent", "label_correction", "source"):
            if name in problem.metadata:
                yield name, str(problem.metadata[name])
    yield "written by", solution.model or "not recorded"
    yield "format, sample, seed", f"{solution.format}, {solution.sample}, {solution.seed}"
    if solution.prompt_hash:
        yield "prompt", f"SHA-256 begins with {solution.prompt_hash}"
    if row.asked_in and problem and solution.prompt_hash:
        messages = render_chat(row.asked_in, problem)
        yield "prompt, as messages", "\n".join(f"[{each['role']}] {each['content']}" for each in messages)
    if solution.tokens or solution.cost:
        yield "tokens, cost", f"{solution.tokens:,}, {solution.cost:.4f} US dollars"
    for block in solution.blocks:
        status = f" ({block.status}, {block.seconds:.3f} s)" if isinstance(block, Output) else ""
        yield f"{block.type}{status}", block.text
    yield "answer", str(solution.answer)
    if solution.verdict:
        yield "verdict", f"{solution.verdict.outcome} by {solution.verdict.method}: {solution.verdict.reason}"
    if row.drop:
        yield "dropped by", f"{row.drop.rule}: {row.drop.reason}"
    elif row.rules:
        yield "rules passed", ", ".join(row.rules)
    yield "made at commit", row.run.commit or "not recorded"
    if (recipe := Path(row.path) / "recipe.toml").is_file():
        yield "recipe", str(recipe)
    else:
        yield "command", row.run.command


def _solutions_to(row: str, folders: list[RunFolder]) -> str:
    """The end of a message: ids of solutions to the problem that an id names."""
    known = (name for folder in folders for name in folder.index() if name.partition("#")[0] == row.partition("#")[0])
    near = list(dict.fromkeys(islice(known, _MOST_NAMED)))
    return f"; its solutions: {', '.join(near)}" if near else "; ids look like `gsm8k/train/7#pot#0`"


def _find(folder: RunFolder, row: str) -> Iterator[TracedRow]:
    solution = folder.index().get(row)
    drop = None
    if solution is None:
        drop = next((drop for drop in folder.dropped() if drop.row.get("id") == row), None)
        if drop is None or "problem_id" not in drop.row:
            return
        solution = Solution.model_validate(drop.row)
    else:
        solution = next((one for one in folder.solutions() if one.id == row), solution)
    problem = next((one for one in folder.problems() if one.id == solution.problem_id), None)
    made = read_composition(folder)
    yield TracedRow(
        path=str(folder.path),
        run=folder.run(),
        solution=solution,
        problem=problem,
        drop=drop,
        asked_in=_asked_in(folder, solution),
        rules=made.rules if made else [],
    )


def _asked_in(folder: RunFolder, solution: Solution) -> Format | None:
    name = solution.format
    if name == "hybrid":
        name = "pot" if any(isinstance(block, Code) for block in solution.blocks) else "cot"
    return next((row.asked for row in read_formats(folder.path) if row.asked.name == name), None)
