"""How good a ranking is: the curve, its area and its picture."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import pytest

from slipstick.audit.curve import average_precision, draw_curves, gain, precision_recall

SVG = "{http://www.w3.org/2000/svg}"


def test_the_curve_and_its_area() -> None:
    scores, wrong = [0.9, 0.8, 0.8, 0.1], [True, False, True, False]
    assert [(p.read, p.found) for p in precision_recall(scores, wrong)] == [(1, 1), (3, 2), (4, 2)]
    metric = average_precision("ap", scores, wrong)
    assert (
        metric.value == pytest.approx((1 + 2 / 3) / 2) and metric.low <= metric.value <= metric.high and metric.n == 4
    )
    assert average_precision("ap", [1, 1, 1, 1], wrong).value == pytest.approx(0.5)  # all tied: any order
    assert precision_recall([1.0], [False]) == []
    assert gain(scores, [1, 1, 1, 1], wrong)[0] == pytest.approx(5 / 3)


def test_the_picture_is_the_same_each_time_and_steps_are_steps(tmp_path: Path) -> None:
    rankings = {"audit": [0.9, 0.8, 0.1, 0.05], "vote & <co>": [0.9, 0.8, 0.7, 0.2]}
    for name in ("one.svg", "two.svg"):
        draw_curves(tmp_path / name, rankings, [True, False, True, False])
    drawn = (tmp_path / "one.svg").read_text("utf-8")
    assert drawn == (tmp_path / "two.svg").read_text("utf-8")
    assert "2 wrong or ambiguous labels of 4" in drawn and "prefers-color-scheme: dark" in drawn
    lines = [line.attrib["points"].split() for line in ElementTree.fromstring(drawn).iter(f"{SVG}polyline")]
    steps = [[tuple(map(float, place.split(","))) for place in line] for line in lines if len(line) > 2]
    assert len(steps) == 2
    for corners in steps:  # each part of a curve is level or upright
        assert all(x == u or y == v for (x, y), (u, v) in pairwise(corners))
