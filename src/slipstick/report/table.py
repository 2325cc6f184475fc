"""Lays metrics out as a table for the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.table import Table
from rich.text import Text

from slipstick.metrics import order_formats
from slipstick.report.view import ALL, Row, format_views, interval, number, pivot
from slipstick.schema import Metric


def metrics_table(metrics: Sequence[Metric]) -> Table:
    """Formats as columns; accuracy over all problems and each split as rows, then other measures over all problems.

    A cell reads "97.0 93.1–98.7": percent with its 95 % interval; the last column counts problems. Topics are left
    out: they are many, and the page has them.
    """
    formats = format_views(
        order_formats(metric.format for metric in metrics if metric.measure == "accuracy" and metric.format)
    )
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold", padding=(0, 1, 0, 0))
    table.add_column("%, 95 % interval", no_wrap=True)
    for view in formats:
        # A terminal that is too narrow for both gets the interval below the value; neither is ever cut.
        table.add_column(Text(view.name), justify="right", min_width=len("97.0–100.0"))
    table.add_column("n", justify="right", no_wrap=True)
    for section in pivot(metrics, formats):
        if section.label == "Accuracy":
            for row in section.rows:
                _add(table, row.label, row)
            table.add_section()
        else:
            for row in section.rows:
                if row.label == ALL or section.label == "Other":
                    _add(table, section.label if row.label == ALL else row.label, row, columns=len(formats))
    return table


def _add(table: Table, label: str, row: Row, *, columns: int = 0) -> None:
    cells = [_cell(cell) if cell else Text("") for cell in row.cells]
    cells += [Text("")] * (columns - len(cells))
    table.add_row(Text(label), *cells, Text(row.n))


def _cell(metric: Metric) -> Text:
    ends = interval(metric).strip("[]").replace(", ", "–")
    return Text.assemble(number(metric), " ", (ends, "dim"))
