"""A provider of batches that answers sums, and that loses, delays, duplicates and half-fails batches by a script.

It speaks OpenAI's files and batches, Anthropic's message batches, and both live endpoints. What it worked on is billed,
by what was asked; `paid_twice` counts what was billed more than once.
"""

from __future__ import annotations

import hashlib
import json
import random
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

FAULTS = ("none", "answer lost", "duplicates", "vanishes", "half fails", "delayed", "over the limit", "download cut")
"""What goes wrong with a batch, one after another."""
_SUM = re.compile(r"\[#(\d+)\]")


class Batch:
    """One batch: its requests, its fault, and what came of it when it has ended."""

    def __init__(self, name: str, fault: str, rows: list[dict[str, Any]], mark: dict[str, str], seconds: float) -> None:
        self.name, self.fault, self.rows, self.mark = name, fault, rows, mark
        self.created = time.time()
        self.ends = time.monotonic() + seconds * (4 if fault == "delayed" else 1)
        self.looks = 0
        self.results: list[str] = []
        self.errors: list[str] = []
        self.worked_on = False


class Provider:
    """`seconds`: that a batch takes; `faults`: of the batches in order, then over again."""

    def __init__(self, *, seconds: float = 0.5, faults: Sequence[str] = ("none",), seed: int = 0) -> None:
        self.billed: Counter[str] = Counter()
        """How often what was asked was worked on."""
        self.faulty: Counter[str] = Counter()
        """Batches by their fault."""
        self.happens: Callable[[str], bool] = lambda event: False
        """Called when a batch is "created" and its id not yet told, "looked at", "downloaded" by half; True cuts the
        connection."""
        self.batches: dict[str, Batch] = {}
        self.bodies: list[dict[str, Any]] = []
        """Of live requests."""
        self.headers: dict[str, str] = {}
        """Of the request that came last, their names in lower case."""
        self._files: dict[str, bytes] = {}
        self._seconds, self._faults, self._random = seconds, faults, random.Random(seed)
        self._lock = threading.Lock()
        self._http = _Server(("127.0.0.1", 0), type("Handler", (_Handler,), {"provider": self}))
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}/v1"
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    def stop(self) -> None:
        """No answer from here on."""
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    @property
    def paid_twice(self) -> int:
        """Requests that were billed more than once."""
        return sum(times > 1 for times in self.billed.values())

    def keep(self, content: bytes) -> str:
        """The id of an uploaded file."""
        with self._lock:
            name = f"file-{len(self._files)}"
            self._files[name] = content
        return name

    def create(self, rows: Iterable[bytes] | list[dict[str, Any]], mark: dict[str, str]) -> Batch:
        """A new batch."""
        parsed = [row if isinstance(row, dict) else json.loads(row) for row in rows]
        with self._lock:
            number = len(self.batches)
            fault = self._faults[number % len(self._faults)]
            self.faulty[fault] += 1
            batch = Batch(f"batch_{number}", fault, parsed, mark, self._seconds)
            self.batches[batch.name] = batch
        return batch

    def file(self, name: str) -> bytes:
        """An uploaded file, or the results of a batch."""
        kind, _, batch = name.partition("=")
        if not batch:
            return self._files[name]
        self.work(self.batches[batch])
        lines = self.batches[batch].results if kind == "results" else self.batches[batch].errors
        return "".join(f"{line}\n" for line in lines).encode()

    def ended(self, batch: Batch) -> bool:
        """Whether it has ended."""
        return time.monotonic() >= batch.ends

    def work(self, batch: Batch) -> None:
        """Works on all of a batch, once."""
        with self._lock:
            if batch.worked_on:
                return
            batch.worked_on = True
            for place, row in enumerate(batch.rows):
                failing = batch.fault == "half fails" and place % 2 == 1
                (batch.errors if failing else batch.results).extend(self._lines(row, fails=failing, batch=batch))
            if batch.fault == "duplicates":
                batch.results += batch.results[::2]
            self._random.shuffle(batch.results)

    def _lines(self, row: dict[str, Any], *, fails: bool, batch: Batch) -> list[str]:
        anthropic = "params" in row
        body, key = row["params" if anthropic else "body"], row["custom_id"]
        if fails and self._random.random() < 0.1:
            return []  # nothing comes back at all
        if fails:
            error = {"type": "api_error", "message": "overloaded", "code": "server_error"}
            told = {"result": {"type": "errored", "error": {"type": "error", "error": error}}}
            return [json.dumps({"custom_id": key, **(told if anthropic else {"response": None, "error": error})})]
        self.billed[hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()] += 1
        reply = message(body) if anthropic else completion(body)
        told = {"result": {"type": "succeeded", "message": reply}}
        given = told if anthropic else {"response": {"status_code": 200, "body": reply}, "error": None}
        return [json.dumps({"custom_id": key, **given}, ensure_ascii=False)]

    def describe(self, batch: Batch) -> dict[str, Any]:
        """What OpenAI says of a batch."""
        ended, limited = self.ended(batch), batch.fault == "over the limit"
        status = ("failed" if limited else "completed") if ended else "in_progress"
        found: dict[str, Any] = {"id": batch.name, "object": "batch", "status": status, "metadata": batch.mark}
        if ended and limited:
            return found | {"errors": {"data": [{"code": "token_limit_exceeded", "message": "too much is enqueued"}]}}
        if ended:
            self.work(batch)
            found |= {"output_file_id": f"results={batch.name}", "error_file_id": f"errors={batch.name}"}
        done = len(batch.rows) if ended else 0
        return found | {"request_counts": {"total": len(batch.rows), "completed": done, "failed": 0}}

    def describe_messages(self, batch: Batch) -> dict[str, Any]:
        """What Anthropic says of a batch."""
        ended, size = self.ended(batch), len(batch.rows)
        counts = {"processing": 0 if ended else size, "succeeded": size if ended else 0, "errored": 0}
        return {
            "id": batch.name,
            "processing_status": "ended" if ended else "in_progress",
            "created_at": datetime.fromtimestamp(batch.created, UTC).isoformat().replace("+00:00", "Z"),
            "request_counts": counts,
        }


def written(messages: list[dict[str, Any]], *, code: bool) -> str:
    """The next turn of an answer to a sum, "[#7] What is 7 + 7?"; code: whether it is to be computed."""
    texts = [message["content"] for message in messages]
    asked = max((place for place, text in enumerate(texts) if _SUM.search(text)), default=None)
    if asked is None:
        return "1 2 3 4 5 6 7 8 9"  # to the probe
    number = int(_SUM.findall(texts[asked])[-1])
    if code and asked == len(texts) - 1:
        return f"```python\nprint({number} + {number})\n```\n"
    return f"Twice\u2028{number}.\nThe answer is \\boxed{{{2 * number}}}."


def completion(body: dict[str, Any]) -> dict[str, Any]:
    """A chat completion."""
    text = written(body["messages"], code="Python" in body["messages"][0]["content"])
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    usage = {"prompt_tokens": 10, "completion_tokens": 20, "total_tokens": 30}
    return {"id": "x", "object": "chat.completion", "created": 0, "model": "m", "choices": [choice], "usage": usage}


def message(body: dict[str, Any]) -> dict[str, Any]:
    """A message of Anthropic's API."""
    content = [{"type": "text", "text": written(body["messages"], code="Python" in body.get("system", ""))}]
    usage = {"input_tokens": 10, "output_tokens": 20}
    return {"type": "message", "role": "assistant", "content": content, "stop_reason": "end_turn", "usage": usage}


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Whoever asked was killed."""


class _Handler(BaseHTTPRequestHandler):
    provider: Provider

    def log_message(self, *args: object) -> None:
        pass

    def send(self, status: int, body: Any) -> None:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_POST(self) -> None:
        content = self.rfile.read(int(self.headers["Content-Length"]))
        self.provider.headers = {key.lower(): value for key, value in self.headers.items()}
        path = self.path.removeprefix("/v1")
        if path == "/files":
            file = content.split(b'name="file"', 1)[1].split(b"\r\n\r\n", 1)[1].split(b"\r\n--", 1)[0]
            self.send(200, {"id": self.provider.keep(file), "object": "file", "purpose": "batch"})
            return
        body = json.loads(content)
        if path in ("/chat/completions", "/messages"):
            self.provider.bodies.append(body)
            self.send(200, completion(body) if path == "/chat/completions" else message(body))
        elif path == "/batches":
            rows = self.provider.file(body["input_file_id"]).splitlines()
            self.created(self.provider.create(rows, body.get("metadata") or {}), self.provider.describe)
        else:
            self.created(self.provider.create(body["requests"], {}), self.provider.describe_messages)

    def created(self, batch: Batch, describe: Callable[[Batch], dict[str, Any]]) -> None:
        if self.provider.happens("created") or batch.fault == "answer lost":
            self.close_connection = True
        else:
            self.send(200, describe(batch))

    def do_GET(self) -> None:
        path, _, query = self.path.removeprefix("/v1").partition("?")
        messages = path.startswith("/messages/")
        describe = self.provider.describe_messages if messages else self.provider.describe
        parts = path.removeprefix("/messages").strip("/").split("/")
        if parts == ["batches"]:
            self.send(200, self.page(query, describe))
        elif parts[0] == "batches" and parts[1:] and parts[1] in self.provider.batches:
            batch = self.provider.batches[parts[1]]
            if parts[2:] == ["results"]:
                self.results(
                    self.provider.file(f"results={batch.name}") + self.provider.file(f"errors={batch.name}"), batch
                )
            else:
                self.look(batch, describe)
        elif parts[0] == "files":
            self.results(self.provider.file(parts[1]), self.provider.batches[parts[1].partition("=")[2]])
        else:
            self.send(404, {"error": {"message": f"no such path: {path}"}})

    def page(self, query: str, describe: Callable[[Batch], dict[str, Any]]) -> dict[str, Any]:
        """Two batches, newest first."""
        after = dict(part.split("=") for part in query.split("&")).get("after" if "after=" in query else "after_id")
        listed = [batch for batch in reversed(self.provider.batches.values()) if batch.fault != "vanishes"]
        start = next((place + 1 for place, batch in enumerate(listed) if batch.name == after), 0)
        shown = listed[start : start + 2]
        return {"data": [describe(batch) for batch in shown], "has_more": start + 2 < len(listed)}

    def look(self, batch: Batch, describe: Callable[[Batch], dict[str, Any]]) -> None:
        batch.looks += 1
        self.provider.happens("looked at")
        if batch.fault == "vanishes":
            self.send(404, {"error": {"message": "no such batch"}})
        elif batch.fault == "delayed" and batch.looks % 2:
            self.send(503, {"error": {"message": "try again"}})
        else:
            self.send(200, describe(batch))

    def results(self, content: bytes, batch: Batch) -> None:
        batch.looks += 1
        half = len(content) // 2
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[:half])
        self.wfile.flush()
        cut = self.provider.happens("downloaded") or (batch.fault == "download cut" and batch.looks % 3)
        if cut:
            self.close_connection = True
        else:
            self.wfile.write(content[half:])
