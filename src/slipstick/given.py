"""Problems given as objects: written into the run's folder, so that its recipe can name them like any other file."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from slipstick.errors import InputError
from slipstick.schema import Problem
from slipstick.store import to_json, write_atomically
from slipstick.surrogates import replace_surrogates

Problems = str | os.PathLike[str] | Problem | Mapping[str, Any] | Iterable[Any]
"""A name or path or several; Problems; rows with the keys of a file's (dicts); a pandas DataFrame, a datasets.Dataset.
"""
_FILE = "problems.jsonl"
_TAKEN = "problems: give a name or path or a list of them, or a list of Problems, a list of dicts, or a DataFrame; not"


def split_given(problems: Problems) -> tuple[list[str], list[Problem | Mapping[str, Any]]]:
    """Names and paths, or rows: one of the two is empty. Raises InputError for anything else."""
    if isinstance(problems, str | os.PathLike):
        return [os.fspath(problems)], []
    given = [problems] if _is_row(problems) else _records(problems)
    if not given:
        raise InputError("problems: there are none")
    names = [os.fspath(each) for each in given if isinstance(each, str | os.PathLike)]
    rows = [each for each in given if isinstance(each, Problem | Mapping)]
    if len(names) == len(given) or len(rows) == len(given):
        return names, rows
    kinds = ", ".join(dict.fromkeys(type(each).__name__ for each in given))
    raise InputError(f"{_TAKEN} a list of {kinds}")


def rows_given(source: Problems) -> list[Problem | Mapping[str, Any]]:
    """The rows of one source that is no path. Raises InputError for paths, and for what `split_given` does not take."""
    names, rows = split_given(source)
    if names:
        raise InputError(f"source: name one file or a pattern, not a list of {len(names):,}")
    return rows


def _is_row(given: Any) -> bool:
    datasets = sys.modules.get("datasets")  # whoever has a DatasetDict, which is a dict, has imported it
    return isinstance(given, Problem | Mapping) and not (datasets and isinstance(given, datasets.DatasetDict))


def _records(problems: Any) -> list[Any]:
    if isinstance(problems, Mapping):  # a DatasetDict
        return [{**row, "split": name} for name, rows in problems.items() for row in rows]
    pandas = sys.modules.get("pandas")
    if pandas is not None and isinstance(problems, pandas.DataFrame):
        present = problems.astype(object).where(problems.notna(), None)
        return [{str(key): value for key, value in row.items()} for row in present.to_dict("records")]
    if not isinstance(problems, Iterable):
        raise InputError(f"{_TAKEN} {type(problems).__name__}")
    return list(problems)


@contextmanager
def stored(rows: list[Problem | Mapping[str, Any]], folder: Path) -> Iterator[Path]:
    """The rows in a file of a run's folder, named by their content, as long as the run's recipe names it.

    So another call's rows never take its place, and a call that fails leaves nothing behind.
    """
    text = "".join(f"{_line(row, place)}\n" for place, row in enumerate(rows))
    file = folder / f"given-{hashlib.sha256(text.encode()).hexdigest()[:8]}" / _FILE
    file.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(file, text)
    try:
        yield file.absolute()
    finally:
        recipe = folder / "recipe.toml"
        named = recipe.read_text("utf-8") if recipe.is_file() else ""
        for each in folder.glob(f"given-*/{_FILE}"):
            if each.parent.name not in named:
                each.unlink()
                each.parent.rmdir()
        if not any(folder.iterdir()):
            folder.rmdir()


def _line(row: Problem | Mapping[str, Any], place: int) -> str:
    if isinstance(row, Problem):
        return to_json(row)
    try:
        return json.dumps(replace_surrogates(dict(row)), ensure_ascii=False, default=_plain)
    except (TypeError, ValueError) as error:
        raise InputError(f"problems[{place}] cannot be written as JSON: {error}") from error


def _plain(value: Any) -> Any:
    """A number or array of numpy as Python's own; anything else that JSON has no form for as its text."""
    return value.tolist() if hasattr(value, "tolist") else str(value)
