"""Rows of NeMo-Skills: `eval-results/{benchmark}/output.jsonl`, or `output-rs{seed}.jsonl` for each sample.

Keys: those of the problem (problem, expected_answer, ...), generation, predicted_answer, symbolic_correct, judgement.
"""

import re
from pathlib import Path
from typing import Any

from slipstick.errors import InputError
from slipstick.importers.parsed import ParsedAttempt, ParsedRow, as_text, pick
from slipstick.tabular import Row

_PROBLEM = ("id", "problem", "question", "expected_answer", "choices", "reference_solution", "subject", "level", "type")
_JUDGEMENT = re.compile(r"judge?ment\W*(?P<answer>yes|no)\b", re.IGNORECASE)


def recognises(values: dict[str, Any]) -> bool:
    """Whether a row is one of NeMo-Skills."""
    return "generation" in values and "expected_answer" in values


def task(path: Path, values: dict[str, Any]) -> str:
    """The benchmark, which is the folder's name."""
    return path.absolute().parent.name


def read(row: Row) -> ParsedRow:
    """The problem and its generation. Raises InputError if that is not a string."""
    values = row.values
    generation = values["generation"]
    if not isinstance(generation, str):
        raise InputError(f"{row.where}: `generation` is {str(generation)[:60]!r}, but must be a string")
    answer = (as_text(values["predicted_answer"]) or "") if "predicted_answer" in values else None
    tokens = values.get("num_generated_tokens")
    verdicts = {}
    if isinstance(values.get("symbolic_correct"), bool):
        verdicts["symbolic_correct"] = values["symbolic_correct"]
    if isinstance(judgement := values.get("judgement"), str) and (match := _JUDGEMENT.search(judgement)):
        verdicts["judgement"] = match["answer"].lower() == "yes"
    attempt = ParsedAttempt(generation, answer, verdicts, tokens=tokens if isinstance(tokens, int) else 0)
    return ParsedRow(pick(values, *_PROBLEM), [attempt])
