"""`slipstick list`: what there is by name."""

from __future__ import annotations

from typing import get_args

from rich.console import Group
from rich.table import Table

from slipstick.errors import UserError, did_you_mean
from slipstick.plugins import Point, list_plugins
from slipstick.recipe import shipped_recipes


def listing(what: str = "") -> Group:
    """Tables of the recipes and the plug-ins; only one of them where `what` names it.

    Raises UserError where there is nothing of that name.
    """
    tables = {"recipes": _recipes(), **{point: _plugins(point) for point in get_args(Point)}}
    if what and what not in tables:
        raise UserError(f"nothing to list is named `{what}`{did_you_mean(what, tables)}; known: {', '.join(tables)}")
    return Group(*([tables[what]] if what else tables.values()))


def _recipes() -> Table:
    table = _table("recipes")
    for name, path in shipped_recipes().items():
        table.add_row(name, path.read_text("utf-8").partition("\n")[0].lstrip("# "))
    return table


def _plugins(point: Point) -> Table:
    table = _table(point)
    for name, entry in list_plugins(point).items():
        table.add_row(name, f"{entry.value} ({entry.dist.name})" if entry.dist else entry.value)
    return table


def _table(title: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=None, show_header=False, pad_edge=False)
    table.add_column(style="cyan", no_wrap=True)
    table.add_column(overflow="fold")
    return table
