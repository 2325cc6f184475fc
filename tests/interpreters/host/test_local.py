"""Outputs of sessions, how sessions end, and that nothing of one reaches another."""

import asyncio
import contextlib
import json
import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy
import pytest

from slipstick import interpreters
from slipstick.errors import InterpreterError
from slipstick.interpreters import Limits
from slipstick.interpreters.host.isolation import missing
from slipstick.interpreters.host.local import LocalInterpreter, open_interpreter
from slipstick.interpreters.host.sandbox import Sandbox
from slipstick.schema import Output

CASES = Path(__file__).parents[2] / "cases"
PROGRAMS = [json.loads(line) for line in (CASES / "programs.jsonl").read_text("utf-8").splitlines()]


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(timeout=20, scratch_mb=0) as opened:
        yield opened


@pytest.fixture
def started() -> Callable[[], list[int]]:
    """Asks for the processes below this one that the test has started, near ones first."""
    before = _below(os.getpid())
    return lambda: [pid for pid in _below(os.getpid()) if pid not in before]


def _below(pid: int) -> list[int]:
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


@pytest.mark.parametrize("row", PROGRAMS, ids=[row["name"] for row in PROGRAMS])
def test_program(sandbox: Sandbox, row: dict[str, Any]) -> None:
    with sandbox.session() as session:
        output = [session.run(step) for step in row["steps"]][-1]
    if row["text"] == "Traceback":
        assert "Error: " in output.text.splitlines()[-1]
    else:
        assert output.text == row["text"]
    assert output.status == row["status"]
    assert output.seconds > 0


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (
            "import threading, time\n\ndef f():\n    time.sleep(0.2)\n    print('b')\n\n"
            "threading.Thread(target=f).start()\nprint('a')",
            "a\nb",
        ),
        (
            "import threading, time\n\ndef g():\n    time.sleep(0.2)\n    print('b')\n\ndef f():\n    time.sleep(0.1)\n"
            "    threading.Thread(target=g).start()\n\nthreading.Thread(target=f).start()\nprint('a')",
            "a\nb",
        ),
        (
            "from concurrent.futures import ThreadPoolExecutor\npool = ThreadPoolExecutor()\n"
            "print(pool.submit(pow, 2, 3).result())",
            "8",
        ),
        ("import asyncio\nprint(await asyncio.to_thread(pow, 2, 3))", "8"),
        ("1 + 1\r2 + 2", "4"),
        ("1 + 1\r\r2 + 2;", ""),
        ("import atexit\natexit.register(print, 'at exit')\nprint('a')", "a\nat exit"),
        (
            "import threading, time\nthreading.Thread(target=time.sleep, args=(60,), daemon=True).start()\nprint('a')",
            "a",
        ),
    ],
)
def test_a_whole_program_ends_as_a_script_does(sandbox: Sandbox, code: str, text: str) -> None:
    (output,) = sandbox.run_many([code])
    assert (output.text, output.status) == (text, "ok")


def test_processes_cannot_be_started_and_the_error_says_so(sandbox: Sandbox) -> None:
    if sandbox.isolation == "process":
        pytest.skip("without a filter of system calls, processes can be started")
    (output,) = sandbox.run_many(
        ["from multiprocessing import Pool\nwith Pool(2) as pool:\n    print(pool.map(abs, [1]))"]
    )
    assert output.text.endswith("processes cannot be started here; use one process")


@pytest.mark.parametrize("fatal", ["while True: pass", "import os\nos._exit(0)"])
def test_a_session_that_died_has_the_steps_before_the_fatal_one(fatal: str) -> None:
    with Sandbox(timeout=0.5, scratch_mb=0) as sandbox, sandbox.session() as session:
        session.run("x = 3")
        assert session.run(f"x = 4\n{fatal}").status in ("timeout", "killed")
        assert session.run("x").text == "3"
        session.run("y = x + 1")
        assert session.run(fatal).status in ("timeout", "killed")
        assert session.run("x, y").text == "(3, 4)"


@pytest.mark.parametrize("step", ["import time\nx = time.time_ns()\nx", f"x = 3 #{'-' * (6 << 20)}"], ids=["", "long"])
def test_a_session_that_died_starts_afresh_if_its_steps_print_something_else_or_are_too_long(step: str) -> None:
    with Sandbox(timeout=0.5, scratch_mb=0) as sandbox, sandbox.session() as session:
        assert [session.run(step).status for _ in range(3)] == ["ok"] * 3
        assert session.run("while True: pass").status == "timeout"
        output = session.run("x")
        assert output.text.startswith("SessionLost: the variables of earlier steps are lost: ")
        assert output.text.endswith("NameError: name 'x' is not defined")


def test_output_is_cut_in_the_middle(sandbox: Sandbox) -> None:
    (output,) = sandbox.run_many(["print('HEAD')\nprint('x' * 10**6)\nprint('TAIL')"])
    assert output.text.startswith("HEAD\nxxx")
    assert output.text.endswith("xxx\nTAIL")
    assert "bytes of output cut" in output.text
    assert len(output.text) < 21_000


def test_program_that_is_too_long_is_refused(sandbox: Sandbox) -> None:
    (output,) = sandbox.run_many(["#" * (9 << 20)])
    assert output.status == "error"
    assert output.text.startswith("ValueError: the program is too long")


def test_a_recipe_can_replace_empty_outputs() -> None:
    async def scenario() -> list[str]:
        interpreter = interpreters.open_interpreter(interpreters.InterpreterSettings(empty_output="<empty_execution>"))
        session = interpreter.session()
        texts = [(await session.run(step)).text for step in ("x = 3", "print(x)", "x")]
        await session.close()
        texts += [(await interpreter.run_program(program)).text for program in ("x = 3", "print(3)")]
        await interpreter.close()
        return texts

    assert asyncio.run(scenario()) == ["<empty_execution>", "3", "3", "<empty_execution>", "3"]


def test_sessions_do_not_see_each_other(sandbox: Sandbox) -> None:
    with sandbox.session() as one, sandbox.session() as two:
        one.run("import math\nx = 1\nmath.pi = 3")
        assert two.run("import math\nround(math.pi, 2), 'x' in globals()").text == "(3.14, False)"


def test_random_numbers_differ_between_sessions_but_for_a_seed() -> None:
    program = "import random, numpy\nprint(random.random(), numpy.random.rand(), hash('a'))"
    with Sandbox(scratch_mb=0) as sandbox:
        one, two = sandbox.run_many([program] * 2)
        assert [a != b for a, b in zip(one.text.split(), two.text.split(), strict=True)] == [True, True, False]
    with Sandbox(seed=7, scratch_mb=0) as sandbox:
        seeded = [output.text.split() for output in sandbox.run_many([program] * 2)]
    known = [str(random.Random(7).random()), str(numpy.random.RandomState(7).rand()), one.text.split()[2]]
    assert seeded == [known] * 2, "so in every interpreter"


def test_program_that_is_killed_twice_is_no_fault_of_ours() -> None:
    if missing("kernel"):
        pytest.skip(f"this machine lacks {missing('kernel')}")
    spend = "import resource\nresource.setrlimit(resource.RLIMIT_CPU, (1, 1))\nwhile True:\n    pass"
    with Sandbox(timeout=20, scratch_mb=0) as sandbox:
        output = sandbox.run_many([spend])[0]
    assert (output.status, "SIGKILL" in output.text) == ("killed", True)


def test_what_a_program_leaves_running_ends_with_its_session_without_a_filter_too(
    started: Callable[[], list[int]],
) -> None:
    leave = "import subprocess\np = subprocess.Popen(['sh', '-c', 'sleep 300 & sleep 300'], start_new_session=True)"
    with Sandbox(isolation="process", scratch_mb=0) as sandbox:
        sandbox.run_many(["import os"])
        idle = len(started())
        with sandbox.session() as session:
            session.run(leave)
            assert session.run("print(p.poll())").text == "None"  # it lives as long as the session does
            assert len(started()) >= idle + 2
        sandbox.run_many([leave])
        assert _until(lambda: len(started()) <= idle + 1)
    assert _until(lambda: not started())


def _until(holds: Callable[[], bool], seconds: float = 60) -> bool:
    end = time.monotonic() + seconds
    while not holds() and time.monotonic() < end:
        time.sleep(0.05)
    return holds()


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"isolation": "proces"}, "did you mean `process`"),
        ({"workers": 0}, "workers is 0"),
        ({"timeout": 0}, "timeout is 0"),
        ({"memory_mb": 1}, "memory_mb is 1"),
        ({"scratch_mb": -1}, "scratch_mb is -1"),
    ],
)
def test_limits_that_make_no_sense_are_refused(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(InterpreterError, match=said):
        Sandbox(**settings)


def test_argument_is_refused() -> None:
    with pytest.raises(InterpreterError, match="takes no argument, got `docker`"):
        open_interpreter("docker", Limits())


def test_closed_interpreter_makes_no_sessions() -> None:
    interpreter = open_interpreter("", Limits())
    asyncio.run(interpreter.close())
    with pytest.raises(InterpreterError, match="closed"):
        interpreter.session()


async def _run_one(interpreter: LocalInterpreter, *steps: str) -> list[Output]:
    session = interpreter.session()
    try:
        return [await session.run(step) for step in steps]
    finally:
        await session.close()


def test_at_most_so_many_steps_run_at_one_time() -> None:
    async def scenario() -> float:
        interpreter = open_interpreter("", Limits(), workers=3)
        await _run_one(interpreter, "1")
        start = time.perf_counter()
        outputs = await asyncio.gather(*(_run_one(interpreter, "import time\ntime.sleep(0.2)") for _ in range(6)))
        assert all(output.status == "ok" for (output,) in outputs)
        took = time.perf_counter() - start
        await interpreter.close()
        return took

    assert asyncio.run(scenario()) >= 0.4


def test_our_own_start_does_not_count_as_a_programs_time() -> None:
    with Sandbox(timeout=0.7, scratch_mb=0) as sandbox:  # starting the zygote takes longer
        outputs = sandbox.run_many(["import sympy\nprint(sympy.Integer(6) * 7)"] * 2)
    assert [(output.text, output.status) for output in outputs] == [("42", "ok")] * 2


@pytest.mark.parametrize("depth", [0, 1, 2], ids=["the zygote", "what enters the namespaces", "the fork server"])
def test_killed_fork_server_is_replaced_and_its_steps_run_again(depth: int, started: Callable[[], list[int]]) -> None:
    async def scenario() -> None:
        interpreter = open_interpreter("", Limits(timeout=20))
        session = interpreter.session()
        await session.run("x = 20")
        slow = asyncio.create_task(_run_one(interpreter, "import time\ntime.sleep(1)\nprint('there')"))
        await asyncio.sleep(0.3)
        below = started()
        os.kill(below[min(depth, len(below) - 1)], signal.SIGKILL)
        (output,) = await slow
        assert (output.text, output.status) == ("there", "ok")
        assert (await session.run("x + 1")).text == "21"
        await session.close()
        await interpreter.close()

    asyncio.run(scenario())
    assert started() == []


def test_session_killed_from_outside_runs_its_step_again(started: Callable[[], list[int]]) -> None:
    async def scenario() -> None:
        interpreter = open_interpreter("", Limits(timeout=20))
        if interpreter.isolation == "process":
            pytest.skip("there a program may kill itself, and nobody can tell who did it")
        session = interpreter.session()
        await session.run("x = 20")
        slow = asyncio.create_task(session.run("import time\ntime.sleep(1)\nx + 1"))
        await asyncio.sleep(0.3)
        os.kill(started()[-1], signal.SIGKILL)
        output = await slow
        assert (output.text, output.status) == ("21", "ok")
        os.kill(started()[-1], signal.SIGKILL)
        assert (await session.run("x + 2")).text == "22"
        await session.close()
        await interpreter.close()

    asyncio.run(scenario())
    assert started() == []


def test_fork_server_that_is_killed_again_and_again_is_a_fault_and_no_exception(
    started: Callable[[], list[int]],
) -> None:
    async def scenario() -> Output:
        interpreter = open_interpreter("", Limits(timeout=20))
        await _run_one(interpreter, "1")
        slow = asyncio.create_task(_run_one(interpreter, "import time\ntime.sleep(30)"))
        while not slow.done():
            await asyncio.sleep(0.5)
            for pid in started():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        (after,) = await _run_one(interpreter, "print('on we go')")
        await interpreter.close()
        assert after.text == "on we go"
        return (await slow)[0]

    assert asyncio.run(scenario()).status == "sandbox_fault"


def test_stopped_fork_server_does_not_hold_up_the_caller(
    monkeypatch: pytest.MonkeyPatch, started: Callable[[], list[int]]
) -> None:
    monkeypatch.setattr("slipstick.interpreters.host.fork_server._KILL_SECONDS", 0.3)

    async def scenario() -> None:
        interpreter = open_interpreter("", Limits(timeout=0.5))
        await _run_one(interpreter, "1")
        await asyncio.sleep(0.3)  # the session before is gone by then
        os.kill(started()[2 if interpreter.isolation == "full" else 1], signal.SIGSTOP)
        (output,) = await _run_one(interpreter, "print(1)")
        assert (output.text, output.status) == ("1", "ok")
        await interpreter.close()

    asyncio.run(scenario())
    assert started() == []


def test_cancelled_step_leaves_no_process(started: Callable[[], list[int]]) -> None:
    async def scenario() -> None:
        interpreter = open_interpreter("", Limits(), workers=1)
        await _run_one(interpreter, "1")
        session = interpreter.session()
        task = asyncio.create_task(session.run("while True: pass"))
        await asyncio.sleep(0.2)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (await session.run("print('still here')")).text == "still here"
        await session.close()
        await interpreter.close()

    asyncio.run(scenario())
    assert started() == []


def test_close_with_a_step_running_and_a_session_open(started: Callable[[], list[int]]) -> None:
    async def scenario() -> None:
        interpreter = open_interpreter("", Limits())
        idle = interpreter.session()
        await idle.run("x = 1")
        slow = asyncio.create_task(_run_one(interpreter, "while True: pass"))
        await asyncio.sleep(0.3)
        await interpreter.close()
        assert (await slow)[0].status == "sandbox_fault"
        await idle.close()

    asyncio.run(scenario())
    assert started() == []


def test_start_that_takes_long_is_told(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr("slipstick.interpreters.host.zygote._SLOW_SECONDS", 0.0)
    with caplog.at_level("INFO", "slipstick"), Sandbox(workers=1, scratch_mb=0) as opened:
        opened.run_many(["import sympy"])
    assert [record.getMessage() for record in caplog.records][:1] == ["starting the interpreter (sympy): 0 s"]


def test_zygote_that_cannot_start_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("slipstick.interpreters.host.zygote._BOOT", "raise OSError('no room')")

    async def scenario() -> None:
        interpreter = open_interpreter("", Limits())
        try:
            await _run_one(interpreter, "1")
        finally:
            await interpreter.close()

    with pytest.raises(InterpreterError, match=r"standard tier.* does not start: OSError: no room"):
        asyncio.run(scenario())
