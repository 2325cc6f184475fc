"""The shapes of training rows: how each is recognised, and what it says: questions, replies and a gold.

The names are those of `slipstick.exporters`, whose files come back as they were: the ids of their rows say the format.
"""

import functools
import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from pydantic import TypeAdapter, ValidationError

from slipstick.errors import InputError, PluginError
from slipstick.formats import Format, load_format, render_prompt
from slipstick.importers.rows import usual_keys
from slipstick.importers.training.dialogues import Exchange, asks, is_dialogue, listed, read_dialogue
from slipstick.importers.training.layouts import read_text
from slipstick.problems.files import value_at
from slipstick.schema import Block, ImportedPrompt, Problem
from slipstick.surrogates import load_json
from slipstick.tabular import Row

FieldMap = Mapping[str, str]
format_named = functools.cache(load_format)
"""Looking a format up takes milliseconds, and every row does."""
_BLOCKS = TypeAdapter(list[Block])
_ID = re.compile(r"(?P<problem>.+)#(?P<format>[\w-]+)#(?P<sample>\d+)")
_DIALOGUES = ("conversations", "conversation")
_WORKED = re.compile(r"####|\\boxed|\n|[.!?]\s+\S")


class TrainingRow(NamedTuple):
    """What a row says."""

    exchanges: list[Exchange]
    """Its questions and the replies to them; mostly one."""
    used: frozenset[str]
    """The keys that were read for them."""
    gold: tuple[str, Any] | None = None
    """The key of its gold and what stands there, if that is not a usual key of its own."""
    format: str | None = None
    """The format that the row names."""
    imported_prompt: ImportedPrompt | None = None
    """How its dialogue asked, if a row of ours says that."""
    samples: bool = False
    """Whether the exchanges are solutions of one question, and not the turns of a dialogue."""


class OwnId(NamedTuple):
    """The id of a solution of ours, in parts."""

    problem: str
    """Id of the problem."""
    format: str
    """Name of the format."""
    sample: int
    """Number of the sample."""


class Shape(NamedTuple):
    """One way in which training rows are written."""

    recognises: Callable[[dict[str, Any]], bool]
    """Whether a row is of it."""
    read: Callable[[Row, FieldMap], TrainingRow]
    """Reads one. Raises InputError, with file and line, for a row that is none."""


def own_id(values: Mapping[str, Any]) -> OwnId | None:
    """The parts of a row's id, if slipstick wrote it."""
    match = _ID.fullmatch(value) if isinstance(value := values.get("id"), str) else None
    return OwnId(match["problem"], match["format"], int(match["sample"])) if match else None


def _messages(row: Row, fields: FieldMap) -> TrainingRow:
    return _dialogue(row, "messages")


def _sharegpt(row: Row, fields: FieldMap) -> TrainingRow:
    return _dialogue(row, next(key for key in _DIALOGUES if key in row.values))


def _dialogue(row: Row, key: str) -> TrainingRow:
    format, system = _own_format(row), row.values.get("system")
    found = read_dialogue(row.values[key], where=row.where, named=format)
    if isinstance(system, str) and system:
        found = [one._replace(system=one.system or system) for one in found]
    return TrainingRow(found, frozenset({key, "system", "tools"}), format=format.name if format else None)


def _alpaca(row: Row, fields: FieldMap) -> TrainingRow:
    values, format = row.values, _own_format(row)
    more = values.get("input")
    question = _text(row, "instruction") + (f"\n{more}" if isinstance(more, str) and more.strip() else "")
    pairs = listed(values.get("history")) or []
    if is_dialogue(pairs):
        asked = [*pairs, *_turns(row, "instruction", question, "user"), *_turns(row, "output", values["output"])]
        before = read_dialogue(asked, where=row.where)[-1].before
    else:
        before = [turn for pair in pairs for turn in zip(("User", "Assistant"), map(str, pair), strict=False)]
    system = (said if isinstance(said := values["system"], str) else "") if "system" in values else None
    blocks = read_text(_text(row, "output"), named=format)
    used = frozenset({"instruction", "input", "output", "history", "system"})
    return TrainingRow([Exchange(question, blocks, before, system)], used, format=format.name if format else None)


def _prompt_completion(row: Row, fields: FieldMap) -> TrainingRow:
    prompt, completion = row.values.get("prompt"), row.values.get("completion")
    used = frozenset({"prompt", "completion", "tools"})
    if all(isinstance(value, str) and not is_dialogue(value) for value in (prompt, completion)):
        return _prompted(row, _text(row, "prompt"), _text(row, "completion"), used)
    if texts := _texts(completion):
        if isinstance(prompt, str) and not is_dialogue(prompt):
            each = [_prompted(row, _text(row, "prompt"), text, used) for text in texts]
            return each[0]._replace(exchanges=[one.exchanges[0] for one in each], samples=True)
        return TrainingRow(_samples(row, _turns(row, "prompt", prompt, "user"), texts), used, samples=True)
    asked, said = _turns(row, "prompt", prompt, "user"), _turns(row, "completion", completion)
    return TrainingRow(read_dialogue([*asked, *said], where=row.where)[-1:], used)


def _texts(value: Any) -> list[str]:
    """The texts of a list of nothing else, several solutions of one question; [] for all else."""
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        return []
    return [each for each in value if each.strip()]


def _samples(row: Row, asked: list[dict[str, Any]], texts: list[str]) -> list[Exchange]:
    """Each of the texts as the reply to the messages."""
    said = [{"role": "assistant", "content": text} for text in texts]
    return [read_dialogue([*asked, reply], where=row.where)[-1] for reply in said]


def _turns(row: Row, key: str, value: Any, role: str = "assistant") -> list[dict[str, Any]]:
    """A cell as messages: a list of them, a single one, or a text, which is of `role`. Raises InputError for others."""
    value = listed(value)
    if isinstance(value, dict):
        value = value.get("messages", [value])
    if is_dialogue(value):
        return list(value)
    if not isinstance(value, str) or not value.strip():
        raise InputError(f"{row.where}: `{key}` is {str(value)[:60]!r}, neither a text nor a list of messages")
    return [{"role": role, "content": value}]


def _outcomes(row: Row, fields: FieldMap) -> TrainingRow:
    return _prompted(row, _text(row, "question"), _text(row, "solution"), frozenset({"question", "solution"}))


def _segments(row: Row, fields: FieldMap) -> TrainingRow:
    pieces = [(str(piece["text"]), bool(piece["label"])) for piece in listed(row.values["segments"])]
    first = next((place for place, (_, label) in enumerate(pieces) if label), len(pieces))
    asked, said = ("".join(text for text, _ in part) for part in (pieces[:first], pieces[first:]))
    return _prompted(row, asked, said, frozenset({"segments"}))


def _prompted(row: Row, prompt: str, response: str, used: frozenset[str]) -> TrainingRow:
    """A question in a format's whole prompt, or as it is."""
    format = _own_format(row)
    chosen = format or format_named("cot")
    frame = render_prompt(chosen, Problem(id="", text="{question}"))
    question = without_frame(without_frame(prompt, frame), chosen.instruction)
    blocks = read_text(response, named=format)
    return TrainingRow([Exchange(question, blocks, [], None)], used, format=format.name if format else None)


def _records(row: Row, fields: FieldMap) -> TrainingRow:
    values = row.values
    try:
        blocks = _BLOCKS.validate_json(values["blocks"]) if isinstance(values["blocks"], str) else values["blocks"]
        exchange = Exchange(_text(row, "question"), _BLOCKS.validate_python(blocks), [], None)
        gold = load_json(values.get("gold") or "null")
        prompt = ImportedPrompt.model_validate_json(said) if (said := values.get("imported_prompt")) else None
    except (ValidationError, ValueError) as error:
        raise InputError(
            f"{row.where}: `blocks`, `gold` or `imported_prompt` is not what slipstick writes there: {error}"
        ) from error
    used = frozenset({"question", "blocks", "gold", "text", "answer", "outcome", "method", "problem_id", "metadata"})
    used |= {"imported_prompt"}
    format = str(values.get("format") or "") or None
    return TrainingRow([exchange], used, gold=("answer", gold), format=format, imported_prompt=prompt)


def _rows(row: Row, fields: FieldMap) -> TrainingRow:
    keys = training_keys(row.values, fields)
    said = value_at(row, "response", keys["response"]) if "response" in keys else None
    response = listed(said) if is_dialogue(said) else said
    whole = asks(response)  # it has its question, as preference pairs with an implicit prompt
    if missing := {"response", *(() if whole else ("text",))} - keys.keys():
        what = "question" if "text" in missing else "solution"
        raise InputError(f"{row.where} has no {what}; its keys are {', '.join(row.values) or 'none'}")
    used = frozenset(keys[name].partition(".")[0] for name in ("text", "response", "answer") if name in keys)
    gold = (keys["answer"], value_at(row, "answer", keys["answer"])) if "answer" in keys else None
    if whole:
        return TrainingRow(read_dialogue(response, where=row.where)[-1:], used, gold)
    text = value_at(row, "text", keys["text"])
    if isinstance(text, str) and (texts := _texts(response)):
        exchanges = [Exchange(text, read_text(each), [], None) for each in texts]
        return TrainingRow(exchanges, used, gold, samples=True)
    if isinstance(text, str) and isinstance(response, str) and not is_dialogue(text) and not is_dialogue(response):
        return TrainingRow([Exchange(text, read_text(response), [], None)], used, gold)
    asked = _turns(row, keys["text"], text, "user")
    if texts := _texts(response):
        return TrainingRow(_samples(row, asked, texts), used, gold, samples=True)
    answered = _turns(row, keys["response"], response)
    return TrainingRow(read_dialogue([*asked, *answered], where=row.where)[-1:], used, gold)


def training_keys(values: dict[str, Any], fields: FieldMap) -> dict[str, str]:
    """Field -> key for rows of no known shape; without `text` or `response` if there is no usual name for it.

    A solution may stand under the key of a reference solution (MATH), or of an answer that is one (GSM8K).
    """
    found = {field: key for field, key in usual_keys(values, fields).items() if isinstance(key, str)}
    if "verdict" not in fields:  # all rows say which column holds verdicts, not this one alone
        found.pop("verdict", None)
    if "response" not in fields and "response" not in found:
        if isinstance(values.get("solution"), str):
            found["response"] = "solution"
        elif isinstance(answer := values.get("answer"), str) and _WORKED.search(answer):
            found["response"] = "answer"
    if "answer" not in fields and found.get("answer") == found.get("response"):
        found.pop("answer", None)
    return found


SHAPES: dict[str, Shape] = {
    "records": Shape(lambda row: {"blocks", "question", "format"} <= row.keys(), _records),
    "segments": Shape(lambda row: isinstance(listed(row.get("segments")), list), _segments),
    "messages": Shape(lambda row: is_dialogue(row.get("messages")), _messages),
    "sharegpt": Shape(lambda row: any(is_dialogue(row.get(key)) for key in _DIALOGUES), _sharegpt),
    "alpaca": Shape(lambda row: {"instruction", "output"} <= row.keys(), _alpaca),
    "prompt_completion": Shape(lambda row: {"prompt", "completion"} <= row.keys(), _prompt_completion),
    "outcomes": Shape(lambda row: {"question", "solution"} <= row.keys() and row.get("label") in (0, 1), _outcomes),
    "rows": Shape(lambda row: {"text", "response"} <= training_keys(row, {}).keys(), _rows),
}


def _text(row: Row, key: str) -> str:
    value = row.values.get(key)
    if not isinstance(value, str) or not value.strip():
        raise InputError(f"{row.where}: `{key}` is {str(value)[:60]!r}, not a text")
    return value


def _own_format(row: Row) -> Format | None:
    """The format of a row that slipstick wrote; None for others, and for a hybrid solution, whose content says it."""
    own = own_id(row.values)
    try:
        return format_named(own.format) if own and own.format != "hybrid" else None
    except PluginError:
        return None


def without_frame(text: str, frame: str) -> str:
    """A question without what a format puts around it."""
    before, _, behind = frame.partition("{question}")
    if text.startswith(before) and text.endswith(behind):
        return text[len(before) : len(text) - len(behind)]
    return text
