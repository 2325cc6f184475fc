"""The end of a session's process, as the client of its fork server sees it."""

import time

import pytest

from slipstick.interpreters.host.sandbox import Sandbox


def test_session_that_is_slow_to_die_harms_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("slipstick.interpreters.host.fork_server._KILL_SECONDS", 0.02)
    large = "x = bytearray(1 << 30)\nfor i in range(0, len(x), 4096):\n    x[i] = 1\nwhile True:\n    pass"
    slow = "import time\nfor _ in range(15):\n    time.sleep(0.1)\n    sum(range(1_000_000))\nprint(42)"
    with Sandbox(timeout=2, memory_mb=1536, workers=2, scratch_mb=0) as sandbox:
        assert [output.status for output in sandbox.run_many([large, slow])] == ["timeout", "ok"]


def test_threads_that_go_on_between_steps_end_when_they_have_used_a_steps_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("slipstick.interpreters.host.session._SHORTEST_IDLE", 0.2)
    busy = "import threading\ndef f():\n    while True: pass\nthreading.Thread(target=f, daemon=True).start()\nx = 3"
    with Sandbox(timeout=0.5, scratch_mb=0) as sandbox, sandbox.session() as session:
        assert session.run(busy).status == "ok"
        time.sleep(3)
        assert session.run("import time\nprint(x, time.process_time() < 1.5)").text == "3 True"
