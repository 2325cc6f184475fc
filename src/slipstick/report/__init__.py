"""Turns a run into one HTML page: accuracy as a chart, all metrics, every solution to look at, how to repeat the run.

The page is self-contained: it opens offline from a file, asks for nothing from anywhere, and treats all that models
wrote as text. Rows are embedded compressed and reach the page through text nodes; its content security policy allows
no script but its own.
"""

from __future__ import annotations

import base64
import hashlib
import shlex
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup

from slipstick.comparison import RunComparison
from slipstick.metrics import order_formats
from slipstick.report.mathematics import katex_script, katex_style
from slipstick.report.plots import pictures
from slipstick.report.rows import pack_rows
from slipstick.report.tables import latex_table, markdown_table
from slipstick.report.view import bands, breakdowns, describe_run, format_views, interval, number, pivot, recipe_text
from slipstick.schema import Metric, Problem, Run, Solution
from slipstick.store import RunFolder, write_atomically

FIGURES = "figures"


class Against(NamedTuple):
    """Another run that a page holds its own against."""

    name: str
    found: RunComparison
    sayings: list[str]
    """What the comparison means, in words."""


def render_report(
    run: Run,
    problems: Sequence[Problem],
    *,
    solutions: Sequence[Solution],
    metrics: Sequence[Metric],
    comparison: Against | None = None,
) -> str:
    """The whole page as one HTML string."""
    formats = format_views(order_formats([solution.format for solution in solutions]))
    script, style = _part("page.js"), _part("page.css")
    return _template().render(
        run=run,
        about=describe_run(run, problems, solutions=solutions),
        formats=formats,
        metrics=metrics,
        overall={(metric.measure, metric.format): metric for metric in metrics if not metric.group},
        bands=bands(metrics, formats),
        sections=pivot(metrics, formats),
        breakdowns=breakdowns(metrics, formats),
        pictures=pictures(metrics, solutions, formats),
        compared=comparison.found if comparison else None,
        other=comparison.name if comparison else "",
        sayings=comparison.sayings if comparison else [],
        recipe=recipe_text(run.recipe),
        again=shlex.quote(f"{run.name}-again"),
        recipe_path=shlex.quote(f"{run.name}/recipe.toml"),
        rows=pack_rows(problems, solutions),
        katex_script=Markup(katex_script()),
        katex_style=Markup(katex_style()),
        script=Markup(script),
        style=Markup(style),
        policy=_policy([katex_script(), script], [katex_style(), style]),
    )


def write_report(
    run_folder: Path | str | RunFolder, *, out: Path | str | None = None, comparison: Against | None = None
) -> Path:
    """Writes the page of a run folder to `out`, by default report.html in the folder, and returns its path.

    Beside the page a folder `figures` gets its pictures as SVG files and its table as Markdown and LaTeX.
    Every file appears whole or not at all. Raises what reading the folder raises (InputError, RunFolderError).
    """
    folder = run_folder if isinstance(run_folder, RunFolder) else RunFolder(Path(run_folder))
    run, metrics, solutions = folder.run(), folder.metrics(), list(folder.solutions())
    page = render_report(run, list(folder.problems()), solutions=solutions, metrics=metrics, comparison=comparison)
    path = Path(out) if out is not None else Path(folder.path) / "report.html"
    figures = path.parent / FIGURES
    figures.mkdir(parents=True, exist_ok=True)
    for picture in pictures(metrics, solutions, format_views(order_formats(one.format for one in solutions))):
        write_atomically(figures / f"{picture.name}.svg", picture.as_file())
    if metrics:
        write_atomically(figures / "metrics.md", markdown_table(metrics))
        write_atomically(figures / "metrics.tex", latex_table(metrics))
    write_atomically(path, page)
    return path


def _part(name: str) -> str:
    return files(__name__).joinpath(name).read_text("utf-8")


def _policy(scripts: Sequence[str], styles: Sequence[str]) -> str:
    """A content security policy under which nothing is fetched and no script runs but those of the page."""

    def digests(texts: Sequence[str]) -> str:
        hashed = (base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in texts)
        return " ".join(f"'sha256-{each}'" for each in hashed)

    rules = (
        "default-src 'none'",
        f"script-src {digests(scripts)}",
        f"style-src {digests(styles)}",
        "img-src data:",
        "font-src data:",
        "base-uri 'none'",
        "form-action 'none'",
    )
    return "; ".join(rules)


def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("slipstick.report", package_path=""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"number": number, "interval": interval}
    return environment.get_template("page.html.j2")
