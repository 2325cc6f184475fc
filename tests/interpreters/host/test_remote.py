"""The interpreter over HTTP, with a service that really runs: the same outputs as here, through kills and losses."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import pytest

from slipstick.commands import Invocation
from slipstick.commands.evaluate import run_evaluate
from slipstick.commands.execute import run_execute
from slipstick.errors import InterpreterError
from slipstick.interpreters import Interpreter, InterpreterSettings, Limits, open_interpreter
from slipstick.interpreters.host.remote import open_interpreter as open_remote
from slipstick.metrics.labels import metric_label
from slipstick.schema import Output
from slipstick.store import RunFolder

CASES = Path(__file__).parents[2] / "cases"
PROGRAMS = [json.loads(line) for line in (CASES / "programs.jsonl").read_text("utf-8").splitlines()]
ENDINGS = {
    "too much memory": ["x = 1", "y = bytearray(1 << 31)", "x"],
    "its process ended": ["x = 1", "import os\nos._exit(3)", "x"],
    "a crash": ["import ctypes\nctypes.string_at(0)"],
    "much output": ["print('HEAD')\nprint('x' * 10**6)\nprint('TAIL')"],
    "too long a program": ["#" * (9 << 20)],
    "signs of all kinds": ["'\\ud800 é \\0 \\x1b[31m 𝕏'", "print('\\ud800')"],
}
Start = Callable[..., Any]
T = TypeVar("T")


@pytest.fixture(scope="module")
def served(start_sandbox: Start) -> Any:
    return start_sandbox("sandbox_workers=2", "timeout=60")


SPIN = "import time\nend = time.process_time() + x\nwhile time.process_time() < end: pass"


def with_remote(url: str, scenario: Callable[[Interpreter], Awaitable[T]], **settings: Any) -> T:
    async def run() -> T:
        interpreter = open_interpreter(InterpreterSettings(interpreter=f"remote:{url}", **settings))
        try:
            return await scenario(interpreter)
        finally:
            await interpreter.close()

    return asyncio.run(run())


async def run_steps(interpreter: Interpreter, *steps: str) -> list[Output]:
    session = interpreter.session()
    try:
        return [await session.run(step) for step in steps]
    finally:
        await session.close()


def said(outputs: list[Output]) -> list[tuple[str, str]]:
    return [(output.status, output.text) for output in outputs]


def test_the_same_outputs_as_here(served: Any) -> None:
    rows = [row["steps"] for row in PROGRAMS if "perf_counter" not in str(row["steps"])] + list(ENDINGS.values())

    async def all_rows(interpreter: Interpreter) -> list[list[Output]]:
        return await asyncio.gather(*(run_steps(interpreter, *steps) for steps in rows))

    async def here() -> list[list[Output]]:
        interpreter = open_interpreter(InterpreterSettings(timeout=60))
        try:
            return await all_rows(interpreter)
        finally:
            await interpreter.close()

    local = asyncio.run(here())
    remote = with_remote(served.url, all_rows, timeout=60)
    for steps, ours, theirs in zip(rows, local, remote, strict=True):
        assert said(theirs) == said(ours), steps
        assert all(output.seconds > 0 for output in theirs if not output.text.startswith("ValueError: the program"))
    assert {output.status for outputs in remote for output in outputs} == {"ok", "error", "memory", "killed"}


def test_steps_that_are_asked_for_at_one_time_run_in_order(served: Any) -> None:
    async def at_once(interpreter: Interpreter) -> list[Output]:
        session = interpreter.session()
        await session.run("x = 41")
        return await asyncio.gather(*(session.run("x += 1\nx") for _ in range(3)))

    assert [output.text for output in with_remote(served.url, at_once)] == ["42", "43", "44"]


def test_time_is_over_as_it_is_here(served: Any) -> None:
    def endless(interpreter: Interpreter) -> Awaitable[list[Output]]:
        return run_steps(interpreter, "while True: pass", "print(1)")

    outputs = with_remote(served.url, endless, timeout=1)
    assert said(outputs) == [("timeout", "TimeoutError: no end within 1 s of processor time"), ("ok", "1")]
    assert 1 <= outputs[0].seconds < 60


def test_a_whole_run_is_the_same(served: Any, tmp_path: Path, console: Any) -> None:
    problems = [{"id": f"p/{n}", "text": f"What is {n} times 2?", "answer": str(2 * n)} for n in range(12)]
    script = [{"problem_id": f"p/{n}", "format": "pot", "text": f"print({n} * 2)"} for n in range(10)]
    script += [{"problem_id": "p/10", "format": "pot", "text": "import random\nprint(random.random())"}]
    script += [{"problem_id": "p/11", "format": "pot", "text": "1/0"}]
    turns = ["```python\nx = 1\n```", "```python\nx + 1\n```", "```python\nwhile True: pass\n```", "So \\boxed{2}."]
    script += [{"problem_id": f"p/{n}", "format": "tir", "text": "\n".join(turns)} for n in range(12)]
    for name, rows in (("problems", problems), ("script", script)):
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    recipe = tmp_path / "r.toml"
    recipe.write_text(
        f'problems = "{tmp_path}/problems.jsonl"\nmodel = "fake:{tmp_path}/script.jsonl"\n'
        'formats = ["pot", "tir"]\ntimeout = 1\nsandbox_workers = 4\n'
    )
    blocks = []
    for name, interpreter in (("local", "local"), ("remote", f"remote:{served.url}")):
        order = Invocation(str(recipe), [f"interpreter={interpreter}"], out=tmp_path / name)
        folder = RunFolder(run_evaluate(order, console))
        outputs = {
            solution.id: [(b.status, b.text) if isinstance(b, Output) else b.text for b in solution.blocks]
            for solution in folder.solutions()
        }
        blocks.append((outputs, {(metric_label(m), m.value, m.n) for m in folder.metrics()}))
    assert blocks[0] == blocks[1]
    assert any(("ok", "2") in found for found in blocks[0][0].values())
    executed = run_execute(Invocation(str(tmp_path / "local"), [f"interpreter=remote:{served.url}"]), console)
    equal = [m.value for m in RunFolder(executed).metrics() if metric_label(m) == "outputs_equal, tir"]
    assert equal == [1.0]


@pytest.fixture
def console() -> Any:
    from rich.console import Console

    return Console(quiet=True)


@pytest.mark.parametrize(
    "argument", ["", "host:8080", "http://", "ftp://host", "http://host:1/path", "http://a:b@host", "http://host:x"]
)
def test_argument_that_names_no_service(argument: str) -> None:
    with pytest.raises(InterpreterError, match="write remote:http://HOST:PORT"):
        open_remote(argument, Limits())


def test_service_that_is_not_there() -> None:
    with pytest.raises(InterpreterError, match=r"at http://127.0.0.1:9 does not answer .*slipstick sandbox"):
        with_remote("http://127.0.0.1:9", lambda interpreter: run_steps(interpreter, "1"))


@pytest.mark.parametrize("answer", [b"<html>hello</html>", b'{"error": "who are you"}'])
@pytest.mark.parametrize("status", [200, 404, 500])
def test_service_of_another_kind(answer: bytes, status: int) -> None:
    async def stranger(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(10_000)
        writer.write(b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n%s" % (status, len(answer), answer))
        await writer.drain()
        writer.close()

    async def scenario() -> list[Output]:
        server = await asyncio.start_server(stranger, "127.0.0.1", 0)
        interpreter = open_remote(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", Limits())
        try:
            return await run_steps(interpreter, "1")
        finally:
            await interpreter.close()
            server.close()

    with pytest.raises(InterpreterError, match=rf"answers {status}.*check the address"):
        asyncio.run(scenario())


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"timeout": 99}, "timeout = 99 is more than the 60"),
        ({"memory_mb": 9999}, "memory_mb = 9999"),
        ({"isolation": "process"}, "isolation"),
    ],
)
def test_demands_that_the_service_does_not_meet(served: Any, settings: dict[str, Any], says: str) -> None:
    with pytest.raises(InterpreterError, match=rf"at {served.url} refuses: .*{says}"):
        with_remote(served.url, lambda interpreter: run_steps(interpreter, "1"), **settings)


def test_token(start_sandbox: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    guarded = start_sandbox(token="sesame-open")
    with pytest.raises(InterpreterError, match="set SLIPSTICK_SANDBOX_TOKEN to the token"):
        with_remote(guarded.url, lambda interpreter: run_steps(interpreter, "1"))
    monkeypatch.setenv("SLIPSTICK_SANDBOX_TOKEN", "sesame-open")
    assert said(with_remote(guarded.url, lambda interpreter: run_steps(interpreter, "1"))) == [("ok", "1")]


def test_closed_interpreter_makes_no_sessions(served: Any) -> None:
    interpreter = open_remote(served.url, Limits())
    asyncio.run(interpreter.close())
    with pytest.raises(InterpreterError, match="closed"):
        interpreter.session()


def test_busy_service_is_waited_for(start_sandbox: Start) -> None:
    busy = start_sandbox("sandbox_workers=1", "queue=0", "sessions=2")

    async def scenario(interpreter: Interpreter) -> list[list[Output]]:
        return await asyncio.gather(*(run_steps(interpreter, f"print({n})", f"print({n} + 1)") for n in range(8)))

    outputs = with_remote(busy.url, scenario, sandbox_workers=8)
    assert [said(each) for each in outputs] == [[("ok", f"{n}"), ("ok", f"{n + 1}")] for n in range(8)]


async def forget_sessions(url: str) -> None:
    import httpx2

    async with httpx2.AsyncClient(base_url=url, trust_env=False) as client:
        for name in (await client.get("/sessions")).json()["sessions"]:
            await client.delete(f"/sessions/{name}")


def test_session_that_the_service_forgot_is_restored(served: Any) -> None:
    async def scenario(interpreter: Interpreter) -> None:
        session = interpreter.session()
        for step in ("x = 3", "1/0", "import sympy", "x += 1"):
            await session.run(step)
        await forget_sessions(served.url)
        assert (await session.run("x")).text == "4"
        await session.close()
        await forget_sessions(served.url)

    with_remote(served.url, scenario)


@pytest.mark.parametrize("step", ["import random\nprint(random.random())", SPIN])
def test_session_that_cannot_be_restored_is_a_fault(served: Any, step: str) -> None:
    async def scenario(interpreter: Interpreter) -> None:
        session = interpreter.session()
        await session.run("x = 0.8")
        await session.run(SPIN)
        await session.run(step)
        await forget_sessions(served.url)
        lost = await session.run("x")
        assert (
            lost.status == "sandbox_fault"
            and lost.text.startswith("SandboxFault: the service at")
            and "lost a session" in lost.text
        )
        assert (await session.run("'x' in globals()")).text == "False"
        await session.close()

    with_remote(served.url, scenario, timeout=1.5)


def test_an_answer_that_is_lost_is_asked_for_again_and_the_step_not_run_twice(served: Any) -> None:
    port = int(served.url.rpartition(":")[2])
    heard: list[bytes] = []

    async def message(reader: asyncio.StreamReader) -> bytes:
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(line for line in head.lower().splitlines() if line.startswith(b"content-length:"))
        return head + await reader.readexactly(int(length.partition(b":")[2]))

    async def between(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Hands requests on; every other answer is heard and kept back, and the connection closed."""
        there, to_there = await asyncio.open_connection("127.0.0.1", port)
        with suppress(asyncio.IncompleteReadError):
            while True:
                to_there.write(await message(reader))
                heard.append(await message(there))
                if len(heard) % 2:
                    break
                writer.write(heard[-1])
        for end in (writer, to_there):
            end.close()

    async def scenario() -> None:
        proxy = await asyncio.start_server(between, "127.0.0.1", 0)
        interpreter = open_remote(f"http://127.0.0.1:{proxy.sockets[0].getsockname()[1]}", Limits())
        session = interpreter.session()
        await session.run("x = 0")
        outputs = [await session.run("x += 1\nx") for _ in range(3)]
        assert [output.text for output in outputs] == ["1", "2", "3"]
        assert [answer[:12] for answer in heard] == [b"HTTP/1.1 200"] * 8
        await interpreter.close()
        proxy.close()
        await asyncio.sleep(0.2)  # until both ends of every connection are closed

    asyncio.run(scenario())


def test_cancelled_step_frees_its_place(served: Any) -> None:
    async def scenario(interpreter: Interpreter) -> None:
        session = interpreter.session()
        await session.run("x = 5")
        for _ in range(2):
            task = asyncio.create_task(session.run("while True: pass"))
            await asyncio.sleep(0.3)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        start = time.perf_counter()
        assert (await session.run("x")).text == "5"
        assert time.perf_counter() - start < 50  # the step that was cancelled may compute for 60
        await session.close()

    with_remote(served.url, scenario, sandbox_workers=1)


def test_killed_service_is_a_fault_and_work_goes_on_when_it_is_back(start_sandbox: Start) -> None:
    first = start_sandbox()
    port = first.url.rpartition(":")[2]

    async def scenario(interpreter: Interpreter) -> None:
        session, kept = interpreter.session(), interpreter.session()
        await session.run("x = 20")
        await kept.run("y = 7")
        busy = asyncio.create_task(session.run("import time\ntime.sleep(5)\nx"))
        await asyncio.sleep(0.5)
        first.stop(signal.SIGKILL)
        output = await busy
        assert output.status == "sandbox_fault"
        assert output.text.startswith(f"SandboxFault: the service at {first.url} does not answer")
        await asyncio.to_thread(start_sandbox, f"port={port}")
        assert (await kept.run("y + 1")).text == "8", "earlier steps are run again"
        assert (await session.run("x + 1")).text == "21", "and those of the session that met the fault"
        await session.close()
        await kept.close()

    with_remote(first.url, scenario)


def test_killed_fork_server_is_retried_or_a_fault_and_work_goes_on(start_sandbox: Start) -> None:
    served = start_sandbox()

    async def scenario(interpreter: Interpreter) -> None:
        await run_steps(interpreter, "1")
        slow = asyncio.create_task(run_steps(interpreter, "import time\ntime.sleep(1)\nprint('there')"))
        await asyncio.sleep(0.5)
        for pid in children(served.process.pid):
            os.kill(pid, signal.SIGKILL)
        (output,) = await slow
        assert said([output]) == [("ok", "there")] or output.status == "sandbox_fault"
        assert said(await run_steps(interpreter, "print('on')")) == [("ok", "on")]

    with_remote(served.url, scenario)


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
