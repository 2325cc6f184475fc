"""Tables for the terminal, Markdown and LaTeX."""

from __future__ import annotations

import re

from rich.console import Console

from slipstick.metrics import summarize
from slipstick.report import metrics_table
from slipstick.report.content import interval, number
from slipstick.report.table import latex_table, markdown_table
from tests.report.runs_to_report import make_rows, make_samples


def test_terminal_table() -> None:
    problems, solutions = make_rows()
    console = Console(width=140, record=True, file=None, force_terminal=False)
    with console.capture() as capture:
        console.print(metrics_table(summarize(problems, solutions, ks=[], same=str.__eq__)))
    lines = [line for line in capture.get().splitlines() if line.strip()]
    assert re.search(r"cot +pot +tir +hybrid +n", lines[0])
    everything = next(line for line in lines if "all problems" in line)
    assert everything.count("62.5 30.6–86.3") == 4
    assert everything.rstrip().endswith("8")
    assert next(line for line in lines if "unseen" in line).rstrip().endswith("4")
    assert any("Programs that ran" in line for line in lines)
    assert not any("topic " in line for line in lines)


def test_terminal_table_cuts_nothing_on_a_narrow_terminal() -> None:
    problems, solutions = make_rows()
    console = Console(width=80, force_terminal=False)
    with console.capture() as capture:
        console.print(metrics_table(summarize(problems, solutions, ks=[], same=str.__eq__)))
    shown = capture.get()
    assert "…" not in shown and max(map(len, shown.splitlines())) <= 80
    assert shown.count("30.6–86.3") >= 4 and re.search(r"all problems .* 8 *$", shown, re.MULTILINE)


def test_terminal_table_of_nothing() -> None:
    assert metrics_table([]).wide.row_count == 0


def test_tables_for_papers_hold_every_number() -> None:
    problems, solutions = make_samples()
    metrics = summarize(problems, solutions, ks=[1, 2], same=str.__eq__)
    markdown, latex = markdown_table(metrics), latex_table(metrics)
    for metric in metrics:
        assert f"{number(metric)} {interval(metric)}" in markdown
        assert f"{number(metric)} {{\\scriptsize {interval(metric)}}}" in latex
    assert len({line.count("|") for line in markdown.splitlines()}) == 1
    assert latex.count("&") == 3 * (latex.count("\\\\"))
    assert "no_answer" not in latex.replace("\\_", "")
