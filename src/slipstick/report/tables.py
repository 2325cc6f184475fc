"""The table of all metrics as Markdown and as LaTeX, for papers and issues."""

from __future__ import annotations

from collections.abc import Sequence

from slipstick.metrics import order_formats
from slipstick.report.view import LABELS, FormatView, Row, breakdowns, format_views, interval, number, pivot
from slipstick.schema import Metric

_ESCAPED = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
_ESCAPED |= {sign: f"\\{sign}" for sign in "&%$#_{}"}


def markdown_table(metrics: Sequence[Metric]) -> str:
    """A Markdown table: a row a measure and group, a column a format, values with their 95 % interval."""
    formats, rows = _rows(metrics)
    lines = [
        f"| | {' | '.join(view.name for view in formats)} | n |",
        f"|---|{'---:|' * (len(formats) + 1)}",
    ]
    for label, row in rows:
        cells = [f"{number(cell)} {interval(cell)}" if cell else "" for cell in _padded(row, formats)]
        lines.append(f"| {label.replace('|', chr(92) + '|')} | {' | '.join(cells)} | {row.n} |")
    return "\n".join(lines) + "\n"


def latex_table(metrics: Sequence[Metric]) -> str:
    """A LaTeX table for the package booktabs, intervals in small print."""
    formats, rows = _rows(metrics)
    lines = [
        "% needs \\usepackage{booktabs}; intervals are 95 %, shares in percent",
        f"\\begin{{tabular}}{{l{'r' * (len(formats) + 1)}}}",
        "\\toprule",
        f" & {' & '.join(_tex(view.name) for view in formats)} & $n$ \\\\",
        "\\midrule",
    ]
    for label, row in rows:
        cells = [f"{number(cell)} {{\\scriptsize {interval(cell)}}}" if cell else "" for cell in _padded(row, formats)]
        lines.append(f"{_tex(label)} & {' & '.join(cells)} & {_tex(row.n.replace('–', '--'))} \\\\")
    return "\n".join([*lines, "\\bottomrule", "\\end{tabular}", ""])


def _rows(metrics: Sequence[Metric]) -> tuple[list[FormatView], list[tuple[str, Row]]]:
    formats = format_views(order_formats(metric.format for metric in metrics if metric.format))
    rows = [(f"{section.label}, {row.label}", row) for section in pivot(metrics, formats) for row in section.rows]
    for section in breakdowns(metrics, formats):
        rows += [(f"{LABELS['accuracy']}, {section.label} {row.label}", row) for row in section.rows]
    return formats, rows


def _padded(row: Row, formats: Sequence[FormatView]) -> list[Metric | None]:
    return [*row.cells, *[None] * (len(formats) - len(row.cells))]


def _tex(text: str) -> str:
    return "".join(_ESCAPED.get(sign, sign) for sign in text)
