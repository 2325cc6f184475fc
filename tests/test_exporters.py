"""A run in other tools' shapes, its card, the way back from a row, and what is sent to a Hub."""

import io
import json
import re
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from rich.console import Console

from slipstick.commands import Invocation
from slipstick.commands.curate import run_curate
from slipstick.commands.export import run_export
from slipstick.commands.push import run_push
from slipstick.commands.synthesize import run_synthesize
from slipstick.commands.trace import run_trace
from slipstick.errors import InputError, RunFolderError, UserError
from slipstick.exporters import SHAPES, export
from slipstick.rewards.verdicts import read_gold
from slipstick.schema import Run
from slipstick.store import RunFolder
from slipstick.trace import trace

CONSOLE = Console(quiet=True)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of synthesize and one of curate, divided into two splits."""
    runs = tmp_path_factory.mktemp("runs")
    run_synthesize(Invocation("quickstart-data", limit=40, out=runs / "data"), CONSOLE)
    recipe = runs / "kept.toml"
    recipe.write_text(
        f'data = "{runs / "data"}"\nsplits = {{train = 0.7, valid = 0.3}}\nmax_solutions_per_problem = 1\n'
    )
    run_curate(Invocation(str(recipe), out=runs / "kept"), CONSOLE)
    return runs


def rows_of(path: Path) -> list[dict[str, Any]]:
    """The rows of an exported file of any kind."""
    if path.suffix == ".parquet":
        return list(pq.read_table(path).to_pylist())
    text = path.read_text("utf-8")
    return list(json.loads(text)) if path.suffix == ".json" else [json.loads(line) for line in text.splitlines()]


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_has_a_row_for_each_solution_or_problem(shape: str, runs: Path, tmp_path: Path) -> None:
    folder = RunFolder(runs / "kept")
    written = export(folder, shape, tmp_path)
    assert {name.partition(".")[0] for name in written} == {f"{shape}-train", f"{shape}-valid"}
    found = [row for name in written for row in rows_of(tmp_path / name)]
    ids = [row["id"] if "id" in row else row["extra_info"]["index"] for row in found]
    of_problems = SHAPES[shape].of == "problems"
    assert sorted(ids) == sorted(p.id for p in (folder.problems() if of_problems else folder.solutions()))


def test_splits_share_no_question(runs: Path, tmp_path: Path) -> None:
    export(RunFolder(runs / "kept"), "alpaca", tmp_path)
    train, valid = ({row["instruction"] for row in rows_of(tmp_path / f"alpaca-{s}.json")} for s in ("train", "valid"))
    assert train and valid and not train & valid


def test_segments_are_the_labels_of_training(runs: Path, tmp_path: Path) -> None:
    folder = RunFolder(runs / "data")
    export(folder, "segments", tmp_path)
    solutions = {solution.id: solution for solution in folder.solutions()}
    for row in rows_of(tmp_path / "segments.jsonl"):
        trained = "".join(segment["text"] for segment in row["segments"] if segment["label"])
        for block in solutions[row["id"]].blocks:
            assert block.text in trained if block.type != "output" else f"```output\n{block.text}" not in trained
        assert not row["segments"][0]["label"]


def test_tool_calls_alternate_and_lose_no_word(runs: Path, tmp_path: Path) -> None:
    folder = RunFolder(runs / "data")
    export(folder, "sharegpt", tmp_path)
    export(folder, "messages", tmp_path)
    for row in rows_of(tmp_path / "sharegpt.json"):
        speakers = [turn["from"] for turn in row["conversations"]]
        assert all(speaker in ("human", "observation") for speaker in speakers[::2])
        assert all(speaker in ("gpt", "function_call") for speaker in speakers[1::2])
    steps = [solution for solution in folder.solutions() if solution.format == "tir"]
    rows = {row["id"]: row for row in rows_of(tmp_path / "messages.jsonl")}
    assert steps
    for solution in steps:
        said = json.dumps(rows[solution.id]["messages"], ensure_ascii=False)
        assert json.loads(rows[solution.id]["tools"])[0]["function"]["name"] == "python"
        for block in solution.blocks:
            assert json.dumps(block.text.strip("\n"), ensure_ascii=False)[1:-1] in said


def test_several_golds_come_back_as_several() -> None:
    assert read_gold('["1/2", "0.5"]') == ["1/2", "0.5"]
    assert read_gold("[1, 2]") == "[1, 2]"


def test_unknown_shape_and_unfit_run_say_so(runs: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="did you mean `alpaca`"):
        export(RunFolder(runs / "kept"), "alpacca", tmp_path)
    with pytest.raises(RunFolderError, match="is no run folder"):
        run_export(Invocation(str(tmp_path)), CONSOLE)


def test_the_card_counts_what_the_run_holds(runs: Path) -> None:
    out = run_export(Invocation(str(runs / "kept"), ['shapes=["alpaca", "records"]']), CONSOLE)
    card = (out / "README.md").read_text("utf-8")
    kept = len(list(RunFolder(runs / "kept").solutions()))
    assert f"{kept} solutions of mathematical problems" in card
    assert "path: alpaca-valid.json" in card
    assert "slipstick synthesize" in card and "slipstick curate" in card
    assert re.search(r'^problems = "synthetic:train,n=\d+"$', card, re.MULTILINE), "the recipe of the solutions"


def test_a_row_is_traced_to_the_run_it_was_written_in(runs: Path) -> None:
    kept = next(RunFolder(runs / "kept").solutions())
    steps = trace(kept.id, runs)
    assert [Path(step.path).name for step in steps] == ["data", "kept"]
    assert all(step.problem and step.problem.id == kept.problem_id for step in steps)
    console = Console(record=True, width=200, file=io.StringIO())
    run_trace(kept.id, [f"runs_dir={runs}"], console)
    said = console.export_text()
    for part in (kept.problem_id, "verdict", "rules passed", "recipe"):
        assert part in said


def test_a_dropped_row_is_traced_with_its_rule(runs: Path) -> None:
    dropped = next(RunFolder(runs / "kept").dropped())
    steps = trace(dropped.row["id"], runs)
    assert steps[-1].drop == dropped
    with pytest.raises(InputError, match="no run in"):
        trace("nobody/knows/1#cot#0", runs)


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


def test_exports_are_sent_as_a_data_set(
    hub: tuple[str, list[tuple[str, bytes]]], runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_nobody")
    run_export(Invocation(str(runs / "kept"), ["shapes=alpaca"]), CONSOLE)
    address = run_push(str(runs / "kept"), ["repo=me/corpus", f"endpoint={hub[0]}"], CONSOLE)
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


def test_what_cannot_be_sent_says_why(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_nobody")
    with pytest.raises(InputError, match="export it first"):
        run_push(str(runs / "data"), ["repo=me/corpus"], CONSOLE)
    run_export(Invocation(str(runs / "kept"), ["shapes=alpaca"]), CONSOLE)
    with pytest.raises(UserError, match="the Hub did not take"):
        run_push(str(runs / "kept"), ["repo=me/corpus", "endpoint=http://127.0.0.1:9"], CONSOLE)
