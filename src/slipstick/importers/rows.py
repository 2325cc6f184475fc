"""Rows of no tool: a question, a gold and a response under keys that are mapped, or guessed by their names.

verl's rollout dumps (input, output, gts, score) are such rows.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from slipstick.errors import InputError, did_you_mean
from slipstick.importers.parsed import ParsedAttempt, ParsedRow
from slipstick.problems.files import value_at
from slipstick.problems.gold_columns import ANSWERS
from slipstick.problems.messages import read_chat, text_of
from slipstick.tabular import Row

FIELDS = ("text", "answer", "response", "verdict", "id", "kind", "choices")
"""What can be mapped: fields of a problem, the whole output, and another tool's verdict on it."""
_USUAL: dict[str, tuple[str, ...]] = {
    "text": ("question", "problem", "text", "prompt", "instruction", "query", "input", "messages"),
    "answer": (*ANSWERS, "solution"),
    "response": (
        *("response", "responses", "completion", "completions", "output", "outputs", "generation", "generations"),
        *("generated_text", "generated_solution", "model_output", "model_response", "model_answer", "reply"),
        *("prediction", "predictions", "pred"),
    ),
    "verdict": ("score", "acc", "correct", "is_correct", "reward", "passed"),
    "id": ("id", "problem_id", "question_id", "unique_id", "uid", "idx", "index"),
    "kind": ("kind", "answer_type"),
    "choices": ("choices", "options"),
}


def check_map(field_map: dict[str, str]) -> None:
    """Raises InputError for a field that cannot be mapped."""
    for field in field_map:
        if field not in FIELDS:
            near = did_you_mean(field, FIELDS)
            raise InputError(
                f"field_map.{field} is not a field of a row{near}; known: text (the question), answer (the gold), "
                "response (the whole output), verdict, id, kind, choices"
            )


def guess(values: dict[str, Any], field_map: dict[str, str] | None = None) -> dict[str, str] | None:
    """Field -> key: those mapped, the others by their usual names; None if there is no gold or no response."""
    found = usual_keys(values, field_map)
    return found if {"answer", "response"} <= found.keys() else None


def usual_keys(values: dict[str, Any], field_map: Mapping[str, str] | None = None) -> dict[str, str]:
    """Field -> key, as far as keys are mapped or have usual names."""
    found = dict(field_map or {})
    for field in FIELDS:
        for key in _USUAL[field]:
            if field not in found and key not in found.values() and _fits(field, _at(values, key)):
                found[field] = key
    return found


def recognises(values: dict[str, Any]) -> bool:
    """Whether a row has a gold and a response under usual names."""
    return guess(values) is not None


def task(path: Path) -> str:
    """The file's name."""
    return path.name.partition(".")[0]


def read(row: Row, field_map: dict[str, str]) -> ParsedRow:
    """The problem and its responses: one text, several, or a dialogue. Raises InputError for a key that is missing."""
    found = {field: value_at(row, field, key) for field, key in field_map.items()}
    problem: dict[str, Any] = {field: found[field] for field in ("id", "kind", "choices", "answer") if field in found}
    if field_map["answer"] == "solution":
        problem["solution"] = problem.pop("answer")
    problem["text"] = found.get("text") or f"row {row.number}"
    verdict = found.get("verdict")
    texts = _texts(row, found["response"])
    judged = len(texts) == 1 and isinstance(verdict, bool | int | float) and verdict in (-1, 0, 1)
    verdicts = {field_map["verdict"]: verdict == 1} if judged else {}
    return ParsedRow(problem, [ParsedAttempt(text, None, verdicts) for text in texts])


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


def _at(values: dict[str, Any], key: str) -> Any:
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
