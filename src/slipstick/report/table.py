"""Tables of metrics and comparisons for the terminal; metrics as Markdown and LaTeX for papers and issues."""

from collections.abc import Iterator, Sequence

from rich.text import Text

from slipstick.comparison import RunComparison
from slipstick.metrics.labels import order_formats
from slipstick.report.content import (
    ALL,
    LABELS,
    FormatStyle,
    TableRow,
    breakdown_sections,
    ends,
    format_styles,
    interval,
    metric_sections,
    number,
)
from slipstick.schema import Metric
from slipstick.terminal import Fitting, headed_table, unwrapped

_ESCAPED = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
_ESCAPED |= {sign: f"\\{sign}" for sign in "&%$#_{}"}


def metrics_table(metrics: Sequence[Metric]) -> Fitting:
    """Formats as columns; accuracy over all problems and each set or split as rows, then other measures over all
    problems; on a narrow terminal a line for each number.

    A cell reads "97.0 93.1–98.7": percent with its 95 % interval; the last column counts problems. Breakdowns
    are left out: they are many, and the page has them.
    """
    formats = format_styles(
        order_formats(metric.format for metric in metrics if metric.measure == "accuracy" and metric.format)
    )
    wide = unwrapped(headed_table("%, 95 % interval", right=(*(format.name for format in formats), "n")))
    long = unwrapped(headed_table("", "format", right=("%", "95 % interval", "n")), after=2)
    for label, row, is_last in _terminal_rows(metrics, formats):
        wide.add_row(Text(label), *(_cell(cell) if cell else Text("") for cell in row.cells), Text(row.n))
        for cell in row.cells:
            if cell:
                long.add_row(Text(label), Text(cell.format), Text(number(cell)), Text(ends(cell)), f"{cell.n:,}")
        if is_last:
            wide.add_section()
            long.add_section()
    return Fitting(wide, long)


def _terminal_rows(metrics: Sequence[Metric], formats: Sequence[FormatStyle]) -> Iterator[tuple[str, TableRow, bool]]:
    """Label and row of each line, and whether a line is drawn below it."""
    for section in metric_sections(metrics, formats):
        accuracy = section.label == LABELS["accuracy"]
        for place, row in enumerate(section.rows, start=1):
            if accuracy:
                yield row.label, row, place == len(section.rows)
            elif row.label == ALL or section.label == "Other":
                yield section.label if row.label == ALL else row.label, row, False


def comparison_table(comparison: RunComparison) -> Fitting:
    """Both runs side by side: accuracy in percent, their difference with its 95 % interval, p-value and count; on a
    narrow terminal the difference alone."""
    wide = headed_table("", right=(*comparison.names, "difference, 95 %", comparison.heading, "p", "n"))
    narrow = headed_table("", right=("1: %", "2: %", "2 − 1, 95 %", "p", "n"))
    narrow.caption = f"1: {comparison.names[0]}, 2: {comparison.names[1]}"
    narrow.caption_justify = "left"
    for row in comparison.rows:
        first, second = f"{100 * row.first:.1f}", f"{100 * row.second:.1f}"
        gain = f"{100 * row.difference:+.1f} {100 * row.low:+.1f}–{100 * row.high:+.1f}"
        p, n = row.shown_p, f"{row.n:,}"
        wide.add_row(Text(row.label), first, second, gain, f"{row.only_first:,} / {row.only_second:,}", p, n)
        narrow.add_row(Text(row.label), first, second, gain, p, n)
    return Fitting(unwrapped(wide), unwrapped(narrow, after=1))


def _cell(metric: Metric) -> Text:
    return Text.assemble(number(metric), " ", (ends(metric), "dim"))


def markdown_table(metrics: Sequence[Metric]) -> str:
    """A Markdown table: one row per measure and group, one column per format, values with their 95 % interval."""
    formats, rows = _rows(metrics)
    lines = [
        f"| | {' | '.join(format.name for format in formats)} | n |",
        f"|---|{'---:|' * (len(formats) + 1)}",
    ]
    for label, row in rows:
        cells = [f"{number(cell)} {interval(cell)}" if cell else "" for cell in row.cells]
        lines.append(f"| {md(label)} | {' | '.join(cells)} | {row.n} |")
    return "\n".join(lines) + "\n"


def latex_table(metrics: Sequence[Metric]) -> str:
    """A LaTeX table for the package booktabs, intervals in small print."""
    formats, rows = _rows(metrics)
    lines = [
        "% needs \\usepackage{booktabs}; intervals are 95 %, shares in percent",
        f"\\begin{{tabular}}{{l{'r' * (len(formats) + 1)}}}",
        "\\toprule",
        f" & {' & '.join(tex(format.name) for format in formats)} & $n$ \\\\",
        "\\midrule",
    ]
    for label, row in rows:
        cells = [f"{number(cell)} {{\\scriptsize {interval(cell)}}}" if cell else "" for cell in row.cells]
        lines.append(f"{tex(label)} & {' & '.join(cells)} & {tex(row.n.replace('–', '--'))} \\\\")
    return "\n".join([*lines, "\\bottomrule", "\\end{tabular}", ""])


def _rows(metrics: Sequence[Metric]) -> tuple[list[FormatStyle], list[tuple[str, TableRow]]]:
    formats = format_styles(order_formats(metric.format for metric in metrics if metric.format))
    rows = [
        (f"{section.label}, {row.label}", row) for section in metric_sections(metrics, formats) for row in section.rows
    ]
    for section in breakdown_sections(metrics, formats):
        rows += [(f"{LABELS['accuracy']}, {section.label} {row.label}", row) for row in section.rows]
    return formats, rows


def md(text: str) -> str:
    """A text for a cell of a Markdown table."""
    return text.replace("|", "\\|")


def tex(text: str) -> str:
    """A text for LaTeX, its special signs escaped."""
    return "".join(_ESCAPED.get(sign, sign) for sign in text)
