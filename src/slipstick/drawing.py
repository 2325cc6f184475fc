"""Charts as SVG text in one style: colours, marks, round ticks, axes and legends.

Colours are names that a page defines for light and dark; as a file, a chart brings its own definitions. A chart is as
wide as a phone's screen, so that its words stay legible there; its legend is below it.
"""

from collections.abc import Iterable, Sequence
from math import ceil, floor, log10
from typing import NamedTuple

from markupsafe import escape

COLOURS = """
svg { --ink: #1d2126; --soft: #5d6670; --grid: #e4e6e8; --card: #ffffff; --good: #0b7a5c; --bad: #b83a1e;
--c0: #a3660a; --c1: #1a6fb5; --c2: #08795d; --c3: #a8397f; --c4: #c4501b; --c5: #5b5fc7;
font: 12px Inter, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; background: var(--card) }
@media (prefers-color-scheme: dark) { svg { --ink: #e6e8ea; --soft: #a3acb5; --grid: #2c3237; --card: #1b1f23;
--good: #4fc3a1; --bad: #f08a6c; --c0: #e9a83a; --c1: #5aaef0; --c2: #3fc79e; --c3: #e086bd; --c4: #f08a5a;
--c5: #a3a6f5 } }
"""
MARKS = (
    '<circle r="5"/>',
    '<rect x="-4.6" y="-4.6" width="9.2" height="9.2" rx="1"/>',
    '<path d="M0 -6 L5.6 4.2 L-5.6 4.2 Z"/>',
    '<path d="M0 -6.6 L6.6 0 L0 6.6 L-6.6 0 Z"/>',
    '<path d="M0 6 L5.6 -4.2 L-5.6 -4.2 Z"/>',
    '<path d="M-2 -6 H2 V-2 H6 V2 H2 V6 H-2 V2 H-6 V-2 H-2 Z"/>',
)
"""The shape of each style's mark, around the origin."""
WIDTH = 328
LEFT, RIGHT, TOP, HEIGHT = 48, 22, 12, 180
_LETTER = 6.6
"""Width of a letter, roughly, which places the entries of a legend."""


class Entry(NamedTuple):
    """One line of a legend."""

    label: str
    """What it stands for."""
    colour: str
    """Its colour, as the page names it."""
    style: int | None = None
    """Number of its mark; None: a line alone."""
    dashes: str | None = ""
    """How its line is broken; None: no line."""
    fill: str = ""
    """What fills a swatch in place of line and mark: "url(#hatched)"."""


class Axis(NamedTuple):
    """A linear axis from its first tick to its last, or beyond them."""

    low: float
    """Its lowest value."""
    high: float
    """Its highest value."""
    ticks: Sequence[float]
    """Round values between them."""

    def share(self, value: float) -> float:
        """How far along the axis a value is, from 0 to 1."""
        return (value - self.low) / (self.high - self.low)

    def labels(self, scale: float = 1) -> list[str]:
        """The ticks, times `scale`, with the same number of decimals each."""
        step = (self.ticks[1] - self.ticks[0]) * scale if len(self.ticks) > 1 else 1.0
        decimals = max(0, -floor(log10(step) + 1e-9)) if step > 0 else 0
        return [f"{tick * scale:,.{decimals}f}" for tick in self.ticks]


def nice_axis(low: float, high: float, *, most: int = 5) -> Axis:
    """An axis over the values from `low` to `high` whose ticks are at most `most` steps of 1, 2 or 5 times a power of
    ten apart; it begins and ends with a tick."""
    if not high > low:
        low, high = low - (abs(low) or 1) / 2, high + (abs(high) or 1) / 2
    power = 10.0 ** floor(log10((high - low) / most))
    for step in (power, 2 * power, 5 * power, 10 * power, 20 * power):
        first, last = floor(low / step + 1e-9), ceil(high / step - 1e-9)
        if last - first <= most:
            break
    ticks = [round(number * step, 12) for number in range(first, last + 1)]
    return Axis(ticks[0], ticks[-1], ticks)


def along(share: float) -> float:
    """The place on the chart of a share of its horizontal axis."""
    return LEFT + (WIDTH - LEFT - RIGHT) * share


def up(share: float) -> float:
    """The place on the chart of a share of its vertical axis."""
    return TOP + HEIGHT * (1 - share)


def text(words: str, x: float, y: float, *, anchor: str = "middle", colour: str = "var(--soft)") -> str:
    """Words at a place."""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}">{escape(words)}</text>'


def mark(style: int, x: float, y: float, *, colour: str, title: str = "", size: float = 1) -> str:
    """The mark of a style at a place; title: what resting on it shows."""
    said = f"<title>{escape(title)}</title>" if title else ""
    return (
        f'<g transform="translate({x:.1f} {y:.1f}) scale({size:g})" fill="{colour}" stroke="var(--card)" '
        f'stroke-width="1.2" paint-order="stroke">{said}{MARKS[style % len(MARKS)]}</g>'
    )


def line(points: Iterable[tuple[float, float]], *, colour: str, dashes: str = "") -> str:
    """A line through places."""
    places = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    broken = f' stroke-dasharray="{dashes}"' if dashes else ""
    return f'<polyline points="{places}" fill="none" stroke="{colour}" stroke-width="2"{broken}/>'


def percent_grid(axis: Axis) -> list[str]:
    """The vertical axis of shares, in percent, with its lines."""
    return [
        f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{up(axis.share(tick)):.1f}" y2="{up(axis.share(tick)):.1f}" '
        f'stroke="var(--grid)"/>{text(f"{label} %", LEFT - 7, up(axis.share(tick)) + 4, anchor="end")}'
        for tick, label in zip(axis.ticks, axis.labels(100), strict=True)
    ]


def numbered(ticks: Iterable[tuple[float, str]], title: str) -> list[str]:
    """The numbers of the horizontal axis, each at its share of it, and its title."""
    numbers = [text(label, along(share), TOP + HEIGHT + 18) for share, label in ticks]
    return [*numbers, text(title, along(0.5), TOP + HEIGHT + 38)]


def charted(parts: Iterable[str], legend: Sequence[Entry]) -> str:
    """A chart with its legend below."""
    below, high = _legend(legend, TOP + HEIGHT + 58)
    return svg(high, [*parts, *below])


def with_legend(parts: Iterable[str], legend: Sequence[Entry], top: float) -> str:
    """Any drawing with a legend from `top` on."""
    below, high = _legend(legend, top)
    return svg(high, [*parts, *below])


def svg(high: float, parts: Iterable[str]) -> str:
    """A drawing as wide as all of them."""
    return (
        f'<svg viewBox="0 0 {WIDTH} {high:.0f}" width="{WIDTH}" height="{high:.0f}" role="img">{"".join(parts)}</svg>'
    )


def as_file(drawn: str) -> str:
    """A drawing as a standalone SVG file, for light and dark."""
    head, _, rest = drawn.partition(">")
    return f'<?xml version="1.0"?>\n{head} xmlns="http://www.w3.org/2000/svg"><style>{COLOURS}</style>{rest}\n'


def _legend(entries: Sequence[Entry], top: float) -> tuple[list[str], float]:
    """The entries in rows that are filled from the left, and where the drawing ends."""
    parts, left, y = [], 10.0, top
    for entry in entries:
        wide = 34 + _LETTER * len(entry.label) + 14
        if left > 10 and left + wide > WIDTH:
            left, y = 10.0, y + 20
        parts.append(_entry(entry, left, y))
        left += wide
    return parts, y + 14 if entries else top


def _entry(entry: Entry, left: float, y: float) -> str:
    parts = [text(entry.label, left + 34, y + 4, anchor="start", colour="var(--ink)")]
    if entry.fill:
        parts.append(
            f'<rect x="{left + 4}" y="{y - 7}" width="22" height="14" rx="2" fill="{entry.fill}" '
            f'stroke="{entry.colour}"/>'
        )
        return "".join(parts)
    if entry.dashes is not None:
        parts.append(line([(left, y), (left + 28, y)], colour=entry.colour, dashes=entry.dashes))
    if entry.style is not None:
        parts.append(mark(entry.style, left + 14, y, colour=entry.colour))
    return "".join(parts)
