"""A model server that says what a script says: the chat half of the OpenAI API, with calls of a tool, also as a stream.

    python -m benchmarks.scripted_model SCRIPT.toml [--port 8000]

A script lists problems with `text`, `codes` and `says`; a request is about the problem whose text its messages hold.
The first line that the server prints is its address.
"""

import argparse
import json
import threading
import tomllib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


def read_script(path: Path) -> list[dict[str, Any]]:
    """The problems of a script."""
    found: list[dict[str, Any]] = tomllib.loads(path.read_text("utf-8"))["problems"]
    return found


def reply(script: Sequence[dict[str, Any]], request: dict[str, Any]) -> dict[str, Any]:
    """The message that comes next in a dialogue."""
    messages = request["messages"]
    asked = json.dumps([each.get("content") for each in messages if each["role"] == "user"], ensure_ascii=False)
    named = (each for each in script if json.dumps(each["text"], ensure_ascii=False)[1:-1] in asked)
    problem = next(named, {"says": "1 2 3 4 5 6 7 8 9", "codes": []})  # what a client asks to get to know a server
    said: dict[str, Any] = {"role": "assistant", "content": problem["says"]}
    if not request.get("tools"):
        return {**said, "content": problem.get("words", problem["says"])}
    ran = sum(each["role"] == "tool" for each in messages)
    if ran < len(problem["codes"]):
        name = request["tools"][0]["function"]["name"]
        called = {"name": name, "arguments": json.dumps({"code": problem["codes"][ran]})}
        said |= {"content": None, "tool_calls": [{"id": f"call{ran:05d}", "type": "function", "function": called}]}
    return said


def completion(message: dict[str, Any]) -> dict[str, Any]:
    """A whole response around a message."""
    finish = "tool_calls" if "tool_calls" in message else "stop"
    usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
    choice = {"index": 0, "message": message, "finish_reason": finish}
    return {"id": "x", "object": "chat.completion", "created": 0, "model": "m", "choices": [choice], "usage": usage}


def streamed(message: dict[str, Any]) -> str:
    """The same as events of a stream."""
    whole = completion(message)
    delta = {**message, "tool_calls": [{"index": 0, **call} for call in message.get("tool_calls", ())]}
    head = {**whole, "object": "chat.completion.chunk"}
    begun = {**head, "choices": [{"index": 0, "delta": delta, "finish_reason": None}], "usage": None}
    ended = {**head, "choices": [{"index": 0, "delta": {}, "finish_reason": whole["choices"][0]["finish_reason"]}]}
    return "".join(f"data: {line}\n\n" for line in (json.dumps(begun), json.dumps(ended), "[DONE]"))


def _handler(script: Sequence[dict[str, Any]]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *args: object) -> None:
            pass

        def do_GET(self) -> None:
            self.send("application/json", json.dumps({"object": "list", "data": [{"id": "m", "object": "model"}]}))

        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if not self.path.endswith("/chat/completions"):
                self.send("application/json", json.dumps({"error": {"message": f"no such path: {self.path}"}}), 404)
                return
            message = reply(script, request)
            if request.get("stream"):
                self.send("text/event-stream", streamed(message))
            else:
                self.send("application/json", json.dumps(completion(message)))

        def send(self, kind: str, text: str, status: int = 200) -> None:
            data = text.encode()
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

    return Handler


@contextmanager
def serving(script: Sequence[dict[str, Any]], *, port: int = 0) -> Iterator[str]:
    """The address of a server in a thread of this process."""
    server = ThreadingHTTPServer(("127.0.0.1", port), _handler(script))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/v1"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def main() -> None:
    """Serves until it is interrupted."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("script", type=Path)
    parser.add_argument("--port", type=int, default=8000)
    asked = parser.parse_args()
    with serving(read_script(asked.script), port=asked.port) as address:
        print(address, flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main()
