"""Rows of NeMo-Skills: `eval-results/{benchmark}/output.jsonl`, or `output-rs{seed}.jsonl` for each sample.

Keys: those of the problem (problem, expected_answer, ...), generation, predicted_answer, symbolic_correct, judgement;
in earlier versions is_correct for symbolic_correct, and generated_solution for generation.
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
    earlier = "generated_solution" in values and ("is_correct" in values or "predicted_answer" in values)
    return "expected_answer" in values and ("generation" in values or earlier)


def task(path: Path, values: dict[str, Any]) -> str:
    """The benchmark, which is the folder's name."""
    return path.absolute().parent.name


def read(row: Row) -> ParsedRow:
    """The problem and its generation, "" for null: no answer. Raises InputError if it is something else than text."""
    values = row.values
    generation = values["generation" if "generation" in values else "generated_solution"]
    generation = "" if generation is None else generation
    if not isinstance(generation, str):
        raise InputError(f"{row.where}: `generation` is {str(generation)[:60]!r}, but must be a string")
    answer = (as_text(values["predicted_answer"]) or "") if "predicted_answer" in values else None
    tokens = values.get("num_generated_tokens")
    verdicts = {}
    for name in ("symbolic_correct", "is_correct"):
        if isinstance(values.get(name), bool):
            verdicts[name] = values[name]
    if isinstance(judgement := values.get("judgement"), str) and (match := _JUDGEMENT.search(judgement)):
        verdicts["judgement"] = match["answer"].lower() == "yes"
    attempt = ParsedAttempt(generation, answer, verdicts, tokens=tokens if isinstance(tokens, int) else 0)
    return ParsedRow(pick(values, *_PROBLEM), [attempt])
