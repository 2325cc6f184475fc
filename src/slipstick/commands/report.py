"""`slipstick report`: the page of a run, its table, how it compares with another run; many runs in one table."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.console import Console

from slipstick.card import rows_table
from slipstick.commands import Invocation
from slipstick.comparison import compare_folders
from slipstick.errors import UserError
from slipstick.judge import read_summary
from slipstick.recipe import check_settings
from slipstick.report import comparison_table, metrics_table, read_run, write_report
from slipstick.report.judge import print_judge
from slipstick.report.many import runs_table
from slipstick.report.many_files import legend, terminal_table, write_table
from slipstick.report.reading import RunContent, find_runs
from slipstick.schema import Record
from slipstick.self_train import describe_gain, rounds_of, rounds_table
from slipstick.store import RunFolder, is_run


class ReportSettings(Record):
    """Settings of `slipstick report`."""

    against: str | None = None
    """Folder of another run on the same problems, to compare with."""
    measure: str = "accuracy"
    """What a table of several runs shows: accuracy, pass@8, maj@8, no_answer, tokens_per_correct, ..."""


def run_report(invocation: Invocation, console: Console, *, more: Sequence[str] = ()) -> Path:
    """Writes the page of a run again, prints its table, and compares it with another run; the page's path.

    Several runs (more: the targets beside the first), a folder that holds runs, or a pattern give one table of them.
    """
    settings = check_settings({}, ReportSettings, overrides=invocation.overrides)
    flags = {"--limit": invocation.limit, "--resume": invocation.resume, "--overwrite": invocation.overwrite}
    if given := [flag for flag, value in flags.items() if value]:
        raise UserError(f"report takes no {given[0]}: it shows what a run has, and writes its page again each time")
    if not more and (is_run(invocation.target) or Path(invocation.target).is_file()):
        return _report_run(RunFolder(invocation.target), settings, invocation.out, console)
    return _report_many([invocation.target, *more], settings, invocation.out, console)


def _report_many(targets: Sequence[str], settings: ReportSettings, out: Path | None, console: Console) -> Path:
    if settings.against:
        raise UserError("against compares one run with one other: slipstick report RUN --set against=OTHER")
    folders = find_runs(targets)
    table = runs_table(folders, measure=settings.measure)
    common = Path(os.path.commonpath([folder.path.resolve().parent for folder in folders]))
    home = common.relative_to(Path.cwd()) if common.is_relative_to(Path.cwd()) else common
    page = write_table(table, out=out or home / "table")
    console.print(terminal_table(table))
    for line in (legend(table), *table.notes):
        console.print(line, highlight=False, soft_wrap=True)
    names = [page.with_suffix(suffix).name for suffix in (".md", ".tex")]
    console.print(f"table: {page}; beside it {' and '.join(names)}", highlight=False, soft_wrap=True)
    return page


def _report_run(folder: RunFolder, settings: ReportSettings, out: Path | None, console: Console) -> Path:
    if settings.measure != "accuracy":
        raise UserError("measure is for a table of several runs; the page of one run has all measures")
    other = RunFolder(settings.against) if settings.against else None
    comparison = compare_folders(other, folder) if other else None
    content = read_run(folder)
    if rounds := rounds_of(folder.path):
        console.print(rounds_table(rounds))
        console.print("\n".join(describe_gain(folder.path)), highlight=False)
    elif content.metrics:
        console.print(metrics_table(content.metrics))
        if summary := read_summary(folder.path):
            print_judge(summary, console)
    elif content.run.verb in ("synthesize", "curate"):
        console.print(rows_table(folder))
    for line in _state(folder, content):
        console.print(line, highlight=False, soft_wrap=True)
    if comparison:
        console.print(comparison_table(comparison))
        for line in comparison.findings():
            console.print(line, highlight=False, soft_wrap=True)
    page = write_report(folder, out=out, comparison=comparison, other=other, content=content)
    console.print(f"report: {page}", highlight=False, soft_wrap=True)
    return page


def _state(folder: RunFolder, content: RunContent) -> Iterator[str]:
    """What a reader has to know of the numbers, or of their absence."""
    run, path = content.run, folder.path
    if run.status != "finished":
        state = "running, or was killed" if run.status == "running" else run.status
        yield f"{path} is {state}{f', {content.partial}' if content.partial else ''}; --resume continues it"
    if content.graded_here:
        yield f"The verdicts are of this report alone: slipstick grade {path} keeps them"
    elif not content.metrics and run.counts:
        yield f"{path} of `{run.verb}` has {', '.join(f'{n:,} {name}' for name, n in run.counts.items())}"
    elif not content.metrics and content.solutions:
        yield f"{path} has {len(content.solutions):,} solutions, and no numbers: slipstick grade {path} makes them"
