"""Progress: a bar on a terminal, a plain line elsewhere, from where an earlier run stopped."""

from __future__ import annotations

import io

from rich.console import Console

from slipstick.progress import progress


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
