"""Turns a run into an HTML page, plots and tables.

content.py    metrics, problems and solutions -> what is shown: numbers, the chart's groups, rows and sections
plots.py      metrics and solutions -> plots as SVG
table.py      metrics -> tables for the terminal, as Markdown and as LaTeX
page_data.py  problems and solutions -> the compressed text that the page unpacks
page.py       all of these -> one HTML page, from page.html.j2, page.css, page.js and katex/
"""

from pathlib import Path

from slipstick.alarms import read_alarms
from slipstick.comparison import RunComparison
from slipstick.metrics.labels import order_formats
from slipstick.report.content import format_styles
from slipstick.report.page import render_report
from slipstick.report.plots import draw_plots
from slipstick.report.table import comparison_table, latex_table, markdown_table, metrics_table
from slipstick.store import RunFolder, write_atomically

__all__ = ["comparison_table", "metrics_table", "render_report", "write_report"]

_FIGURES = "figures"


def write_report(
    run_folder: Path | str | RunFolder, *, out: Path | str | None = None, comparison: RunComparison | None = None
) -> Path:
    """Writes the page of a run folder to `out`, by default report.html in the folder, and returns its path.

    The folder `figures` next to the page gets its plots as SVG files and its metrics as Markdown and LaTeX tables.
    Every file appears whole or not at all. Raises what reading the folder raises (InputError, RunFolderError).
    """
    folder = run_folder if isinstance(run_folder, RunFolder) else RunFolder(Path(run_folder))
    run, metrics, solutions = folder.run(), folder.metrics(), list(folder.solutions())
    recipe = folder.path / "recipe.toml"
    page = render_report(
        run,
        list(folder.problems()),
        solutions=solutions,
        metrics=metrics,
        comparison=comparison,
        alarms=read_alarms(folder.path),
        recipe=recipe.read_text("utf-8") if recipe.is_file() else "",
    )
    path = Path(out) if out is not None else Path(folder.path) / "report.html"
    figures = path.parent / _FIGURES
    figures.mkdir(parents=True, exist_ok=True)
    for plot in draw_plots(metrics, solutions, format_styles(order_formats(one.format for one in solutions))):
        write_atomically(figures / f"{plot.name}.svg", plot.as_file())
    if metrics:
        write_atomically(figures / "metrics.md", markdown_table(metrics))
        write_atomically(figures / "metrics.tex", latex_table(metrics))
    write_atomically(path, page)
    return path
