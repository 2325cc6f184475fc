"""The terminal, and the look of tables on it."""

import os

from rich import box
from rich.console import Console, ConsoleOptions, RenderResult
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text


class _Terminal(Console):
    """Prints until nobody reads any more, as in `slipstick evaluate ... | head -1`; the work goes on."""

    def on_broken_pipe(self) -> None:
        """Sends what is printed from now on nowhere; rich would end the program."""
        self.quiet = True
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self.file.fileno())
        os.close(nowhere)


def terminal(*, stderr: bool = False) -> Console:
    """A console that prints texts as they are: `[train]` and `:train:` stand in names, errors and answers."""
    return _Terminal(stderr=stderr, markup=False, emoji=False)


def headed_table(*left: str, right: tuple[str, ...] = ()) -> Table:
    """An empty table with a bold head over columns aligned left, then columns aligned right; long cells are folded."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold", padding=(0, 1, 0, 0))
    for name in left:
        table.add_column(Text(name), overflow="fold")
    for name in right:
        table.add_column(Text(name), justify="right", overflow="fold")
    return table


def unwrapped(table: Table, *, after: int = 0) -> Table:
    """The table with the cells of its columns from number `after` on in one line each, as numbers have to be."""
    for column in table.columns[after:]:
        column.no_wrap, column.overflow = True, "ellipsis"
    return table


class Fitting:
    """A table that is printed as another one where the terminal is too narrow for it, so that nothing in it wraps."""

    def __init__(self, wide: Table, narrow: Table) -> None:
        self.wide, self.narrow = wide, narrow

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """What rich asks for when it prints."""
        unbounded = options.update(max_width=100_000)
        fits = Measurement.get(console, unbounded, self.wide).maximum <= options.max_width
        yield self.wide if fits else self.narrow
