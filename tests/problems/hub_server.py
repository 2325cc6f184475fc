"""A small Hub over HTTP, for the Hub's own client to talk to: repositories of files, their trees, ranges of them."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

COMMIT = "a" * 40
Files = Mapping[str, bytes]
"""Path inside a repository -> what the file holds."""


@contextmanager
def serve_hub(repositories: Mapping[str, Files]) -> Iterator[tuple[str, list[str]]]:
    """Serves "owner/name" -> files; gives the address and the revisions that were asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *arguments: object) -> None:
            pass

        def do_GET(self) -> None:
            parts = [unquote(part) for part in urlsplit(self.path).path.strip("/").split("/")]
            if parts[0] == "api":
                parts = parts[1:]
            files = repositories.get("/".join(parts[1:3]))
            if files is None or len(parts) < 5:
                self.answer(b"{}", 404)
                return
            what, revision, path = parts[3], parts[4], "/".join(parts[5:])
            asked.append(revision)
            if what == "revision":
                self.answer(json.dumps({"id": "/".join(parts[1:3]), "sha": COMMIT, "siblings": []}).encode())
            elif what == "tree":
                self.answer(json.dumps(_children(files, path)).encode())
            elif what == "resolve" and path in files:
                self.file(files[path])
            else:
                self.answer(b"{}", 404, {"X-Error-Code": "EntryNotFound"})

        do_HEAD = do_GET  # noqa: N815

        def file(self, data: bytes) -> None:
            headers = {"ETag": '"1"', "X-Repo-Commit": COMMIT, "Accept-Ranges": "bytes"}
            wanted = self.headers.get("Range")
            if wanted is None:
                self.answer(data, 200, headers)
                return
            first, _, last = wanted.removeprefix("bytes=").partition("-")
            piece = data[int(first) : int(last or len(data)) + 1]
            where = f"bytes {first}-{int(first) + len(piece) - 1}/{len(data)}"
            self.answer(piece, 206, {**headers, "Content-Range": where})

        def answer(self, data: bytes, status: int = 200, headers: Mapping[str, str] | None = None) -> None:
            self.send_response(status)
            for name, value in {"Content-Length": str(len(data)), **(headers or {})}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(data)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _children(files: Files, folder: str) -> list[dict[str, object]]:
    begin = f"{folder}/" if folder else ""
    found: dict[str, dict[str, object]] = {}
    for path, data in files.items():
        if path.startswith(begin):
            name, _, deeper = path.removeprefix(begin).partition("/")
            kind = {"type": "directory", "size": 0} if deeper else {"type": "file", "size": len(data)}
            found[begin + name] = {"path": begin + name, "oid": "0", **kind}
    return list(found.values())
