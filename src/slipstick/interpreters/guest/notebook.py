"""How a notebook shows a value in plain text: its repr, long containers broken over lines, sets in order.

Models learned from outputs of IPython's pretty printer, and recorded sessions contain them: this is its layout of the
built-in containers; everything else is its own repr.
"""

from __future__ import annotations

_WIDTH = 79
_DEEPEST = 20
_MOST = 1000
_BRACKETS: dict[type, tuple[str, str]] = {list: ("[", "]"), tuple: ("(", ")"), dict: ("{", "}"), set: ("{", "}")}


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


def _ordered(items: set[object]) -> list[object]:
    try:
        return sorted(items)  # type: ignore[type-var]
    except Exception:  # what cannot be compared keeps its order
        return list(items)
