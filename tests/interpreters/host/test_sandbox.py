"""`slipstick.Sandbox` from threads, inside event loops, awaited, and after it was closed or forgotten."""

import asyncio
import gc
import inspect
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from slipstick.errors import InterpreterError
from slipstick.interpreters.host import isolation as isolations
from slipstick.interpreters.host.async_sandbox import AsyncSandbox
from slipstick.interpreters.host.sandbox import Sandbox


def test_outputs_come_in_the_order_of_the_programs() -> None:
    with Sandbox() as sandbox:
        programs = [f"import time\ntime.sleep({0.05 if i % 3 == 0 else 0})\nprint({i})" for i in range(12)]
        assert [output.text for output in sandbox.run_many(programs)] == [str(i) for i in range(12)]
        assert sandbox.run_many([]) == []


def test_session() -> None:
    with Sandbox() as sandbox, sandbox.session() as session:
        session.run("x = 3")
        assert session.run("x + 1").text == "4"


def test_inside_a_running_event_loop() -> None:
    async def main() -> str:
        with Sandbox() as sandbox:
            return sandbox.run_many(["print(6*7)"])[0].text

    assert asyncio.run(main()) == "42"


def test_from_eight_threads() -> None:
    def work(number: int) -> list[str]:
        with sandbox.session() as session:
            session.run(f"x = {number}")
            return [session.run("x").text, sandbox.run_many([f"print({number} * 2)"])[0].text]

    with Sandbox() as sandbox, ThreadPoolExecutor(8) as pool:
        assert list(pool.map(work, range(16))) == [[str(n), str(2 * n)] for n in range(16)]


def test_closed_sandbox_says_so() -> None:
    sandbox = Sandbox()
    sandbox.close()
    sandbox.close()
    with pytest.raises(InterpreterError, match="closed"):
        sandbox.run_many(["1"])


def test_isolation_that_is_not_available(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(isolations, "missing", lambda name: {"full": "user namespaces (refused)"}.get(name, ""))
    with pytest.raises(InterpreterError, match=r"lacks user namespaces \(refused\). Set isolation to `kernel`"):
        Sandbox(isolation="full")
    with Sandbox() as sandbox:
        assert sandbox.isolation == "kernel"


def test_process_that_forgets_to_close_ends_and_takes_everything_along() -> None:
    program = """
import os, slipstick.interpreters.host.sandbox as s
sandbox = s.Sandbox()
print(sandbox.run_many(["print(42)"])[0].text)
"""
    done = subprocess.run([sys.executable, "-c", program], check=False, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, "42\n")


def test_run_has_a_session_of_its_own() -> None:
    with Sandbox() as sandbox:
        assert sandbox.run("x = 6\nx * 7").text == "42"
        assert sandbox.run("x").text.endswith("NameError: name 'x' is not defined")
        assert sandbox.run("int(input()) + 1", stdin="41\n").text == "42"
        assert sandbox.run("open('a/b.txt').read()", files={"a/b.txt": "é"}).text == "'é'"


def test_session_without_with_lives_until_it_is_closed() -> None:
    with Sandbox() as sandbox:
        session = sandbox.session()
        session.run("x = 1")
        assert session.run("x + 1").text == "2"
        assert session.run("while True: pass", seconds=0.2).status == "timeout"
        assert session.run("x").text == "1"
        session.close()
        session.close()
    session.close()


@pytest.mark.filterwarnings("always::ResourceWarning")
@pytest.mark.parametrize(("opened", "what"), [(Sandbox, "a Sandbox"), (AsyncSandbox, "a Sandbox")])
def test_a_forgotten_sandbox_warns_and_ends_its_processes(opened: Callable[[], Any], what: str) -> None:
    sandbox = opened()
    session = sandbox.session()
    answer = session.run("6 * 7")
    assert (asyncio.run(answer) if asyncio.iscoroutine(answer) else answer).text == "42"
    thread = next(each for each in threading.enumerate() if each.name == "slipstick-sandbox")
    with pytest.warns(ResourceWarning, match="a session of a Sandbox was not closed"):
        del session
        gc.collect()
    with pytest.warns(ResourceWarning, match=f"{what} was not closed; use `with`"):
        del sandbox, answer
        gc.collect()
    thread.join(30)
    assert not thread.is_alive()


def test_a_script_that_fails_before_it_closes_its_sandbox_has_one_traceback() -> None:
    lines = [
        "import builtins, slipstick",
        "kept = builtins.kept = slipstick.Sandbox()",
        "kept.run('1')",
        "raise ValueError('mine')",
    ]
    command = [sys.executable, "-c", "\n".join(lines)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert "ValueError: mine" in done.stderr and done.stderr.count("Traceback") == 1, done.stderr


def test_a_session_keeps_its_sandbox() -> None:
    session = Sandbox().session()
    gc.collect()
    assert session.run("1 + 1").text == "2"
    session._background.close()
    session.close()


def test_async_sandbox_in_two_event_loops() -> None:
    sandbox = AsyncSandbox()
    session = sandbox.session()

    async def first() -> None:
        assert (await sandbox.run("print(input())", stdin="hello")).text == "hello"
        assert [each.text for each in await sandbox.run_many(["print(1)", "print(2)"])] == ["1", "2"]
        assert (await sandbox.run_script("import sys; sys.exit(3)")).exit_code == 3
        await session.write("n", "5")
        await session.run("x = int(open('n').read())")

    async def second() -> None:
        assert (await session.run("x")).text == "5"
        assert (await session.files(), await session.read("n")) == (["n"], b"5")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(session.run("import time\ntime.sleep(9)"), 0.2)
        assert (await session.run("x")).text == "5", "a step that was cancelled takes nothing along"
        async with sandbox.session() as other:
            assert (await other.run("1")).text == "1"
        await session.close()
        await sandbox.aclose()
        with pytest.raises(InterpreterError, match="closed"):
            await sandbox.run("1")

    asyncio.run(first())
    asyncio.run(second())


def test_steps_that_are_asked_for_at_one_time_run_in_order() -> None:
    def call(number: int) -> dict[str, Any]:
        return {"id": f"c{number}", "function": {"name": "python", "arguments": '{"code": "x += 1\\nx"}'}}

    async def main() -> None:
        async with AsyncSandbox(workers=2) as sandbox, sandbox.session() as session:
            await session.run("x = 41")
            outputs = await asyncio.gather(*(session.run("x += 1\nx") for _ in range(3)))
            assert [output.text for output in outputs] == ["42", "43", "44"]
            answers = await asyncio.gather(*(session.answer(call(number)) for number in range(3)))
            assert [answer["content"] for answer in answers] == ["45", "46", "47"]
            first, second = session.run("import time\ntime.sleep(9)"), session.run("x")
            waiting = [asyncio.ensure_future(each) for each in (first, second)]
            await asyncio.sleep(0.1)
            waiting[0].cancel()
            assert (await waiting[1]).text == "47", "a step that was cancelled lets the next one run"

    asyncio.run(main())
    with Sandbox() as sandbox, sandbox.session() as session, ThreadPoolExecutor(4) as pool:
        session.run("x = 0")
        assert sorted(pool.map(lambda _: session.run("x += 1\nx").text, range(4))) == ["1", "2", "3", "4"]


def test_answers_to_tool_calls() -> None:
    def call(arguments: str) -> dict[str, Any]:
        return {"id": "c1", "type": "function", "function": {"name": "python", "arguments": arguments}}

    with Sandbox() as sandbox, sandbox.session() as session:
        assert session.tool["function"]["name"] == "python"
        assert session.answer(call('{"code": "x = 20"}'))["content"] == "(no output)"
        message = session.answer(call('{"code": "x + 1"}'))
        assert message == {"role": "tool", "tool_call_id": "c1", "content": "21"}
        assert session.answer(call(""))["content"] == "Error: the call has no code"
        other = {"id": "c2", "function": {"name": "search", "arguments": '{"q": "1"}'}}
        assert "no function `search`: call `python`" in session.answer(other)["content"]
        nameless: dict[str, Any] = {"name": "python", "arguments": {"code": "x + 2"}}
        for without_id in (nameless, {"type": "function", "function": nameless}):
            assert session.answer(without_id) == {"role": "tool", "content": "22"}


def test_settings_that_do_not_hold() -> None:
    with pytest.raises(InterpreterError, match="workers is 0; input should be greater"):
        Sandbox(workers=0)
    with pytest.raises(InterpreterError, match="remote:nowhere"):
        Sandbox(interpreter="remote:nowhere")


def test_a_sandbox_of_before_a_fork_says_so() -> None:
    with Sandbox() as sandbox:
        reader, writer = os.pipe()
        if not (child := os.fork()):
            try:
                sandbox.run("1")
            except InterpreterError as error:
                os.write(writer, str(error).encode())
            os._exit(0)
        os.waitpid(child, 0)
        assert b"opened before a fork" in os.read(reader, 200)
        os.close(reader)
        os.close(writer)


def test_on_other_systems_the_error_names_the_ways_out(monkeypatch: pytest.MonkeyPatch) -> None:
    for platform in ("darwin", "win32"):
        monkeypatch.setattr("slipstick.interpreters.host.isolation.sys.platform", platform)
        with pytest.raises(InterpreterError, match=r"needs Linux; this machine runs .*Docker or WSL.*remote:http"):
            Sandbox()


def test_a_closed_session_runs_nothing_and_paths_are_paths() -> None:
    with Sandbox(workers=1) as sandbox:
        session = sandbox.session()
        session.write(Path("data") / "a.txt", "5")
        assert session.read(Path("data/a.txt")) == b"5"
        assert session.run("open('b').read()", files={Path("b"): "6"}).text == "'6'"
        session.close()
        for work in (lambda: session.run("1"), lambda: session.write("a", "1"), session.files):
            with pytest.raises(InterpreterError, match="this session is closed"):
                work()

    async def scenario() -> None:
        async with AsyncSandbox(workers=1) as sandbox:
            session = sandbox.session()
            await session.close()
            with pytest.raises(InterpreterError, match="this session is closed"):
                await session.run("1")

    asyncio.run(scenario())


def test_the_awaited_sandbox_takes_what_the_other_takes() -> None:
    shared = [name for name in vars(Sandbox) if not name.startswith("_") and callable(getattr(Sandbox, name))]
    names = {"close": "aclose"} | {name: name for name in shared if name != "close"}
    for plain, awaited in names.items():
        taken = [
            list(inspect.signature(getattr(kind, name)).parameters.values())[1:]
            for kind, name in ((Sandbox, plain), (AsyncSandbox, awaited))
        ]
        assert [(each.name, each.kind, each.default) for each in taken[0]] == [
            (each.name, each.kind, each.default) for each in taken[1]
        ], plain
