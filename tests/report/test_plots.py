"""Plots as SVG."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from slipstick.metrics import summarize
from slipstick.report.content import format_styles
from slipstick.report.plots import draw_plots
from tests.report.runs_to_report import make_rows, make_samples


def test_plots_are_drawn_if_there_are_numbers_for_them() -> None:
    problems, solutions = make_samples()
    metrics = summarize(problems, solutions, ks=[1, 2, 4], same=str.__eq__)
    plots = {one.name: one for one in draw_plots(metrics, solutions, format_styles(["cot", "pot"]))}
    assert set(plots) == {"samples", "agreement-cot-pot", "cost", "tokens"}
    assert plots["samples"].svg.count("<polyline") == 2 * 2 * 4  # four lines of two formats, and the legend
    counts = [int(one) for one in re.findall(r"<title>[^<]*?, (\d+)</title>", plots["agreement-cot-pot"].svg)]
    assert abs(sum(counts) - len(problems)) <= 2  # four numbers, rounded
    for plot in plots.values():
        ElementTree.fromstring(plot.as_file())
    single, _ = make_rows()
    alone = [solution for solution in make_rows()[1] if solution.format == "cot"]
    assert draw_plots(summarize(single, alone, ks=[], same=str.__eq__), alone, format_styles(["cot"])) == []
