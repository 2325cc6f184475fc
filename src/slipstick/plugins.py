"""Finds plug-ins by name through entry points; built-in ones are declared in the same way as third parties'."""

from importlib.metadata import EntryPoint, entry_points
from typing import Any, Literal

from slipstick.errors import PluginError, did_you_mean
from slipstick.extras import extra_of, how_to_install

Point = Literal["problems", "models", "interpreters", "formats"]
GIVEN = "given"
"""What stands in a recipe before the name of an object that was given in Python."""


def list_plugins(point: Point) -> dict[str, EntryPoint]:
    """Name -> entry point of every installed plug-in of one of the four points."""
    return {entry.name: entry for entry in sorted(entry_points(group=f"slipstick.{point}"), key=lambda e: e.name)}


def load_plugin(point: Point, name: str) -> Any:
    """The object a plug-in's entry point names.

    Raises PluginError if there is none of that name, or if loading it fails.
    """
    known = list_plugins(point)
    if name == GIVEN:
        raise PluginError(
            f"one of the {point} of this run was an object, given in Python: go on with the same call there, with "
            "resume=True, or start a new run and name another"
        )
    if name not in known:
        raise PluginError(
            f"no {point} plug-in is named `{name}`{did_you_mean(name, known)}; known: {', '.join(known) or 'none'}"
        )
    try:
        return known[name].load()
    except Exception as error:  # whatever a plug-in's own module raises when it is imported
        missing = error.name if isinstance(error, ImportError) else None
        extra = f" ({how_to_install(missing)})" if missing and extra_of(missing) else ""
        what = f"{type(error).__name__}: {error}"
        raise PluginError(f"the {point} plug-in `{name}` cannot be loaded: {what}{extra}") from error


def split_spec(spec: str) -> tuple[str, str]:
    """'hf:runs/model' -> ('hf', 'runs/model'); 'local' -> ('local', '')."""
    name, _, argument = spec.partition(":")
    return name, argument
