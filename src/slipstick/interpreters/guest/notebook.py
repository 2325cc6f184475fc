"""What a notebook does and Python does not: how it shows a value, and its commands in a cell.

A value is shown as its repr, long containers broken over lines, sets in order: models learned from outputs of
IPython's pretty printer, and recorded sessions contain them; everything but the built-in containers is its own repr.
"""

from __future__ import annotations

import ast
import re

_COMMAND = re.compile(
    r"^(?P<indent>[ \t]*)(?:%%?\w|!|\?{1,2}\w)[^\n]*$|^(?P<help>[ \t]*)[\w.]+\?{1,2}[ \t]*$", re.MULTILINE
)
_WIDTH = 79
_DEEPEST = 20
_MOST = 1000
_BRACKETS: dict[type, tuple[str, str]] = {list: ("[", "]"), tuple: ("(", ")"), dict: ("{", "}"), set: ("{", "}")}


def parse_cell(source: str, name: str) -> ast.Module:
    """The syntax tree of a cell; a notebook's commands (`%matplotlib inline`, `%%time`, `!pip ...`, `x?`) do nothing.

    Lines are looked at only if the source is no Python without that. Raises SyntaxError.
    """
    try:
        return _parse(source, name)
    except SyntaxError:
        without = _COMMAND.sub(lambda line: (line["indent"] or line["help"] or "") + "pass", source)
        if without == source:
            raise
        return _parse(without, name)


def _parse(source: str, name: str) -> ast.Module:
    tree = compile(source, name, "exec", ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
    assert isinstance(tree, ast.Module)
    return tree


def is_silenced(source: str, last: ast.stmt) -> bool:
    """Whether a cell ends in a semicolon, so that the value of its last expression is not shown."""
    lines = re.split(rb"\r\n?|\n", source.encode())[(last.end_lineno or 1) - 1 :]
    return b"\n".join([lines[0][last.end_col_offset or 0 :], *lines[1:]]).lstrip().startswith(b";")


def show(value: object, depth: int = 0, column: int = 0) -> str:
    """The text of a value that starts at `column`, inside `depth` brackets."""
    text = repr(value)
    kind = type(value)
    fits = column + len(text) <= _WIDTH
    if kind not in _BRACKETS or (fits and "{" not in text) or depth == _DEEPEST:
        return text
    assert isinstance(value, list | tuple | dict | set)
    if not 0 < len(value) <= _MOST:
        return text
    if isinstance(value, dict):
        keys = [f"{key!r}: " for key in value]
        parts = [
            key + show(item, depth + 1, depth + 2 + len(key)) for key, item in zip(keys, value.values(), strict=True)
        ]
    else:
        parts = [show(item, depth + 1, depth + 2) for item in (_ordered(value) if isinstance(value, set) else value)]
    start, end = _BRACKETS[kind]
    between = ", " if fits else ",\n" + " " * (depth + 1)
    single = "," if kind is tuple and len(parts) == 1 else ""
    return start + between.join(parts) + single + end


def display(*values: object) -> None:
    """Shows values as a notebook shows the last one of a cell."""
    for value in values:
        print(show(value))


def _ordered(items: set[object]) -> list[object]:
    try:
        return sorted(items)  # type: ignore[type-var]
    except Exception:  # what cannot be compared keeps its order
        return list(items)
