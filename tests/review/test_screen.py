"""Lines that a reviewer types."""

from __future__ import annotations

import pytest

from slipstick.review.screen import Command, parse_line

LINES = {
    "a": Command("accept"),
    " A  fine ": Command("accept", note="fine"),
    "c 7 1/2": Command("correct", "7 1/2"),
    "c 42 # she keeps one": Command("correct", "42", "she keeps one"),
    "r two readings": Command("reject", note="two readings"),
    "s": Command("skip"),
    "u": Command("undo"),
    "q": Command("quit"),
}


@pytest.mark.parametrize("line", LINES)
def test_lines_are_understood(line: str) -> None:
    assert parse_line(line) == LINES[line]


@pytest.mark.parametrize("line", ["", "x", "accept", "c", "c  # why", "?"])
def test_other_lines_are_answered(line: str) -> None:
    assert isinstance(parse_line(line), str)
