"""Rows of MAmmoTH: `outputs/{model}_{data}_{shots}shots_{form}_length{L}_bs{B}_{PoT|CoT}.jsonl`.

Keys: question, correct (the gold; for MATH its text and its number), solution (the output), pred, task.
"""

from pathlib import Path
from typing import Any

from slipstick.errors import InputError
from slipstick.importers.parsed import ParsedAttempt, ParsedRow, as_text, pick
from slipstick.tabular import Row

_KEYS = frozenset({"question", "correct", "solution", "pred"})


def recognises(values: dict[str, Any]) -> bool:
    """Whether a row is one of MAmmoTH."""
    return values.keys() >= _KEYS


def task(path: Path, values: dict[str, Any]) -> str:
    """The dataset that the rows name."""
    return str(values.get("task") or path.name.partition(".jsonl")[0])


def read(row: Row) -> ParsedRow:
    """The problem and its one solution; to MAmmoTH its answer is correct if it is exactly the gold.

    For MATH, whose golds are pairs, the rule is another and the file holds no verdict.
    """
    values = row.values
    gold = values["correct"]
    if isinstance(gold, bool) or gold is None:
        raise InputError(f"{row.where}: correct is {gold}, but rows of MAmmoTH hold the expected answer there")
    pair = isinstance(gold, list) and bool(gold)
    answer, solution = as_text(values["pred"]) or "", str(values["solution"])
    attempt = ParsedAttempt(
        text=solution,
        answer=answer,
        verdicts={} if pair else {"pred = correct": answer == str(gold)},
        program=solution.partition("### Instruction")[0] if "print(" in solution else None,
    )
    return ParsedRow({**pick(values, "question"), "answer": gold[0] if pair else gold}, [attempt])
