"""Where problems come from.

A plug-in is a function `load(argument, fields=None) -> Iterator[Problem]`, named by an entry point in the group
`slipstick.problems`; `argument` is what a recipe wrote after the colon.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from slipstick.plugins import list_plugins, load_plugin, split_spec
from slipstick.schema import Problem


class LoadProblems(Protocol):
    """What a problems plug-in is."""

    def __call__(self, argument: str, *, fields: dict[str, str] | None = None) -> Iterator[Problem]:
        """Yields problems; `fields` maps a field of Problem to the row's own key. Raises InputError."""
        ...


def load_problems(spec: str, *, fields: dict[str, str] | None = None) -> Iterator[Problem]:
    """Problems of a source ("made:test") or of a JSONL file, gzipped or not ("path/to/problems.jsonl").

    Raises PluginError for an unknown source and InputError, with file and line, for a bad row.
    """
    name, argument = split_spec(spec)
    if name not in list_plugins("problems") and (Path(spec).suffix or Path(spec).exists()):
        name, argument = "files", spec
    load: LoadProblems = load_plugin("problems", name)
    return load(argument, fields=fields)
