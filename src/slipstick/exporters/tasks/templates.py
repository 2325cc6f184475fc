"""Fills in the templates of a task's files, all of them in the same way."""

import json
from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import files
from importlib.resources.abc import Traversable

from jinja2 import Environment, StrictUndefined

_ENVIRONMENT = Environment(
    undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True, autoescape=False
)
_ENVIRONMENT.filters["json"] = json.dumps  # strings of JSON are YAML's and Python's too


def templates(shape: str) -> dict[str, str]:
    """Path of a file in a task's folder, where NAME stands for the task's name -> its template."""
    return dict(_below(files(__package__).joinpath(shape)))


def fill_in(template: str, values: Mapping[str, object]) -> str:
    """The text of a file. Raises jinja2.UndefinedError for a name that has no value."""
    return _ENVIRONMENT.from_string(template).render(values)


def _below(folder: Traversable, above: Sequence[str] = ()) -> Iterator[tuple[str, str]]:
    for entry in sorted(folder.iterdir(), key=lambda each: each.name):
        if entry.is_dir():
            yield from _below(entry, [*above, entry.name])
        elif entry.name.endswith(".j2"):
            yield "/".join([*above, entry.name.removesuffix(".j2")]), entry.read_text("utf-8")
