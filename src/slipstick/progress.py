"""Shows the progress of long work: a bar on a terminal, one changing line in a notebook, a line a minute elsewhere."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

_PLAIN_SECONDS = 60.0
_LOOK_SECONDS = 1.0
_NOTEBOOK_SECONDS = 0.5


class Advance(Protocol):
    """Called with the amount done so far and a few words about the work."""

    def __call__(self, amount: float, note: str = "") -> None: ...


@contextmanager
def progress(
    title: str,
    total: float,
    unit: str,
    *,
    console: Console,
    done: float = 0,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[Advance]:
    """Yields a function that takes the amount done so far, of `total` units, and a note.

    done: what an earlier run already did; it does not count for rate and time left. clock: seconds.
    """
    started = clock()

    def rate_and_time_left(amount: float) -> str:
        rate = (amount - done) / max(clock() - started, 1e-9)
        left = f", {duration((total - amount) / rate)} left" if rate > 0 and amount < total else ""
        return f"{rate:,.{0 if rate >= 10 or not rate else 1}f} {unit}/s{left}"

    if console.is_terminal:
        note_column = TextColumn("{task.fields[note]}", markup=False)
        with Progress(
            TextColumn(f"{title:<10}"), BarColumn(bar_width=20), MofNCompleteColumn(), note_column, console=console
        ) as bar:
            task = bar.add_task(title, total=total, completed=int(done), note="")

            def move(amount: float, note: str = "") -> None:
                bar.update(task, completed=amount, note=f"{rate_and_time_left(amount)} {note}".rstrip())

            yield move
        return

    def text(amount: float, note: str) -> str:
        return f"{title}: {amount:,.0f} of {total:,.0f} {unit} ({rate_and_time_left(amount)}) {note}".rstrip()

    if console.is_jupyter and not console.quiet:
        with _changing_line(clock) as show:
            yield lambda amount, note="": show(text(amount, note))
        return
    shown = started
    last = done, ""

    def line(amount: float, note: str) -> None:
        console.print(text(amount, note), highlight=False, markup=False, soft_wrap=True)

    def advance(amount: float, note: str = "") -> None:
        nonlocal shown, last
        last = amount, note or last[1]
        if clock() - shown >= _PLAIN_SECONDS:
            shown = clock()
            line(*last)

    yield advance
    line(*last)


@contextmanager
def _changing_line(clock: Callable[[], float]) -> Iterator[Callable[[str], None]]:
    """Yields a function that shows a text below a notebook's cell, each in place of the one before."""
    from IPython.display import display

    text, shown = "", -1.0
    handle = display({"text/plain": ""}, raw=True, display_id=True)  # type: ignore[no-untyped-call]  # IPython's

    def show(new: str) -> None:
        nonlocal text, shown
        text = new
        if clock() - shown >= _NOTEBOOK_SECONDS:
            shown = clock()
            handle.update({"text/plain": text}, raw=True)

    yield show
    handle.update({"text/plain": text}, raw=True)


@asynccontextmanager
async def watched_progress(
    title: str, total: float, unit: str, *, console: Console, done: float, state: Callable[[], tuple[float, str]]
) -> AsyncIterator[None]:
    """Shows every second, while other work runs in the event loop, the amount done and the note that `state` gives."""
    with progress(title, total, unit, console=console, done=done) as advance:

        async def look() -> None:
            while True:
                await asyncio.sleep(_LOOK_SECONDS)
                advance(*state())

        looking = asyncio.create_task(look())
        try:
            yield
        finally:
            looking.cancel()
            advance(*state())


def duration(seconds: float) -> str:
    """ "45 s", "12 min", "3 h 20 min"."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60:,} h {minutes % 60} min"
