"""How good a ranking is: the curve, its area and its picture."""

from __future__ import annotations

from pathlib import Path

import pytest

from slipstick.audit.curve import average_precision, draw_curves, gain, precision_recall


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


def test_the_picture_is_the_same_each_time(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="the extra `report` is not installed")
    for name in ("one.svg", "two.svg"):
        draw_curves(tmp_path / name, {"audit": [0.9, 0.2]}, [True, False])
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()
    assert "1 wrong or ambiguous labels of 2" in (tmp_path / "one.svg").read_text()
