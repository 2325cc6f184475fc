"""What is sent to a Hub."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from slipstick.commands import Invocation
from slipstick.commands.export import run_export
from slipstick.commands.push import run_push
from slipstick.errors import InputError, UserError
from slipstick.schema import Run
from slipstick.store import RunFolder

CONSOLE = Console(quiet=True)


class Hub(BaseHTTPRequestHandler):
    """As much of the Hub as taking a folder needs."""

    received: list[tuple[str, bytes]]

    def do_POST(self) -> None:
        answer: dict[str, Any]
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.received.append((self.path, body))
        status = 200
        if self.path.endswith("/validate-yaml") and b"base_model: /" in body:
            status, answer = 400, {"errors": [{"message": '"base_model" is no repository'}]}
        elif self.path.endswith("/repos/create"):
            answer = {"url": "https://huggingface.co/datasets/me/corpus", "name": "me/corpus"}
        elif "/preupload/" in self.path:
            files = json.loads(body)["files"]
            answer = {"files": [{"path": f["path"], "uploadMode": "regular", "shouldIgnore": False} for f in files]}
        else:
            answer = {
                "success": True,
                "commitOid": "0" * 40,
                "commitUrl": "https://huggingface.co/datasets/me/corpus/commit/0",
            }
        said = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@pytest.fixture
def hub() -> Iterator[tuple[str, list[tuple[str, bytes]]]]:
    """Address of a Hub, and what it was sent."""
    received: list[tuple[str, bytes]] = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("OneHub", (Hub,), {"received": received}))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}", received
    server.shutdown()
    server.server_close()


def test_a_dry_run_lists_and_sends_nothing(
    hub: tuple[str, list[tuple[str, bytes]]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = Run(name="run", verb="train", status="finished", started=datetime.now(UTC), recipe={})
    RunFolder.start(tmp_path / "run", run).close()
    model = tmp_path / "run" / "model"
    for name, text in {
        "config.json": "{}",
        "README.md": "card",
        "checkpoint.pt": "x" * 9,
        "adapter/a.bin": "12345",
    }.items():
        (model / name).parent.mkdir(parents=True, exist_ok=True)
        (model / name).write_text(text)
    wanted = ["repo=me/model", f"endpoint={hub[0]}", "dry_run=true"]
    assert run_push(str(tmp_path / "run"), wanted, Console(width=200)) == ""
    said = capsys.readouterr().out.splitlines()
    assert [line.split() for line in said[:-1]] == [["4", "README.md"], ["5", "adapter/a.bin"], ["2", "config.json"]]
    assert said[-1] == "11 bytes in 3 files would go to the model me/model (private if created); nothing was sent"
    assert hub[1] == []
    with pytest.raises(InputError, match="is not the name of a repository"):
        run_push(str(tmp_path / "run"), ["repo=me/mo/del", "dry_run=true"], CONSOLE)


def test_exports_are_sent_as_a_data_set(
    hub: tuple[str, list[tuple[str, bytes]]], curated_runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_nobody")
    run_export(Invocation(str(curated_runs / "kept"), ["shapes=alpaca"]), CONSOLE)
    address = run_push(str(curated_runs / "kept"), ["repo=me/corpus", f"endpoint={hub[0]}"], CONSOLE)
    assert address == "https://huggingface.co/datasets/me/corpus/commit/0"
    made = json.loads(next(body for path, body in hub[1] if path.endswith("/repos/create")))
    assert made["type"] == "dataset" and (made.get("private") or made.get("visibility") == "private")
    sent = next(body for path, body in hub[1] if "/commit/" in path).decode()
    assert '"README.md"' in sent and '"alpaca-train.json"' in sent


def test_a_model_is_sent_without_what_a_stopped_training_left(
    hub: tuple[str, list[tuple[str, bytes]]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_nobody")
    run = Run(name="run", verb="train", status="finished", started=datetime.now(UTC), recipe={})
    RunFolder.start(tmp_path / "run", run).close()
    model = tmp_path / "run" / "model"
    for name in (
        "config.json",
        "README.md",
        "checkpoint.pt",
        "checkpoints/checkpoint-9/optimizer.pt",
        "job/order.json",
    ):
        (model / name).parent.mkdir(parents=True, exist_ok=True)
        (model / name).write_text("{}")
    run_push(str(tmp_path / "run"), ["repo=me/model", f"endpoint={hub[0]}"], CONSOLE)
    sent = next(body for path, body in hub[1] if "/commit/" in path).decode()
    assert '"config.json"' in sent and not any(name in sent for name in ("checkpoint", "job/", "optimizer"))
    (model / "README.md").write_text("---\nbase_model: /somewhere/here\n---\n")
    with pytest.raises(InputError, match=r'the Hub refuses (?s:.*)"base_model" is no repository'):
        run_push(str(tmp_path / "run"), ["repo=me/model", f"endpoint={hub[0]}"], CONSOLE)


def test_what_cannot_be_sent_says_why(curated_runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_nobody")
    with pytest.raises(InputError, match="export it first"):
        run_push(str(curated_runs / "data"), ["repo=me/corpus"], CONSOLE)
    run_export(Invocation(str(curated_runs / "kept"), ["shapes=alpaca"]), CONSOLE)
    with pytest.raises(UserError, match="the Hub did not take"):
        run_push(str(curated_runs / "kept"), ["repo=me/corpus", "endpoint=http://127.0.0.1:9"], CONSOLE)
