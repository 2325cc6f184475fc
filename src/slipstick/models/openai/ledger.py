"""The batches of a run, as files of its folder: what is submitted is on disk before, what came back is kept.

    batches/3.requests.jsonl   the file of requests as it is submitted
    batches/3.json             a Batch: its id at the provider, how far it is
    batches/3.replies.jsonl    the replies, written whole or not at all when the batch has ended

Each file is complete or not there, so that a kill at any instant leaves nothing to repair.
"""

import hashlib
import json
import time
import uuid
from collections.abc import AsyncIterator, Collection, Iterable, Mapping
from pathlib import Path
from typing import Literal

from pydantic import TypeAdapter

from slipstick.edges import read_json, whole_lines
from slipstick.models.openai.batch_api import BatchResult
from slipstick.parts import replacing
from slipstick.schema import Record
from slipstick.store import write_atomically


class Batch(Record):
    """One batch of requests."""

    number: int
    """Counted from 1 in its run."""
    mark: str
    """What it is found by at the provider: a name of its own, and a hash of its file."""
    requests: int
    """How many it has."""
    prepared: float
    """When its file was written, in seconds since 1970."""
    state: Literal["prepared", "submitted", "ended", "lost"] = "prepared"
    """"prepared": perhaps submitted; "lost": given up, what was asked is asked in another."""
    id: str = ""
    """Its id at the provider; "" if that is not known."""
    status: str = ""
    """What the provider said of it last."""
    replies: int = 0
    """Replies that came back."""


_BATCH = TypeAdapter(Batch)
_REPLY = '{{"key":"{key}","body":{body}}}\n'
_KEY_AT, _BODY = len('{"key":"'), '"body":'


class Ledger:
    """The batches of one run, and the replies that they brought, by key; these stay on disk."""

    def __init__(self, folder: Path) -> None:
        """folder: of the run. Raises RunFolderError for a damaged file."""
        self._folder = folder / "batches"
        files = self._folder.glob("*.json") if self._folder.is_dir() else ()
        self.batches: dict[int, Batch] = {}
        """By number."""
        for file in sorted(files, key=lambda file: int(file.stem)):
            batch = read_json(file, _BATCH)
            self.batches[batch.number] = batch
        self._last = max(self.batches, default=0)
        self._places: dict[str, list[tuple[int, int]]] = {}  # key -> number of the batch and offset of the line
        for number, batch in self.batches.items():
            if batch.state == "ended":
                self._index(number)

    def open_batches(self) -> list[Batch]:
        """Those of which replies may come."""
        return [batch for batch in self.batches.values() if batch.state in ("prepared", "submitted")]

    def prepare(self, lines: Mapping[str, str]) -> Batch:
        """Writes the file of a new batch. lines: of its requests by their keys."""
        self._folder.mkdir(exist_ok=True)
        self._last += 1
        text = "".join(f"{line}\n" for line in lines.values())
        write_atomically(self.requests_file(self._last), text)
        mark = f"{uuid.uuid4().hex[:16]}-{hashlib.sha256(text.encode()).hexdigest()[:16]}"
        return self._write(Batch(number=self._last, mark=mark, requests=len(lines), prepared=time.time()))

    def update(self, batch: Batch, **fields: object) -> Batch:
        """Changes what is known of a batch."""
        return self._write(Batch.model_validate({**batch.model_dump(), **fields}))

    def requests_file(self, number: int) -> Path:
        """The file that is submitted."""
        return self._folder / f"{number}.requests.jsonl"

    def keys(self, batch: Batch) -> set[str]:
        """The keys of a batch's requests."""
        return {json.loads(line)["custom_id"] for _, line in whole_lines(self.requests_file(batch.number))}

    async def write_replies(
        self, batch: Batch, results: AsyncIterator[BatchResult], *, keys: Collection[str], status: str
    ) -> dict[str, BatchResult | None]:
        """Writes the replies of a batch that has ended, the first for each key.

        Gives what has none, by key: how it failed, or None if nothing came back for it.
        """
        missing: dict[str, BatchResult | None] = dict.fromkeys(keys)
        seen: set[str] = set()
        with replacing(self._replies_file(batch.number)) as file:
            async for result in results:
                if result.key not in keys or result.key in seen:
                    continue
                if result.body is None:
                    missing[result.key] = result
                    continue
                seen.add(result.key)
                missing.pop(result.key)
                body = json.dumps(result.body, ensure_ascii=True, separators=(",", ":"))
                file.write(_REPLY.format(key=result.key, body=body).encode())
        self.update(batch, state="ended", status=status, replies=len(seen))
        self._index(batch.number)
        return missing

    def take(self, key: str) -> str | None:
        """The reply to a request, which is taken once; None if there is none (any more)."""
        places = self._places.get(key)
        if not places:
            return None
        number, offset = places.pop(0)
        with self._replies_file(number).open("rb") as file:
            file.seek(offset)
            line = file.readline().decode()
            return line[line.index(_BODY) + len(_BODY) : -len("}\n")]

    def _write(self, batch: Batch) -> Batch:
        write_atomically(self._folder / f"{batch.number}.json", batch.model_dump_json(indent=2))
        self.batches[batch.number] = batch
        return batch

    def _replies_file(self, number: int) -> Path:
        return self._folder / f"{number}.replies.jsonl"

    def _index(self, number: int) -> None:
        for key, offset in _keys_in(self._replies_file(number)):
            self._places.setdefault(key, []).append((number, offset))


def _keys_in(file: Path) -> Iterable[tuple[str, int]]:
    """The keys of a file of replies, and where their lines begin."""
    offset = 0
    for _, line in whole_lines(file):
        yield line[_KEY_AT : line.index(b'"', _KEY_AT)].decode(), offset
        offset += len(line)
