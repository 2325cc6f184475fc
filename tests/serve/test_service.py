"""The service itself: tokens, the queue, what is left when it ends."""

from __future__ import annotations

import asyncio
import json
import os
import re
import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx2
import pytest

from slipstick.serve import ServeSettings
from tests.invoked import Invoke

Start = Callable[..., Any]


def connect(served: Any, **more: Any) -> httpx2.Client:
    return httpx2.Client(base_url=served.url, trust_env=False, timeout=60, **more)


def processes_below(pid: int) -> list[int]:
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
    found = [pid]
    for known in found:
        found += [process for process, parent in parents.items() if parent == known]
    return found[1:]


def wait_until(what: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 60
    while not what() and time.monotonic() < deadline:
        time.sleep(0.05)
    return what()


def gone(pids: list[int]) -> bool:
    return not any(Path(f"/proc/{pid}").exists() for pid in pids)


def metric(client: httpx2.Client, name: str) -> float:
    lines = client.get("/metrics").text.splitlines()
    return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(name))


async def sleep_all(url: str, seconds: float, count: int) -> list[httpx2.Response]:
    body = {"code": f"import time\ntime.sleep({seconds})\nprint('done')", "language": "python"}
    async with httpx2.AsyncClient(base_url=url, trust_env=False, timeout=60) as client:
        return await asyncio.gather(*(client.post("/run_code", json=body) for _ in range(count)))


def test_full_queue_refuses_further_steps(start_sandbox: Start) -> None:
    served = start_sandbox("sandbox_workers=1", "queue=2")
    responses = asyncio.run(sleep_all(served.url, 0.7, 6))
    assert sorted(response.status_code for response in responses) == [200, 200, 200, 504, 504, 504]
    refused = next(response for response in responses if response.status_code == 504)
    assert int(refused.headers["Retry-After"]) >= 1 and "try again later" in refused.json()["error"]
    with connect(served) as client:
        assert metric(client, 'slipstick_rejections_total{reason="queue"}') == 3
        assert metric(client, 'slipstick_programs_total{outcome="ok"}') == 3
        assert metric(client, "slipstick_program_seconds_count") == 3
        assert metric(client, "slipstick_queue_length") == 0


@pytest.mark.parametrize("path", ["/run_code", "/sessions/mine/run"])
def test_client_that_disconnects_frees_its_worker(start_sandbox: Start, path: str) -> None:
    served = start_sandbox("sandbox_workers=1", "queue=1", "timeout=60")
    host, _, port = served.url.removeprefix("http://").partition(":")
    body = json.dumps({"code": "while True: pass", "language": "python", "run_timeout": 60, "demand": {"timeout": 60}})
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    head += f"Content-Length: {len(body)}\r\n\r\n"
    with connect(served) as client:
        for waiting in (0, 1):
            lost = [socket.create_connection((host, int(port))) for _ in range(waiting + 1)]
            for connection in lost:
                connection.sendall((head + body).encode())
            assert wait_until(lambda: metric(client, "slipstick_queue_length") == waiting)  # noqa: B023
            time.sleep(0.2)
            for connection in lost:
                connection.close()
            assert wait_until(lambda: metric(client, "slipstick_queue_length") == 0)
            answer = client.post("/run_code", json={"code": "print('next')", "language": "python"}, timeout=60)
            assert answer.json()["run_result"]["stdout"] == "next\n"
        assert metric(client, "slipstick_sessions") == 0


def test_session_that_is_deleted_during_a_step_ends_immediately(start_sandbox: Start) -> None:
    served = start_sandbox("sandbox_workers=2", "timeout=60")

    async def scenario() -> None:
        async with httpx2.AsyncClient(base_url=served.url, trust_env=False, timeout=30) as client:
            demand = {"timeout": 60}
            body = {"code": "while True: pass", "demand": demand}
            step = asyncio.create_task(client.post("/sessions/a/run", json=body))
            await asyncio.sleep(0.5)
            waiting = asyncio.create_task(client.post("/sessions/a/run", json={"code": "1", "demand": demand}))
            await asyncio.sleep(0.3)
            assert (await client.delete("/sessions/a")).status_code == 200
            for response in (await step, await waiting):
                assert response.status_code == 404 and "ended meanwhile" in response.json()["error"]
            assert (await client.post("/sessions/a/run", json={"code": "1"})).json()["text"] == "1"

    asyncio.run(scenario())


def test_sessions_expire_and_are_counted(start_sandbox: Start) -> None:
    served = start_sandbox("sessions=2", "idle_seconds=4")
    with connect(served) as client:
        for name in ("a", "b"):
            assert client.post(f"/sessions/{name}/run", json={"code": "x = 1"}).status_code == 200
        full = client.post("/sessions/c/run", json={"code": "x = 1"})
        assert full.status_code == 429 and "2 sessions are kept already" in full.json()["error"]
        assert metric(client, "slipstick_sessions") == 2
        busy = client.post("/sessions/a/run", json={"code": "import time\ntime.sleep(5)\nx", "step": 1})
        assert busy.json()["text"] == "1", "a session does not expire while it is used"
        assert wait_until(lambda: metric(client, "slipstick_sessions") == 0)
        lost = client.post("/sessions/a/run", json={"code": "x", "step": 2})
        assert lost.status_code == 404 and "expired" in lost.json()["error"]


def test_a_step_that_was_answered_is_not_run_again(start_sandbox: Start) -> None:
    with connect(start_sandbox()) as client:
        first = [client.post("/sessions/a/run", json={"code": "x = globals().get('x', 0) + 1\nx"}) for _ in range(2)]
        assert [response.json()["text"] for response in first] == ["1", "1"]
        assert client.post("/sessions/a/run", json={"code": "x", "step": 1}).json()["text"] == "1"
        assert client.post("/sessions/a/run", json={"code": "x", "step": 5}).status_code == 404


@pytest.mark.parametrize(
    ("demand", "says"),
    [
        ({"timeout": 99}, "timeout = 99 is more than the 10"),
        ({"memory_mb": 4096}, "--set memory_mb=4096"),
        ({"scratch_mb": 17}, "--set scratch_mb=17"),
        ({"isolation": "process"}, "has isolation = "),
    ],
)
def test_demands_that_are_not_met(start_sandbox: Start, demand: dict[str, Any], says: str) -> None:
    with connect(shared(start_sandbox)) as client:
        response = client.post("/sessions/a/run", json={"code": "1", "demand": demand})
        assert response.status_code == 400 and says in response.json()["error"]


_SHARED: list[Any] = []


def shared(start_sandbox: Start) -> Any:
    if not _SHARED:
        _SHARED.append(start_sandbox("body_mb=1"))
    return _SHARED[0]


def test_limits_and_seeds_of_clients_need_no_processes_of_their_own(start_sandbox: Start) -> None:
    program = "import random\nrandom.random()"
    served = start_sandbox("scratch_mb=4", "memory_mb=512", "timeout=20")
    with connect(served) as client:
        client.post("/run_code", json={"code": "print(1)", "language": "python"})
        before = len(processes_below(served.process.pid))
        texts: list[str] = []
        for seed in (1, 2, 1, *range(3, 40)):
            body = {"code": program, "demand": {"seed": seed, "memory_mb": 100 + seed}}
            texts.append(client.post(f"/sessions/s{len(texts)}/run", json=body).json()["text"])
            client.delete(f"/sessions/s{len(texts) - 1}")
        assert texts[0] == texts[2] != texts[1]
        assert wait_until(lambda: len(processes_below(served.process.pid)) <= before)


def test_what_is_not_demanded_is_as_the_service_gives_it(start_sandbox: Start) -> None:
    keep = "x = bytearray(200 << 20)\nopen('a', 'w').write('text')"
    with connect(start_sandbox("scratch_mb=4", "memory_mb=512", "timeout=3")) as client:
        assert client.post("/sessions/a/run", json={"code": keep}).json()["text"] == "4"
        less = {"code": keep, "demand": {"memory_mb": 64}}
        assert client.post("/sessions/b/run", json=less).json()["status"] == "memory"
        none = {"code": "open('a', 'w')", "demand": {"scratch_mb": 0}}
        assert "Error" in client.post("/sessions/c/run", json=none).json()["text"]
        slow = {"code": "import time\ntime.sleep(9)", "demand": {"timeout": 0.2}}
        assert client.post("/sessions/d/run", json=slow).json()["text"] == "TimeoutError: idle for 0.2 s"


@pytest.mark.parametrize(
    ("host", "served"),
    [("localhost", True), ("127.0.0.1:80", True), ("[::1]:9", True), ("evil.example:8080", False), ("", False)],
)
def test_pages_of_other_names_are_refused(start_sandbox: Start, host: str, served: bool) -> None:
    with connect(shared(start_sandbox)) as client:
        body = {"code": "print(1)", "language": "python"}
        response = client.post("/run_code", json=body, headers={"Host": host})
        assert response.status_code == (200 if served else 421)
        assert served or "use localhost" in response.json()["error"]


def test_a_service_that_still_starts_answers_and_keeps_requests(start_sandbox: Start) -> None:
    with connect(start_sandbox(ready=False)) as client:
        assert client.get("/health").json()["state"] == "warming"
        assert client.get("/ready").status_code == 503
        slow = {"code": "import sympy\nprint(sympy.sqrt(8))", "language": "python", "run_timeout": 0.5}
        assert client.post("/run_code", json=slow).json()["run_result"]["stdout"] == "2*sqrt(2)\n"
        deadline = time.monotonic() + 60  # numpy and the others may still be starting
        while client.get("/ready").status_code == 503 and time.monotonic() < deadline:
            time.sleep(0.1)
        assert client.get("/ready").json()["state"] == "ready"
        assert 'reason="warming"' not in client.get("/metrics").text, "a probe is no request that was refused"


@pytest.mark.parametrize(
    "sent",
    [
        b"POST /run_code HTTP/1.1\r\nHost: localhost\r\nContent-Le",
        b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n",
    ],
)
def test_slow_clients_leave_room_for_others(start_sandbox: Start, sent: bytes) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    served = start_sandbox()
    host, _, port = served.url.removeprefix("http://").partition(":")
    resource.prlimit(served.process.pid, resource.RLIMIT_NOFILE, (1024, 1024))
    try:
        slow = [socket.create_connection((host, int(port))) for _ in range(700)]
        for connection in slow:
            with suppress(OSError):
                connection.sendall(sent)
        with connect(served) as client:
            body = {"code": "print(1)", "language": "python"}
            assert client.post("/run_code", json=body, timeout=30).json()["run_result"]["stdout"] == "1\n"
        for connection in slow:
            connection.close()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_token(start_sandbox: Start) -> None:
    served = start_sandbox("host=0.0.0.0", token="sesame-open")
    port = served.url.rpartition(":")[2]
    body = {"code": "print(1)", "language": "python"}
    with httpx2.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=60) as client:
        assert client.get("/health").status_code == 200
        for headers in ({}, {"Authorization": "Bearer sesame"}, {"Authorization": "Basic !"}, {"Authorization": "x"}):
            for refused in (client.post("/run_code", json=body, headers=headers), client.get("/metrics")):
                assert refused.status_code == 401 and "Bearer TOKEN" in refused.json()["error"]
        assert client.post("/run_code", json=body, headers={"Authorization": "Bearer sesame-open"}).status_code == 200
        assert client.post("/run_code", json=body, auth=("any", "sesame-open")).status_code == 200


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        (["host=0.0.0.0"], "set SLIPSTICK_SANDBOX_TOKEN"),
        (["host=sandbox.invalid"], "needs a token"),
        (["host=192.0.2.1", "token=sesame-open"], "cannot listen on port 8080 of 192.0.2.1 (Cannot assign"),
        (["token=short"], "at least 8 characters"),
        (["prot=1"], "did you mean `port`?"),
        (["isolation=everything"], "isolation = everything is unknown; known: full"),
    ],
)
def test_what_cannot_be_served_is_one_message(
    settings: list[str], says: str, invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SLIPSTICK_SANDBOX_TOKEN", raising=False)
    code, _, err = invoke("sandbox", *(part for setting in settings for part in ("--set", setting)))
    assert code == 2 and says in err and "Traceback" not in err


def test_port_that_is_taken(invoke: Invoke) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        err = invoke("sandbox", "--set", f"port={port}").err
    assert f"cannot listen on port {port} of 127.0.0.1 (Address already in use)" in err


def test_missing_extra_is_one_message(invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("slipstick.serve.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    code, _, err = invoke("sandbox")
    assert code == 2 and "pip install 'slipstick[serve]'" in err


def test_the_page_names_every_setting() -> None:
    page = (Path(__file__).parents[2] / "docs" / "service.md").read_text("utf-8")
    table = page.partition("| setting |")[2].partition("## Recipes")[0]
    named = {
        name for row in re.findall(r"^\| (`[^|]*) \|", table, re.MULTILINE) for name in re.findall(r"`(\w+)`", row)
    }
    assert named == set(ServeSettings.model_fields) - {"interpreter"}


def test_the_command_line_loads_no_server() -> None:
    code = "import slipstick.cli, slipstick.serve, sys; print([n for n in ('fastapi', 'uvicorn') if n in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("how", "code", "finished"),
    [(signal.SIGTERM, -signal.SIGTERM, True), (signal.SIGINT, 130, True), (signal.SIGKILL, -signal.SIGKILL, False)],
    ids=["stopped", "interrupted", "killed"],
)
def test_no_process_outlives_the_service(start_sandbox: Start, how: signal.Signals, code: int, finished: bool) -> None:
    served = start_sandbox("sandbox_workers=2", "timeout=3")
    with connect(served) as client:
        for name in ("a", "b"):
            client.post(f"/sessions/{name}/run", json={"code": "import sympy\nx = 1", "demand": {"timeout": 3}})

    async def scenario() -> list[httpx2.Response | BaseException]:
        async with httpx2.AsyncClient(base_url=served.url, trust_env=False, timeout=30) as client:
            bodies = [
                {"code": "import time\ntime.sleep(1)\nprint('finished')", "language": "python"},
                {"code": "while True: pass", "language": "python"},
            ]
            steps = [asyncio.create_task(client.post("/run_code", json=body)) for body in bodies]
            await asyncio.sleep(0.5)
            served.process.send_signal(how)
            return await asyncio.gather(*steps, return_exceptions=True)

    below = processes_below(served.process.pid)
    quick, endless = asyncio.run(scenario())
    if finished:
        assert isinstance(quick, httpx2.Response) and quick.json()["run_result"]["stdout"] == "finished\n"
        assert isinstance(endless, httpx2.Response)
        ended = endless.json()  # a machine with much other work gives it less processor time than its limit
        assert "service was stopped" in ended["error"] if endless.status_code == 503 else ended["status"] == "Failed"
    else:
        assert isinstance(quick, httpx2.TransportError) and isinstance(endless, httpx2.TransportError)
    assert served.process.wait(timeout=30) == code
    assert len(below) >= 4 and wait_until(lambda: gone(below))


def test_killed_fork_server_is_replaced(start_sandbox: Start) -> None:
    served = start_sandbox("sandbox_workers=1")

    async def scenario() -> httpx2.Response:
        async with httpx2.AsyncClient(base_url=served.url, trust_env=False, timeout=30) as client:
            body = {"code": "import time\ntime.sleep(1)\nprint('there')"}
            step = asyncio.create_task(client.post("/sessions/a/run", json=body))
            await asyncio.sleep(0.5)
            for pid in reversed(processes_below(served.process.pid)):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            return await step

    assert asyncio.run(scenario()).json()["status"] in ("ok", "sandbox_fault")
    with connect(served) as client:
        assert client.post("/sessions/b/run", json={"code": "1 + 1"}).json()["text"] == "2"
