"""Many runs in one table: models by sets, the best of each set, the trend over the checkpoints of a training.

Runs of one model with the same settings share a row if no set is in two of them. What is best is tested on the problems
that both rows have; a row that is not shown to be worse than the best is marked as the best is.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from math import isclose, sqrt
from pathlib import Path, PurePath
from statistics import fmean
from typing import NamedTuple

from slipstick.comparison import counted_solutions
from slipstick.errors import InputError, UserError, counted, did_you_mean
from slipstick.metrics.groups import group_problems, set_of
from slipstick.metrics.labels import order_formats
from slipstick.metrics.measures import ALL_SETS
from slipstick.metrics.paired import accuracy_ranges, differs_on_average
from slipstick.models import CHANGES_NO_REPLY
from slipstick.report.reading import RunContent, read_run
from slipstick.schema import Metric, Problem, Run
from slipstick.store import RunFolder

AVERAGE = "average"
_STEP = re.compile(r"(?:checkpoint|global_step|step|iter|epoch|round)[-_]?(\d+)", re.IGNORECASE)
"""Where a checkpoint's folder says its step, as trainers write it."""
_NO_NAMES = ("model", "checkpoints", "weights")
"""Folders whose names say nothing of the model inside."""
_FREE = (
    "problems",
    "problems_dir",
    "field_map",
    "fields",
    "limit",
    "label_corrections",
    "formats",
    "averages",
    "rerun",
)
"""Settings that differ between runs of one model on different sets, and need not keep them out of one row."""
_SPEED = CHANGES_NO_REPLY | {"max_concurrent_solutions", "max_cost", "estimate", "model", "ks"}
"""Settings that change no solution, and those that the model's name stands for."""
_LOWER = (
    *("no_answer", "undecided", "failed", "request_failed", "tokens_per_correct", "cost_per_correct"),
    *("truncated", "unfinished_thoughts", "sandbox_fault"),
)
"""Measures of which less is better."""


class Cell(NamedTuple):
    """A number of the table."""

    metric: Metric
    """The number with its interval and count."""
    best: bool
    """Whether it is the best of its column, or not shown to be worse."""


class Row(NamedTuple):
    """One model in one format."""

    model: str
    """Its name; with the run's if another run of the model has other settings."""
    format: str
    """The format."""
    cells: list[Cell | None]
    """One a column."""
    runs: list[Path]
    """Folders of the runs that it is of."""


class Trend(NamedTuple):
    """A column's numbers over the checkpoints of one training."""

    model: str
    """The training: the models' name without the step."""
    column: str
    """The set, or "average"."""
    lines: dict[str, list[tuple[int, Metric]]]
    """Format -> step and number, by step."""


class RunsTable(NamedTuple):
    """Many runs as models by sets."""

    measure: str
    """What the numbers measure."""
    columns: list[str]
    """The sets and, if a row has several and all, their average."""
    rows: list[Row]
    """A row for each model and format."""
    trends: list[Trend]
    """Empty unless some models are checkpoints of one training."""
    notes: list[str]
    """What limits the table: other problems, other profiles, runs that are not finished."""


_Shares = Mapping[str, tuple[float, float]]


class _Read(NamedTuple):
    path: Path
    run: Run
    model: str
    step: int | None
    cells: dict[tuple[str, str], Metric]
    """(set, format) -> number."""
    averages: dict[str, Metric]
    """Format -> the run's own mean over all its sets."""
    shares: dict[tuple[str, str], _Shares]
    """(set, format) -> question -> share of correct samples, and that with the undecided ones."""
    questions: dict[str, frozenset[str]]
    """Set -> its questions: ids, texts and golds."""
    failed: float
    """Share of samples whose request failed, in the format with the most."""
    undecided: float
    """Share of undecided samples, in the format with the most."""
    partial: str


class _Entry(NamedTuple):
    model: str
    step: int | None
    reads: list[_Read]

    def cells(self) -> dict[tuple[str, str], Metric]:
        return {key: metric for read in self.reads for key, metric in read.cells.items()}

    def shares(self) -> dict[tuple[str, str], _Shares]:
        return {key: shares for read in self.reads for key, shares in read.shares.items()}


def runs_table(folders: Sequence[RunFolder], *, measure: str = "accuracy") -> RunsTable:
    """The table of graded runs; those without numbers of `measure`, and damaged ones, are left out with a note.

    Raises InputError if no run has any.
    """
    reads: list[_Read] = []
    unread: list[UserError] = []
    empty: list[_Read] = []
    known: set[str] = set()
    for folder in folders:
        try:
            content = read_run(folder)
        except UserError as error:
            unread.append(error)
            continue
        known |= {metric.measure for metric in content.metrics if metric.format and not metric.group}
        read = _read(folder.path, content, measure)
        (reads if read.cells else empty).append(read)
    if unread and not reads and not empty:
        raise unread[0]
    if not reads:
        what = f"with {', '.join(sorted(known))}" if known else "without numbers: grade them with `slipstick grade RUN`"
        raise InputError(
            f"no run has the measure {measure}{did_you_mean(measure, known)}; {counted(len(folders), 'run')} {what}"
        )
    reads = _told_apart(reads)
    entries = _ordered(_entries(reads))
    columns = list(dict.fromkeys(group for entry in entries for group, _ in entry.cells()))
    numbers = [
        (entry, format, [entry.cells().get((column, format)) for column in columns])
        for entry in entries
        for format in order_formats(format for _, format in entry.cells())
    ]
    averaged = [(entry, format, [*cells, _average(entry, format, cells)]) for entry, format, cells in numbers]
    has_averages = len(columns) > 1 and any(cells[-1] for _, _, cells in averaged)  # some row has every set
    numbers = averaged if has_averages else numbers
    best = _best(numbers, columns, measure)
    names = _names(entries)
    rows = [
        Row(
            names[id(entry)],
            format,
            [Cell(metric, (place, column) in best) if metric else None for column, metric in enumerate(cells)],
            [read.path for read in entry.reads],
        )
        for place, (entry, format, cells) in enumerate(numbers)
    ]
    columns += [AVERAGE] if has_averages else []
    notes = [*_notes(reads, empty, measure), *(f"Left out: {error}" for error in unread)]
    return RunsTable(measure, columns, rows, _trends(numbers, columns), notes)


def _read(path: Path, content: RunContent, measure: str) -> _Read:
    run, problems, solutions, metrics, *_ = content
    chosen = [metric for metric in metrics if metric.measure == measure and metric.format]
    sets = {metric.group for metric in chosen if metric.group_by == "set"}
    alone = _only_set(run, problems)
    cells = {
        (metric.group or alone, metric.format): metric
        for metric in chosen
        if metric.group_by == ("set" if sets else "")
    }
    averages = {metric.format: metric for metric in chosen if (metric.group_by, metric.group) == (AVERAGE, ALL_SETS)}
    asked = {problem.id: f"{problem.id} {problem.text} {problem.answer}" for problem in problems}
    members = group_problems(problems).sets if sets else {alone: list(asked)}
    shares: dict[tuple[str, str], _Shares] = {}
    if measure == "accuracy":
        counting = counted_solutions(run, solutions)
        for format in {format for _, format in cells}:
            graded = accuracy_ranges(one for one in counting if one.format == format and one.verdict)
            for group, ids in members.items():
                shares[group, format] = {asked[name]: graded[name] for name in ids if name in graded}
    questions = {group: frozenset(asked[name] for name in ids) for group, ids in members.items()}
    failed, undecided = (
        max((each.value for each in metrics if each.measure == name and not each.group), default=0.0)
        for name in ("request_failed", "undecided")
    )
    model = _model_name(run, next((one.model for one in solutions if one.model), ""))
    step = _STEP.search(model) or _STEP.search(run.name)
    number = int(step[1]) if step else None
    return _Read(path, run, model, number, cells, averages, shares, questions, failed, undecided, content.partial)


def _told_apart(reads: Sequence[_Read]) -> list[_Read]:
    """Sets of one name without a common question, as rows of two files test.jsonl are, get the names of their runs."""
    named: dict[tuple[int, str], str] = {}
    for group in dict.fromkeys(group for read in reads for group in read.questions):
        parts: list[tuple[set[str], list[int]]] = []
        for place, read in enumerate(reads):
            mine = read.questions.get(group)
            if mine:
                near = [part for part in parts if not part[0].isdisjoint(mine)]
                together = (set(mine).union(*(ids for ids, _ in near)), [n for _, ns in near for n in ns] + [place])
                parts = [part for part in parts if part not in near] + [together]
        for _, places in parts if len(parts) > 1 else []:
            first = reads[min(places)].path
            alike = sum(read.path.name == first.name for read in reads) > 1
            named |= {(place, group): f"{group} ({first if alike else first.name})" for place in places}
    return [
        read._replace(
            cells={(named.get((place, group), group), format): each for (group, format), each in read.cells.items()},
            shares={(named.get((place, group), group), format): each for (group, format), each in read.shares.items()},
            questions={named.get((place, group), group): each for group, each in read.questions.items()},
        )
        for place, read in enumerate(reads)
    ]


def _only_set(run: Run, problems: Sequence[Problem]) -> str:
    names = {set_of(problem) for problem in problems} - {""}
    if len(names) == 1:
        return names.pop()
    source = run.recipe.get("problems") or [run.name]
    first = source if isinstance(source, str) else source[0]
    return PurePath(str(first).partition(",")[0]).name.partition(".json")[0]


def _model_name(run: Run, answered: str) -> str:
    """The model's name; of a path, the part that tells models apart: "runs/sft/model/checkpoint-200" is its end."""
    name = str(run.recipe.get("model") or "").partition(":")[2] or answered or run.name
    parts = [part for part in PurePath(name).parts if part not in (*_NO_NAMES, "/")]
    if len(parts) <= 2 and not name.startswith((".", "/")):
        return "/".join(parts) or name
    return "/".join(parts[-2:])


def _entries(reads: Sequence[_Read]) -> list[_Entry]:
    """Runs that share a row: of one model, with the same settings, of different sets."""
    entries: list[_Entry] = []
    for read in reads:
        for entry in entries:
            first = entry.reads[0]
            alike = (entry.model, entry.step) == (read.model, read.step) and _conditions(first.run) == _conditions(
                read.run
            )
            if alike and not entry.cells().keys() & read.cells.keys():
                entry.reads.append(read)
                break
        else:
            entries.append(_Entry(read.model, read.step, [read]))
    return entries


def _conditions(run: Run) -> dict[str, object]:
    return {key: value for key, value in run.recipe.items() if key not in (*_FREE, *_SPEED)}


def _ordered(entries: list[_Entry]) -> list[_Entry]:
    """As given, but the checkpoints of one training together, by step."""
    series = list(dict.fromkeys(_series(entry.model) for entry in entries))
    return sorted(entries, key=lambda entry: (series.index(_series(entry.model)), entry.step or 0))


def _series(model: str) -> str:
    return _STEP.sub("", model).strip("/-_ ") or "checkpoints"


def _names(entries: Sequence[_Entry]) -> dict[int, str]:
    """id of an entry -> its model's name, with that of its run if other entries are of the same model."""
    models = [entry.model for entry in entries]
    return {
        id(entry): f"{entry.model} ({entry.reads[0].path.name})" if models.count(entry.model) > 1 else entry.model
        for entry in entries
    }


def _average(entry: _Entry, format: str, cells: Sequence[Metric | None]) -> Metric | None:
    """The mean over the sets, each with the same weight; None unless all sets are there.

    A run of all sets has it. Of several runs the intervals are combined as those of independent samples (Donner and
    Zou 2012, without covariance).
    """
    own = entry.reads[0].averages.get(format)
    if any(cell is None for cell in cells):
        return None
    found = [cell for cell in cells if cell]
    middle = sum(cell.value for cell in found) / len(found)
    if own and len(entry.reads) == 1 and isclose(own.value, middle):
        return own
    below = sqrt(sum((cell.value - cell.low) ** 2 for cell in found)) / len(found)
    above = sqrt(sum((cell.high - cell.value) ** 2 for cell in found)) / len(found)
    n = sum(cell.n for cell in found)
    fields = {"value": middle, "low": middle - below, "high": middle + above, "n": n}
    return found[0].model_copy(update={**fields, "group_by": AVERAGE, "group": ALL_SETS})


def _best(
    rows: Sequence[tuple[_Entry, str, list[Metric | None]]], sets: Sequence[str], measure: str
) -> set[tuple[int, int]]:
    """(row, column) of what is best, and of what is not shown to be worse."""
    best: set[tuple[int, int]] = set()
    sign = -1 if measure.startswith(_LOWER) else 1
    for column in range(len(rows[0][2])):
        there = [(place, cells[column]) for place, (_, _, cells) in enumerate(rows)]
        numbers = {place: metric for place, metric in there if metric}
        if len(numbers) < 2:
            continue
        first = max(numbers, key=lambda place: sign * numbers[place].value)
        groups = list(sets) if column == len(sets) else [sets[column]]
        for place, metric in numbers.items():
            tied = _paired_tie(rows[first], rows[place], groups)
            if tied is None:
                high = metric.high + _undecided(rows[place], groups)
                tied = high >= numbers[first].low if sign > 0 else metric.low <= numbers[first].high
            if place == first or tied:
                best.add((place, column))
    return best


def _paired_tie(
    best: tuple[_Entry, str, object], other: tuple[_Entry, str, object], groups: Sequence[str]
) -> bool | None:
    """Whether the paired test shows no difference at the 5 % level, or need not if what is undecided of `other` were
    decided; None unless both have the same problems."""
    one, two = best[0].shares(), other[0].shares()
    pairs = [(one.get((group, best[1]), {}), two.get((group, other[1]), {})) for group in groups]
    if not all(left and left.keys() == right.keys() for left, right in pairs):
        return None
    gains = [[left[name][0] - right[name][1] for name in left] for left, right in pairs]
    return sum(map(fmean, gains)) <= 0 or not differs_on_average(gains)


def _undecided(row: tuple[_Entry, str, object], groups: Sequence[str]) -> float:
    """What accuracy would gain if all that is undecided were correct; each group has the same weight."""
    shares = [row[0].shares().get((group, row[1]), {}).values() for group in groups]
    return fmean(fmean(most - least for least, most in each) if each else 0.0 for each in shares)


def _trends(rows: Sequence[tuple[_Entry, str, list[Metric | None]]], columns: Sequence[str]) -> list[Trend]:
    found: dict[tuple[str, str], dict[str, list[tuple[int, Metric]]]] = {}
    for entry, format, cells in rows:
        for column, metric in zip(columns, cells, strict=True):
            if entry.step is not None and metric:
                lines = found.setdefault((_series(entry.model), column), {})
                lines.setdefault(format, []).append((entry.step, metric))
    return [
        Trend(model, column, lines)
        for (model, column), lines in found.items()
        if any(len({step for step, _ in points}) > 1 for points in lines.values())
    ]


def _notes(reads: Sequence[_Read], empty: Sequence[_Read], measure: str) -> Iterator[str]:
    for group in dict.fromkeys(group for read in reads for group in read.questions):
        ids = {frozenset(shares) for read in reads for (name, _), shares in read.shares.items() if name == group}
        ids = ids or {read.questions[group] for read in reads if group in read.questions}
        if len(ids) > 1:
            counts = ", ".join(f"{len(each):,}" for each in sorted(ids, key=len))
            yield f"{group}: the runs have different problems ({counts}); there the best is judged by the intervals."
    profiles = list(dict.fromkeys(str(read.run.recipe.get("profile", "slipstick")) for read in reads))
    if len(profiles) > 1:
        yield f"Graded by different profiles, {', '.join(profiles)}: grade all by one of them (`slipstick grade RUN`)."
    for read in reads:
        if read.run.status != "finished":
            yield f"{read.path} is {read.run.status}{f', {read.partial}' if read.partial else ''}."
        if read.failed:
            yield f"{read.path}: {read.failed:.1%} of the requests failed and count as wrong (--resume repeats them)."
    if undecided := [f"{read.path.name} {read.undecided:.1%}" for read in reads if read.undecided]:
        marked = "; what may be as good as the best with them is marked too" if measure == "accuracy" else ""
        yield f"Undecided solutions count as not correct: {', '.join(undecided)}{marked}."
    if empty:
        names = ", ".join(read.path.name for read in empty[:5]) + (", ..." if len(empty) > 5 else "")
        yield f"Left out, as they have no {measure}: {names}."
