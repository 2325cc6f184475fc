"""Plots of a run as SVG text, which the page embeds and a report also writes as files.

Colours are names that the page defines for light and dark; as a file, a plot brings its own definitions.
"""

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from markupsafe import escape

from slipstick.metrics.labels import metric_label
from slipstick.metrics.paired import accuracy_by_problem
from slipstick.report.content import FormatStyle, number
from slipstick.schema import Metric, Solution

_COLOURS = """
svg { --ink: #1d2126; --soft: #5d6670; --grid: #e4e6e8; --card: #ffffff; --good: #0b7a5c; --bad: #b83a1e;
--c0: #a3660a; --c1: #1a6fb5; --c2: #08795d; --c3: #a8397f; --c4: #c4501b; --c5: #5b5fc7;
font: 12px Inter, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; background: var(--card) }
@media (prefers-color-scheme: dark) { svg { --ink: #e6e8ea; --soft: #a3acb5; --grid: #2c3237; --card: #1b1f23;
--good: #4fc3a1; --bad: #f08a6c; --c0: #e9a83a; --c1: #5aaef0; --c2: #3fc79e; --c3: #e086bd; --c4: #f08a5a;
--c5: #a3a6f5 } }
"""
_LEFT, _TOP, _WIDE, _HIGH = 46, 14, 330, 190
_DASHES = {"pass": "", "maj": "6 4", "best": "2 3", "weighted": "8 3 2 3"}
_CAPTIONS = {
    "pass": "any of k",
    "maj": "majority of k",
    "best": "best of k by value",
    "weighted": "vote weighted by value",
}


class Plot(NamedTuple):
    """A plot with its caption."""

    name: str
    """Its file's name without ".svg"."""
    title: str
    """The heading above it."""
    caption: str
    """The text below it."""
    svg: str
    """Without definitions of its colours."""

    def as_file(self) -> str:
        """The plot as a standalone SVG file."""
        head, _, rest = self.svg.partition(">")
        return f'<?xml version="1.0"?>\n{head} xmlns="http://www.w3.org/2000/svg"><style>{_COLOURS}</style>{rest}\n'


class _Frame(NamedTuple):
    """The range of the vertical axis, which shows shares."""

    low: float
    high: float

    def y(self, share: float) -> float:
        return _TOP + _HIGH * (self.high - share) / (self.high - self.low)

    def grid(self) -> str:
        steps = [tick / 10 for tick in range(round(self.low * 10), round(self.high * 10) + 1)]
        step = 2 if len(steps) > 7 else 1
        return "".join(
            f'<line x1="{_LEFT}" x2="{_LEFT + _WIDE}" y1="{self.y(tick):.1f}" y2="{self.y(tick):.1f}" '
            f'stroke="var(--grid)"/>{_text(f"{100 * tick:.0f}", _LEFT - 7, self.y(tick) + 4, anchor="end")}'
            for tick in steps[::step]
        )


def draw_plots(metrics: Sequence[Metric], solutions: Sequence[Solution], formats: Sequence[FormatStyle]) -> list[Plot]:
    """The plots that the run has the numbers for."""
    found = [
        _curves(metrics, formats),
        _agreement(solutions, formats),
        _spending(metrics, solutions, formats, cost=True),
        _spending(metrics, solutions, formats, cost=False),
    ]
    return [plot for plot in found if plot is not None]


def _curves(metrics: Sequence[Metric], formats: Sequence[FormatStyle]) -> Plot | None:
    """What more samples give: pass@k, maj@k and, with a value model, best@k and weighted@k."""
    series: dict[tuple[str, str], list[tuple[int, Metric]]] = {}
    for metric in metrics:
        kind, at, k = metric.measure.partition("@")
        if at and kind in _DASHES and k.isdecimal() and not metric.group:
            series.setdefault((metric.format, kind), []).append((int(k), metric))
    colours = {format.name: format.colour for format in formats}
    series = {key: sorted(points) for key, points in series.items() if len(points) > 1 and key[0] in colours}
    if not series:
        return None
    most = max(k for points in series.values() for k, _ in points)
    frame = _frame(metric for points in series.values() for _, metric in points)
    ks = sorted({k for points in series.values() for k, _ in points})

    def x(k: int) -> float:
        return _LEFT + 8 + (_WIDE - 16) * math.log(k) / max(math.log(most), 1e-9)

    parts = [frame.grid(), *(_text(str(k), x(k), _TOP + _HIGH + 18) for k in _some(ks))]
    for (name, kind), points in series.items():
        colour = colours[name]
        band = [f"{x(k):.1f},{frame.y(metric.high):.1f}" for k, metric in points]
        band += [f"{x(k):.1f},{frame.y(metric.low):.1f}" for k, metric in reversed(points)]
        line = " ".join(f"{x(k):.1f},{frame.y(metric.value):.1f}" for k, metric in points)
        parts.append(f'<polygon points="{" ".join(band)}" fill="{colour}" opacity=".12"/>')
        parts.append(
            f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2" '
            f'stroke-dasharray="{_DASHES[kind]}"/>'
        )
        parts += [
            f'<circle cx="{x(k):.1f}" cy="{frame.y(metric.value):.1f}" r="3" fill="{colour}">'
            f"<title>{escape(metric_label(metric))}: {number(metric)} %, n = {metric.n:,}</title></circle>"
            for k, metric in points
        ]
    legend = [(f"{kind}@k {name}", colours[name], _DASHES[kind]) for name, kind in series]
    caption = "; ".join(f"{kind}@k: {_CAPTIONS[kind]}" for kind in dict.fromkeys(kind for _, kind in series))
    title = "What more samples give"
    return Plot("samples", title, f"{caption}. Bands are 95 % intervals.", _axes(parts, legend, "samples k"))


def _agreement(solutions: Sequence[Solution], formats: Sequence[FormatStyle]) -> Plot | None:
    """Which problems two formats solve: CoT and PoT if the run has both."""
    names = [format.name for format in formats if format.name != "hybrid"]
    chosen = sorted(names, key=lambda name: name not in ("cot", "pot"))[:2]
    if len(chosen) < 2:
        return None
    graded = [[one for one in solutions if one.format == name and one.verdict] for name in chosen]
    first, second = (accuracy_by_problem(group) for group in graded)
    common = [name for name in first if name in second]
    if not common:
        return None
    n, both = len(common), sum(first[name] * second[name] for name in common)
    one, other = sum(first[name] for name in common), sum(second[name] for name in common)
    colours = {format.name: format.colour for format in formats}
    columns = (
        ((both, "both", "var(--good)"), (one - both, f"{chosen[0]} alone", colours[chosen[0]])),
        ((other - both, f"{chosen[1]} alone", colours[chosen[1]]), (n - one - other + both, "neither", "var(--soft)")),
    )
    title = f"{chosen[0]} and {chosen[1]} on the same {n:,} problems"
    caption = "Areas are shares of problems; several samples of a problem count in part."
    return Plot("agreement", title, caption, _mosaic(n, columns))


def _mosaic(n: int, columns: Iterable[Sequence[tuple[float, str, str]]]) -> str:
    """Columns of rectangles whose areas are amounts of n; each has its amount, name and colour."""
    side, left = 220.0, 10.0
    parts, legend = [], []
    for cells in columns:
        total = sum(amount for amount, _, _ in cells)
        wide, top = side * 1.4 * total / n, 10.0
        for amount, name, colour in cells:
            label = f"{name}, {amount:,.0f}"
            legend.append((label, colour, ""))
            high = side * amount / total if total else 0.0
            parts.append(
                f'<rect x="{left:.1f}" y="{top:.1f}" width="{max(0, wide - 2):.1f}" height="{max(0, high - 2):.1f}" '
                f'rx="3" fill="{colour}" opacity=".3"><title>{escape(label)}</title></rect>'
            )
            if wide > 6.5 * len(label) + 14 and high > 20:
                parts.append(_text(label, left + 8, top + 18, anchor="start", colour="var(--ink)"))
            top += high
        left += wide
    return _svg(int(side * 1.4) + 190, int(side) + 20, [*parts, *_legend(legend, side * 1.4 + 24)])


def _spending(
    metrics: Sequence[Metric], solutions: Sequence[Solution], formats: Sequence[FormatStyle], *, cost: bool
) -> Plot | None:
    """Accuracy of each format over its spending per problem, in dollars or tokens."""
    accuracy = {one.format: one for one in metrics if one.measure == "accuracy" and one.format and not one.group}
    spent: dict[str, float] = {}
    for format in formats:
        group = [one for one in solutions if one.format == format.name]
        amount = sum(one.cost if cost else float(one.tokens) for one in group)
        if amount and format.name in accuracy:
            spent[format.name] = amount / len({one.problem_id for one in group})
    if len(spent) < 2:
        return None
    most = max(spent.values()) * 1.08
    frame = _frame(accuracy[name] for name in spent)
    parts = [frame.grid()]
    parts += [_text(_short(most * i / 4), _LEFT + _WIDE * i / 4, _TOP + _HIGH + 18) for i in range(5)]
    colours = {format.name: format.colour for format in formats}
    for name, amount in spent.items():
        metric, x, colour = accuracy[name], _LEFT + _WIDE * amount / most, colours[name]
        parts.append(
            f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{frame.y(metric.low):.1f}" y2="{frame.y(metric.high):.1f}" '
            f'stroke="{colour}" stroke-width="2"/><circle cx="{x:.1f}" cy="{frame.y(metric.value):.1f}" r="5" '
            f'fill="{colour}"><title>{escape(name)}: {number(metric)} %, {_short(amount)} a problem</title></circle>'
        )
    legend = [(name, colours[name], "") for name in spent]
    unit = "US dollars" if cost else "tokens"
    title = f"Accuracy against {unit}"
    caption = f"{unit[0].upper()}{unit[1:]} of all samples of a problem; lines are 95 % intervals."
    return Plot("cost" if cost else "tokens", title, caption, _axes(parts, legend, f"{unit} a problem"))


def _frame(metrics: Iterable[Metric]) -> _Frame:
    rows = list(metrics)
    low = math.floor(10 * min(metric.low for metric in rows)) / 10
    high = math.ceil(10 * max(metric.high for metric in rows)) / 10
    return _Frame(max(0.0, low), min(1.0, high) if high > low else low + 0.1)


def _axes(parts: list[str], legend: list[tuple[str, str, str]], along: str) -> str:
    titles = [
        _text(along, _LEFT + _WIDE / 2, _TOP + _HIGH + 38),
        f'<text transform="translate(12 {_TOP + _HIGH / 2}) rotate(-90)" text-anchor="middle" '
        f'fill="var(--soft)">% of problems</text>',
    ]
    return _svg(_LEFT + _WIDE + 190, _TOP + _HIGH + 46, [*parts, *titles, *_legend(legend, _LEFT + _WIDE + 24)])


def _legend(rows: list[tuple[str, str, str]], left: float) -> list[str]:
    return [
        f'<line x1="{left}" x2="{left + 22}" y1="{24 + 20 * i}" y2="{24 + 20 * i}" stroke="{colour}" stroke-width="3" '
        f'stroke-dasharray="{dashes}"/>{_text(label, left + 30, 28 + 20 * i, anchor="start")}'
        for i, (label, colour, dashes) in enumerate(rows)
    ]


def _text(words: str, x: float, y: float, *, anchor: str = "middle", colour: str = "var(--soft)") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}">{escape(words)}</text>'


def _svg(wide: int, high: int, parts: Iterable[str]) -> str:
    return f'<svg viewBox="0 0 {wide} {high}" width="{wide}" height="{high}" role="img">{"".join(parts)}</svg>'


def _some(ks: list[int]) -> list[int]:
    """At most eight of the values, first and last included."""
    return ks if len(ks) <= 8 else sorted({ks[round(i * (len(ks) - 1) / 7)] for i in range(8)})


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
