"""The verb that judges anew: grade, of a finished run or of what another tool wrote."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

from pydantic import Field
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from slipstick.agreement import Agreement, Disagreement, compare_with_recorded
from slipstick.commands import Invocation, running, settings_for_run
from slipstick.commands.evaluate import judge
from slipstick.equivalence import check_profile
from slipstick.evaluate import GradeSettings
from slipstick.importers import Attempt, Recorded, Source, find_outputs, read_outputs
from slipstick.recipe import check_settings
from slipstick.schema import Problem, Record
from slipstick.store import RunFolder, read_records, write_atomically

_RECORDED = "recorded.jsonl"
_DISAGREEMENTS = "disagreements.jsonl"


class RegradeRecipe(GradeSettings):
    """What `slipstick grade` can be told of a run."""

    print_top: int = Field(default=10, ge=0)
    """How many disagreements with another tool's verdicts are printed; disagreements.jsonl has all."""


class GradeOutputsRecipe(RegradeRecipe):
    """What `slipstick grade` can be told of another tool's files."""

    file_format: Literal["lm-eval", "nemo-skills", "tora", "mammoth", "inspect"] | None = None
    """Whose rows they are; None recognises them."""
    answers: Literal["found", "recorded"] = "found"
    """Which answers are judged: those found in the whole output, or those the other tool recorded."""
    limit: int | None = Field(default=None, ge=1)
    """Take only the first so many problems."""


def run_grade(order: Invocation, console: Console) -> Path:
    """`slipstick grade PATH`: judges a run anew, in its folder, or another tool's files, into a run of their own."""
    if not (Path(order.target) / "run.json").is_file():
        return _grade_outputs(order, console)
    folder = RunFolder(order.target)
    recipe = settings_for_run(order, folder.run(), RegradeRecipe)
    check_profile(recipe.profile)
    solutions = [solution.model_copy(update={"verdict": None}) for solution in folder.solutions()]
    more = [metric for metric in folder.metrics() if metric.measure == "outputs_equal"]
    judge(folder, list(folder.problems()), solutions, recipe, more=more, console=console)
    _show_agreement(folder, recipe, console)
    return folder.path


def _grade_outputs(order: Invocation, console: Console) -> Path:
    recipe = check_settings({}, GradeOutputsRecipe, overrides=order.changes)
    check_profile(recipe.profile)
    target = Path(order.target)
    sources, passed_over = find_outputs(target, file_format=recipe.file_format)
    attempts = _attempts(sources, recipe)
    problems = list({attempt.problem.id: attempt.problem for attempt in attempts}.values())
    if passed_over:
        names = ", ".join(path.name for path in passed_over[:5]) + (", ..." if len(passed_over) > 5 else "")
        console.print(f"{len(passed_over)} passed over, of no known format: {names}", soft_wrap=True, highlight=False)
    out = order.out or Path("runs") / target.absolute().name.partition(".jsonl")[0]
    inputs, files = [file.path for file in sources], [_RECORDED, _DISAGREEMENTS]
    with running(replace(order, out=out), "grade", recipe, console, inputs=inputs, files=files) as folder:
        _write(folder, problems, attempts)
        judge(folder, problems, [attempt.solution for attempt in attempts], recipe, console=console)
        _show_agreement(folder, recipe, console)
    return folder.path


def _attempts(sources: Sequence[Source], recipe: GradeOutputsRecipe) -> list[Attempt]:
    """What is to be judged, of the first `limit` problems."""
    attempts = list(read_outputs(sources))
    chosen = set(list(dict.fromkeys(attempt.problem.id for attempt in attempts))[: recipe.limit])
    attempts = [attempt for attempt in attempts if attempt.problem.id in chosen]
    if recipe.answers == "recorded":
        return [one for attempt in attempts for one in _with_recorded_answers(attempt)]
    return attempts


def _with_recorded_answers(attempt: Attempt) -> list[Attempt]:
    """The attempt with the answer the other tool found; one for each of its rules, where it has several."""
    solution, several = attempt.solution, len(attempt.recorded) > 1
    split = []
    for row in attempt.recorded:
        format = f"{solution.format}:{row.rule}" if several else solution.format
        name = f"{solution.problem_id}#{format}#{solution.sample}"
        judged = solution.model_copy(update={"id": name, "format": format, "answer": row.answer})
        split.append(Attempt(attempt.problem, judged, [row.model_copy(update={"id": name})]))
    return split


def _write(folder: RunFolder, problems: Sequence[Problem], attempts: Sequence[Attempt]) -> None:
    folder.write_problems(problems)
    done = {solution.id for solution in folder.solutions()}
    for attempt in attempts:
        if attempt.solution.id not in done:
            folder.append(attempt.solution)
    _write_rows(folder.path / _RECORDED, [row for attempt in attempts for row in attempt.recorded])


def _show_agreement(folder: RunFolder, settings: RegradeRecipe, console: Console) -> None:
    """Writes disagreements.jsonl and prints the counts, where the run holds another tool's verdicts."""
    recorded = list(read_records(folder.path / _RECORDED, Recorded, missing_ok=True))
    if not recorded:
        return
    counts, found = compare_with_recorded(folder.problems(), folder.solutions(), recorded, profile=settings.profile)
    _write_rows(folder.path / _DISAGREEMENTS, found)
    console.print(_counts_table(counts))
    if found and settings.print_top:
        console.print(_disagreements_table(found[: settings.print_top]))
    path = folder.path / _DISAGREEMENTS
    console.print(f"{len(found):,} disagreements: {path}", highlight=False, soft_wrap=True)


def _counts_table(counts: Sequence[Agreement]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold", padding=(0, 1, 0, 0))
    for name in ("task", "recorded verdict"):
        table.add_column(name, overflow="fold")
    for name in ("both right", "both wrong", "only ours right", "only theirs right", "undecided", "none recorded"):
        table.add_column(name, justify="right")
    for count in counts:
        table.add_row(Text(count.task), Text(count.verdict or "none"), *(f"{number:,}" for number in count[2:]))
    return table


def _disagreements_table(found: Sequence[Disagreement]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold", padding=(0, 1, 0, 0))
    for name in ("row", "answer", "theirs", "gold", "ours", "differs", "why"):
        table.add_column(name, overflow="fold")
    for row in found:
        said = f"{_short(row.recorded_answer)} {'right' if row.theirs else 'wrong'}"
        cells = (row.id, _short(row.answer), said, _short(row.expected), row.ours, row.differs, row.reason)
        table.add_row(*(Text(cell) for cell in cells))
    return table


def _short(text: str | None) -> str:
    text = " ".join((text or "").split())
    return text if len(text) <= 40 else f"{text[:37]}..."


def _write_rows(path: Path, rows: Iterable[Record]) -> None:
    write_atomically(path, "".join(f"{row.model_dump_json()}\n" for row in rows))
