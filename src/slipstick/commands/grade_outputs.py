"""`slipstick grade FILE`: the output files of another tool, graded into a run of their own."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import Literal

from pydantic import Field
from rich.console import Console

from slipstick.commands import Invocation
from slipstick.commands.grade_notices import DISAGREEMENTS, RECORDED, GradeRunSettings, notices, print_agreement
from slipstick.commands.grading import grade_run
from slipstick.commands.judged import ask_judge, opened_judge
from slipstick.commands.running import running
from slipstick.edges import without_wildcards
from slipstick.equivalence import check_profile
from slipstick.errors import UserError
from slipstick.importers import Attempt, Source, find_outputs, read_outputs, with_recorded_answers
from slipstick.metrics.groups import first_of_each
from slipstick.recipe import check_settings
from slipstick.schema import Drop, Problem
from slipstick.store import RunFolder, is_run, write_records


class GradeOutputsSettings(GradeRunSettings):
    """Settings of `slipstick grade` for another tool's files."""

    file_format: Literal["lm-eval", "nemo-skills", "tora", "mammoth", "inspect", "rows"] | None = None
    """The format of the rows; None recognises it. "rows": of no tool, with the keys of `field_map` or usual names."""
    field_map: dict[str, str | list[str]] = Field(default_factory=dict)
    """Field -> key, for rows of no tool: text, answer, response; verdict, id, kind, choices (also several keys, of an
    option each)."""
    answers: Literal["found", "recorded"] = "found"
    """Which answers are graded: those found in the output, or those the other tool recorded."""


def grade_outputs(invocation: Invocation, console: Console) -> Path:
    """Grades another tool's files: the target, all that fit it as a pattern, or all of a folder that it knows.

    Files of several models become a run each, in the folder that is given back; else that is the run.
    """
    settings = check_settings({}, GradeOutputsSettings, overrides=invocation.changes)
    check_profile(settings.profile)
    target = Path(invocation.target)
    sources, skipped = find_outputs(target, file_format=settings.file_format, field_map=settings.field_map)
    name = without_wildcards(target.absolute().name.partition(".jsonl")[0])
    out = invocation.out or Path("runs") / (name or target.absolute().parent.name)
    runs = [(run, list(members)) for run, members in groupby(sources, key=lambda source: source.run)]
    if len(runs) > 1 and is_run(out):
        raise UserError(f"{target} has files of {len(runs)} runs, and {out} is one run: choose a new folder with --out")
    for run, members in runs:
        if run:
            console.print(f"{members[0].model or run}: {out / run}", style="bold", soft_wrap=True, highlight=False)
        folders = {source.path.parent for source in members}
        alone = str(folders.pop()) if run and len(folders) == 1 else invocation.target
        _grade(replace(invocation, target=alone, out=out / run), members, skipped, settings, console)
        skipped = {}
    if len(runs) > 1:
        console.print(f"{len(runs)} runs in one table: slipstick report {out}", soft_wrap=True, highlight=False)
    return out


def _grade(
    invocation: Invocation,
    sources: Sequence[Source],
    skipped: Mapping[Path, str],
    settings: GradeOutputsSettings,
    console: Console,
) -> None:
    """Grades the files of one run into its folder."""
    with opened_judge(settings, invocation) as judge:
        folder = _grade_by_rules(invocation, sources, skipped, settings, console)
        ask_judge(folder, settings, judge, profile=settings.profile, invocation=invocation, console=console)


def _grade_by_rules(
    invocation: Invocation,
    sources: Sequence[Source],
    skipped: Mapping[Path, str],
    settings: GradeOutputsSettings,
    console: Console,
) -> RunFolder:
    drops = list[Drop]()
    attempts = _attempts(sources, settings, drops)
    problems = list({attempt.problem.id: attempt.problem for attempt in attempts}.values())
    for line in notices(sources, skipped, attempts, drops):
        console.print(line, soft_wrap=True, highlight=False, markup=False)
    inputs, files = [source.path for source in sources], [RECORDED, DISAGREEMENTS]
    with running(invocation, "grade", settings, console, inputs=inputs, files=files) as folder:
        _write(folder, problems, attempts)
        folder.write_dropped(drops)
        grade_run(folder, problems, [attempt.solution for attempt in attempts], settings, console=console)
        print_agreement(folder, settings, console)
    return folder


def _attempts(sources: Sequence[Source], settings: GradeOutputsSettings, drops: list[Drop]) -> list[Attempt]:
    """What is to be graded, of the first `limit` problems of each set; samples that ended in an error go to `drops`."""

    def drop(where: str, reason: str) -> None:
        drops.append(Drop(row={"id": where}, rule="sample with an error", reason=f"{where} {reason}"))

    attempts = list(read_outputs(sources, on_bad=drop))
    problems = {attempt.problem.id: attempt.problem for attempt in attempts}
    chosen = {problem.id for problem in first_of_each(problems.values(), settings.limit)}
    attempts = [attempt for attempt in attempts if attempt.problem.id in chosen]
    if settings.answers == "recorded":
        return list(with_recorded_answers(attempts))
    return attempts


def _write(folder: RunFolder, problems: Sequence[Problem], attempts: Sequence[Attempt]) -> None:
    folder.write_problems(problems)
    done = {solution.id for solution in folder.solutions()}
    for attempt in attempts:
        if attempt.solution.id not in done:
            folder.append(attempt.solution)
    write_records(folder.path / RECORDED, [row for attempt in attempts for row in attempt.recorded])
