"""Works out what the page and the tables show: numbers as people read them, tables of metrics, the facts of a run."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any, NamedTuple

from slipstick.metrics.labels import BREAKDOWNS, SHARES, group_label, is_share, metric_label
from slipstick.schema import Metric, Problem, Run, Solution

ALL = "all problems"
ABOUT = {"cot": "words only", "pot": "one program", "tir": "words and code in turn", "hybrid": "formats combined"}
LABELS = {
    "accuracy": "Accuracy",
    "executed": "Programs that ran",
    "no_answer": "No answer",
    "tokens_per_correct": "Tokens per correct answer",
    "cost_per_correct": "US dollars per correct answer",
    "failed": "Programs that failed",
    "undecided": "Undecided",
    "tool_use": "Solutions with a program",
    "turns": "Programs run in a solution",
    "truncated": "Cut by max_tokens",
    "unfinished_thoughts": "Thoughts that never ended",
    "request_failed": "Request failed",
    "sandbox_fault": "Fault of the sandbox",
    "accuracy_answered": "Accuracy of what was answered",
    "maj@settled": "Vote when settled",
    "rerun_equal": "Same answer when solved again",
    "outputs_equal": "Outputs as recorded (n: outputs)",
}
STYLES = tuple(ABOUT)
NUM_STYLES = 6


class FormatStyle(NamedTuple):
    """How one format looks everywhere on the page."""

    name: str
    """The format."""
    style: int
    """Number of its colour and of its mark's shape."""
    about: str
    """What its solutions are made of, in words; "" for formats of others."""

    @property
    def colour(self) -> str:
        """Its colour as the page's styles name it."""
        return f"var(--c{self.style})"


class TableRow(NamedTuple):
    """One row of a table: one measure over one group, a cell for each format."""

    label: str
    """Its name on the page."""
    cells: list[Metric | None]
    """One a format; None if a format lacks the metric."""
    n: str
    """Count of problems, "150–200" if formats differ."""


class TableSection(NamedTuple):
    """The rows of one measure."""

    label: str
    """Its name on the page."""
    rows: list[TableRow]
    """A row for each group."""


class RunSummary(NamedTuple):
    """The line under the title, and what the page's filters offer."""

    model: str
    """Name of the model."""
    date: str
    """When the run was started."""
    duration: str
    """"" if the run has not finished."""
    problems: int
    """Number of problems."""
    solutions: int
    """Number of solutions."""
    by_format: Mapping[str, int]
    """Format -> how many solutions there are."""
    splits: list[str]
    """Splits to filter by."""
    topics: list[str]
    """Topics to filter by."""


def number(metric: Metric) -> str:
    """'97.0' for a share (percent), else three significant digits, and all digits from 1000 on."""
    return f"{100 * metric.value:.1f}" if is_share(metric) else _digits(metric.value)


def interval(metric: Metric) -> str:
    """'[93.1, 98.7]', in the unit of `number`."""
    if is_share(metric):
        return f"[{100 * metric.low:.1f}, {100 * metric.high:.1f}]"
    return f"[{_digits(metric.low)}, {_digits(metric.high)}]"


def ends(metric: Metric) -> str:
    """'93.1–98.7', the same for narrow tables."""
    return interval(metric).strip("[]").replace(", ", "–")


def _digits(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def format_styles(names: Sequence[str]) -> list[FormatStyle]:
    """Built-in formats keep their colour in every report; others take the colours that are left, in order."""
    others = [name for name in names if name not in STYLES]
    free = [style for style in range(NUM_STYLES) if style >= len(STYLES) or STYLES[style] not in names]
    extra = {name: (free or [0])[place % max(1, len(free))] for place, name in enumerate(others)}
    return [
        FormatStyle(name, STYLES.index(name) if name in STYLES else extra[name], ABOUT.get(name, "")) for name in names
    ]


def metric_sections(metrics: Sequence[Metric], formats: Sequence[FormatStyle]) -> list[TableSection]:
    """Measures as sections, groups as rows, formats as columns, all but the breakdowns.

    Metrics of no format are rows of the section "Other", each in the first column.
    """
    names = {format.name for format in formats}
    shown = [metric for metric in metrics if metric.group_by not in BREAKDOWNS]
    measures: dict[str, list[Metric]] = {}
    for metric in shown:
        if metric.format in names:
            measures.setdefault(metric.measure, []).append(metric)
    sections = [
        TableSection(
            LABELS.get(measure, measure),
            [_row(group_label(row[0]) or ALL, row, formats) for row in _by_group(members).values()],
        )
        for measure, members in sorted(measures.items(), key=lambda section: _rank(section[0]))
    ]
    others = [metric for metric in shown if metric.format not in names]
    rest = [TableRow(metric_label(one), [one, *[None] * (len(formats) - 1)], f"{one.n:,}") for one in others]
    return [*sections, TableSection("Other", rest)] if rest else sections


def breakdown_sections(metrics: Sequence[Metric], formats: Sequence[FormatStyle]) -> list[TableSection]:
    """Accuracy by topic, subject, level, ...: a section each, hardest rows first."""
    names = {format.name for format in formats}
    parts = [one for one in metrics if one.measure == "accuracy" and one.format in names and one.group_by in BREAKDOWNS]
    sections = []
    for group_by in dict.fromkeys(metric.group_by for metric in parts):
        groups = _by_group([metric for metric in parts if metric.group_by == group_by])
        rows = [_row(group, members, formats) for (_, group), members in groups.items()]
        sections.append(TableSection(group_by, sorted(rows, key=_mean)))
    return sections


def summarize_run(run: Run, problems: Sequence[Problem], *, solutions: Sequence[Solution]) -> RunSummary:
    """The facts of a run that the page shows outside of its metrics."""
    models = list(dict.fromkeys(solution.model for solution in solutions if solution.model))
    return RunSummary(
        model=" + ".join(models) if 0 < len(models) <= 2 else f"{len(models)} models" if models else "",
        date=f"{run.started:%-d %B %Y}",
        duration=time_taken(run.finished - run.started) if run.finished else "",
        problems=len(problems),
        solutions=len(solutions),
        by_format=Counter(solution.format for solution in solutions),
        splits=_values(problems, "split"),
        topics=sorted(_values(problems, "topic")),
    )


def recipe_text(recipe: Mapping[str, Any]) -> str:
    """The recipe as TOML; None is left out, as TOML has no such value."""
    return "\n".join(f"{key} = {_toml(value)}" for key, value in recipe.items() if value is not None)


def _toml(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{json.dumps(str(key))} = {_toml(each)}" for key, each in value.items()) + " }"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_toml, value))}]"
    return json.dumps(value, ensure_ascii=False, default=str)


def _by_group(metrics: Iterable[Metric]) -> dict[tuple[str, str], list[Metric]]:
    groups: dict[tuple[str, str], list[Metric]] = {}
    for metric in metrics:
        groups.setdefault((metric.group_by, metric.group), []).append(metric)
    return groups


def _row(label: str, members: Iterable[Metric], formats: Sequence[FormatStyle]) -> TableRow:
    """One measure over one group; members: its metrics, one a format."""
    found = {metric.format: metric for metric in members}
    cells = [found.get(format.name) for format in formats]
    counts = sorted({cell.n for cell in cells if cell})
    return TableRow(label, cells, "–".join(f"{n:,}" for n in dict.fromkeys([counts[0], counts[-1]])))


def _rank(measure: str) -> int:
    """Accuracy first, unknown measures last."""
    return next((rank for rank, known in enumerate(SHARES) if measure.startswith(known)), len(SHARES))


def _mean(row: TableRow) -> float:
    values = [cell.value for cell in row.cells if cell]
    return sum(values) / len(values)


def _values(problems: Sequence[Problem], key: str) -> list[str]:
    return list(dict.fromkeys(str(problem.metadata[key]) for problem in problems if key in problem.metadata))


def time_taken(span: timedelta) -> str:
    """ "4 min 13 s"."""
    seconds = round(span.total_seconds())
    hours, minutes, rest = seconds // 3600, seconds // 60 % 60, seconds % 60
    if hours:
        return f"{hours} h {minutes:02d} min"
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"
