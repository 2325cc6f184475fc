"""Files of rows, written atomically; each writer returns the number of rows, and writes no file without any."""

import itertools
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from slipstick.errors import UserError
from slipstick.parts import replacing
from slipstick.store import write_atomically

_BATCH = 2_000
"""Rows in memory at a time."""


def write_jsonl(path: Path, rows: Iterable[dict[str, Any]]) -> int:
    """One JSON object a line."""
    return _write_lines(path, rows, before="", between="\n", after="\n")


def write_json(path: Path, rows: Iterable[dict[str, Any]]) -> int:
    """One JSON array, an object a line."""
    return _write_lines(path, rows, before="[\n", between=",\n", after="\n]\n")


def write_parquet(path: Path, rows: Iterable[dict[str, Any]]) -> int:
    """A Parquet file; the first rows decide the columns' types. Raises UserError if pyarrow is not installed."""
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:
        raise UserError(f"{path.name} needs pyarrow: pip install 'slipstick[data]'") from error
    waiting = iter(rows)
    first = list(itertools.islice(waiting, _BATCH))
    if not first:
        return 0
    table = pa.Table.from_pylist(first)
    count = 0
    with replacing(path) as new, pq.ParquetWriter(new, table.schema) as writer:
        while table.num_rows:
            writer.write_table(table)
            count += table.num_rows
            table = pa.Table.from_pylist(list(itertools.islice(waiting, _BATCH)), schema=table.schema)
    return count


def _write_lines(path: Path, rows: Iterable[dict[str, Any]], *, before: str, between: str, after: str) -> int:
    count = 0
    waiting = iter(rows)
    first = next(waiting, None)
    if first is None:
        return 0

    def lines() -> Iterator[str]:
        nonlocal count
        yield before
        for count, row in enumerate(itertools.chain([first], waiting), start=1):
            yield (between if count > 1 else "") + json.dumps(row, ensure_ascii=False)
        yield after

    write_atomically(path, lines())
    return count
