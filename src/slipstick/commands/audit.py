"""`slipstick audit`: problems and what solvers say of them -> suspects, ranked, with their evidence."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from pydantic import Field
from rich.console import Console

from slipstick.audit.curve import draw_curves, rank_with_vote
from slipstick.audit.display import one_model, solvers_table, suspects_table
from slipstick.audit.ranking import PRIOR_ERROR_RATE, Suspect, audit
from slipstick.audit.reliability import describe_solvers
from slipstick.audit.votes import count_all, read_runs
from slipstick.commands import Invocation, load_settings
from slipstick.commands.running import running
from slipstick.errors import InputError
from slipstick.metrics.groups import first_of_each
from slipstick.metrics.labels import metric_label
from slipstick.problems.label_corrections import read_corrections
from slipstick.problems.settings import ProblemSettings, take_problems
from slipstick.recipe import Names, check_settings
from slipstick.schema import Metric, Problem, Record
from slipstick.store import RunFolder, is_run, write_records

SUSPECTS = "suspects.jsonl"
_SOLVERS = "solvers.jsonl"
_CURVE = "curve.svg"
_READ = ("solutions.jsonl", "verdicts.jsonl", "dropped.jsonl")


class AuditSettings(Record):
    """Settings of an audit."""

    runs: Names = Field(default_factory=list)
    """Folders of runs that solved these problems: their solutions' answers are compared with the labels."""
    prior_error_rate: float = Field(default=PRIOR_ERROR_RATE, gt=0, lt=1)
    """Share of labels that are assumed to be wrong or ambiguous before any evidence."""
    known_errors: Path | None = None
    """A file of corrections that has all wrong labels: the ranking's average precision is measured with it."""
    print_top: int = Field(default=10, ge=0)
    """How many suspects are printed; suspects.jsonl has all."""
    limit: int | None = Field(default=None, ge=1)
    """Use only the first `limit` problems of each set."""


class AuditRecipe(ProblemSettings, AuditSettings):
    """Settings of `slipstick audit`."""


def run_audit(invocation: Invocation, console: Console) -> Path:
    """`slipstick audit RECIPE | RUN`: ranks the problems of a recipe, or those of a finished run by its solutions."""
    if is_run(invocation.target):
        return _audit_run(invocation, console)
    recipe, text = load_settings(invocation, AuditRecipe)
    return _audit(invocation, recipe, take_problems(recipe), recipe.files(), text, console)


def _audit_run(invocation: Invocation, console: Console) -> Path:
    source = RunFolder(invocation.target)
    settings = check_settings({"runs": [invocation.target]}, AuditSettings, overrides=invocation.changes)
    out = invocation.out or source.path.with_name(f"{source.path.name}-audited")
    problems = list(first_of_each(source.problems(), settings.limit))
    return _audit(replace(invocation, out=out), settings, problems, [], "", console)


def _audit(
    invocation: Invocation,
    settings: AuditSettings,
    problems: list[Problem],
    files: list[Path],
    text: str,
    console: Console,
) -> Path:
    runs = [RunFolder(path) for path in settings.runs]
    known = [settings.known_errors] if settings.known_errors else []
    wrong = read_corrections(known)
    inputs = [*files, *(run.path / name for run in runs for name in _READ), *known]
    written = [SUSPECTS, _SOLVERS, _CURVE]
    with running(
        invocation, "audit", settings, console, text=text, inputs=inputs, files=written, may_change=["print_top"]
    ) as folder:
        folder.write_problems(problems)
        labelled = {problem.id: problem for problem in problems if problem.answer}
        if not labelled:
            raise InputError("none of these problems has an answer (label) to audit")
        votes, programs = read_runs(runs, labelled)
        ballots = count_all(votes, labelled, console) if votes else []
        suspects = audit(problems, ballots, programs=programs, prior_error_rate=settings.prior_error_rate)
        solvers = describe_solvers(ballots)
        for name, rows in ((SUSPECTS, suspects), (_SOLVERS, solvers)):
            write_records(folder.path / name, rows)
        metrics: list[Metric] = []
        if known:
            rankings = rank_with_vote(suspects, ballots, wrong)
            metrics = rankings.metrics()
            draw_curves(folder.path / _CURVE, rankings.scores, rankings.wrong)
        likely = sum(suspect.score >= 0.5 for suspect in suspects)
        folder.finish("finished", counts={"problems": len(problems), "suspects": likely}, metrics=metrics)
    if solvers:
        console.print(solvers_table(solvers))
    if note := one_model(solvers):
        console.print(note, highlight=False, markup=False, soft_wrap=True)
    _show(folder.path, suspects, metrics, settings.print_top, console)
    return folder.path


def _show(path: Path, suspects: Sequence[Suspect], metrics: Sequence[Metric], print_top: int, console: Console) -> None:
    if print_top:
        console.print(suspects_table(suspects[:print_top]))
    for metric in metrics:
        interval = f"{metric.low:.2f} to {metric.high:.2f}, n = {metric.n:,}"
        console.print(f"{metric_label(metric)}: {metric.value:.2f} ({interval})", highlight=False, soft_wrap=True)
    likely = sum(suspect.score >= 0.5 for suspect in suspects)
    line = f"{likely:,} of {len(suspects):,} labels are likelier incorrect than correct: {path / SUSPECTS}"
    console.print(f"{line}\nreview them with: slipstick review {path}", highlight=False, soft_wrap=True)
