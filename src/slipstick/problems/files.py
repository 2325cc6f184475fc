"""Reads problems from files of many shapes: known keys are recognised, others are mapped by the recipe."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

from pydantic import ValidationError

from slipstick.errors import InputError, did_you_mean
from slipstick.problems.choices import letter, read_choices, with_choices
from slipstick.problems.conversion import to_problems
from slipstick.schema import Kind, Problem
from slipstick.tabular import OnBad, Row, read_rows, require_file

_KNOWN: dict[str, tuple[str, ...]] = {
    "id": ("id", "problem_id", "question_id", "unique_id", "idx", "index"),
    "text": ("text", "question", "problem", "instruction", "prompt", "query"),
    "answer": ("answer", "gold", "target", "expected_answer", "gold_answer", "final_answer", "gt"),
    "kind": ("kind", "answer_type"),
    "choices": ("choices", "options"),
    "rationale": ("rationale", "solution", "cot"),
    "licence": ("licence", "license"),
}
_KINDS = frozenset(get_args(Kind))
_STEM = re.compile(r"(\.jsonl?|\.ndjson|\.[ct]sv|\.parquet)?(\.gz)?$", re.IGNORECASE)


def load(argument: str, *, field_map: dict[str, str] | None = None, on_bad: OnBad | None = None) -> Iterator[Problem]:
    """The problems of a file, one at a time; docs/problems.md says how a row's keys are read.

    argument: path to a file that `read_rows` reads. field_map: a field of Problem -> the row's key ("a.b" for b inside
    a), which beats recognition. Raises InputError: immediately for a missing file or an unknown field, and with file
    and line for an invalid row, unless `on_bad` takes it.
    """
    field_map = field_map or {}
    for field in field_map:
        if field not in Problem.model_fields:
            known = ", ".join(Problem.model_fields)
            raise InputError(f"field_map.{field} is not a problem's field{did_you_mean(field, _KNOWN)}; known: {known}")
    path = Path(argument)
    require_file(path)
    stem = _STEM.sub("", path.name)
    rows = read_rows(path, on_bad=on_bad)
    return to_problems(rows, lambda row: to_problem(row, stem=stem, field_map=field_map), on_bad=on_bad)


def to_problem(row: Row, *, stem: str = "", field_map: dict[str, str] | None = None) -> Problem:
    """A row as a Problem. stem: prefix of an id that is missing or a bare number. Raises InputError."""
    field_map = field_map or {}
    values = row.values
    try:
        if not field_map and values.keys() == Problem.model_fields.keys():
            return Problem.model_validate(values)
        taken = {field: _mapped(row, field, key) for field, key in field_map.items()}
        used = {key if key in values else key.split(".")[0] for key in field_map.values()}
        for field in _KNOWN.keys() - field_map.keys():
            key = next((key for key in _KNOWN[field] if _fits(field, values.get(key))), None)
            if key is not None:
                taken[field] = values[key]
                used.add(key)
        return Problem(**_fields(row, taken, stem), metadata=_metadata(values, used, taken.get("metadata")))
    except ValidationError as error:
        first = error.errors()[0]
        raise InputError(f"{row.where}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from error


def _mapped(row: Row, field: str, path: str) -> Any:
    """The value under the key a recipe names; "a.b" is b inside a unless the row has a key "a.b" itself."""
    value: Any = row.values
    for key in [path] if path in row.values else path.split("."):
        if not isinstance(value, dict) or key not in value:
            near = did_you_mean(path, row.values)
            raise InputError(f"{row.where} has no `{path}`, which field_map.{field} names{near}; {_keys(row)}")
        value = value[key]
    return value


def _fits(field: str, value: Any) -> bool:
    match field:
        case "kind":
            return isinstance(value, str) and value.lower() in _KINDS
        case "id" | "answer":
            return value is not None
        case "choices":
            return isinstance(value, list | dict)
        case _:
            return isinstance(value, str)


def _fields(row: Row, taken: dict[str, Any], stem: str) -> dict[str, Any]:
    text = taken.get("text")
    if not isinstance(text, str) or not text.strip():
        what = "has no question" if text is None else f"has no words in its question, {text!r}"
        raise InputError(f"{row.where} {what}; {_keys(row)}; say which key holds it: --set field_map.text=KEY")
    extra = row.values.get("input")
    if taken.get("text") == row.values.get("instruction") and isinstance(extra, str) and extra.strip():
        text = f"{text}\n{extra}"
    choices = _choices(row, taken.get("choices"))
    answer, worked = _answer(row, taken.get("answer"), choices)
    kind = taken.get("kind")
    return {
        "id": _id(row, taken.get("id"), stem),
        "text": with_choices(text, choices),
        "answer": answer,
        "kind": kind.lower() if isinstance(kind, str) and kind.lower() in _KINDS else None,
        "choices": choices,
        "rationale": taken.get("rationale") or worked,
        "licence": taken.get("licence"),
    }


def _id(row: Row, value: Any, stem: str) -> str:
    if value is None or value == "":
        return f"{stem}/{row.number}"
    if not isinstance(value, str | int):
        raise InputError(f"{row.where}: the id is {value!r}, neither text nor an integer; --set field_map.id=KEY")
    return f"{stem}/{value}" if stem and str(value).isdigit() else str(value)


def _answer(row: Row, value: Any, choices: list[str] | None) -> tuple[str | list[str] | None, str | None]:
    """The gold, and the rationale before it if the two are one text ("... #### 18")."""
    if isinstance(value, list):
        golds = [_scalar(row, item) for item in value]
        return [gold for gold in golds if gold] or None, None
    if choices and type(value) is int and str(value) not in choices:
        if not 0 <= value < len(choices):
            raise InputError(f"{row.where}: the answer is option {value} (counted from 0) of only {len(choices)}")
        return letter(value), None
    gold = _scalar(row, value)
    if gold and "\n####" in gold:
        worked, _, gold = gold.rpartition("\n####")
        return gold.strip() or None, worked
    return gold or None, None


def _scalar(row: Row, value: Any) -> str:
    if isinstance(value, dict | list):
        raise InputError(
            f"{row.where}: the answer is {type(value).__name__} {str(value)[:60]}, not text, a number or a list "
            "of acceptable answers (--set field_map.answer=KEY picks another key, KEY.INNER one inside an object)"
        )
    return "" if value is None else str(value).strip()


def _choices(row: Row, value: Any) -> list[str] | None:
    try:
        return read_choices(value)
    except ValueError as error:
        raise InputError(f"{row.where}: {error}") from error


def _metadata(values: dict[str, Any], used: set[str], merged: Any) -> dict[str, Any]:
    """The row's other plain values, and the content of its `metadata` if that is an object."""
    if merged is None:
        merged = values.get("metadata")
    plain = {key: value for key, value in values.items() if isinstance(value, str | int | float)}
    inner = merged if isinstance(merged, dict) else {}
    return inner | {key: value for key, value in plain.items() if key not in used}


def _keys(row: Row) -> str:
    return f"its keys are {', '.join(row.values) or 'none'}"
