"""The table of all metrics as Markdown and as LaTeX, for papers and issues."""

from __future__ import annotations

from collections.abc import Sequence

from slipstick.metrics import order_formats, parse_name
from slipstick.report.view import FormatView, Row, Section, format_views, interval, number, pivot
from slipstick.schema import Metric

_ESCAPED = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
_ESCAPED |= {sign: f"\\{sign}" for sign in "&%$#_{}"}


def markdown_table(metrics: Sequence[Metric]) -> str:
    """A Markdown table: a row a measure and group, a column a format, values with their 95 % interval."""
    formats, sections = _sections(metrics)
    lines = [
        f"| | {' | '.join(view.name for view in formats)} | n |",
        f"|---|{'---:|' * (len(formats) + 1)}",
    ]
    for label, row in _rows(sections):
        cells = [f"{number(cell)} {interval(cell)}" if cell else "" for cell in _padded(row, formats)]
        lines.append(f"| {label.replace('|', chr(92) + '|')} | {' | '.join(cells)} | {row.n} |")
    return "\n".join(lines) + "\n"


def latex_table(metrics: Sequence[Metric]) -> str:
    """A LaTeX table for the package booktabs, intervals in small print."""
    formats, sections = _sections(metrics)
    lines = [
        "% needs \\usepackage{booktabs}; intervals are 95 %, shares in percent",
        f"\\begin{{tabular}}{{l{'r' * (len(formats) + 1)}}}",
        "\\toprule",
        f" & {' & '.join(_tex(view.name) for view in formats)} & $n$ \\\\",
        "\\midrule",
    ]
    for label, row in _rows(sections):
        cells = [f"{number(cell)} {{\\scriptsize {interval(cell)}}}" if cell else "" for cell in _padded(row, formats)]
        lines.append(f"{_tex(label)} & {' & '.join(cells)} & {_tex(row.n.replace('–', '--'))} \\\\")
    return "\n".join([*lines, "\\bottomrule", "\\end{tabular}", ""])


def _sections(metrics: Sequence[Metric]) -> tuple[list[FormatView], list[Section]]:
    named = [parse_name(metric.name) for metric in metrics]
    formats = format_views(order_formats(name.format for name in named if name.format))
    return formats, [
        section for topics in (False, True) for section in pivot(metrics, formats, topics=topics) if section.rows
    ]


def _rows(sections: Sequence[Section]) -> list[tuple[str, Row]]:
    return [(f"{section.label}, {row.label}", row) for section in sections for row in section.rows]


def _padded(row: Row, formats: Sequence[FormatView]) -> list[Metric | None]:
    return [*row.cells, *[None] * (len(formats) - len(row.cells))]


def _tex(text: str) -> str:
    return "".join(_ESCAPED.get(sign, sign) for sign in text)
