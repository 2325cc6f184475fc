"""What a reader takes out of a row, and the few things most of them do."""

import re
from collections.abc import Mapping
from typing import Any, Required, TypedDict

from slipstick.schema import Kind

Values = Mapping[str, Any]


class Facts(TypedDict, total=False):
    """What a row says of a problem; what is missing is not known."""

    text: Required[str]
    """The question."""
    number: str
    """The source's own number of the row, if it has one."""
    answer: str | None
    """The gold; several if any of them will do."""
    kind: Kind | None
    """What the gold is; None if the row does not say."""
    choices: list[str] | None
    """Options of a multiple choice."""
    rationale: str | None
    """The worked solution."""
    licence: str
    """The row's own licence."""
    metadata: dict[str, Any]
    """What else the row says."""


_NUMBER = re.compile(r"[-+]?\$?((\d{1,3}(,\d{3})+|\d+)\.?\d*|\.\d+)(e[-+]?\d+|\s*/\s*\d+)?\s*(\\?%)?", re.IGNORECASE)
_DOLLARS = re.compile(r"\s*(\$\$?)([^$]*)\1\s*\.?\s*")
_WORDS = re.compile(r"\\(text|mbox)\{[^{}]*\}|([A-Za-z][a-z]{2,}[.,]?|[Nn]o)([ '-]+[A-Za-z]+[.,]?)*")


def words(values: Values, *keys: str) -> str:
    """The text under the first of the keys that has any. Raises ValueError if none has."""
    for key in keys:
        value = values.get(key)
        if isinstance(value, str) and value.strip():
            return value
    raise ValueError(f"has no text under {' or '.join(f'`{key}`' for key in keys)}")


def written(value: Any) -> str | None:
    """A gold as text: 18.0 -> "18"; None for nothing. Raises ValueError for a list or an object."""
    if isinstance(value, dict | list):
        raise ValueError(f"has the answer {str(value)[:60]}, which is not a single value")
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    text = "" if value is None else str(value).strip()
    return re.sub(r"^(-?\d+)\.0+$", r"\1", text) or None


def undressed(answer: str | None) -> str | None:
    """A gold without the dollar signs around it and the full stop after them: "$x^2$." -> "x^2"."""
    match = _DOLLARS.fullmatch(answer or "")
    return (match[2] if match else answer or "").strip() or None


def kind_of(answer: str | None) -> Kind | None:
    """What a gold is, by its look: a number, words, or else LaTeX."""
    if answer is None:
        return None
    if _NUMBER.fullmatch(answer.strip()):
        return "number"
    return "text" if _WORDS.fullmatch(answer.strip()) else "latex"


def rest(values: Values, *used: str) -> dict[str, Any]:
    """The plain values that no field uses, for the metadata."""
    return {
        key: value
        for key, value in values.items()
        if key not in used and isinstance(value, str | int | float) and value != ""
    }


def last_box(text: str) -> tuple[str | None, int]:
    r"""What the last \boxed of a solution holds, as MATH's own scripts take it, and how many there are."""
    starts = [match.end() for match in re.finditer(r"\\(boxed|fbox|framebox)\b\s*", text)]
    if not starts:
        return None, 0
    inner = text[starts[-1] :]
    if not inner.startswith("{"):
        return re.split(r"[$\s]", inner, maxsplit=1)[0].rstrip(".,") or None, len(starts)
    depth = 0
    for place, character in enumerate(inner):
        depth += (character == "{") - (character == "}")
        if depth == 0:
            return inner[1:place].strip() or None, len(starts)
    return None, len(starts)


def worked(text: str) -> tuple[str, str | None]:
    """The parts of GSM8K's answer: the rationale with its annotations, and what follows the four hashes."""
    rationale, marked, answer = text.rpartition("####")
    return (rationale.strip(), answer.strip() or None) if marked else (text.strip(), None)
