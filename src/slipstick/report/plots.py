"""The small plots of a run as SVG text, which the page embeds and a report also writes as files."""

import math
from collections.abc import Callable, Iterable, Sequence
from itertools import combinations
from typing import NamedTuple

from markupsafe import escape

from slipstick.drawing import (
    WIDTH,
    Axis,
    Entry,
    along,
    as_file,
    charted,
    line,
    mark,
    nice_axis,
    numbered,
    percent_grid,
    text,
    up,
    with_legend,
)
from slipstick.metrics.labels import metric_label
from slipstick.metrics.paired import accuracy_by_problem
from slipstick.report.content import FormatStyle, number
from slipstick.schema import Metric, Solution

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
    pair: str = ""
    """Of plots that show two formats, which: "cot and pot"; the page shows one of these plots, by choice."""

    def as_file(self) -> str:
        """The plot as a standalone SVG file."""
        return as_file(self.svg)


def draw_plots(metrics: Sequence[Metric], solutions: Sequence[Solution], formats: Sequence[FormatStyle]) -> list[Plot]:
    """The plots that the run has the numbers for."""
    found = [
        _curves(metrics, formats),
        *_agreements(solutions, formats),
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
    styles = {format.name: format for format in formats}
    series = {key: sorted(points) for key, points in series.items() if len(points) > 1 and key[0] in styles}
    if not series:
        return None
    ks = sorted({k for points in series.values() for k, _ in points})
    axis = _shares(metric for points in series.values() for _, metric in points)
    most = max(math.log(ks[-1]), 1e-9)

    def x(k: int) -> float:
        return 0.03 + 0.94 * math.log(k) / most

    parts = [*percent_grid(axis), *numbered([(x(k), str(k)) for k in _some(ks)], "samples k")]
    for (name, kind), points in series.items():
        parts += _banded(points, styles[name], _DASHES[kind], axis, x)
    legend = [
        Entry(f"{kind}@k {name}", styles[name].colour, styles[name].style, _DASHES[kind]) for name, kind in series
    ]
    caption = "; ".join(f"{kind}@k: {_CAPTIONS[kind]}" for kind in dict.fromkeys(kind for _, kind in series))
    return Plot("samples", "What more samples give", f"{caption}. Bands are 95 % intervals.", charted(parts, legend))


def _banded(
    points: Sequence[tuple[int, Metric]], format: FormatStyle, dashes: str, axis: Axis, x: Callable[[int], float]
) -> list[str]:
    """A line with its marks and the band of its intervals."""
    edge = [(k, metric.high) for k, metric in points] + [(k, metric.low) for k, metric in reversed(points)]
    band = " ".join(f"{along(x(k)):.1f},{up(axis.share(value)):.1f}" for k, value in edge)
    places = [(along(x(k)), up(axis.share(metric.value))) for k, metric in points]
    return [
        f'<polygon points="{band}" fill="{format.colour}" opacity=".12"/>',
        line(places, colour=format.colour, dashes=dashes),
        *(
            mark(
                format.style,
                *place,
                colour=format.colour,
                title=f"{metric_label(metric)}: {number(metric)} %, n = {metric.n:,}",
                size=0.75,
            )
            for place, (_, metric) in zip(places, points, strict=True)
        ),
    ]


def _agreements(solutions: Sequence[Solution], formats: Sequence[FormatStyle]) -> list[Plot]:
    """Which problems two formats solve, for every pair; CoT and PoT first if the run has both."""
    graded = {
        format.name: accuracy_by_problem(one for one in solutions if one.format == format.name and one.verdict)
        for format in formats
        if format.name != "hybrid"
    }
    chosen = sorted((name for name in graded if graded[name]), key=lambda name: name not in ("cot", "pot"))
    styles = {format.name: format for format in formats}
    plots = [
        _agreement(graded[one], graded[other], styles[one], styles[other]) for one, other in combinations(chosen, 2)
    ]
    return [plot for plot in plots if plot]


def _agreement(first: dict[str, float], second: dict[str, float], one: FormatStyle, other: FormatStyle) -> Plot | None:
    common = [name for name in first if name in second]
    if not common:
        return None
    n, both = len(common), sum(first[name] * second[name] for name in common)
    left, right = sum(first[name] for name in common), sum(second[name] for name in common)
    tag = f"{one.name}-{other.name}"
    columns = (
        (_Tile(both, "both", "var(--good)", "full"), _Tile(left - both, f"{one.name} alone", one.colour, "rising")),
        (
            _Tile(right - both, f"{other.name} alone", other.colour, "falling"),
            _Tile(n - left - right + both, "neither", "var(--soft)", "empty"),
        ),
    )
    title = f"{one.name} and {other.name} on the same {n:,} problems"
    caption = "Areas are shares of problems; several samples of a problem count in part."
    return Plot(f"agreement-{tag}", title, caption, _mosaic(n, columns, tag), pair=f"{one.name} and {other.name}")


class _Tile(NamedTuple):
    amount: float
    name: str
    colour: str
    pattern: str
    """How it is filled, which tells the tiles apart without their colours: full, rising, falling, empty."""


_HATCHES = {"rising": "M0 6 L6 0", "falling": "M0 0 L6 6"}


def _mosaic(n: int, columns: Iterable[Sequence[_Tile]], tag: str) -> str:
    """Columns of rectangles whose areas are amounts of n."""
    side, left = 200.0, 10.0
    wide_all = WIDTH - 20
    parts: list[str] = []
    legend: list[Entry] = []
    for tiles in columns:
        total = sum(tile.amount for tile in tiles)
        wide, top = wide_all * total / n, 6.0
        for place, tile in enumerate(tiles):
            label = f"{tile.name}, {tile.amount:,.0f}"
            fill, opacity = _fill(tile, f"{tag}-{tile.pattern}", parts)
            legend.append(Entry(label, tile.colour, fill=fill))
            high = side * tile.amount / total if total else 0.0
            parts.append(
                f'<rect x="{left:.1f}" y="{top:.1f}" width="{max(0, wide - 3):.1f}" height="{max(0, high - 3):.1f}" '
                f'rx="3" fill="{fill}"{opacity} stroke="{tile.colour}"><title>{escape(label)}</title></rect>'
            )
            if wide > 7 * len(label) + 16 and high > 26:
                at = top + 18 if place == 0 else top + high - 12
                parts.append(text(label, left + 8, at, anchor="start", colour="var(--ink)"))
            top += high
        left += wide
    return with_legend(parts, legend, side + 26)


def _fill(tile: _Tile, name: str, parts: list[str]) -> tuple[str, str]:
    """What fills a tile; a hatch is defined first."""
    if tile.pattern == "empty":
        return "var(--card)", ""
    if tile.pattern == "full":
        return tile.colour, ' fill-opacity=".3"'
    ident = "".join(sign if sign.isalnum() else "-" for sign in name)
    parts.append(
        f'<defs><pattern id="{ident}" width="6" height="6" patternUnits="userSpaceOnUse">'
        f'<rect width="6" height="6" fill="{tile.colour}" opacity=".14"/>'
        f'<path d="{_HATCHES[tile.pattern]}" stroke="{tile.colour}" stroke-width="1" opacity=".7"/></pattern></defs>'
    )
    return f"url(#{ident})", ""


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
    axis, paid = _shares(accuracy[name] for name in spent), nice_axis(0, max(spent.values()))
    unit = "US dollars" if cost else "tokens"
    ticks = [(paid.share(tick), label) for tick, label in zip(paid.ticks, paid.labels(), strict=True)]
    parts = [*percent_grid(axis), *numbered(ticks, f"{unit} a problem")]
    styles = {format.name: format for format in formats}
    for name, amount in spent.items():
        metric, x, colour = accuracy[name], along(paid.share(amount)), styles[name].colour
        ends = up(axis.share(metric.low)), up(axis.share(metric.high))
        said = f"{name}: {number(metric)} %, {_short(amount)} {unit} a problem"
        parts.append(line([(x, end) for end in ends], colour=colour))
        parts.append(mark(styles[name].style, x, up(axis.share(metric.value)), colour=colour, title=said))
    legend = [Entry(name, styles[name].colour, styles[name].style, None) for name in spent]
    caption = f"{unit[0].upper()}{unit[1:]} of all samples of a problem; lines are 95 % intervals."
    return Plot("cost" if cost else "tokens", f"Accuracy against {unit}", caption, charted(parts, legend))


def _shares(metrics: Iterable[Metric]) -> Axis:
    """The axis of shares, within 0 and 1."""
    rows = list(metrics)
    return nice_axis(min(metric.low for metric in rows), max(metric.high for metric in rows))


def _some(ks: list[int]) -> list[int]:
    """At most eight of the values, first and last included."""
    return ks if len(ks) <= 8 else sorted({ks[round(i * (len(ks) - 1) / 7)] for i in range(8)})


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
