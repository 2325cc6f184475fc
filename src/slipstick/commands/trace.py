"""`slipstick trace ROW_ID`: where a row came from, back through the runs it was kept, written and run in."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from slipstick.errors import InputError
from slipstick.recipe import check_settings
from slipstick.schema import Drop, Output, Problem, Record, Solution
from slipstick.store import RunFolder


class TraceSettings(Record):
    """What `slipstick trace` can be told."""

    runs_dir: str = "runs"
    """Folder beneath which the runs lie."""


class Step(Record):
    """A row in one run."""

    path: str
    """The run's folder."""
    solution: Solution
    problem: Problem | None
    drop: Drop | None = None
    """Where the row was taken out, by which rule and why."""


def run_trace(target: str, overrides: list[str], console: Console) -> None:
    """Prints the problem, the writer, every program with its output, the verdict and the rules a row has passed."""
    settings = check_settings({}, TraceSettings, overrides=overrides)
    steps = trace(target, Path(settings.runs_dir))
    for step in steps:
        console.print(_panel(step))


def trace(row: str, runs: Path) -> list[Step]:
    """The row of that id in every run that has it, the run it was written in first.

    Curation may have given a row another id than the run it was written in (origins.jsonl): both are followed.
    Raises InputError where no run has it.
    """
    folders = [RunFolder(path.parent) for path in sorted(runs.rglob("run.json"))] if runs.is_dir() else []
    if not folders:
        raise InputError(f"there are no runs beneath {runs}: say where they lie, --set runs_dir=FOLDER")
    names = {row, *(name for folder in folders for name in _earlier_names(folder, row))}
    found = [step for folder in folders for name in sorted(names) for step in _find(folder, name)]
    if not found:
        raise InputError(f"no run beneath {runs} has a row `{row}`; ids look like `gsm8k/train/7#pot#0`")
    return sorted(found, key=lambda step: RunFolder(step.path).run().started)


def _earlier_names(folder: RunFolder, row: str) -> Iterator[str]:
    file = folder.path / "origins.jsonl"
    if file.is_file():
        with file.open(encoding="utf-8") as lines:
            for line in lines:
                if row in line and (origin := json.loads(line))["id"] == row:
                    yield origin["original_id"]


def _find(folder: RunFolder, row: str) -> Iterator[Step]:
    solution = folder.index().get(row)
    drop = None
    if solution is None:
        drop = next((drop for drop in folder.dropped() if drop.row.get("id") == row), None)
        if drop is None or "problem_id" not in drop.row:
            return
        solution = Solution.model_validate(drop.row)
    graded = next((one for one in folder.solutions() if one.id == row), solution) if drop is None else solution
    problem = next((one for one in folder.problems() if one.id == graded.problem_id), None)
    yield Step(path=str(folder.path), solution=graded, problem=problem, drop=drop)


def _panel(step: Step) -> Panel:
    run = RunFolder(step.path).run()
    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for name, text in _facts(step):
        table.add_row(name, Text(text))
    kept = "taken out" if step.drop else "kept"
    return Panel(table, title=f"{run.verb} · {step.path} · {run.started:%Y-%m-%d %H:%M} · {kept}", title_align="left")


def _facts(step: Step) -> Iterator[tuple[str, str]]:
    run, solution, problem = RunFolder(step.path).run(), step.solution, step.problem
    yield "row", solution.id
    if problem:
        yield "problem", f"{problem.id} ({problem.licence or 'licence not stated'})\n{problem.text}"
        yield "gold", str(problem.answer)
        for name in ("parent", "patch", "source"):
            if name in problem.metadata:
                yield name, str(problem.metadata[name])
    yield "written by", solution.model or "not recorded"
    yield "format, sample, seed", f"{solution.format}, {solution.sample}, {solution.seed}"
    if solution.prompt_hash:
        yield "prompt", f"SHA-256 begins with {solution.prompt_hash}"
    if solution.tokens or solution.cost:
        yield "tokens, cost", f"{solution.tokens:,}, {solution.cost:.4f} US dollars"
    for block in solution.blocks:
        status = f" ({block.status}, {block.seconds:.3f} s)" if isinstance(block, Output) else ""
        yield f"{block.type}{status}", block.text
    yield "answer", str(solution.answer)
    if solution.verdict:
        yield "verdict", f"{solution.verdict.outcome} by {solution.verdict.method}: {solution.verdict.reason}"
    if rules := _rules(Path(step.path)):
        yield "rules passed", ", ".join(rules) if step.drop is None else "see below"
    if step.drop:
        yield "taken out by", f"{step.drop.rule}: {step.drop.reason}"
    yield "made at commit", run.commit or "not recorded"
    yield "recipe", str(Path(step.path) / "recipe.toml")


def _rules(path: Path) -> list[str]:
    file = path / "composition.json"
    found: list[str] = json.loads(file.read_text("utf-8"))["rules"] if file.is_file() else []
    return found
