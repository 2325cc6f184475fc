"""Renders a run as one self-contained HTML page.

The page opens offline from a file, fetches nothing, and treats all that models wrote as text: solutions are embedded
compressed and reach the page through text nodes, and its content security policy allows no script but its own. KaTeX,
which typesets mathematics, is embedded with its fonts.
"""

import base64
import hashlib
import re
import shlex
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup

from slipstick.alarms import Alarm
from slipstick.comparison import RunComparison
from slipstick.drawing import MARKS
from slipstick.metrics.labels import order_formats
from slipstick.report.content import (
    ALL,
    breakdown_sections,
    format_styles,
    interval,
    metric_sections,
    number,
    recipe_text,
    summarize_run,
)
from slipstick.report.facts import PageTable
from slipstick.report.forest import accuracy_chart, difference_chart, signed
from slipstick.report.page_data import pack_problems
from slipstick.report.plots import draw_plots
from slipstick.schema import Metric, Problem, Run, Solution

_FONT_SOURCE = re.compile(r"src:url\(fonts/([\w-]+\.woff2)\)[^;}]*")


def render_report(
    run: Run,
    problems: Sequence[Problem],
    *,
    solutions: Sequence[Solution],
    metrics: Sequence[Metric],
    comparison: RunComparison | None = None,
    other_page: str = "",
    alarms: Sequence[Alarm] = (),
    tables: Sequence[PageTable] = (),
    partial: str = "",
    recipe: str = "",
) -> str:
    """The page as one HTML string.

    comparison: with another run, to show with the metrics; other_page: the address of that run's page.
    alarms: why not to believe the numbers yet. tables: what else there is to say (`tables_of`).
    partial: how much of an unfinished run there is. recipe: the content of recipe.toml; "" if the verb has no recipe.
    """
    formats = format_styles(order_formats([solution.format for solution in solutions]))
    return render(
        "page.html.j2",
        scripts=["katex/katex.min.js", "page.js"],
        maths=True,
        run=run,
        summary=summarize_run(run, problems, solutions=solutions),
        formats=formats,
        metrics=metrics,
        overall={(metric.measure, metric.format): metric for metric in metrics if not metric.group},
        chart=accuracy_chart(metrics, formats),
        sections=metric_sections(metrics, formats),
        all_problems=ALL,
        breakdowns=breakdown_sections(metrics, formats),
        plots=draw_plots(metrics, solutions, formats),
        comparison=comparison,
        differences=difference_chart(comparison) if comparison else None,
        other_page=other_page,
        alarms=alarms,
        tables=tables,
        partial=partial,
        recipe=recipe or recipe_text(run.recipe),
        repeat=f"slipstick {run.verb} recipe.toml --out {shlex.quote(f'../{run.name}-again')}" if recipe else "",
        packed_problems=pack_problems(problems, solutions),
    )


def page_at(out: Path, name: str) -> Path:
    """The page's file: `out` if it names an HTML file, else a file of this name in that folder."""
    return out if out.suffix.lower() in (".html", ".htm") else out / name


def render(template: str, *, scripts: Sequence[str] = (), maths: bool = False, **content: Any) -> str:
    """A page from a template of this package, with its styles and scripts and a policy that allows no others."""
    run_scripts = [_read(script) for script in scripts]
    styles = [*([_katex_style()] if maths else []), _read("page.css")]
    return _template(template).render(
        scripts=[Markup(script) for script in run_scripts],
        styles_of_page=[Markup(style) for style in styles],
        policy=_policy(run_scripts, styles),
        **content,
    )


@cache
def _read(name: str) -> str:
    return files("slipstick.report").joinpath(name).read_text("utf-8")


def _policy(scripts: Sequence[str], styles: Sequence[str]) -> str:
    """A content security policy by which nothing is fetched and no script runs but the page's own."""

    def digests(texts: Sequence[str]) -> str:
        hashed = (base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in texts)
        return " ".join(f"'sha256-{each}'" for each in hashed) or "'none'"

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


def _template(name: str) -> Template:
    environment = Environment(
        loader=PackageLoader("slipstick.report", package_path=""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"number": number, "interval": interval, "signed": signed}
    environment.globals["marks"] = [Markup(shape) for shape in MARKS]
    return environment.get_template(name)


@cache
def _katex_style() -> str:
    """KaTeX's style sheet with every font as data."""
    return _FONT_SOURCE.sub(lambda found: f'src:url({_font(found[1])}) format("woff2")', _read("katex/katex.min.css"))


def _font(name: str) -> str:
    data = files("slipstick.report").joinpath("katex", "fonts", name).read_bytes()
    return f"data:font/woff2;base64,{base64.b64encode(data).decode('ascii')}"
