"""Tables of metrics and comparisons for the terminal; metrics as Markdown and LaTeX for papers and issues."""

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from slipstick.comparison import RunComparison
from slipstick.metrics.labels import order_formats
from slipstick.report.content import (
    ALL,
    LABELS,
    FormatStyle,
    TableRow,
    breakdown_sections,
    format_styles,
    interval,
    metric_sections,
    number,
)
from slipstick.schema import Metric
from slipstick.terminal import headed_table

_ESCAPED = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
_ESCAPED |= {sign: f"\\{sign}" for sign in "&%$#_{}"}


def metrics_table(metrics: Sequence[Metric]) -> Table:
    """Formats as columns; accuracy over all problems and each set or split as rows, then other measures over all
    problems.

    A cell reads "97.0 93.1–98.7": percent with its 95 % interval; the last column counts problems. Breakdowns
    are left out: they are many, and the page has them.
    """
    formats = format_styles(
        order_formats(metric.format for metric in metrics if metric.measure == "accuracy" and metric.format)
    )
    table = headed_table()
    table.add_column("%, 95 % interval", no_wrap=True)
    for format in formats:
        # A terminal that is too narrow for both gets the interval below the value; neither is ever cut.
        table.add_column(Text(format.name), justify="right", min_width=len("97.0–100.0"))
    table.add_column("n", justify="right", no_wrap=True)
    for section in metric_sections(metrics, formats):
        if section.label == "Accuracy":
            for row in section.rows:
                _add(table, row.label, row)
            table.add_section()
        else:
            for row in section.rows:
                if row.label == ALL or section.label == "Other":
                    _add(table, section.label if row.label == ALL else row.label, row)
    return table


def comparison_table(comparison: RunComparison) -> Table:
    """Both runs side by side: accuracy in percent, their difference with its 95 % interval, p-value and count."""
    table = headed_table("", right=(*comparison.names, "difference, 95 %", "only one solves", "p", "n"))
    for row in comparison.rows:
        cells = (
            f"{100 * row.first:.1f}",
            f"{100 * row.second:.1f}",
            f"{100 * row.difference:+.1f} {100 * row.low:+.1f}–{100 * row.high:+.1f}",
            f"{row.only_first:,} / {row.only_second:,}",
            f"{row.p:.3f}" if row.p >= 0.001 else "<0.001",
            f"{row.n:,}",
        )
        table.add_row(Text(row.label), *cells)
    return table


def _add(table: Table, label: str, row: TableRow) -> None:
    cells = [_cell(cell) if cell else Text("") for cell in row.cells]
    table.add_row(Text(label), *cells, Text(row.n))


def _cell(metric: Metric) -> Text:
    ends = interval(metric).strip("[]").replace(", ", "–")
    return Text.assemble(number(metric), " ", (ends, "dim"))


def markdown_table(metrics: Sequence[Metric]) -> str:
    """A Markdown table: one row per measure and group, one column per format, values with their 95 % interval."""
    formats, rows = _rows(metrics)
    lines = [
        f"| | {' | '.join(format.name for format in formats)} | n |",
        f"|---|{'---:|' * (len(formats) + 1)}",
    ]
    for label, row in rows:
        cells = [f"{number(cell)} {interval(cell)}" if cell else "" for cell in row.cells]
        lines.append(f"| {label.replace('|', chr(92) + '|')} | {' | '.join(cells)} | {row.n} |")
    return "\n".join(lines) + "\n"


def latex_table(metrics: Sequence[Metric]) -> str:
    """A LaTeX table for the package booktabs, intervals in small print."""
    formats, rows = _rows(metrics)
    lines = [
        "% needs \\usepackage{booktabs}; intervals are 95 %, shares in percent",
        f"\\begin{{tabular}}{{l{'r' * (len(formats) + 1)}}}",
        "\\toprule",
        f" & {' & '.join(_tex(format.name) for format in formats)} & $n$ \\\\",
        "\\midrule",
    ]
    for label, row in rows:
        cells = [f"{number(cell)} {{\\scriptsize {interval(cell)}}}" if cell else "" for cell in row.cells]
        lines.append(f"{_tex(label)} & {' & '.join(cells)} & {_tex(row.n.replace('–', '--'))} \\\\")
    return "\n".join([*lines, "\\bottomrule", "\\end{tabular}", ""])


def _rows(metrics: Sequence[Metric]) -> tuple[list[FormatStyle], list[tuple[str, TableRow]]]:
    formats = format_styles(order_formats(metric.format for metric in metrics if metric.format))
    rows = [
        (f"{section.label}, {row.label}", row) for section in metric_sections(metrics, formats) for row in section.rows
    ]
    for section in breakdown_sections(metrics, formats):
        rows += [(f"{LABELS['accuracy']}, {section.label} {row.label}", row) for row in section.rows]
    return formats, rows


def _tex(text: str) -> str:
    return "".join(_ESCAPED.get(sign, sign) for sign in text)
