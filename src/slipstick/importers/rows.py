"""Rows of no tool: a question, a gold and a response under keys that are mapped, or guessed by their names.

verl's rollout dumps (input, output, gts, score) are such rows.
"""

import logging
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from slipstick.errors import InputError, did_you_mean
from slipstick.importers.parsed import ParsedAttempt, ParsedRow
from slipstick.problems.files import has_options, option_cells, survey, value_at
from slipstick.problems.gold_columns import ANSWERS, FLAGS_OR_GOLDS
from slipstick.problems.messages import read_chat, text_of
from slipstick.problems.option_columns import UNDECIDED, Decided, FieldMap, lettered_columns
from slipstick.tabular import Row

FIELDS = ("text", "answer", "response", "verdict", "id", "kind", "choices")
"""What can be mapped: fields of a problem, the whole output, and another tool's verdict on it."""
LOOKED_AT = 1000
"""Rows that say whether a column holds verdicts or golds: one row with a 1 does not."""
_OF_PROBLEM = ("text", "answer", "id", "kind", "choices")
_LOGGER = logging.getLogger("slipstick")
USUAL_KEYS: dict[str, tuple[str, ...]] = {
    "text": ("question", "problem", "text", "prompt", "instruction", "query", "input", "messages"),
    "answer": (*ANSWERS, "solution"),
    "response": (
        *("response", "responses", "completion", "completions", "output", "outputs", "generation", "generations"),
        *("generated_text", "generated_solution", "model_output", "model_response", "model_answer", "reply"),
        *("prediction", "predictions", "pred"),
    ),
    "verdict": ("is_correct", "correct", "correctness", "verdict", "label", "passed", "score", "acc", "reward"),
    "id": ("id", "problem_id", "question_id", "unique_id", "uid", "idx", "index"),
    "kind": ("kind", "answer_type"),
    "choices": ("choices", "options"),
}
"""Field -> its usual keys, the best first."""
_MODELS = frozenset(("model", "model_name", "model_id"))
_FLAGS = {"true": True, "false": False, "1": True, "0": False, "-1": False, "1.0": True, "0.0": False, "-1.0": False}
"""How a table without types writes them."""


def check_map(field_map: FieldMap) -> None:
    """Raises InputError for a field that cannot be mapped."""
    for field, key in field_map.items():
        if field != "choices" and not isinstance(key, str):
            raise InputError(f"field_map.{field} = {key}: only `choices` may have several columns")
        if field not in FIELDS:
            near = did_you_mean(field, FIELDS)
            raise InputError(
                f"field_map.{field} is not a field of a row{near}; known: text (the question), answer (the gold), "
                "response (the whole output), verdict, id, kind, choices"
            )


def guess(head: Sequence[dict[str, Any]], field_map: FieldMap | None = None) -> dict[str, str | list[str]] | None:
    """Field -> key: those mapped, the others by their usual names; None if there is no gold or no response.

    head: the first rows of a file, up to `LOOKED_AT`, at least one.
    """
    fields = dict(field_map or {})
    if "verdict" not in fields and (key := verdict_key(head, fields)):
        fields["verdict"] = key  # before a gold is looked for under the same name
    found = usual_keys(head[0], fields)
    return found if {"answer", "response"} <= found.keys() else None


def usual_keys(values: dict[str, Any], field_map: FieldMap | None = None) -> dict[str, str | list[str]]:
    """Field -> key, as far as keys are mapped or have usual names, in whatever case."""
    found = dict(field_map or {})
    own = {key.strip().lower(): key for key in values}
    for field in FIELDS:
        for name in USUAL_KEYS[field]:
            key = name if name in values else own.get(name, name)
            if field not in found and key not in found.values() and _fits(field, at(values, key)):
                found[field] = key
    return found


def verdict_key(rows: Sequence[Mapping[str, Any]], fields: FieldMap) -> str | None:
    """The column of verdicts under a usual name, by the first rows of a file; None if there is none.

    Its values are true and false, or all of them 1, 0 or -1. fields: field -> key, of keys that hold something else. A
    number under a name that golds have too is the place of an option, if the row has options.
    """
    own = {key.lower(): key for row in rows for key in row}
    for name in USUAL_KEYS["verdict"]:
        key = own.get(name, name)
        values = [value for row in rows if not is_missing(value := row.get(key))]
        if not values or key in fields.values():
            continue
        place = name in FLAGS_OR_GOLDS and any(map(_has_options, rows))
        if any(isinstance(value, bool) for value in values) or (not place and None not in map(flag_of, values)):
            return key
    return None


def models_of(rows: Iterable[Mapping[str, Any]]) -> tuple[str, list[str]]:
    """The column that says which model wrote a row, and its values in the order they come; ("", []) if there is none.

    A column with one value says nothing, nor does one with a value of its own in every row.
    """
    found: dict[str, Counter[str]] = {}
    for values in rows:
        for key in values.keys() & _MODELS:
            if isinstance(values[key], str) and values[key].strip():
                found.setdefault(key, Counter())[values[key].strip()] += 1
    several = [key for key in sorted(found) if len(found[key]) > 1 and max(found[key].values()) > 1]
    return (several[0], list(found[several[0]])) if several else ("", [])


def model_of(row: Row, key: str) -> str:
    """The model that wrote a row. Raises InputError for a row of no model, if others are of several."""
    model = str(row.values.get(key) or "").strip()
    if not model:
        raise InputError(f"{row.where} has no `{key}`, and the other rows are of several: say which model wrote it")
    return model


def task(path: Path) -> str:
    """The file's name."""
    return path.name.partition(".")[0]


def options_of(path: Path, first: Row, field_map: FieldMap) -> Decided:
    """What all rows of a file say of columns A, B, ... and of whole numbers as golds, if the first has options."""
    mapped = {field: key for field, key in field_map.items() if field in _OF_PROBLEM}
    if not has_options(first, mapped):
        return UNDECIDED
    return survey(path, mapped).decided(str(path), _LOGGER.warning)


def read(row: Row, field_map: FieldMap, decided: Decided = UNDECIDED) -> ParsedRow:
    """The problem and its responses: one text, several, or a dialogue. Raises InputError for a key that is missing."""
    keys = {field: key for field, key in field_map.items() if isinstance(key, str)}
    found = {field: value_at(row, field, key) for field, key in keys.items()}
    problem = {field: found[field] for field in _OF_PROBLEM if field in found}
    problem["text"] = found.get("text") or f"row {row.number}"
    if keys["answer"].lower() == "solution":
        problem["solution"] = problem.pop("answer")
    if "choices" not in field_map:
        problem |= option_cells(row.values, decided)
    elif not isinstance(columns := field_map["choices"], str):
        held = {name: value_at(row, "choices", name) for name in columns}
        problem["choices"] = {name: value for name, value in held.items() if not is_missing(value)}
    verdict = found.get("verdict")
    texts = _texts(row, found["response"])
    flag = flag_of(verdict) if len(texts) == 1 else None
    verdicts = {} if flag is None else {keys["verdict"]: flag}
    return ParsedRow(problem, [ParsedAttempt(text, None, verdicts) for text in texts])


def flag_of(value: Any) -> bool | None:
    """Whether a verdict says "correct": true, 1, or such a text; None for what says neither."""
    if isinstance(value, str):
        return _FLAGS.get(value.strip().lower())
    return value == 1 if isinstance(value, bool | int | float) and value in (-1, 0, 1) else None


def is_missing(value: Any) -> bool:
    """Whether a value says nothing: None, an empty text, or the NaN that tables have for an empty cell."""
    return value is None or value == "" or value != value


def _has_options(values: Mapping[str, Any]) -> bool:
    return bool(values.get("choices") or values.get("options") or lettered_columns(values))


def _texts(row: Row, value: Any) -> list[str]:
    if value is None or isinstance(value, str):
        return [value or ""]
    if (chat := read_chat(value)) is not None:
        if chat.reply or chat.question:
            return [chat.reply]
        return ["\n".join(text_of(message.get("content", message.get("value"))) for message in value)]
    if isinstance(value, list):
        return [text for item in value for text in _texts(row, item)]
    raise InputError(f"{row.where}: the response is {str(value)[:60]}, not text, a list of texts or chat messages")


def at(values: Mapping[str, Any], key: str) -> Any:
    """The value under "a.b", None if there is none."""
    value: Any = values
    for part in [key] if key in values else key.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def _fits(field: str, value: Any) -> bool:
    match field:
        case "verdict":
            return isinstance(value, bool | int | float)
        case "answer":
            return value is not None and not isinstance(value, bool | dict)
        case "text" | "response":
            return isinstance(value, str | list)
        case _:
            return value is not None
