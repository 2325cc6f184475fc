"""Works out what the page and the terminal's table show: numbers as people read them, the chart's bands, tables."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, NamedTuple

from slipstick.metrics import SHARES, Name, group_label, is_breakdown, is_share, parse_name
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
    "outputs_equal": "Outputs as recorded (n: outputs)",
}
STYLES = ("cot", "pot", "tir", "hybrid")
NUM_STYLES = 6


class FormatView(NamedTuple):
    """How one format looks everywhere on the page."""

    name: str
    style: int
    """Number of its colour and of its mark's shape."""
    about: str


class Band(NamedTuple):
    """One group of the chart: a lane for each format."""

    label: str
    group: str
    lanes: list[tuple[FormatView, Metric]]


class Row(NamedTuple):
    """One row of a table: one measure over one group, a cell for each format."""

    label: str
    cells: list[Metric | None]
    n: str
    """Count of problems, "150-200" where formats differ."""


class Section(NamedTuple):
    """The rows of one measure."""

    label: str
    rows: list[Row]


class About(NamedTuple):
    """The line under the title."""

    model: str
    date: str
    took: str
    problems: int
    solutions: int
    written: Mapping[str, int]
    """Format -> how many solutions there are."""
    splits: list[str]
    topics: list[str]


def number(metric: Metric) -> str:
    """'97.0' for a share (percent), else three digits and more."""
    return f"{100 * metric.value:.1f}" if is_share(metric.name) else _digits(metric.value)


def interval(metric: Metric) -> str:
    """'[93.1, 98.7]', in the unit of `number`."""
    if is_share(metric.name):
        return f"[{100 * metric.low:.1f}, {100 * metric.high:.1f}]"
    return f"[{_digits(metric.low)}, {_digits(metric.high)}]"


def _digits(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def format_views(names: Sequence[str]) -> list[FormatView]:
    """Ours keep their colour in every report; others take those that are left, in order."""
    others = [name for name in names if name not in STYLES]
    free = [style for style in range(NUM_STYLES) if style >= len(STYLES) or STYLES[style] not in names]
    extra = {name: (free or [0])[place % max(1, len(free))] for place, name in enumerate(others)}
    return [
        FormatView(name, STYLES.index(name) if name in STYLES else extra[name], ABOUT.get(name, "")) for name in names
    ]


def bands(metrics: Sequence[Metric], formats: Sequence[FormatView]) -> list[Band]:
    """The chart of accuracy: all problems first, then each split, in the order of the metrics."""
    found = {parse_name(metric.name): metric for metric in metrics}
    groups = dict.fromkeys(name.group for name in found if name.measure == "accuracy" and not _is_topic(name))
    chart = []
    for group in groups:
        lanes = [(view, found.get(Name("accuracy", view.name, group))) for view in formats]
        chart.append(
            Band(group_label(group) or ALL, group, [(view, metric) for view, metric in lanes if metric is not None])
        )
    return [band for band in chart if band.lanes]


def pivot(metrics: Sequence[Metric], formats: Sequence[FormatView], *, topics: bool) -> list[Section]:
    """Measures as sections, groups as rows, formats as columns; either the topics or all the rest.

    Metrics of no format make rows with one cell under the label "Other". Topics come hardest first.
    """
    found = {parse_name(metric.name): metric for metric in metrics if _is_topic(parse_name(metric.name)) == topics}
    names = {view.name for view in formats}
    sections: dict[str, dict[str, None]] = {}
    for name in found:
        if name.format in names:
            sections.setdefault(name.measure, {})[name.group] = None
    tables = []
    for measure, groups in sorted(sections.items(), key=lambda section: _rank(section[0])):
        rows = [
            _row(group_label(group) or ALL, [found.get(Name(measure, view.name, group)) for view in formats])
            for group in groups
        ]
        tables.append(Section(LABELS.get(measure, measure), sorted(rows, key=_mean) if topics else rows))
    rest = [_row(metric.name, [metric]) for name, metric in found.items() if name.format not in names]
    return [*tables, Section("Other", rest)] if rest else tables


def breakdowns(metrics: Sequence[Metric], formats: Sequence[FormatView]) -> list[Section]:
    """Accuracy by topic, subject, level, ...: a section each, hardest rows first."""
    accuracy = [metric for metric in metrics if parse_name(metric.name).measure == "accuracy"]
    kinds = dict.fromkeys(name.group.partition("=")[0] for name in map(_name, accuracy) if _is_topic(name))
    sections = []
    for kind in kinds:
        part = [metric for metric in accuracy if _name(metric).group.startswith(f"{kind}=")]
        rows = [
            row._replace(label=row.label.removeprefix(f"{kind}="))
            for section in pivot(part, formats, topics=True)
            for row in section.rows
        ]
        sections.append(Section(kind, rows))
    return sections


def describe_run(run: Run, problems: Sequence[Problem], *, solutions: Sequence[Solution]) -> About:
    """What the line under the title says."""
    models = list(dict.fromkeys(solution.model for solution in solutions if solution.model))
    return About(
        model=" + ".join(models) if 0 < len(models) <= 2 else f"{len(models)} models" if models else "",
        date=f"{run.started:%-d %B %Y}",
        took=_duration(run.finished - run.started) if run.finished else "",
        problems=len(problems),
        solutions=len(solutions),
        written=Counter(solution.format for solution in solutions),
        splits=_values(problems, "split"),
        topics=sorted(_values(problems, "topic")),
    )


def recipe_text(recipe: Mapping[str, Any]) -> str:
    """The recipe as TOML; what is None is left out, as TOML has no such value."""
    return "\n".join(f"{key} = {_toml(value)}" for key, value in recipe.items() if value is not None)


def _toml(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{json.dumps(str(key))} = {_toml(each)}" for key, each in value.items()) + " }"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_toml, value))}]"
    return json.dumps(value, ensure_ascii=False, default=str)


def _name(metric: Metric) -> Name:
    return parse_name(metric.name)


def _is_topic(name: Name) -> bool:
    return is_breakdown(name.group)


def _row(label: str, cells: list[Metric | None]) -> Row:
    counts = sorted({cell.n for cell in cells if cell})
    return Row(label, cells, "–".join(f"{n:,}" for n in dict.fromkeys([counts[0], counts[-1]])))


def _rank(measure: str) -> int:
    """Accuracy first, what we do not know last."""
    return next((rank for rank, known in enumerate(SHARES) if measure.startswith(known)), len(SHARES))


def _mean(row: Row) -> float:
    values = [cell.value for cell in row.cells if cell]
    return sum(values) / len(values)


def _values(problems: Sequence[Problem], key: str) -> list[str]:
    return list(dict.fromkeys(str(problem.metadata[key]) for problem in problems if key in problem.metadata))


def _duration(span: timedelta) -> str:
    seconds = round(span.total_seconds())
    hours, minutes, rest = seconds // 3600, seconds // 60 % 60, seconds % 60
    if hours:
        return f"{hours} h {minutes:02d} min"
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"
