"""Turns a run into an HTML page, plots and tables, and many runs into one table.

reading.py    a run's folder -> its content; what a stopped run has is graded for the page
content.py    metrics, problems and solutions -> what is shown: numbers, rows and sections
facts.py      solutions and a run's files -> tables of errors, cost, disagreements, rounds
judge.py      what a judge said -> its columns, beside those of the rules
forest.py     metrics and comparisons -> the main chart; forest.html.j2 draws it
plots.py      metrics and solutions -> small plots as SVG
table.py      metrics -> tables for the terminal, as Markdown and as LaTeX
page_data.py  problems and solutions -> the compressed text that the page unpacks
page.py       all of these -> one HTML page, from page.html.j2, page.css, page.js and katex/
many.py       the metrics of many runs -> models by sets, the best of each set, the trend over checkpoints
many_files.py that table for the terminal, as Markdown, LaTeX and a page (many.html.j2)
"""

import os
from pathlib import Path
from urllib.parse import quote

from slipstick.alarms import read_alarms
from slipstick.comparison import RunComparison
from slipstick.edges import read_text
from slipstick.metrics.labels import order_formats
from slipstick.report.content import format_styles
from slipstick.report.facts import tables_of
from slipstick.report.judge import judge_tables
from slipstick.report.page import page_at, render_report
from slipstick.report.plots import draw_plots
from slipstick.report.reading import RunContent, read_run
from slipstick.report.table import comparison_table, latex_table, markdown_table, metrics_table
from slipstick.store import RunFolder, write_atomically

__all__ = ["comparison_table", "metrics_table", "read_run", "render_report", "write_report"]

_FIGURES = "figures"
_PAGE = "report.html"


def write_report(
    run_folder: Path | str | RunFolder,
    *,
    out: Path | str | None = None,
    comparison: RunComparison | None = None,
    other: RunFolder | None = None,
    content: RunContent | None = None,
) -> Path:
    """Writes the page of a run folder, by default report.html in the folder, and returns its path.

    out: the page's file if it ends in .html, else the folder of a report.html. other: the run it is compared with.
    content: what was read already (`read_run`). The folder `figures` next to the page gets its plots as SVG files and
    its metrics as Markdown and LaTeX tables. Every file appears whole or not at all. Raises what reading the folder
    raises (InputError, RunFolderError).
    """
    folder = run_folder if isinstance(run_folder, RunFolder) else RunFolder(Path(run_folder))
    path = folder.path / _PAGE if out is None else page_at(Path(out), _PAGE)
    run, problems, solutions, metrics, *_ = read = content or read_run(folder)
    formats = format_styles(order_formats(one.format for one in solutions))
    recipe = folder.path / "recipe.toml"
    page = render_report(
        run,
        problems,
        solutions=solutions,
        metrics=metrics,
        comparison=comparison,
        other_page=_address(other.path / _PAGE, path) if other and (other.path / _PAGE).is_file() else "",
        alarms=read_alarms(folder.path),
        tables=[*judge_tables(folder.path), *tables_of(run, folder, solutions, formats)],
        partial=read.partial,
        recipe=read_text(recipe) if recipe.is_file() else "",
    )
    figures = path.parent / _FIGURES
    figures.mkdir(parents=True, exist_ok=True)
    for plot in draw_plots(metrics, solutions, formats):
        write_atomically(figures / f"{plot.name}.svg", plot.as_file())
    if metrics:
        write_atomically(figures / "metrics.md", markdown_table(metrics))
        write_atomically(figures / "metrics.tex", latex_table(metrics))
    write_atomically(path, page)
    return path


def _address(page: Path, seen_from: Path) -> str:
    return quote(os.path.relpath(page.resolve(), seen_from.resolve().parent))
