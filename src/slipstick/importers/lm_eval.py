"""Rows of lm-evaluation-harness: `samples_{task}_{date}.jsonl`, one for each document and filter.

Keys: doc_id, doc, target, arguments, resps (requests x repeats), filtered_resps, filter, metrics and the value of each.
"""

import json
import re
from pathlib import Path
from typing import Any

from slipstick.errors import InputError
from slipstick.importers.parsed import ParsedAttempt, ParsedRow
from slipstick.tabular import Row

_NAME = re.compile(r"samples_(?P<task>.+?)(_(?P<date>\d{4}-\d\d-\d\d.*))?")
_QUESTION = ("text", "question", "problem", "instruction", "prompt", "query")
UNNAMED = "none"
"""The filter of a row that names none, as before version 0.4.5."""
_BOOKKEEPING = ("doc_id", "target", "filter")
_NO_ANSWER = ("[invalid]", "[invalidanswer]")


def recognises(values: dict[str, Any]) -> bool:
    """Whether a row is one of lm-eval."""
    return "doc_id" in values and "target" in values and ("resps" in values or "filtered_resps" in values)


def has_text(values: dict[str, Any]) -> bool:
    """Whether a row's responses are text, not log-likelihoods of options."""
    resps = values.get("resps")
    if not resps:
        return True
    texts = resps[0] if isinstance(resps[0], list) else resps
    return len(resps) == 1 and all(text is None or isinstance(text, str) for text in texts)


def task(path: Path, values: dict[str, Any]) -> str:
    """The task in the file's name."""
    stem = path.name.partition(".jsonl")[0]
    match = _NAME.fullmatch(stem)
    return match["task"] if match else stem


def date(path: Path) -> str:
    """The date in a file's name, which sorts as text; "" if there is none."""
    match = _NAME.fullmatch(path.name.partition(".jsonl")[0])
    return (match["date"] or "") if match else ""


def model(path: Path) -> str:
    """The model: as results_{date}.json beside a file says, else its folder's name, `org__name`; "" if neither does.

    The results are those of the file's date, else the last before it, else any, if all of them name one model.
    """
    folder = path.absolute().parent
    results = sorted(folder.glob("results_*.json"))
    earlier = [each for each in results if each.stem.removeprefix("results_") <= date(path)]
    names = {_model_in(each) for each in earlier[-1:] or results}
    name = names.pop() if len(names) == 1 else ""
    return name or (folder.name.replace("__", "/") if "__" in folder.name else "")


def _model_in(results: Path) -> str:
    try:
        said = json.loads(results.read_text("utf-8"))
    except (OSError, ValueError):
        return ""
    name = said.get("model_name") if isinstance(said, dict) else None
    return name if isinstance(name, str) else ""


def read(row: Row) -> ParsedRow:
    """The document and its responses; a filter keeps an answer of each, one of them, or one answer for all of them."""
    values = row.values
    texts = _responses(row)
    rule = str(values.get("filter") or UNNAMED)
    found = _unpacked(values.get("filtered_resps"), len(texts))
    verdicts = _verdicts(values, rule)
    if len(texts) < 2:
        text = texts[0] if texts else None
        attempts = [ParsedAttempt(text, _answer(found, text), verdicts, rule)]
    elif isinstance(found, list) and len(found) == len(texts):  # the verdict is one for all of them
        pairs = zip(texts, found, strict=True)
        attempts = [ParsedAttempt(text, _answer(answer, text), {}, rule) for text, answer in pairs]
    elif found in texts:  # one of the responses, whole: its verdict is that one's
        attempts = [ParsedAttempt(text, None, {}, rule, scope="other") for text in texts]
        kept = texts.index(found)
        attempts[kept] = attempts[kept]._replace(verdicts=verdicts, scope="sample")
    else:
        attempts = [ParsedAttempt(text, _answer(found, None), verdicts, rule, scope="all") for text in texts]
    return ParsedRow(_problem(row), attempts)


def _unpacked(filtered: Any, responses: int) -> Any:
    """What a filter kept of a document's one request: an answer, or a list of them."""
    if isinstance(filtered, list) and filtered and not (len(filtered) == responses > 1):
        filtered = filtered[0]
    return filtered[0] if isinstance(filtered, list) and len(filtered) == 1 else filtered


def _responses(row: Row) -> list[str]:
    """The texts of a document's one request."""
    resps = row.values.get("resps")
    if not resps:
        return []
    texts = resps[0] if isinstance(resps[0], list) else resps
    if not has_text(row.values):
        raise InputError(
            f"{row.where} holds log-likelihoods of options, not an answer in words; only tasks that generate "
            "text (output_type: generate_until) can be graded"
        )
    return [text or "" for text in texts]


def _problem(row: Row) -> dict[str, Any]:
    values = row.values
    doc = values["doc"] if isinstance(values.get("doc"), dict) else {}
    if not any(isinstance(doc.get(key), str) and doc[key].strip() for key in _QUESTION):
        doc = {**doc, "text": _prompt(values.get("arguments")) or f"document {values['doc_id']}"}
    return {**doc, "id": values["doc_id"], "answer": values["target"]}


def _prompt(arguments: Any) -> str:
    """The prompt: the first text in `arguments`, which versions nest differently."""
    if isinstance(arguments, str):
        return arguments
    inner = arguments.values() if isinstance(arguments, dict) else arguments if isinstance(arguments, list) else ()
    return next((prompt for argument in inner if (prompt := _prompt(argument))), "")


def _answer(found: Any, text: str | None) -> str | None:
    """What a filter extracted from a response; None if that is the whole response."""
    if not isinstance(found, str | int | float) or found == text:
        return None
    return "" if str(found).strip().lower() in _NO_ANSWER else str(found)


def _verdicts(values: dict[str, Any], rule: str) -> dict[str, bool]:
    """Metrics that are 0 or 1, under lm-eval's own names: "exact_match,strict-match"."""
    names = values["metrics"] if isinstance(values.get("metrics"), list) else values.keys() - set(_BOOKKEEPING)
    return {
        f"{name},{rule}": bool(values[name])
        for name in sorted(names)
        if isinstance(values.get(name), bool | int | float) and values[name] in (0, 1)
    }
