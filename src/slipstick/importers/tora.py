"""Rows of ToRA and of Qwen2.5-Math's evaluation: `{data}/{split}_{prompt_type}_{n}_seed{s}_t{T}_s{start}_e{end}.jsonl`.

Keys: idx, question, gt_cot, gt, and a list over samples each of code (the whole output), pred, report, score.
"""

import re
from pathlib import Path
from typing import Any

from slipstick.importers.parsed import ParsedAttempt, ParsedRow, as_text, pick
from slipstick.tabular import Row

_FENCED = re.compile(r"```python\n(?P<code>.*?)(?:\n```|\Z)", re.DOTALL)


def recognises(values: dict[str, Any]) -> bool:
    """Whether a row is one of ToRA or Qwen2.5-Math."""
    return "gt" in values and all(isinstance(values.get(key), list | str) for key in ("pred", "code"))


def task(path: Path, values: dict[str, Any]) -> str:
    """The dataset, which is the folder's name."""
    return path.absolute().parent.name


def read(row: Row) -> ParsedRow:
    """The problem and its samples."""
    values = row.values
    problem = pick(values, "idx", "question", "choices", "level", "type", "subject")
    problem |= {"answer": values["gt"], "rationale": values.get("gt_cot")}
    columns = [_column(values.get(key)) for key in ("code", "pred", "report", "score")]
    samples = max(len(columns[0]), len(columns[1]))
    return ParsedRow(problem, [_attempt(*(_at(column, sample) for column in columns)) for sample in range(samples)])


def _attempt(text: Any, pred: Any, report: Any, score: Any) -> ParsedAttempt:
    return ParsedAttempt(
        text=as_text(text),
        answer=as_text(pred) or "",
        verdicts={"score": bool(score)} if isinstance(score, bool | int | float) else {},
        program=_program(str(text or ""), report),
        failed=report not in (None, "", "Done"),
    )


def _program(text: str, report: Any) -> str | None:
    """The program of a text that is one (pal, pot); None for words and for programs with outputs (tora)."""
    if "```output" in text:
        return None
    fenced = _FENCED.findall(text)
    if fenced:
        return str(fenced[-1])
    return text if report is not None else None


def _column(value: Any) -> list[Any]:
    """The values of all samples; a file of one sample may hold its value alone."""
    return value if isinstance(value, list) else [] if value is None else [value]


def _at(column: list[Any], place: int) -> Any:
    return column[place] if place < len(column) else None
