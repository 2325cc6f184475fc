"""The table of many runs for the terminal, as Markdown, as LaTeX and as a page."""

import os
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

from rich.text import Text

from slipstick.drawing import Axis, Entry, along, as_file, charted, line, mark, nice_axis, numbered, percent_grid, up
from slipstick.edges import read_text
from slipstick.errors import UserError, counted
from slipstick.metrics.labels import is_share
from slipstick.report.content import ABOUT, LABELS, FormatStyle, ends, format_styles, interval, number
from slipstick.report.forest import Band, Forest, axis_over, lane_of
from slipstick.report.many import Cell, RunsTable, Trend
from slipstick.report.page import page_at, render
from slipstick.report.plots import Plot
from slipstick.report.table import md, tex
from slipstick.schema import Metric
from slipstick.store import write_atomically
from slipstick.terminal import Fitting, headed_table, unwrapped

_PAIRED = "the best of a column, or not shown to be worse than it (paired test on the same problems, 5 % level)"
_APART = "the best of a column, or with an interval that overlaps its"
_OURS_MD = "<!-- by slipstick report -->"
_OURS_TEX = "% by slipstick report; needs \\usepackage{booktabs}"
"""What stands in the files: others are not replaced."""


def terminal_table(table: RunsTable) -> Fitting:
    """Models by sets with intervals; on a narrow terminal a line for each number."""
    wide = headed_table("model", "format", right=tuple(_heads(table)))
    long = headed_table("model", "format", "set", right=(_unit(table), "95 % interval", "n"))
    for row in table.rows:
        wide.add_row(Text(row.model), Text(row.format), *map(_terminal_cell, row.cells))
        for column, cell in zip(table.columns, row.cells, strict=True):
            if cell:
                value = Text(number(cell.metric) + ("*" if cell.best else " "), "bold" if cell.best else "")
                between = Text(ends(cell.metric))
                long.add_row(Text(row.model), Text(row.format), Text(column), value, between, f"{cell.metric.n:,}")
        long.add_section()
    return Fitting(unwrapped(wide), long)


def legend(table: RunsTable) -> str:
    """What the table's numbers are, and what its stars mean."""
    return f"{LABELS.get(table.measure, table.measure)}, {_unit(table)} with 95 % interval. *: {_marked(table)}"


def markdown(table: RunsTable) -> str:
    """The table as Markdown, the best in bold."""
    heads = ["model", "format", *_heads(table)]
    lines = [f"| {' | '.join(md(head) for head in heads)} |", f"|---|---|{'---:|' * len(table.columns)}"]
    for row in table.rows:
        cells = [
            (f"**{number(cell.metric)}**" if cell.best else number(cell.metric))
            + f" {interval(cell.metric)}"
            + _own_count(table, column, cell)
            if cell
            else ""
            for column, cell in enumerate(row.cells)
        ]
        lines.append(f"| {md(row.model)} | {md(row.format)} | {' | '.join(cells)} |")
    notes = [legend(table).replace("*:", "Bold:"), *table.notes]
    return "\n".join([*lines, "", *(md(note) for note in notes), "", _OURS_MD, ""])


def latex(table: RunsTable) -> str:
    """The table for the package booktabs, the best in bold, intervals in small print."""
    lines = [
        _OURS_TEX,
        *(f"% {note}" for note in (legend(table).replace("*:", "Bold:"), *table.notes)),
        f"\\begin{{tabular}}{{ll{'r' * len(table.columns)}}}",
        "\\toprule",
        f"model & format & {' & '.join(map(tex, _heads(table)))} \\\\",
        "\\midrule",
    ]
    before = ""
    for row in table.rows:
        cells = [
            (f"\\textbf{{{number(cell.metric)}}}" if cell.best else number(cell.metric))
            + f" {{\\scriptsize {interval(cell.metric)}{_own_count(table, column, cell)}}}"
            if cell
            else "--"
            for column, cell in enumerate(row.cells)
        ]
        lines.append(f"{tex(row.model) if row.model != before else ''} & {tex(row.format)} & {' & '.join(cells)} \\\\")
        before = row.model
    return "\n".join([*lines, "\\bottomrule", "\\end{tabular}", ""])


def write_table(table: RunsTable, *, out: Path) -> Path:
    """Writes the table as a page, Markdown and LaTeX, and its trends as SVG files; gives the page's path.

    out: the page's file if it ends in .html, else a folder. Raises UserError if a file of somebody else would go.
    """
    page = page_at(out, "table.html")
    for path, ours in ((page.with_suffix(".md"), _OURS_MD), (page.with_suffix(".tex"), _OURS_TEX)):
        if path.exists() and ours not in read_text(path):
            raise UserError(f"{path} is no table of ours and would be replaced: choose another place with --out")
    page.parent.mkdir(parents=True, exist_ok=True)
    styles = {style.name: style for style in format_styles(list(dict.fromkeys(row.format for row in table.rows)))}
    trends = [_trend_plot(trend, styles) for trend in table.trends]
    for plot in trends:
        write_atomically(page.with_name(f"{page.stem}-{plot.name}.svg"), as_file(plot.svg))
    write_atomically(page.with_suffix(".md"), markdown(table))
    write_atomically(page.with_suffix(".tex"), latex(table))
    write_atomically(page, render_table(table, trends, styles, page))
    return page


def render_table(table: RunsTable, trends: Sequence[Plot], styles: dict[str, FormatStyle], page: Path) -> str:
    """The page as one HTML string; page: where it will be, which links to the runs' own pages start from."""
    links = {
        run: quote(os.path.relpath((run / "report.html").resolve(), page.resolve().parent))
        for row in table.rows
        for run in row.runs
        if (run / "report.html").is_file()
    }
    last = len(table.columns) - 1
    return render(
        "many.html.j2",
        table=table,
        title=counted(len({run for row in table.rows for run in row.runs}), "run"),
        models=len({row.model for row in table.rows}),
        heads=_heads(table),
        legend=legend(table).partition(" *:")[0],
        marked=_marked(table),
        styles=styles,
        about=ABOUT,
        links=links,
        counts=[count_of(table, column) for column in range(len(table.columns))],
        charts=[_chart(table, column, styles, links) for column in [last, *range(last)]],
        trends=trends,
    )


def _chart(table: RunsTable, column: int, styles: dict[str, FormatStyle], links: dict[Path, str]) -> Forest:
    """One column: a band for each model, a lane for each format."""
    axis, ticks = axis_over(cell.metric for row in table.rows if (cell := row.cells[column]))
    bands: dict[str, Band] = {}
    for row in table.rows:
        if cell := row.cells[column]:
            href = links.get(row.runs[0], "") if len(row.runs) == 1 else ""
            band = bands.setdefault(row.model, Band(row.model, [], href=href))
            band.lanes.append(lane_of(cell.metric, styles[row.format], axis))
    what = LABELS.get(table.measure, table.measure)
    name = table.columns[column]
    title = "Average over sets" if name == "average" and len(table.columns) > 1 else name
    return Forest(title, f"{what} with 95 % intervals.", f"{what}, {_unit(table)}", ticks, list(bands.values()))


def _trend_plot(trend: Trend, styles: dict[str, FormatStyle]) -> Plot:
    points = [metric for line_ in trend.lines.values() for _, metric in line_]
    steps = [step for line_ in trend.lines.values() for step, _ in line_]
    axis, times = nice_axis(min(m.low for m in points), max(m.high for m in points)), nice_axis(min(steps), max(steps))
    ticks = [(times.share(tick), label) for tick, label in zip(times.ticks, times.labels(), strict=True)]
    parts = [*percent_grid(axis), *numbered(ticks, "step")]
    for format, values in trend.lines.items():
        parts += _trend_line(values, styles[format], axis, times)
    legend_ = [Entry(format, styles[format].colour, styles[format].style) for format in trend.lines]
    name = "".join(sign if sign.isalnum() else "-" for sign in f"{trend.model}-{trend.column}")
    caption = f"{trend.column}; lines through the marks are 95 % intervals."
    return Plot(f"trend-{name}", f"{trend.model} over its checkpoints", caption, charted(parts, legend_))


def _trend_line(values: Sequence[tuple[int, Metric]], style: FormatStyle, axis: Axis, times: Axis) -> list[str]:
    places = [(along(times.share(step)), metric) for step, metric in values]
    return [
        line([(x, up(axis.share(metric.value))) for x, metric in places], colour=style.colour),
        *(
            line([(x, up(axis.share(end))) for end in (metric.low, metric.high)], colour=style.colour)
            + mark(
                style.style,
                x,
                up(axis.share(metric.value)),
                colour=style.colour,
                title=f"{style.name}, step {step:,}: {number(metric)} {interval(metric)}, n = {metric.n:,}",
            )
            for (x, metric), (step, _) in zip(places, values, strict=True)
        ),
    ]


def _heads(table: RunsTable) -> list[str]:
    counts = [count_of(table, column) for column in range(len(table.columns))]
    return [f"{name} (n = {n:,})" if n else name for name, n in zip(table.columns, counts, strict=True)]


def _own_count(table: RunsTable, column: int, cell: Cell) -> str:
    """The count of a number, in a column whose numbers are not all of one."""
    return "" if count_of(table, column) else f" n = {cell.metric.n:,}"


def _terminal_cell(cell: Cell | None) -> Text:
    if cell is None:
        return Text("")
    star = "*" if cell.best else " "
    return Text.assemble((number(cell.metric) + star, "bold" if cell.best else ""), " ", (ends(cell.metric), "dim"))


def _marked(table: RunsTable) -> str:
    return _PAIRED if table.measure == "accuracy" else _APART


def _unit(table: RunsTable) -> str:
    return "%" if _is_percent(table) else table.measure.replace("_", " ")


def _is_percent(table: RunsTable) -> bool:
    """Whether the numbers of a table are shares, which are shown in percent."""
    return any(cell and is_share(cell.metric) for row in table.rows for cell in row.cells)


def count_of(table: RunsTable, column: int) -> int | None:
    """How many problems a column's numbers are of, if it is the same for all."""
    counts = {cell.metric.n for row in table.rows if (cell := row.cells[column])}
    return counts.pop() if len(counts) == 1 else None
