"""Programs that attack: each ends as it must, what it wanted does not happen, and the next program notices nothing."""

import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from slipstick.interpreters.sandbox import Sandbox

CASES = Path(__file__).parent.parent / "cases"
HOSTILE = [json.loads(line) for line in (CASES / "hostile.jsonl").read_text("utf-8").splitlines()]
NEEDS = {
    "only its own": "seccomp",
    "no network": "namespaces",
    "no files": "landlock",
    "no new": "seccomp",
    "no signals": "seccomp",
}
PROBE = "import math, json\nprint(math.sqrt(16), sum([1, 2]), json.dumps([1]), sorted([2, 1]))"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    os.environ["SLIPSTICK_CANARY"] = "CANARY"
    with Sandbox(seconds=2, memory_mb=256) as opened:
        opened.run_many(["1"])
        yield opened
    del os.environ["SLIPSTICK_CANARY"]


@pytest.mark.parametrize("row", HOSTILE, ids=[row["name"] for row in HOSTILE])
def test_hostile_program(sandbox: Sandbox, row: dict, tmp_path: Path) -> None:
    missing = [kind for start, kind in NEEDS.items() if row["why"].startswith(start) and kind not in sandbox.extras]
    if missing:
        pytest.skip(f"this kernel gives no {missing[0]}")
    victim = tmp_path / "victim"
    victim.write_text("precious")
    mode = victim.stat().st_mode
    with socket.create_server(("127.0.0.1", 0)) as listener:
        code = row["code"].replace("PORT", str(listener.getsockname()[1])).replace("VICTIM", repr(str(victim)))
        output, probe = sandbox.run_many([code, PROBE])
    assert output.status in row["statuses"], output
    assert row["absent"] is None or row["absent"] not in output.text
    assert row["present"] is None or row["present"] in output.text
    assert (victim.read_text(), victim.stat().st_mode) == ("precious", mode)
    assert probe.text == "4.0 3 [1] [1, 2]"
    assert sandbox.run_many([PROBE])[0].text == probe.text


def test_session_cannot_answer_a_step_before_it_is_asked(sandbox: Sandbox) -> None:
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
    with sandbox.session() as session:
        session.run(forge)
        session.run("import time\ntime.sleep(0.5)")
        assert session.run("print('mine')").status in ("ok", "killed", "error")
