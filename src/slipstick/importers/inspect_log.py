"""Logs of inspect (UK AISI): one `.json` file, an EvalLog with its samples.

Keys: status, eval (task, model, ...), samples; a sample: id, epoch, input, choices, target, messages, output, scores.
The epochs of a sample are samples of one problem. Early logs have one `score` in place of `scores`.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from slipstick.edges import reading
from slipstick.errors import InputError
from slipstick.importers.parsed import ParsedAttempt, ParsedRow, as_text, pick
from slipstick.surrogates import replace_surrogates
from slipstick.tabular import Row, require_file

_SCORES = {"C": True, "I": False, "P": False, "N": False}
"""How inspect writes correct, incorrect, partial, no answer."""
_CODE = ("code", "cmd", "source")


def is_log(path: Path) -> bool:
    """Whether a file is such a log."""
    if not path.name.endswith(".json"):
        return False
    with reading(path), path.open("rb") as file:
        begin = file.read(4096)
    return begin.lstrip().startswith(b"{") and b'"eval"' in begin and b'"version"' in begin


def rows(path: Path) -> Iterator[Row]:
    """A row for each problem, its epochs in order, with the log's task.

    Raises InputError for a log that is truncated, did not succeed, or holds no samples.
    """
    require_file(path)
    with reading(path):
        try:
            log = replace_surrogates(json.loads(path.read_bytes()))
        except json.JSONDecodeError as error:
            raise InputError(f"{path} is not valid JSON, so it is damaged or truncated: {error}") from error
    samples = log.get("samples")
    if not samples:
        raise InputError(f"{path} has no samples: run inspect without log_samples = false")
    if log.get("status") != "success":
        raise InputError(
            f"{path} has the status {log.get('status')!r}: samples are missing, so the accuracy would be wrong. "
            "Complete it with `inspect eval-retry`"
        )
    problems: dict[str, list[dict[str, Any]]] = {}
    for number, sample in enumerate(samples, start=1):
        if not isinstance(sample, dict) or "id" not in sample or "target" not in sample:
            raise InputError(f"{path}: sample {number} has no id or no target")
        problems.setdefault(str(sample["id"]), []).append(sample)
    task = str((log.get("eval") or {}).get("task") or path.stem)
    for number, (name, epochs) in enumerate(problems.items(), start=1):
        ordered = sorted(epochs, key=lambda sample: sample.get("epoch") or 1)
        yield Row(f"{path}: sample {name}", number, {"task": task, "epochs": ordered})


def recognises(values: dict[str, Any]) -> bool:
    """Whether a row is one of such a log."""
    return "epochs" in values and "task" in values


def task(path: Path, values: dict[str, Any]) -> str:
    """The task that the log names, without its package."""
    return str(values["task"]).rpartition("/")[2]


def read(row: Row) -> ParsedRow:
    """The problem and the output of each epoch; one that ended in an error is dropped."""
    epochs = row.values["epochs"]
    first = epochs[0]
    problem = {
        "id": str(first["id"]),
        "question": _question(first.get("input")),
        "answer": first["target"],
        **{key: value for key, value in pick(first, "choices").items() if value},
        **pick(first.get("metadata") or {}, "level", "subject", "type", "solution"),
    }
    failed = [sample for sample in epochs if sample.get("error")]
    dropped = [(f"{row.where}, epoch {sample.get('epoch') or 1}", _error(sample["error"])) for sample in failed]
    return ParsedRow(problem, [_attempt(sample) for sample in epochs if not sample.get("error")], dropped)


def _error(error: Any) -> str:
    message = str(error.get("message") if isinstance(error, dict) else error)
    return f"ended in an error: {message[:80]}; `inspect eval-retry` repeats it"


def _attempt(sample: dict[str, Any]) -> ParsedAttempt:
    scores = sample.get("scores") or ({"score": sample["score"]} if sample.get("score") else {})
    answers = [score.get("answer") for score in scores.values() if isinstance(score, dict)]
    output = sample.get("output") or {}
    usage = output.get("usage") or {}
    return ParsedAttempt(
        text=_written(sample.get("messages") or []) or _text(output.get("completion")),
        answer=next((as_text(answer) for answer in answers if answer is not None), None),
        verdicts=dict(_verdicts(scores)),
        tokens=usage.get("output_tokens") or 0,
    )


def _verdicts(scores: dict[str, Any]) -> Iterator[tuple[str, bool]]:
    """Scorer -> whether it says correct, for the scorers that say correct or incorrect."""
    for name, score in scores.items():
        value = score.get("value") if isinstance(score, dict) else score
        if isinstance(value, str) and value in _SCORES:
            yield name, _SCORES[value]
        elif isinstance(value, bool | int | float) and value in (0, 1):
            yield name, bool(value)


def _written(messages: list[dict[str, Any]]) -> str:
    """The whole output, tool calls and their results as fenced code and output; a result stands behind its call."""
    parts: list[str] = []
    called: dict[str, int] = {}  # id of a call -> its place in parts
    for message in messages:
        if message.get("role") == "assistant":
            parts.append(_text(message.get("content")))
            for call in message.get("tool_calls") or []:
                arguments = call.get("arguments") or {}
                code = next((arguments[key] for key in _CODE if isinstance(arguments.get(key), str)), None)
                called |= {str(call["id"]): len(parts)} if call.get("id") else {}
                parts.append(f"\n```python\n{code.rstrip()}\n```\n" if code is not None else "")
        elif message.get("role") == "tool":
            result = f"```output\n{_text(message.get('content')).rstrip()}\n```\n"
            place = called.pop(str(message.get("tool_call_id")), None)
            if place is None:
                parts.append(result)
            else:
                parts[place] += result
    return "".join(parts)


def _question(given: Any) -> str:
    """The input: a text, or the last message of the user in a chat."""
    if isinstance(given, list):
        asked = [message.get("content") for message in given if message.get("role") == "user"]
        return _text(asked[-1]) if asked else ""
    return str(given or "")


def _text(content: Any) -> str:
    """A message's content, a text or parts."""
    if isinstance(content, list):
        return "".join(str(part.get("text") or "") for part in content if isinstance(part, dict))
    return str(content or "")
