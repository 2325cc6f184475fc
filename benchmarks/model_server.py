"""A model server that behaves like a continuous-batching one and replays recorded solutions.

It has a number of slots; a request waits for one, in order, then takes 50 ms for its prompt and 10 ms per token at
speed 1. It speaks the chat half of the OpenAI API. It replies with recorded solutions, turn by turn; a question names
its own by a mark, "[#7]". Four characters count as a token. With `--faults` it fails as busy servers do.

    python -m benchmarks.model_server TURNS.json [--speed 1] [--slots 64] [--faults]

TURNS.json holds the texts of the turns of every mark. The first line that the server prints is its address.
`GET /stats` returns its counts since `POST /reset`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import re
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

PREFILL_SECONDS = 0.05
TOKENS_PER_SECOND = 100.0
CHARACTERS_PER_TOKEN = 4
FAULTS = {"429": 0.05, "500": 0.02, "hang": 0.01, "cut": 0.01, "malformed": 0.01}
_MARK = re.compile(r"\[#(\d+)\]")
_REASONS = {200: "OK", 404: "Not Found", 429: "Too Many Requests", 500: "Internal Server Error"}


class Engine:
    """The slots, and how long each number of them was busy."""

    def __init__(self, turns: list[list[str]], *, slots: int, speed: float, faults: bool) -> None:
        self._turns = turns
        self._slots = slots
        self._free = asyncio.Semaphore(slots)
        self._speed = speed
        self._faults = random.Random(0) if faults else None
        self.reset()

    def reset(self) -> None:
        """Forgets what it has done; to be called when no request is running."""
        self._busy = 0
        self._changes: list[tuple[float, int]] = []
        self._requests = self._replies = 0
        self._failed: dict[str, int] = dict.fromkeys(FAULTS, 0)

    def stats(self) -> dict[str, Any]:
        """Requests, replies and faults; percent of slot-seconds busy between the first and the last full load."""
        full = [place for place, (_, busy) in enumerate(self._changes) if busy == self._slots]
        share = 0.0
        if full and full[-1] > full[0]:
            span = self._changes[full[0] : full[-1] + 1]
            seconds = sum((after - at) * busy for (at, busy), (after, _) in pairwise(span))
            share = seconds / (self._slots * (span[-1][0] - span[0][0]))
        found = {"requests": self._requests, "replies": self._replies, "slots_busy": 100 * share}
        return {**found, "failed": self._failed, "cpu": time.process_time()}

    def fault(self) -> str | None:
        """What goes wrong with the next request."""
        self._requests += 1
        chance = self._faults.random() if self._faults else 1.0
        for name, share in FAULTS.items():
            if chance < share:
                self._failed[name] += 1
                return name
            chance -= share
        return None

    async def answer(self, messages: list[dict[str, str]]) -> dict[str, Any]:
        """The next turn of what was recorded, at the pace of a slot."""
        first = next(message["content"] for message in messages if message["role"] == "user")
        mark = _MARK.search(first)
        turns = self._turns[int(mark[1])] if mark else ["1 2 3 4 5 6 7 8 9"]  # the reply to the probe
        turn = sum(message["role"] == "assistant" for message in messages)
        text = turns[turn] if turn < len(turns) else ""
        tokens = max(1, len(text) // CHARACTERS_PER_TOKEN)
        async with self._free:
            self._change(1)
            await asyncio.sleep((PREFILL_SECONDS + tokens / TOKENS_PER_SECOND) / self._speed)
            self._change(-1)
        self._replies += 1
        prompt_tokens = sum(len(message["content"]) for message in messages) // CHARACTERS_PER_TOKEN
        usage = {"prompt_tokens": prompt_tokens, "completion_tokens": tokens, "total_tokens": prompt_tokens + tokens}
        choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
        return {"id": "x", "object": "chat.completion", "created": 0, "model": "m", "choices": [choice], "usage": usage}

    def _change(self, by: int) -> None:
        self._busy += by
        self._changes.append((time.monotonic(), self._busy))


async def serve_connection(engine: Engine, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Requests of one connection, until it closes."""
    try:
        while head := await reader.readuntil(b"\r\n\r\n"):
            line, *headers = head.decode().split("\r\n")
            length = next((int(h.split(":")[1]) for h in headers if h.lower().startswith("content-length")), 0)
            body = await reader.readexactly(length)
            if not await _reply(engine, line, body, writer):
                break
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


async def _reply(engine: Engine, line: str, body: bytes, writer: asyncio.StreamWriter) -> bool:
    """Answers one request; whether the connection may be used again."""
    method, path, _ = line.split(" ")
    if path == "/stats":
        return await _send(writer, 200, engine.stats())
    if path == "/reset":
        engine.reset()
        return await _send(writer, 200, {})
    if method == "GET" and path.endswith("/models"):
        return await _send(writer, 200, {"object": "list", "data": [{"id": "m", "object": "model"}]})
    if not path.endswith("/chat/completions"):
        return await _send(writer, 404, {"error": {"message": f"no such path: {path}"}})
    match engine.fault():
        case "429" | "500" as status:
            return await _send(writer, int(status), {"error": {"message": "too busy"}})
        case "hang":
            await asyncio.sleep(3600)
        case "cut":
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 900\r\n\r\n{")
            await writer.drain()
            return False
        case "malformed":
            return await _send(writer, 200, '{"id": "x", "choices": [{"index": 0, "mess')
    return await _send(writer, 200, await engine.answer(json.loads(body)["messages"]))


async def _send(writer: asyncio.StreamWriter, status: int, content: Any) -> bool:
    body = (content if isinstance(content, str) else json.dumps(content)).encode()
    head = (
        f"HTTP/1.1 {status} {_REASONS[status]}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    writer.write(head.encode() + body)
    await writer.drain()
    return True


async def serve(engine: Engine) -> None:
    """Serves on a free port of this machine until it is killed."""
    server = await asyncio.start_server(
        lambda reader, writer: serve_connection(engine, reader, writer), "127.0.0.1", 0, backlog=2048
    )
    host, port = server.sockets[0].getsockname()
    print(f"http://{host}:{port}", flush=True)
    await server.serve_forever()


def main() -> None:
    """Reads the command line and serves."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("turns", type=Path)
    parser.add_argument("--speed", type=float, default=1.0)
    parser.add_argument("--slots", type=int, default=64)
    parser.add_argument("--faults", action="store_true")
    asked = parser.parse_args()
    turns = json.loads(asked.turns.read_text("utf-8"))

    async def run() -> None:
        await serve(Engine(turns, slots=asked.slots, speed=asked.speed, faults=asked.faults))

    asyncio.run(run())


if __name__ == "__main__":
    main()
