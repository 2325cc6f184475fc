"""The recipes that come with slipstick, which folder each of them makes, and what a name that is none of them names."""

from collections.abc import Collection
from pathlib import Path, PurePath

from slipstick.errors import did_you_mean

_QUICKSTART = ("data", "train", "evaluate")
"""Folders in runs/quickstart, which `slipstick quickstart` makes."""


def shipped_recipes() -> dict[str, Path]:
    """Name -> file of the recipes that come with slipstick."""
    package = Path(__file__).parent
    # In an installed wheel they are in the package, in a source tree at its root.
    folder = package / "recipes" if (package / "recipes").is_dir() else package.parents[1] / "recipes"
    return {path.stem: path for path in sorted(folder.glob("*.toml"))}


def maker_of(folder: PurePath | str) -> str:
    """The command that makes a folder of runs/, "slipstick evaluate value-samples"; "" if no shipped recipe does."""
    parts = PurePath(folder).parts
    below = parts[len(parts) - parts[::-1].index("runs") :] if "runs" in parts else ()
    if below[:1] == ("quickstart",) and below[1:2] and below[1] in _QUICKSTART:
        return "slipstick quickstart"
    recipe = shipped_recipes().get(below[0]) if below else None
    return recipe.read_text("utf-8").partition("\n")[0].lstrip("# ") if recipe else ""


def how_to_make(folder: PurePath | str) -> str:
    """The end of a message about a folder that is missing; "" if no shipped recipe makes it."""
    command = maker_of(folder)
    return f"; `{command}` makes it" if command else ""


def no_recipe(name: str, settings: Collection[str] = ()) -> str:
    """What a name is that was given in a recipe's place, and what to write instead; settings: keys of the command."""
    path, hint = Path(name), did_you_mean(name, shipped_recipes())
    if (path / "run.json").is_file():
        return f"it is a run's folder, not a recipe{_as_setting(name, settings, ('data', 'run'))}"
    if path.name and path.with_name(f"{path.name}.toml").is_file():
        return f"no such recipe (did you mean `{name}.toml`?)"
    if path.is_file():
        made = f"; `slipstick import {name}` makes a run of rows to train on" if "data" in settings else ""
        return f"it is a file, and no recipe, which ends in .toml{_as_setting(name, settings, ('problems',)) or made}"
    if path.is_dir():
        return "it is a folder without a run.json: name a recipe (mine.toml) or a run"
    if path.parent != Path() or path.suffix:
        near = did_you_mean(path.name, [each.name for each in path.parent.glob("*")])
        return f"it does not exist{near or hint}{how_to_make(path)}; shipped recipes: `slipstick list recipes`"
    return f"no such file, and no shipped recipe of that name{hint}; `slipstick list recipes` shows them"


def _as_setting(name: str, settings: Collection[str], keys: Collection[str]) -> str:
    key = next((key for key in keys if key in settings), "")
    return f": leave it out and write --set {key}={name}" if key else ""
