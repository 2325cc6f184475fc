"""What a layout makes of a row: its problem under names that are recognised, and what was said of it."""

from __future__ import annotations

from typing import Any, NamedTuple


class Said(NamedTuple):
    """One attempt of a row and what its tool made of it."""

    text: str | None
    """All that was written; None where the file keeps only the answer."""
    answer: str | None
    """The answer the tool found, "" where it found none; None where the file does not say."""
    verdicts: dict[str, bool]
    """Name of a verdict -> whether it said right."""
    rule: str = ""
    """Name of the rule that found the answer, where the tool has several."""
    program: str | None = None
    """The program, where the text is one whose output the file does not hold."""
    failed: bool = False
    """Whether that program failed."""
    tokens: int = 0
    """Tokens that were generated, 0 where the file does not say."""


class Item(NamedTuple):
    """A row."""

    problem: dict[str, Any]
    """Keys as `problems.files.to_problem` recognises them."""
    said: list[Said]
    """The samples, in order."""


def as_text(value: Any) -> str | None:
    """An answer as it stands in a row: text, a number, or None."""
    return None if value is None else str(value)


def pick(values: dict[str, Any], *keys: str) -> dict[str, Any]:
    """Those of the keys that the row has."""
    return {key: values[key] for key in keys if key in values}
