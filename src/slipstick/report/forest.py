"""The main kind of chart of a page: values with their intervals along one axis, a lane for each format.

forest.html.j2 draws what is made here.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple
from urllib.parse import quote

from slipstick.comparison import RunComparison
from slipstick.drawing import Axis, nice_axis
from slipstick.metrics.labels import BREAKDOWNS, group_label, is_share
from slipstick.metrics.paired import PairedComparison
from slipstick.report.content import ALL, FormatStyle, format_styles, interval, number
from slipstick.schema import Metric

_PERCENT = Axis(0.0, 1.0, [0.0, 0.2, 0.4, 0.6, 0.8, 1.0])


class Lane(NamedTuple):
    """A value with its interval; places are in percent of the axis."""

    style: FormatStyle
    """Its colour, its mark and its name."""
    value: str
    """The value as people read it."""
    interval: str
    """"[93.1, 98.7]"."""
    n: int
    """Problems behind it."""
    low: float
    """Where the interval begins."""
    at: float
    """Where the mark is."""
    high: float
    """Where the interval ends."""
    href: str = ""
    """What the lane links to: the problems behind it."""


class Band(NamedTuple):
    """The lanes of one group."""

    label: str
    """Its name on the page."""
    lanes: list[Lane]
    """One a format."""
    split: str = ""
    """The split whose problems the lanes list; "" for all problems."""
    href: str = ""
    """Another page that the label links to."""


class Forest(NamedTuple):
    """A chart."""

    title: str
    """The heading above it."""
    caption: str
    """The text behind the heading."""
    along: str
    """The title of its axis."""
    ticks: list[tuple[float, str]]
    """Place in percent and number of each tick."""
    bands: list[Band]
    """Its groups, from the top down."""
    zero: float | None = None
    """Where there is no difference, if the chart shows differences."""


def accuracy_chart(metrics: Sequence[Metric], formats: Sequence[FormatStyle]) -> Forest | None:
    """Accuracy over all problems first, then over each set or split, in the order of the metrics."""
    groups: dict[tuple[str, str], list[Metric]] = {}
    for metric in metrics:
        if metric.measure == "accuracy" and metric.group_by not in BREAKDOWNS:
            groups.setdefault((metric.group_by, metric.group), []).append(metric)
    bands = []
    for members in groups.values():
        split = members[0].group if members[0].group_by == "split" else ""
        found = {metric.format: metric for metric in members}
        lanes = [
            lane_of(found[format.name], format, _PERCENT, href=_problems_link(format.name, split))
            for format in formats
            if format.name in found
        ]
        if lanes:
            bands.append(Band(group_label(members[0]) or ALL, lanes, split))
    if not bands:
        return None
    by = f" by {'split' if any(band.split for band in bands) else 'set'}" if len(bands) > 1 else ""
    caption = "Share of problems solved, with 95 % intervals. Choose a row to see what went wrong there."
    return Forest(f"Accuracy{by}", caption, "accuracy, % of problems", _ticks(_PERCENT), bands)


def difference_chart(comparison: RunComparison) -> Forest:
    """The differences of a comparison, this run minus the other, over all problems first, then over each set."""
    rows = [row for row in comparison.rows if row.measure == "accuracy"]
    most = max(max(abs(row.low), abs(row.high)) for row in rows)
    axis = nice_axis(-most, most, most=6)
    edge = max(-axis.low, axis.high)
    axis = Axis(-edge, edge, [tick for tick in axis.ticks if -edge <= tick <= edge])
    styles = {style.name: style for style in format_styles(list(dict.fromkeys(row.format for row in rows)))}
    bands: dict[str, list[Lane]] = {}
    for row in rows:
        bands.setdefault(row.group or ALL, []).append(_difference_lane(row, styles[row.format], axis))
    other, this = comparison.names
    caption = f"Points by which {this} is better (right) or {other} is (left), with 95 % intervals."
    shown = [Band(label, lanes) for label, lanes in bands.items()]
    title = f"{this} minus {other}"
    ticks = [(place, f"+{label}" if place > 50 else label.replace("-", "−")) for place, label in _ticks(axis)]
    return Forest(title, caption, f"% correct, {title}", ticks, shown, zero=50.0)


def lane_of(metric: Metric, style: FormatStyle, axis: Axis, *, href: str = "") -> Lane:
    """A metric as a lane of a chart over an axis."""
    low, at, high = (100 * axis.share(value) for value in (metric.low, metric.value, metric.high))
    return Lane(style, number(metric), interval(metric), metric.n, low, at, high, href)


def axis_over(metrics: Iterable[Metric]) -> tuple[Axis, list[tuple[float, str]]]:
    """An axis over the intervals of metrics of one measure, and its ticks; shares in percent."""
    rows = list(metrics)
    axis = nice_axis(min(metric.low for metric in rows), max(metric.high for metric in rows), most=6)
    return axis, _ticks(axis, 100 if is_share(rows[0]) else 1)


def _difference_lane(row: PairedComparison, style: FormatStyle, axis: Axis) -> Lane:
    low, at, high = (100 * axis.share(value) for value in (row.low, row.difference, row.high))
    ends = f"[{signed(row.low)}, {signed(row.high)}]"
    return Lane(style, signed(row.difference), ends, row.n, low, at, high)


def signed(share: float) -> str:
    """A difference of shares in points, with its sign: "+1.6", "−0.8"."""
    return f"{100 * share:+.1f}".replace("-", "−")


def _ticks(axis: Axis, scale: float = 100) -> list[tuple[float, str]]:
    labels = axis.labels(scale)
    return [(round(100 * axis.share(tick), 2), label) for tick, label in zip(axis.ticks, labels, strict=True)]


def _problems_link(format: str, split: str) -> str:
    return f"#format={quote(format, safe='')}" + (f"&split={quote(split, safe='')}" if split else "")
