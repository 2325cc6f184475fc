"""`slipstick grade PATH`: grades a finished run again, or the output files of another tool."""

import os
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from slipstick.commands import Invocation
from slipstick.commands.grade_notices import DISAGREEMENTS, RECORDED, GradeRunSettings, KeptSettings, print_agreement
from slipstick.commands.grade_outputs import grade_outputs
from slipstick.commands.grading import grade_run, is_settled
from slipstick.commands.judged import ask_judge, opened_judge
from slipstick.commands.running import running
from slipstick.equivalence import check_profile
from slipstick.errors import UserError
from slipstick.formats.recorded import copy_formats
from slipstick.importers import Recorded
from slipstick.metrics.groups import first_of_each
from slipstick.recipe import check_settings, read_recipe, to_toml
from slipstick.schema import Problem
from slipstick.store import RunFolder, is_run, read_records, write_atomically, write_records


def run_grade(invocation: Invocation, console: Console) -> Path:
    """Grades a run again, in its folder or in another (--out), or another tool's files into a run of their own."""
    if not is_run(invocation.target):
        return grade_outputs(invocation, console)
    folder = RunFolder(invocation.target)
    own = {key: value for key, value in folder.run().recipe.items() if key in KeptSettings.model_fields}
    settings = check_settings(own, GradeRunSettings, overrides=invocation.changes)
    check_profile(settings.profile)
    if invocation.out is not None and os.path.realpath(invocation.out) != os.path.realpath(folder.path):
        return _grade_copy(invocation, folder, settings, console)
    if settings.limit:
        raise UserError(
            f"limit = {settings.limit} would leave {folder.path} with verdicts on a part of its problems: choose "
            "a folder for the part with --out"
        )
    with opened_judge(settings, invocation) as judge:
        _grade_in_place(folder, settings, console)
        ask_judge(folder, settings, judge, profile=settings.profile, invocation=invocation, console=console)
    return folder.path


def _grade_in_place(folder: RunFolder, settings: GradeRunSettings, console: Console) -> None:
    """Grades the solutions of a run in its folder, which keeps the settings."""
    chosen = settings.model_dump(mode="json", include=set(KeptSettings.model_fields))
    recorded = folder.run().recipe
    if recorded | chosen != recorded:
        folder.note(recipe=recorded | chosen)
    if (recipe := folder.path / "recipe.toml").is_file():
        table = read_recipe(recipe) | chosen
        write_atomically(recipe, to_toml({key: value for key, value in table.items() if value is not None}))
    _grade(folder, folder, list(folder.problems()), settings, console)


def _grade_copy(invocation: Invocation, source: RunFolder, settings: GradeRunSettings, console: Console) -> Path:
    """Grades the solutions of a run into a folder of their own; the run stays as it is."""
    problems = list(first_of_each(source.problems(), settings.limit))
    kept = {problem.id for problem in problems}
    inputs, files = [source.path / name for name in ("problems.jsonl", "solutions.jsonl")], [RECORDED, DISAGREEMENTS]
    with opened_judge(settings, invocation) as judge:
        with running(invocation, "grade", settings, console, inputs=inputs, files=files) as folder:
            folder.write_problems(problems)
            copy_formats(folder, [source.path])
            done = set(folder.index())
            chosen = [solution for solution in source.solutions() if solution.problem_id in kept]
            for solution in chosen:
                if solution.id not in done:
                    folder.append(solution.model_copy(update={"verdict": None}))
            ids = {solution.id for solution in chosen}
            recorded = read_records(source.path / RECORDED, Recorded, missing_ok=True)
            write_records(folder.path / RECORDED, (row for row in recorded if row.id in ids))
            _grade(folder, source, problems, settings, console)
        profile, settled = settings.profile, is_settled(source)
        ask_judge(folder, settings, judge, profile=profile, settled=settled, invocation=invocation, console=console)
    return folder.path


def _grade(
    folder: RunFolder, source: RunFolder, problems: Sequence[Problem], settings: GradeRunSettings, console: Console
) -> None:
    """Grades the solutions in `folder`; outputs that `source` found reproduced are counted as before."""
    solutions = [solution.model_copy(update={"verdict": None}) for solution in folder.solutions()]
    more = [metric for metric in source.metrics() if metric.measure == "outputs_equal"]
    status = source.run().status  # a run that was stopped stays one, however often it is graded
    grade_run(
        folder, problems, solutions, settings, more=more, status=status, settled=is_settled(source), console=console
    )
    print_agreement(folder, settings, console)
