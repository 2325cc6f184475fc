"""The batch endpoints of OpenAI and of Anthropic: submit a file of requests, look how far it is, read its results.

Both take half the price and up to a day. What these functions raise is a RequestFailure: "denied" and "rejected" if the
provider refuses, any other kind if it can be tried again.
"""

import json
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from slipstick.edges import whole_lines
from slipstick.models.openai.failures import RequestFailure
from slipstick.models.openai.messages import from_message

_MARK = "slipstick"
"""Key of a batch's metadata."""
_CLOCKS = 600.0
"""Seconds that a provider's clock may differ from ours."""


class BatchState(NamedTuple):
    """How far a batch is."""

    ended: bool
    """Whether no more results will come."""
    status: str
    """In the provider's word, with its reason if there is one."""
    done: int
    """Requests that were worked on, failed ones too."""
    files: list[str]
    """Addresses of its results, relative to the server's."""


class BatchResult(NamedTuple):
    """What came back for one request."""

    key: str
    """Its `custom_id`."""
    body: dict[str, Any] | None
    """The answer, a completion; None if it failed."""
    status: int = 200
    """The HTTP status that it would have had; 0 if it was never worked on."""
    error: str = ""
    """Why it failed."""
    param: str | None = None
    """The parameter that was refused, if the provider names one."""


class Connection(Protocol):
    """A server: JSON in, JSON out, its failures as RequestFailure. Addresses are relative to the server's."""

    async def send(self, address: str, body: dict[str, Any]) -> Any:
        """POST of a JSON body."""

    async def fetch(self, address: str, query: Mapping[str, object] | None = None) -> Any:
        """GET of a JSON body."""

    async def upload(self, file: Path, purpose: str) -> str:
        """Sends a file and gives its id."""

    def lines(self, address: str) -> AsyncIterator[str]:
        """GET of a text, line by line."""


class BatchAPI(Protocol):
    """A provider's batch endpoints."""

    most_requests: int
    """Requests of one batch."""
    most_bytes: int
    """Bytes of one batch."""

    def line(self, key: str, body: dict[str, Any]) -> str:
        """A line of a batch's file."""

    async def submit(self, file: Path, mark: str) -> str:
        """Starts a batch and gives its id."""

    async def find(self, mark: str, keys: Collection[str], *, since: float, known: Collection[str]) -> str | None:
        """The id of the batch that was submitted with this mark, if there is one.

        keys: of its requests; since: when it was submitted, at the earliest; known: ids of other batches.
        """

    async def look(self, batch: str) -> BatchState:
        """How far a batch is."""

    def results(self, file: str) -> AsyncIterator[BatchResult]:
        """What a file of results holds, line by line; a line that is no result is left out."""


class OpenAIBatches:
    """OpenAI's, which others have too; a batch is found again by its metadata."""

    most_requests, most_bytes = 50_000, 200_000_000

    def __init__(self, connection: Connection, endpoint: str) -> None:
        """endpoint: of every request, "/chat/completions"."""
        self._connection, self._endpoint = connection, f"/v1{endpoint}"

    def line(self, key: str, body: dict[str, Any]) -> str:
        """See BatchAPI."""
        return _to_line({"custom_id": key, "method": "POST", "url": self._endpoint, "body": body})

    async def submit(self, file: Path, mark: str) -> str:
        """See BatchAPI."""
        asked = {"input_file_id": await self._connection.upload(file, "batch"), "endpoint": self._endpoint}
        more = {"completion_window": "24h", "metadata": {_MARK: mark}}
        return str((await self._connection.send("/batches", asked | more))["id"])

    async def find(self, mark: str, keys: Collection[str], *, since: float, known: Collection[str]) -> str | None:
        """See BatchAPI."""
        del keys, since, known
        async for batch in _listed(self._connection, "/batches", cursor="after"):
            if (batch.get("metadata") or {}).get(_MARK) == mark:
                return str(batch["id"])
        return None

    async def look(self, batch: str) -> BatchState:
        """See BatchAPI."""
        found = await self._connection.fetch(f"/batches/{batch}")
        counts, status = found.get("request_counts") or {}, str(found.get("status"))
        errors = (found.get("errors") or {}).get("data") or ()
        reasons = "; ".join(dict.fromkeys(str(error.get("message") or error.get("code")) for error in errors))
        files = [found[key] for key in ("output_file_id", "error_file_id") if found.get(key)]
        return BatchState(
            ended=status in ("completed", "failed", "expired", "cancelled"),
            status=f"{status}: {reasons}" if reasons else status,
            done=(counts.get("completed") or 0) + (counts.get("failed") or 0),
            files=[f"/files/{file}/content" for file in files],
        )

    def results(self, file: str) -> AsyncIterator[BatchResult]:
        """See BatchAPI."""
        return _read(self._connection.lines(file), _of_openai)


class AnthropicBatches:
    """Anthropic's. It keeps no metadata: a batch is found again by its time, its size and the ids of its results."""

    most_requests, most_bytes = 100_000, 256_000_000

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def line(self, key: str, body: dict[str, Any]) -> str:
        """See BatchAPI."""
        return _to_line({"custom_id": key, "params": body})

    async def submit(self, file: Path, mark: str) -> str:
        """See BatchAPI."""
        requests = [json.loads(line) for _, line in whole_lines(file)]
        return str((await self._connection.send("/messages/batches", {"requests": requests}))["id"])

    async def find(self, mark: str, keys: Collection[str], *, since: float, known: Collection[str]) -> str | None:
        """See BatchAPI. If a batch that has not ended may be it, that is a failure, to be tried again later."""
        del mark
        undecided = ""
        async for batch in _listed(self._connection, "/messages/batches", cursor="after_id"):
            size = sum((batch.get("request_counts") or {}).values())
            if batch["id"] in known or size != len(keys) or _seconds(batch["created_at"]) < since - _CLOCKS:
                continue
            if batch["processing_status"] != "ended":
                undecided = str(batch["id"])
                continue
            async for result in self.results(f"/messages/batches/{batch['id']}/results"):
                if result.key in keys:
                    return str(batch["id"])
                break
        if undecided:
            raise RequestFailure("busy", f"{undecided} may be a batch of this run, which shows when it has ended")
        return None

    async def look(self, batch: str) -> BatchState:
        """See BatchAPI."""
        found = await self._connection.fetch(f"/messages/batches/{batch}")
        counts, status = found.get("request_counts") or {}, str(found.get("processing_status"))
        done = sum(number for name, number in counts.items() if name != "processing")
        return BatchState(status == "ended", status, done, [f"/messages/batches/{batch}/results"])

    def results(self, file: str) -> AsyncIterator[BatchResult]:
        """See BatchAPI."""
        return _read(self._connection.lines(file), _of_anthropic)


async def _listed(connection: Connection, address: str, *, cursor: str) -> AsyncIterator[dict[str, Any]]:
    """All batches of the account, page by page."""
    query: dict[str, object] = {"limit": 100}
    while True:
        page = await connection.fetch(address, query)
        for batch in page["data"]:
            yield batch
        if not page.get("has_more") or not page["data"]:
            return
        query[cursor] = page["data"][-1]["id"]


def _seconds(moment: str) -> float:
    """Seconds since 1970 of a time as RFC 3339 writes it."""
    return datetime.fromisoformat(moment).timestamp()


def _to_line(row: dict[str, Any]) -> str:
    return json.dumps(row, ensure_ascii=False, separators=(",", ":"))


async def _read(lines: AsyncIterator[str], of: Callable[[dict[str, Any]], BatchResult]) -> AsyncIterator[BatchResult]:
    """The results in lines of a file; lines that are none are left out. of: reads one as a provider writes it."""
    async for line in lines:
        row = None
        with suppress(ValueError):
            row = json.loads(line)
        if isinstance(row, dict) and isinstance(row.get("custom_id"), str):
            yield of(row)


def _of_openai(row: dict[str, Any]) -> BatchResult:
    response, error = row.get("response") or {}, row.get("error") or {}
    body, status = response.get("body"), response.get("status_code") or 0
    if status == 200 and isinstance(body, dict):
        return BatchResult(row["custom_id"], body)
    error = error or (body.get("error") if isinstance(body, dict) else None) or {}
    why = error.get("message") or error.get("code") if isinstance(error, dict) else error
    param = error.get("param") if isinstance(error, dict) else None
    return BatchResult(row["custom_id"], None, status, str(why or f"status {status}"), param)


def _of_anthropic(row: dict[str, Any]) -> BatchResult:
    result = row.get("result") or {}
    kind = result.get("type")
    if kind == "succeeded" and isinstance(result.get("message"), dict):
        return BatchResult(row["custom_id"], from_message(result["message"]))
    error = result.get("error") or {}
    error = error.get("error") or error
    invalid = error.get("type") in ("invalid_request_error", "invalid_request")
    return BatchResult(row["custom_id"], None, 400 if invalid else 0, str(error.get("message") or kind))
