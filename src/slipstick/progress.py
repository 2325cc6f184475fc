"""Shows how far long work is: a bar with rate and time left on a terminal, a plain line now and then elsewhere."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

_PLAIN_SECONDS = 20.0


class Advance(Protocol):
    """Called with how much is done in all, and a few words on how it goes."""

    def __call__(self, amount: float, note: str = "") -> None: ...


class _Rate(ProgressColumn):
    def __init__(self, unit: str) -> None:
        super().__init__()
        self.unit = unit

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text(f"{speed:,.0f} {self.unit}/s" if speed else "", style="progress.data.speed")


@contextmanager
def progress(title: str, total: float, unit: str, *, console: Console, done: float = 0) -> Iterator[Advance]:
    """Yields a function that takes the amount done in all and a note; `done` is what an earlier run already had."""
    if console.is_terminal:
        columns = (
            TextColumn(f"{title:<22}"),
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            _Rate(unit),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}"),
        )
        with Progress(*columns, console=console) as bar:
            task = bar.add_task(title, total=total, completed=int(done), note="")

            def move(amount: float, note: str = "") -> None:
                bar.update(task, completed=amount, note=note)

            yield move
        return
    began = shown = time.monotonic()
    last = done, ""

    def line(amount: float, note: str) -> None:
        rate = (amount - done) / max(time.monotonic() - began, 1e-9)
        left = f", {(total - amount) / rate:,.0f} s left" if rate > 0 and amount < total else ""
        console.print(
            f"{title}: {amount:,.0f} of {total:,.0f} {unit} ({rate:,.0f} {unit}/s{left}) {note}".rstrip(),
            highlight=False,
            soft_wrap=True,
        )

    def advance(amount: float, note: str = "") -> None:
        nonlocal shown, last
        last = amount, note
        if time.monotonic() - shown >= _PLAIN_SECONDS:
            shown = time.monotonic()
            line(amount, note)

    yield advance
    line(*last)
