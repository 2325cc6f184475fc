"""Thirty ways in which a model server fails, in three formats: `python -m benchmarks.servers`.

A run is evaluated at a server that fails in one way from the first request on, then resumed once the server is well.
The last line is one JSON object: `modes`, `runs`, `ended` (with ModelError or as a run), `said` (runs in which nothing
could be used and whose message has the server's words), `wrong` (answers counted incorrect though none was given),
`resumed` (runs that have every answer in the end) and `faults`, the runs that did otherwise.
"""

from __future__ import annotations

import argparse
import io
import json
import socket
import struct
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from rich.console import Console

from slipstick.commands import Invocation
from slipstick.commands.evaluate import run_evaluate
from slipstick.errors import ModelError, first_error
from slipstick.event_loop import run_async
from slipstick.models import ModelSettings
from slipstick.models.openai import OpenAIModel
from slipstick.store import RunFolder

FORMATS = {"cot": "The answer is 42.", "pot": "```python\nprint(6 * 7)\n```", "tir": "The answer is \\boxed{42}."}
TIMEOUT = 0.5


class Mode(NamedTuple):
    """How a server fails."""

    status: int = 200
    body: Any = None
    """JSON, a text, or None for a good answer."""
    headers: Mapping[str, str] = MappingProxyType({})
    how: str = ""
    """What is done to the connection instead: "reset", "cut", "hang", "slow", "close", "garbage"."""
    words: str = ""
    """What a message about it has to say."""
    usable: bool = False
    """Whether answers come all the same."""
    after: int = 0
    """Good answers before it fails."""


def error(message: str, **more: Any) -> dict[str, Any]:
    """The body of an error as the API writes it."""
    return {"error": {"message": message, **more}}


def completion(text: Any = "The answer is 42.", *, finish: Any = "stop", usage: Any = None, **message: Any) -> Any:
    """A completion as the API writes it."""
    said = {"role": "assistant", "content": text, **message}
    return {
        "id": "x",
        "object": "chat.completion",
        "created": 0,
        "model": "m",
        "choices": [{"index": 0, "finish_reason": finish, "message": said}],
        "usage": usage or {"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12},
    }


def modes(good: str) -> dict[str, Mode]:
    """The modes by their names; good: the text of a good answer."""
    fine = completion(good)
    page = "<html><body><h1>502 Bad Gateway</h1></body></html>"
    return {
        "429": Mode(429, error("slow down"), words="slow down"),
        "429 with Retry-After": Mode(429, error("slow down"), {"Retry-After": "0"}, words="slow down"),
        "429 with a broken Retry-After": Mode(429, error("slow down"), {"Retry-After": "soon"}, words="slow down"),
        "429 without credit": Mode(429, error("no credit left", code="insufficient_quota"), words="no credit left"),
        "429 after two answers": Mode(429, error("slow down"), usable=True, after=4),
        "500": Mode(500, error("a bug"), words="a bug"),
        "503": Mode(503, error("loading the model"), words="loading the model"),
        "502 with a page": Mode(502, page, {"Content-Type": "text/html"}, words="502"),
        "200 with a page": Mode(200, page, {"Content-Type": "text/html"}, words="Bad Gateway"),
        "200 with an error": Mode(200, error("out of memory"), words="out of memory"),
        "401": Mode(401, error("bad key"), words="OPENAI_API_KEY"),
        "404": Mode(404, error("no model m"), words="no model m"),
        "redirect": Mode(307, "", {"Location": "http://127.0.0.1:9/v1/chat/completions"}),
        "context length": Mode(400, error("maximum context length is 8 tokens"), words="context length"),
        "no choices": Mode(200, {**fine, "choices": []}, words="choices"),
        "no content": Mode(200, completion(None), words="empty"),
        "empty content": Mode(200, completion(""), words="empty"),
        "a refusal": Mode(200, completion(None, refusal="I cannot help."), words="I cannot help."),
        "only thoughts": Mode(200, completion("", reasoning_content="hmm", finish="length"), words="max_tokens"),
        "content filter": Mode(200, completion("", finish="content_filter"), words="content filter"),
        "streaming only": Mode(
            200, "data: {}\n\ndata: [DONE]\n\n", {"Content-Type": "text/event-stream"}, words="[DONE]"
        ),
        "truncated JSON": Mode(200, json.dumps(fine)[:60], words="not a completion"),
        "an array": Mode(200, [fine], words="not a completion"),
        "an empty body": Mode(200, "", words="not a completion"),
        "a byte-order mark": Mode(200, "\ufeff" + json.dumps(fine), usable=True),
        "wrong content type": Mode(200, fine, {"Content-Type": "text/plain"}, usable=True),
        "wrong usage": Mode(200, completion(good, usage={"prompt_tokens": -1, "completion_tokens": None}), usable=True),
        "an unknown finish": Mode(200, completion(good, finish="eos_token"), usable=True),
        "half a surrogate pair": Mode(200, completion("\ud83d " + good), usable=True),
        "calls nobody asked for": Mode(
            200,
            completion(good, tool_calls=[{"id": "1", "type": "function", "function": {"name": "x", "arguments": "{"}}]),
            usable=True,
        ),
        "choices twice": Mode(200, {**fine, "choices": fine["choices"] * 2}, usable=True),
        "a huge body": Mode(200, completion("7 " * 1_000_000), usable=True),
        "a reset": Mode(how="reset"),
        "a cut body": Mode(how="cut"),
        "closed without a word": Mode(how="close"),
        "no answer": Mode(how="hang", words="request_timeout"),
        "a byte a second": Mode(how="slow", words="request_timeout"),
        "no HTTP": Mode(how="garbage"),
    }


class _Quiet(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that has gone is no fault of the server's."""


class Server:
    """Fails as `mode` says, or answers well if that is None."""

    def __init__(self, good: str) -> None:
        self.mode: Mode | None = None
        self.good, self.answered, self.ended = good, 0, threading.Event()
        self.http = _Quiet(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}/v1"
        self.thread = threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.02})
        self.thread.start()

    def _handler(server) -> type[BaseHTTPRequestHandler]:  # noqa: N805  `self` is the handler's, inside
        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *args: object) -> None:
                pass

            def do_GET(self) -> None:
                self.send(200, {"object": "list", "data": [{"id": "m", "object": "model"}]}, {})

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                mode = server.mode
                if mode is None or server.answered < mode.after:
                    server.answered += 1
                    self.send(200, completion(server.good), {})
                elif mode.how:
                    self.break_off(mode.how)
                else:
                    self.send(mode.status, mode.body, mode.headers)

            def send(self, status: int, body: Any, headers: Mapping[str, str]) -> None:
                data = (body if isinstance(body, str) else json.dumps(body)).encode()
                self.send_response(status)
                for key, value in {"Content-Type": "application/json", **headers}.items():
                    self.send_header(key, value)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def break_off(self, how: str) -> None:
                self.close_connection = True
                head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 900\r\n\r\n"
                if how == "reset":
                    self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    self.connection.close()
                elif how == "garbage":
                    self.wfile.write(b"\x15\x03\x01\x00\x02\x02\x16")  # as a server that expects TLS
                elif how in ("cut", "slow"):
                    self.wfile.write(head + b'{"choices"')
                if how in ("hang", "slow"):
                    server.ended.wait(4 * TIMEOUT)

        return Handler


@contextmanager
def serving(good: str) -> Iterator[Server]:
    """A server in this process."""
    server = Server(good)
    try:
        yield server
    finally:
        server.ended.set()
        server.http.shutdown()
        server.http.server_close()
        server.thread.join()


def evaluated(server: Server, folder: Path, format: str, *, resume: bool) -> str:
    """Evaluates the recipe of a folder at a server; what the run ended with, "" if it came to its end."""
    settings = ModelSettings(base_url=[server.url], request_timeout=TIMEOUT if server.mode else 30)
    model = OpenAIModel("m", settings, max_retries=1, first_pause=0.001)
    recipe = folder / "r.toml"
    recipe.write_text(f'problems = "{folder}/p.jsonl"\nmodel = "openai:m"\nformats = ["{format}"]\nmax_turns = 2\n')
    invocation = Invocation(str(recipe), out=folder / "run", resume=resume, model=model)
    try:
        run_evaluate(invocation, Console(file=io.StringIO()))
    except BaseException as raised:  # also a group of what several tasks raised; what is no ModelError goes on
        if not isinstance(first_error(raised), ModelError):
            raise
        return str(first_error(raised))
    finally:
        run_async(model.close(), shared=True)
    return ""


def tried(name: str, format: str, folder: Path) -> dict[str, Any]:
    """How a run in one mode ended, and whether it is whole once the server is well."""
    rows = [{"id": f"p/{number}", "question": f"{number} + {42 - number}?", "answer": 42} for number in range(4)]
    (folder / "p.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    found: dict[str, Any] = {"mode": name, "format": format, "ended": True}
    with serving(FORMATS[format]) as server:
        server.mode = mode = modes(FORMATS[format])[name]
        began = time.monotonic()
        try:
            found["words"] = evaluated(server, folder, format, resume=False)
        except Exception as raised:  # what is looked for
            return found | {"ended": False, "raised": repr(raised)[:300]}
        found["seconds"] = round(time.monotonic() - began, 1)
        found["said"] = found["words"] == "" if mode.usable else mode.words in found["words"] and found["words"] != ""
        held = list(RunFolder(folder / "run").solutions()) if (folder / "run").exists() else []
        found["wrong"] = sum(
            each.failed and each.verdict is not None and each.verdict.outcome == "incorrect" for each in held
        )
        server.mode = None
        again = evaluated(server, folder, format, resume=True)
        whole = list(RunFolder(folder / "run").solutions())
        answered = [each for each in whole if not each.failed and each.verdict]
        found["resumed"] = not again and len(answered) == len(rows)
    return found


def main() -> None:
    """Tries every mode in every format and prints one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--formats", nargs="*", default=list(FORMATS))
    asked = parser.parse_args()
    found = []
    for format in asked.formats:
        for name in modes(""):
            with tempfile.TemporaryDirectory() as folder:
                found.append(tried(name, format, Path(folder)))
            print(json.dumps(found[-1]), flush=True)
    faults = [f for f in found if not (f["ended"] and f.get("said") and f.get("resumed") and not f.get("wrong"))]
    counts = {key: sum(bool(each.get(key)) for each in found) for key in ("ended", "said", "wrong", "resumed")}
    print(json.dumps({"modes": len(modes("")), "runs": len(found), **counts, "faults": faults}))


if __name__ == "__main__":
    main()
