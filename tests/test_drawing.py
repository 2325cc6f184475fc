"""Ticks are round numbers, and a drawing is well-formed."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from slipstick.drawing import Entry, as_file, charted, mark, nice_axis, percent_grid


@pytest.mark.parametrize(
    ("low", "high", "labels"),
    [
        (0, 94.6, ["0", "20", "40", "60", "80", "100"]),
        (0, 0.000389, ["0.0000", "0.0001", "0.0002", "0.0003", "0.0004"]),
        (0, 1234, ["0", "500", "1,000", "1,500"]),
        (-0.031, 0.102, ["-0.05", "0.00", "0.05", "0.10", "0.15"]),
        (100, 100, ["50", "70", "90", "110", "130", "150"]),
    ],
)
def test_ticks_are_round_and_cover_the_values(low: float, high: float, labels: list[str]) -> None:
    axis = nice_axis(low, high)
    assert axis.low <= low <= high <= axis.high
    if low < high:
        assert axis.labels() == labels
    assert len(axis.ticks) <= 6


def test_a_drawing_is_well_formed_and_hostile_words_stay_words() -> None:
    axis = nice_axis(0, 1)
    drawn = charted(
        [*percent_grid(axis), mark(2, 9, 9, colour="var(--c2)", title="<&>")], [Entry("<b>", "var(--c0)", 0)]
    )
    root = ElementTree.fromstring(as_file(drawn))
    assert "<b>" in [text.text for text in root.iter("{http://www.w3.org/2000/svg}text")]
