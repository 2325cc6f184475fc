"""A real HTTP server on this machine that speaks the OpenAI API, says what it is told to and fails as it is told to."""

from __future__ import annotations

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Protocol, TypeVar

from tests.models.events import events_of


class Server:
    """`faults` are answered first, one each, then every request gets `text`, or the next of `messages`."""

    def __init__(self) -> None:
        self.text = "The answer is 42."
        self.finish = "stop"
        self.obeys_stop = True
        self.keeps_stop = False
        self.messages: list[dict[str, Any]] = []
        self.faults: list[Any] = []
        """(status, body, headers), "cut", "cut midway" or "hang"."""
        self.refuses: dict[str, str] = {}
        """Parameter -> what the server says to a request that has it."""
        self.params: dict[str, str | None] = {}
        """Parameter -> what the refusal names as its `param`, if not the parameter."""
        self.refuses_in_messages = ""
        """Key that no message may have."""
        self.usage: dict[str, Any] | None = {"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12}
        self.streams = True
        """Whether it gives an answer in pieces if it is asked to."""
        self.scripts: list[list[str | float]] = []
        """Streams that come before all others: what is sent; a number is a pause in seconds, "cut" breaks it off."""
        self.pages: dict[str, Any] = {"/v1/models": {"data": [{"id": "abacus-7b", "object": "model"}]}}
        self.room = 10_000
        """More requests at once than this are refused with 429."""
        self.seconds = 0.0
        self.bodies: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        """Of each request, their names in lower case; values of one that came twice are joined by ", "."""
        self.looked_at: list[dict[str, str]] = []
        """The same of the requests for pages."""
        self.connections: set[Any] = set()
        """Those that requests came on, by the other end's address."""
        self.at_once = 0
        self.most_at_once = 0
        self.lock = threading.Lock()
        self.asked = threading.Event()
        self.stopped = threading.Event()
        self.http = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}/v1"
        self.thread = threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.02})
        self.thread.start()

    def stop(self) -> None:
        """No answer from here on."""
        self.stopped.set()
        self.http.shutdown()
        self.http.server_close()
        self.thread.join()

    def answer(self, body: dict[str, Any]) -> dict[str, Any]:
        """The body of a good answer."""
        message = {"role": "assistant", "content": self.text} | (self.messages.pop(0) if self.messages else {})
        text = message["content"]
        if self.obeys_stop and isinstance(text, str):
            for stop in body.get("stop", []):
                before, found, _ = text.partition(stop)
                text = before + (found if self.keeps_stop else "")
        said = {"message": message | {"content": text}} if "messages" in body else {"text": text}
        return {
            "id": "x",
            "created": 0,
            "model": body["model"],
            "object": "chat.completion" if "messages" in body else "text_completion",
            "choices": [{"index": 0, "finish_reason": self.finish, **said}],
            "usage": self.usage,
        }

    def fault_of(self, body: dict[str, Any]) -> Any:
        """What goes wrong with a request; None where nothing does. Called under the lock."""
        if self.faults:
            return self.faults.pop(0)
        for param, said in self.refuses.items():
            if param in body:
                return 400, {"error": {"message": said, "param": self.params.get(param, param)}}, {}
        if self.refuses_in_messages and any(self.refuses_in_messages in said for said in body.get("messages", ())):
            return 400, {"error": {"message": f"messages: `{self.refuses_in_messages}` is not permitted"}}, {}
        if self.at_once > self.room:
            return busy()
        return None

    def _handler(server) -> type[BaseHTTPRequestHandler]:  # noqa: N805
        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *args: object) -> None:
                pass

            def send(self, status: int, body: Any, **headers: str) -> None:
                data = (body if isinstance(body, str) else json.dumps(body)).encode()
                self.send_response(status)
                for key, value in ({"Content-Type": "application/json"} | headers).items():
                    self.send_header(key.replace("_", "-"), value)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def do_GET(self) -> None:
                page = server.pages.get(self.path)
                with server.lock:
                    server.looked_at.append(headers_of(self))
                self.send(200 if page is not None else 404, page if page is not None else "no such page")

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                with server.lock:
                    server.bodies.append(body)
                    server.connections.add(self.client_address)
                    server.headers.append(headers_of(self))
                    server.at_once += 1
                    server.most_at_once = max(server.at_once, server.most_at_once)
                    fault = server.fault_of(body)
                server.asked.set()
                time.sleep(server.seconds)
                with server.lock:
                    server.at_once -= 1
                if fault == "cut":
                    self.connection.close()
                elif fault == "cut midway":
                    self.send_response(200)
                    self.send_header("Content-Length", "1000")
                    self.end_headers()
                    self.wfile.write(b'{"choices": [{"message"')
                elif fault == "hang":
                    server.stopped.wait(30)
                elif fault is not None:
                    status, answer, headers = fault
                    self.send(status, answer, **headers)
                elif body.get("stream") and server.streams:
                    events = events_of(server.answer(body), usage="stream_options" in body)
                    send_events(self, server.scripts.pop(0) if server.scripts else [*events], server.stopped)
                else:
                    self.send(200, server.answer(body))

        return Handler


def send_events(handler: BaseHTTPRequestHandler, events: list[str | float], stopped: threading.Event) -> None:
    """Sends a stream, one of `Server.scripts`; its pauses end when the server stops."""
    handler.send_response(200)
    handler.send_header("Content-Type", "text/event-stream; charset=utf-8")
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    for event in events:
        if event == "cut":
            handler.connection.close()
            return
        if isinstance(event, str):
            data = event.encode()
            handler.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        else:
            stopped.wait(event)
    handler.wfile.write(b"0\r\n\r\n")


def headers_of(handler: BaseHTTPRequestHandler) -> dict[str, str]:
    """The headers of a request, as in `Server.headers`."""
    return {name.lower(): ", ".join(handler.headers.get_all(name, [])) for name in handler.headers}


S = TypeVar("S", bound=Server)


class StartServer(Protocol):
    """The fixture that starts servers."""

    def __call__(self, kind: type[S]) -> S: ...


def busy(**headers: str) -> tuple[int, dict[str, Any], dict[str, str]]:
    """A refusal for want of room."""
    return 429, {"error": {"message": "slow down"}}, headers or {"retry_after_ms": "5"}
