"""What the page and the tables show."""

from __future__ import annotations

from slipstick.report.content import breakdown_sections, format_styles, interval, metric_sections, number
from slipstick.report.forest import accuracy_chart
from slipstick.schema import Metric
from tests.report.runs_to_report import FORMATS


def test_formats_keep_their_colours_and_others_take_free_ones() -> None:
    assert [view.style for view in format_styles(FORMATS)] == [0, 1, 2, 3]
    views = format_styles(["mario", "pot", "react"])
    assert {view.name: view.style for view in views} == {"mario": 0, "pot": 1, "react": 2}
    assert len(format_styles([f"f{i}" for i in range(9)])) == 9


def test_chart_and_tables_follow_the_metrics() -> None:
    def accuracy(format: str, group_by: str = "", group: str = "", value: float = 0.5) -> Metric:
        return Metric(
            measure="accuracy", format=format, group_by=group_by, group=group, value=value, low=0.4, high=0.6, n=10
        )

    metrics = [
        accuracy("pot"),
        accuracy("cot", "split", "known"),
        accuracy("pot", "split", "known"),
        accuracy("pot", "topic", "gcd"),
        Metric(measure="minutes", value=0.5, low=0.4, high=0.6, n=10),
        accuracy("pot", "topic", "rate", 0.1),
    ]
    formats = format_styles(["cot", "pot"])
    chart = accuracy_chart(metrics, formats)
    assert chart and [(band.label, [lane.style.name for lane in band.lanes]) for band in chart.bands] == [
        ("all problems", ["pot"]),
        ("known", ["cot", "pot"]),
    ]
    sections = metric_sections(metrics, formats)
    assert [section.label for section in sections] == ["Accuracy", "Other"]
    assert sections[0].rows[0].cells == [None, metrics[0]]
    (topics,) = breakdown_sections(metrics, formats)
    assert (topics.label, [row.label for row in topics.rows]) == ("topic", ["rate", "gcd"])
    assert (number(metrics[4]), interval(metrics[4])) == ("0.5", "[0.4, 0.6]")


def test_only_splits_are_links_to_a_split() -> None:
    """The browser of problems filters by split; a set is not one."""
    fields = {"format": "pot", "value": 0.5, "low": 0.4, "high": 0.6, "n": 10}
    metrics = [
        Metric.model_validate({"measure": "accuracy", "group_by": group_by, "group": group, **fields})
        for group_by, group in [("", ""), ("set", "gsm8k"), ("split", "known"), ("average", "all sets")]
    ]
    chart = accuracy_chart(metrics, format_styles(["pot"]))
    assert chart and [(band.label, band.split) for band in chart.bands] == [
        ("all problems", ""),
        ("gsm8k", ""),
        ("known", "known"),
        ("average, all sets", ""),
    ]
