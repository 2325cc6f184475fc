"""Shows how far long work is: a bar with rate and time left on a terminal, a plain line a minute elsewhere."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

_PLAIN_SECONDS = 60.0


class Advance(Protocol):
    """Called with how much is done in all, and a few words on how it goes."""

    def __call__(self, amount: float, note: str = "") -> None: ...


@contextmanager
def progress(title: str, total: float, unit: str, *, console: Console, done: float = 0) -> Iterator[Advance]:
    """Yields a function that takes the amount done in all and a note.

    done: what an earlier run already had; rate and time left are those of what has been done since.
    """
    began = time.monotonic()

    def pace(amount: float) -> str:
        rate = (amount - done) / max(time.monotonic() - began, 1e-9)
        left = f", {duration((total - amount) / rate)} left" if rate > 0 and amount < total else ""
        return f"{rate:,.{0 if rate >= 10 or not rate else 1}f} {unit}/s{left}"

    if console.is_terminal:
        note_column = TextColumn("{task.fields[note]}", markup=False)
        with Progress(
            TextColumn(f"{title:<10}"), BarColumn(bar_width=20), MofNCompleteColumn(), note_column, console=console
        ) as bar:
            task = bar.add_task(title, total=total, completed=int(done), note="")

            def move(amount: float, note: str = "") -> None:
                bar.update(task, completed=amount, note=f"{pace(amount)} {note}".rstrip())

            yield move
        return
    shown = began
    last = done, ""

    def line(amount: float, note: str) -> None:
        text = f"{title}: {amount:,.0f} of {total:,.0f} {unit} ({pace(amount)}) {note}".rstrip()
        console.print(text, highlight=False, markup=False, soft_wrap=True)

    def advance(amount: float, note: str = "") -> None:
        nonlocal shown, last
        last = amount, note or last[1]
        if time.monotonic() - shown >= _PLAIN_SECONDS:
            shown = time.monotonic()
            line(*last)

    yield advance
    line(*last)


def duration(seconds: float) -> str:
    """ "45 s", "12 min", "3 h 20 min"."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60:,} h {minutes % 60} min"
