"""Requests to a provider's batch endpoints, and what their failures mean.

A file of its own, as importing httpx2 takes a third of a second.
"""

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2

from slipstick.models.openai.failures import RequestFailure
from slipstick.models.openai.replies import shorten

_AGAIN = frozenset({408, 409, 425, 429})
_NO_CREDIT = "insufficient_quota"


class BatchConnection:
    """JSON in, JSON out; see `batch_api.Connection`."""

    def __init__(
        self, http: httpx2.AsyncClient, base_url: str, headers: Mapping[str, str], clean: Callable[[str], str]
    ) -> None:
        """headers: of every request; clean: takes secrets out of a server's words."""
        self._http, self._base, self._clean = http, base_url.rstrip("/"), clean
        self._headers = dict(headers)

    async def send(self, address: str, body: dict[str, Any]) -> Any:
        """POST of a JSON body. Raises RequestFailure."""
        with self._failures():
            return _json(await self._http.post(self._base + address, json=body, headers=self._headers))

    async def fetch(self, address: str, query: Mapping[str, object] | None = None) -> Any:
        """GET of a JSON body. Raises RequestFailure."""
        with self._failures():
            params = {key: str(value) for key, value in (query or {}).items()}
            return _json(await self._http.get(self._base + address, params=params, headers=self._headers))

    async def upload(self, file: Path, purpose: str) -> str:
        """Sends a file and gives its id. Raises RequestFailure."""
        with self._failures(), file.open("rb") as content:
            sent = {"file": (file.name, content, "application/jsonl")}
            answer = await self._http.post(
                f"{self._base}/files", files=sent, data={"purpose": purpose}, headers=self._headers
            )
            return str(_json(answer)["id"])

    async def lines(self, address: str) -> AsyncIterator[str]:
        """GET of a text, line by line. Raises RequestFailure, also if it breaks off."""
        with self._failures():
            async with self._http.stream("GET", self._base + address, headers=self._headers) as answer:
                if answer.is_error:
                    await answer.aread()
                answer.raise_for_status()
                rest = b""  # cut at line feeds alone: a JSON text may hold other characters that end lines
                async for piece in answer.aiter_bytes():
                    *lines, rest = (rest + piece).split(b"\n")
                    for line in lines:
                        yield line.decode("utf-8", "replace")
                if rest:
                    yield rest.decode("utf-8", "replace")

    @contextmanager
    def _failures(self) -> Iterator[None]:
        try:
            yield
        except httpx2.HTTPStatusError as error:
            raise self._status_failure(error.response) from error
        except (httpx2.HTTPError, ValueError, KeyError, TypeError) as error:
            raise RequestFailure("broken", shorten(error, clean=self._clean)) from error

    def _status_failure(self, answer: httpx2.Response) -> RequestFailure:
        status = answer.status_code
        reason = shorten(f"{status}: {answer.text}", clean=self._clean)
        if _NO_CREDIT in answer.text:
            return RequestFailure("denied", reason, remedy="reports that no credit is left: add credit")
        if status in (401, 403):
            return RequestFailure("denied", reason, remedy="refuses the key for batches: set one that may use them")
        if status in _AGAIN or status >= 500:
            return RequestFailure("busy", reason)
        return RequestFailure("rejected", reason, remedy='refuses a batch: set mode = "live" if it takes none')


def _json(answer: httpx2.Response) -> Any:
    answer.raise_for_status()
    return answer.json()
