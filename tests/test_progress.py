"""Progress: a bar on a terminal, a plain line elsewhere, from where an earlier run stopped."""

from __future__ import annotations

import io
from dataclasses import dataclass

import pytest
from rich.console import Console

from slipstick.progress import duration, progress


@dataclass
class Clock:
    """A clock that stands still until it is set."""

    now: float = 0.0

    def __call__(self) -> float:
        return self.now


def show(*, terminal: bool) -> str:
    file = io.StringIO()
    console = Console(file=file, force_terminal=terminal, width=120)
    with progress("solving", 10, "solutions", console=console, done=4) as advance:
        for amount in range(5, 11):
            advance(amount, "so far so good")
    return file.getvalue()


def test_elsewhere_the_last_line_says_all() -> None:
    assert show(terminal=False).count("\n") == 1
    assert show(terminal=False).startswith("solving: 10 of 10 solutions (")
    assert "so far so good" in show(terminal=False)


def test_on_a_terminal_a_bar() -> None:
    shown = show(terminal=True)
    assert "solving" in shown and "10/10" in shown and "so far so good" in shown


@pytest.mark.parametrize("terminal", [True, False])
def test_rate_and_time_left_do_not_count_what_an_earlier_run_did(
    terminal: bool,
) -> None:
    clock = Clock()
    file = io.StringIO()
    console = Console(file=file, force_terminal=terminal, width=120)
    with progress("solving", 1000, "solutions", console=console, done=500, clock=clock) as advance:
        clock.now = 61.0
        advance(622, "now")
    assert "2.0 solutions/s, 3 min left" in file.getvalue()


def test_elsewhere_a_line_a_minute() -> None:
    clock = Clock()
    file = io.StringIO()
    with progress("solving", 1000, "solutions", console=Console(file=file, width=120), clock=clock) as advance:
        for second in range(1, 151):
            clock.now = float(second)
            advance(second)
    assert [line.split(" of")[0] for line in file.getvalue().splitlines()] == [
        "solving: 60",
        "solving: 120",
        "solving: 150",
    ]


def test_durations_are_read_at_a_glance() -> None:
    assert [duration(s) for s in (4.2, 99, 100, 5400, 12_000)] == ["4 s", "99 s", "2 min", "90 min", "3 h 20 min"]
