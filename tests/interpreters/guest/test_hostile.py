"""Programs that attack: each ends as it must, what it wanted does not happen, and the next program notices nothing."""

import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from slipstick.interpreters.host.isolation import ISOLATION, missing
from slipstick.interpreters.host.sandbox import Sandbox

CASES = Path(__file__).parents[2] / "cases"
HOSTILE = [json.loads(line) for line in (CASES / "hostile.jsonl").read_text("utf-8").splitlines()]
# A row names the weakest isolation that contains it: below that it would do what it wants.
PAIRS = [
    (isolation, row)
    for isolation in ISOLATION
    for row in HOSTILE
    if ISOLATION.index(isolation) <= ISOLATION.index(row["isolation"])
]
PROBE = "import math, json\nprint(math.sqrt(16), sum([1, 2]), json.dumps([1]), sorted([2, 1]))"


@pytest.fixture(scope="module")
def sandboxes() -> Iterator[dict[str, Sandbox]]:
    os.environ["SLIPSTICK_CANARY"] = "CANARY"
    opened = {
        isolation: Sandbox(timeout=2, memory_mb=256, isolation=isolation, scratch_mb=0)
        for isolation in ISOLATION
        if not missing(isolation)
    }
    yield opened
    for sandbox in opened.values():
        sandbox.close()
    del os.environ["SLIPSTICK_CANARY"]


@pytest.mark.parametrize(("isolation", "row"), PAIRS, ids=[f"{isolation}-{row['name']}" for isolation, row in PAIRS])
def test_hostile_program(sandboxes: dict[str, Sandbox], isolation: str, row: dict[str, Any], tmp_path: Path) -> None:
    if isolation not in sandboxes:
        pytest.skip(f"this machine lacks {missing(isolation)}")
    sandbox = sandboxes[isolation]
    victim = tmp_path / "victim"
    victim.write_text("precious")
    before = victim.stat()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        code = row["code"].replace("PORT", str(listener.getsockname()[1])).replace("VICTIM", repr(str(victim)))
        output, probe = sandbox.run_many([code, PROBE])
    assert output.status in row["statuses"], output
    assert row["absent"] is None or row["absent"] not in output.text
    assert row["present"] is None or row["present"] in output.text
    output.text.encode("utf-8")
    after = victim.stat()
    assert victim.read_text() == "precious"
    assert (after.st_mode, after.st_uid, after.st_mtime, after.st_nlink) == (
        before.st_mode,
        before.st_uid,
        before.st_mtime,
        1,
    )
    assert probe.text == "4.0 3 [1] [1, 2]"
    assert sandbox.run_many([PROBE])[0].text == probe.text


def test_session_cannot_answer_a_step_before_it_is_asked(sandboxes: dict[str, Sandbox]) -> None:
    forge = """
import json, os, threading, time
def later():
    time.sleep(0.2)
    message = json.dumps({"id": 2, "status": "ok", "text": "FORGED"}).encode()
    for fd in range(3, 64):
        try:
            os.write(fd, len(message).to_bytes(4, "big") + message)
        except OSError:
            pass
threading.Thread(target=later).start()
"""
    for sandbox in sandboxes.values():
        with sandbox.session() as session:
            session.run(forge)
            session.run("import time\ntime.sleep(0.5)")
            assert session.run("print('mine')").status in ("ok", "killed", "error")
