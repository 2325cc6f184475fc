"""`slipstick audit`: problems and what solvers say of them -> suspects, ranked, with their evidence."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

from pydantic import Field, ValidationError
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from slipstick.audit import (
    PRIOR_ERROR_RATE,
    Ballot,
    Solver,
    Suspect,
    Vote,
    audit,
    count_votes,
    describe_solvers,
    majority_disagreement,
)
from slipstick.audit.curve import average_precision, draw_curves
from slipstick.commands import Invocation, ProblemSettings, load_order, running, take_problems
from slipstick.errors import InputError, UserError
from slipstick.metrics import metric_label
from slipstick.problems.label_corrections import Placed, read_corrections
from slipstick.progress import progress
from slipstick.recipe import Names, check_settings
from slipstick.schema import Metric, Problem, Record, Solution
from slipstick.store import RunFolder, write_atomically

SUSPECTS = "suspects.jsonl"
_SOLVERS = "solvers.jsonl"
_CURVE = "curve.svg"
_READ = ("solutions.jsonl", "verdicts.jsonl", "dropped.jsonl")
_FROM_RATIONALES = ("worked_steps", "annotations")
"""Methods of `synthesize` that make programs from worked solutions: these only repeat the label, where they hold."""


class AuditSettings(Record):
    """How an audit is done."""

    runs: Names = Field(default_factory=list)
    """Folders of runs that solved these problems: what their solutions say is held against the labels."""
    prior_error_rate: float = Field(default=PRIOR_ERROR_RATE, gt=0, lt=1)
    """Share of labels taken to be wrong or ambiguous before anything is known of them."""
    known_errors: Path | None = None
    """A patch file with all that is wrong: how good the ranking is, is measured against it."""
    print_top: int = Field(default=10, ge=0)
    """How many suspects are printed; suspects.jsonl has all."""


class AuditRecipe(ProblemSettings, AuditSettings):
    """What `slipstick audit` can be told."""


def run_audit(order: Invocation, console: Console) -> Path:
    """`slipstick audit RECIPE | RUN`: ranks the problems of a recipe, or those of a finished run by its solutions."""
    if (Path(order.target) / "run.json").is_file():
        return _audit_run(order, console)
    recipe, text = load_order(order, AuditRecipe)
    return _audit(order, recipe, take_problems(recipe), recipe.files(), text, console)


def _audit_run(order: Invocation, console: Console) -> Path:
    source = RunFolder(order.target)
    settings = check_settings({"runs": [order.target]}, AuditSettings, overrides=order.overrides)
    out = order.out or source.path.with_name(f"{source.path.name}-audited")
    return _audit(replace(order, out=out), settings, list(islice(source.problems(), order.limit)), [], "", console)


def _audit(
    order: Invocation, settings: AuditSettings, problems: list[Problem], files: list[Path], text: str, console: Console
) -> Path:
    runs = [RunFolder(path) for path in settings.runs]
    known = read_corrections([settings.known_errors]) if settings.known_errors else {}
    inputs = [
        *files,
        *(run.path / name for run in runs for name in _READ),
        *([settings.known_errors] if settings.known_errors else []),
    ]
    written = [SUSPECTS, _SOLVERS, _CURVE]
    with running(
        order, "audit", settings, console, text=text, inputs=inputs, files=written, may_change=["print_top"]
    ) as folder:
        folder.write_problems(problems)
        ballots, programs = _listen(runs, problems, console)
        suspects = audit(problems, ballots, programs=programs, prior_error_rate=settings.prior_error_rate)
        solvers = describe_solvers(ballots)
        _write(folder.path / SUSPECTS, suspects)
        _write(folder.path / _SOLVERS, solvers)
        metrics = _measure(folder.path, suspects, ballots, known, console) if settings.known_errors else []
        likely = sum(suspect.score >= 0.5 for suspect in suspects)
        folder.finish("finished", counts={"problems": len(problems), "suspects": likely}, metrics=metrics)
    if solvers:
        console.print(_table(["solver", "problems", "says the label", "weight"], map(_solver_cells, solvers)))
    _show(folder.path, suspects, metrics, settings.print_top, console)
    return folder.path


def _listen(
    runs: Sequence[RunFolder], problems: Sequence[Problem], console: Console
) -> tuple[list[Ballot], dict[str, str]]:
    """What solvers say of each labelled problem, and what programs made from its rationale come to."""
    labelled = {problem.id: problem for problem in problems if problem.answer}
    if not labelled:
        raise InputError("none of these problems has a label to be audited")
    votes: dict[str, list[Vote]] = {}
    programs: dict[str, str] = {}
    for run in runs:
        made = run.run()
        repeats = made.verb == "synthesize" and made.recipe.get("method", "worked_steps") in _FROM_RATIONALES
        solutions = [solution for solution in _solutions(run) if solution.problem_id in labelled]
        if not solutions:
            raise InputError(f"{run.path} has no solution of any of these problems: their ids have to be the same")
        for solution in solutions:
            if not repeats:
                name = f"{solution.model or run.path.name} {solution.format}"
                votes.setdefault(solution.problem_id, []).append(Vote(name, solution.answer))
            elif solution.answer:
                programs[solution.problem_id] = solution.answer
    if not votes:
        return [], programs
    ballots = []
    with progress("counting votes", len(votes), "problems", console=console) as advance:
        for done, (name, said) in enumerate(votes.items(), start=1):
            ballots.append(count_votes(labelled[name], said))
            advance(done)
    return ballots, programs


def _solutions(run: RunFolder) -> Iterator[Solution]:
    """All that a run wrote, what it dropped included: a solver's wrong samples count as its right ones do."""
    yield from run.solutions()
    for drop in run.dropped():
        try:
            yield Solution.model_validate(drop.row)
        except ValidationError:
            continue  # a row of another kind


def _measure(
    path: Path, suspects: Sequence[Suspect], ballots: Iterable[Ballot], known: Mapping[str, Placed], console: Console
) -> list[Metric]:
    """How good the ranking is beside that of a plain vote, where it is known which labels are wrong."""
    wrong = [suspect.id in known for suspect in suspects]
    if not any(wrong):
        raise InputError(
            f"known_errors corrects none of these {len(suspects):,} problems: their ids have to be the same"
        )
    shares = {ballot.problem_id: majority_disagreement(ballot) for ballot in ballots}
    rankings = {"audit": [suspect.score for suspect in suspects]}
    if shares:
        rankings["majority vote"] = [shares.get(suspect.id, 0.0) for suspect in suspects]
    try:
        draw_curves(path / _CURVE, rankings, wrong)
    except UserError as error:
        console.print(f"{error}; the figures are there without", soft_wrap=True, highlight=False)
    return [average_precision(name, scores, wrong) for name, scores in rankings.items()]


def _show(path: Path, suspects: Sequence[Suspect], metrics: Sequence[Metric], listed: int, console: Console) -> None:
    if listed:
        header = ["rank", "score", "problem", "label", "instead", "looks", "why"]
        console.print(_table(header, map(_suspect_cells, suspects[:listed])))
    likely = sum(suspect.score >= 0.5 for suspect in suspects)
    lines = [
        f"{metric_label(metric)}: {metric.value:.2f} ({metric.low:.2f} to {metric.high:.2f}, n = {metric.n:,})"
        for metric in metrics
    ]
    lines.append(f"{likely:,} of {len(suspects):,} labels are likelier wrong than right: {path / SUSPECTS}")
    lines.append(f"go through them with: slipstick review {path}")
    for line in lines:
        console.print(line, highlight=False, soft_wrap=True)


def _solver_cells(solver: Solver) -> tuple[str, ...]:
    return solver.name, f"{solver.problems:,}", f"{solver.agreement:.1%}", f"{solver.weight:.2f}"


def _suspect_cells(suspect: Suspect) -> tuple[str, ...]:
    label = "; ".join(suspect.gold) if isinstance(suspect.gold, list) else suspect.gold
    why = suspect.evidence[0].says if suspect.evidence else ""
    return str(suspect.rank), f"{suspect.score:.2f}", suspect.id, label, suspect.answer or "", suspect.looks, why


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold", padding=(0, 1, 0, 0))
    for name in header:
        table.add_column(name, overflow="fold")
    for cells in rows:
        table.add_row(*(Text(cell) for cell in cells))
    return table


def _write(path: Path, rows: Iterable[Record]) -> None:
    write_atomically(path, (f"{row.model_dump_json()}\n" for row in rows))
