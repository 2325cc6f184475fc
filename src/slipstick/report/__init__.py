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

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup

from slipstick.metrics import order_formats
from slipstick.report.rows import pack_rows
from slipstick.report.view import bands, describe_run, format_views, interval, number, pivot, recipe_text
from slipstick.schema import Metric, Problem, Run, Solution
from slipstick.store import RunFolder, write_atomically


def render_report(
    run: Run, problems: Sequence[Problem], *, solutions: Sequence[Solution], metrics: Sequence[Metric]
) -> str:
    """The whole page as one HTML string."""
    formats = format_views(order_formats([solution.format for solution in solutions]))
    script, style = _part("page.js"), _part("page.css")
    return _template().render(
        run=run,
        about=describe_run(run, problems, solutions=solutions),
        formats=formats,
        metrics=metrics,
        overall={metric.name: metric for metric in metrics},
        bands=bands(metrics, formats),
        sections=pivot(metrics, formats, topics=False),
        topics=pivot(metrics, formats, topics=True),
        recipe=recipe_text(run.recipe),
        again=shlex.quote(f"{run.name}-again"),
        recipe_path=shlex.quote(f"{run.name}/recipe.toml"),
        rows=pack_rows(problems, solutions),
        script=Markup(script),
        style=Markup(style),
        policy=_policy(script, style),
    )


def write_report(run_folder: Path | str | RunFolder, *, out: Path | str | None = None) -> Path:
    """Writes the page of a run folder to `out`, by default report.html in the folder, and returns its path.

    The file appears whole or not at all. Raises what reading the folder raises (InputError, RunFolderError).
    """
    folder = run_folder if isinstance(run_folder, RunFolder) else RunFolder(Path(run_folder))
    page = render_report(
        folder.run(),
        list(folder.problems()),
        solutions=list(folder.solutions()),
        metrics=folder.metrics(),
    )
    path = Path(out) if out is not None else Path(folder.path) / "report.html"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, page)
    return path


def _part(name: str) -> str:
    return files(__name__).joinpath(name).read_text("utf-8")


def _policy(script: str, style: str) -> str:
    """A content security policy under which nothing is fetched and no script runs but ours."""

    def digest(text: str) -> str:
        return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()

    rules = (
        "default-src 'none'",
        f"script-src 'sha256-{digest(script)}'",
        f"style-src 'sha256-{digest(style)}'",
        "img-src data:",
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
