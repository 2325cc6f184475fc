"""What the progress line says of errors."""

from __future__ import annotations

import pytest

from slipstick.solve.monitor import kind_of_error


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ("Error code: 429 - too busy; try again", "Error code: 429 - too busy"),
        ("connect to http://10.0.0.1:8000/v1 failed: refused", "connect to http://10.0.0.1:8000/v1 failed: refused"),
        ("request 123456789 took too long. Try later.", "request ... took too long"),
        ("first line\nsecond line", "first line second line"),
        ("", "unknown"),
    ],
)
def test_an_error_is_told_in_whole_words(message: str, kind: str) -> None:
    assert kind_of_error(message) == kind


def test_a_long_error_is_cut_between_words() -> None:
    kind = kind_of_error("word " * 40)
    assert len(kind) <= 80 and kind.endswith("word ...")
