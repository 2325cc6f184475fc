"""Reads rows of a dataset on the Hugging Face Hub, one at a time, without fetching all of it first."""

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies

from slipstick.errors import InputError, UserError
from slipstick.tabular import Row


def read_hub(
    repository: str, *, split: str, config: str | None = None, revision: str | None = None, files: str | None = None
) -> Iterator[Row]:
    """The rows of one split; `Row.where` names repository, commit, configuration, split and row, counted from 1.

    revision: a commit; None takes the newest. files: pattern of the files to read, "{config}" and "{split}" filled in,
    for repositories that do not declare their splits. Raises UserError if the package `datasets` is missing, and
    InputError if the Hub cannot be reached or has no such rows.
    """
    at = f"{repository}@{_short(revision)}" if revision else repository
    place = "/".join(part for part in (at, config, split) if part)
    number = 0
    try:
        for number, values in enumerate(_stream(repository, split, config, revision, files), start=1):
            yield Row(f"{place}:{number}", number, values)
    except ImportError as error:
        raise UserError(f"datasets of the Hub need another package ({error}): pip install 'slipstick[data]'") from error
    except Exception as error:  # boundary: the Hub's client raises whatever its layers raise
        what = " ".join(str(error).split())[:200] or type(error).__name__
        reached = f" after row {number}" if number else ""
        raise InputError(f"{place} cannot be read from the Hub{reached}: {what}") from error


def _stream(repository: str, split: str, config: str | None, revision: str | None, files: str | None) -> Any:
    _require_reachable()
    from datasets import load_dataset

    if files is None:
        stream = load_dataset(repository, config, split=split, revision=revision, streaming=True)
    else:
        at = f"@{revision}" if revision else ""
        urls = f"hf://datasets/{repository}{at}/{files.format(config=config, split=split)}"
        kind = "parquet" if Path(files).suffix == ".parquet" else "json"
        stream = load_dataset(kind, data_files=urls, split="train", streaming=True)
    return stream.decode(False)  # pictures stay bytes: decoding them takes a library that nothing here needs


def _require_reachable() -> None:
    """Raises OSError immediately if the Hub cannot be reached; its client would try for half a minute."""
    from huggingface_hub.constants import ENDPOINT

    if getproxies():
        return
    url = urlsplit(ENDPOINT)
    socket.create_connection(
        (url.hostname or "", url.port or (443 if url.scheme == "https" else 80)), timeout=5
    ).close()


def _short(revision: str) -> str:
    return revision[:7] if len(revision) == 40 else revision
