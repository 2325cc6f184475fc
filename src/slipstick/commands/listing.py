"""`slipstick list`: what there is by name. (A module named `list` would hide the built-in in this package.)"""

from pathlib import Path
from typing import get_args

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from slipstick.errors import UserError, did_you_mean
from slipstick.models.hf.packaged import packaged_models
from slipstick.plugins import Point, list_plugins
from slipstick.problems.catalogue import Split, datasets, lists
from slipstick.recipe import read_recipe
from slipstick.shipped import maker_of, shipped_recipes


def print_listing(console: Console, what: str = "") -> None:
    """Prints what `listing` gives; lines of text, such as commands to copy, are never broken."""
    for part in listing(what):
        console.print(part, soft_wrap=isinstance(part, str | Text), highlight=False)


def listing(what: str = "") -> list[RenderableType]:
    """Tables of the recipes and the plug-ins; only what `what` names, and with "problems" the datasets as well, with
    "models" the pretrained ones.

    Raises UserError if there is nothing of that name.
    """
    tables: dict[str, RenderableType] = {
        "recipes": _recipes(),
        **{point: _plugins(point) for point in get_args(Point)},
    }
    if what and what not in tables:
        raise UserError(f"`list` has no table `{what}`{did_you_mean(what, tables)}; known: {', '.join(tables)}")
    if what == "problems":
        return [tables[what], "", _datasets(), "", _lists()]
    if what == "models":
        return [tables[what], "", _packaged()]
    if what:
        return [tables[what]]
    more = f"\n{len(datasets())} datasets and {len(lists())} lists of them: slipstick list problems"
    return [*tables.values(), more]


def _recipes() -> Text:
    """Each recipe with its command in one line, however long, so that it can be copied."""
    rows = {name: path.read_text("utf-8").partition("\n")[0].lstrip("# ") for name, path in shipped_recipes().items()}
    rows = {name: f"{command}{_after(shipped_recipes()[name])}" for name, command in rows.items()}
    wide = max(map(len, rows), default=0) + 2
    return Text("\n").join(
        [
            Text("recipes", "bold"),
            *(Text.assemble((f"{name:<{wide}}", "cyan"), command) for name, command in rows.items()),
        ]
    )


def _after(recipe: Path) -> str:
    """What a recipe's folders are made by, as a comment behind its command; "" for a recipe that needs no other."""
    table = read_recipe(recipe)
    needed = [str(table.get(key, "")).rpartition(":")[2] for key in ("data", "base", "model")]
    makers = dict.fromkeys(filter(None, (maker_of(name).partition(" --")[0] for name in needed)))
    return f"  # after `{'` and `'.join(makers)}`" if makers else ""


def _plugins(point: Point) -> Table:
    table = _table(point)
    for name, entry in list_plugins(point).items():
        table.add_row(name, f"{entry.value} ({entry.dist.name})" if entry.dist else entry.value)
    return table


def _datasets() -> Table:
    """The catalogue: a dataset's name goes before the colon, a split's behind it."""
    table = Table("name", "splits and rows", "kind", "licence", "caveat", box=None, pad_edge=False)
    table.title, table.title_justify, table.title_style = "datasets", "left", "bold"
    table.columns[0].style, table.columns[0].no_wrap = "cyan", True
    table.columns[4].ratio = 1
    for name, dataset in datasets().items():
        splits = dataset.splits.items()
        alike = len(splits) > 4
        rows = [f"{', '.join(dataset.splits)}: {_rows(next(iter(splits))[1])} each"] if alike else []
        rows = rows or [f"{split} {_rows(values)}" for split, values in splits]
        table.add_row(name, "\n".join(rows), dataset.kind, dataset.licence, dataset.caveat)
    return table


def _packaged() -> Table:
    table = _table('pretrained models that are fetched when first named: model = "hf:NAME", base = "NAME"')
    for name, model in packaged_models().items():
        table.add_row(name, f"{model.title}, {model.terms}, from {model.package}")
    return table


def _rows(split: Split) -> str:
    return f"{split.rows:,}" if split.rows else "?"


def _lists() -> Table:
    table = _table("lists of datasets: suite:NAME")
    for name, found in lists().items():
        table.add_row(name, f"{found.about}: {', '.join(found.sources)}")
    return table


def _table(title: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=None, show_header=False, pad_edge=False)
    table.add_column(style="cyan", no_wrap=True)
    table.add_column(overflow="fold")
    return table
