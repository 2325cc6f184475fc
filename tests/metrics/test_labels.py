"""Metrics as people read them."""

from __future__ import annotations

import pytest

from slipstick.metrics.labels import is_share, metric_label
from slipstick.schema import Metric


@pytest.mark.parametrize(
    ("measure", "share"), [("accuracy", True), ("pass@4", True), ("minutes", False), ("loss", False)]
)
def test_which_metrics_are_shares(measure: str, share: bool) -> None:
    assert is_share(Metric(measure=measure, value=0.5, low=0, high=1, n=1)) is share


@pytest.mark.parametrize(
    ("fields", "label"),
    [
        ({}, "accuracy"),
        ({"format": "pot"}, "accuracy, pot"),
        ({"format": "pot", "group_by": "set", "group": "gsm8k"}, "accuracy, pot, gsm8k"),
        ({"format": "pot", "group_by": "subject", "group": "algebra"}, "accuracy, pot, subject algebra"),
        ({"format": "pot", "group_by": "average", "group": "in-domain"}, "accuracy, pot, average, in-domain"),
    ],
)
def test_labels_say_what_was_measured(fields: dict[str, str], label: str) -> None:
    accuracy = Metric(measure="accuracy", value=0.5, low=0, high=1, n=1)
    assert metric_label(accuracy.model_copy(update=fields)) == label
