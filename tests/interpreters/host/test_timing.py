"""When a step's time is up, and what has been printed by then."""

import asyncio
from collections.abc import Iterator

import pytest

from slipstick.interpreters import Limits, Result, Script
from slipstick.interpreters.host.local import open_interpreter
from slipstick.interpreters.host.replay import is_same
from slipstick.interpreters.host.sandbox import Sandbox
from slipstick.interpreters.host.timing import StepClock, TimeLimits
from slipstick.schema import Output

USED_UP = "TimeoutError: no end within 0.4 s of processor time"
IDLE = "TimeoutError: idle for 0.4 s"
SPIN = "import time\ndef spin(seconds):\n    end = time.process_time() + seconds\n"
SPIN += "    while time.process_time() < end:\n        pass\n"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(timeout=0.4, scratch_mb=0) as opened:
        yield opened


@pytest.mark.parametrize(
    ("share", "ends", "reason"),
    [
        (lambda now: now, 10.0, "TimeoutError: no end within 10 s of processor time"),
        (lambda now: now * 3, 3.34, "TimeoutError: no end within 10 s of processor time"),
        (lambda now: now / 8, 80.0, "TimeoutError: no end within 10 s of processor time"),
        (lambda now: now / 20, 100.0, "TimeoutError: no end within 100 s"),
        (lambda _: 0.0, 10.0, "TimeoutError: idle for 10 s"),
        (lambda now: min(now, 3.0), 13.0, "TimeoutError: idle for 10 s"),
        (lambda now: now // 8, 80.0, "TimeoutError: no end within 10 s of processor time"),
    ],
    ids=[
        "computes",
        "computes in threads",
        "computes on a busy machine",
        "hardly runs",
        "sleeps",
        "falls asleep",
        "sleeps now and then",
    ],
)
def test_time_is_up_by_what_a_program_uses(share: object, ends: float, reason: str) -> None:
    assert callable(share)
    now, clock = 0.0, StepClock(TimeLimits.of(Limits(timeout=10)), 0.0)
    said = None
    while said is None:
        now += max(clock.wait(now), 1e-3)
        said = clock.look(now, share(now))
    assert said == reason
    assert ends - 0.01 <= now <= ends + (0.51 if "idle" in reason or ends == 80 else 0.02)


def test_what_is_used_already_is_taken_off() -> None:
    clock = StepClock(TimeLimits.of(Limits(timeout=10)).after(4.0), 0.0)
    assert clock.look(5.0, 5.0) is None
    assert clock.look(6.0, 6.0) == "TimeoutError: no end within 10 s of processor time"


def test_a_shorter_step_has_the_same_multiple_of_wall_time() -> None:
    limits = TimeLimits.of(Limits(timeout=10, wall_timeout=30))
    assert (limits.within(5), limits.within(99), limits.within(None)) == (TimeLimits(5, 15), limits, limits)


@pytest.mark.parametrize(
    ("program", "text"),
    [
        ("print(1)\nwhile True: pass", f"1\n{USED_UP}"),
        ("print('a', end='')\nwhile True: pass", f"a\n{USED_UP}"),
        (f"{SPIN}print(1)\nspin(9)", f"1\n{USED_UP}"),
        (
            f"{SPIN}import threading\nprint(1)\nthreading.Thread(target=spin, args=(9,)).start()\nspin(9)",
            f"1\n{USED_UP}",
        ),
        ("import sys, time\nprint('b', file=sys.stderr)\ntime.sleep(60)", f"b\n{IDLE}"),
        ("import threading\nlock = threading.Lock()\nprint(1)\nlock.acquire()\nlock.acquire()", f"1\n{IDLE}"),
        ("import asyncio\nprint(1)\nasyncio.run(asyncio.sleep(60))", f"1\n{IDLE}"),
        (f"{SPIN}for _ in range(4):\n    spin(0.05)\n    time.sleep(0.2)\nprint('done')", "done"),
        ("print(1)\nimport os\nos._exit(3)", "1\nKilled: the program ended its process with exit code 3"),
    ],
)
def test_output_is_kept_when_time_is_up(sandbox: Sandbox, program: str, text: str) -> None:
    with sandbox.session() as session:
        outputs = [*sandbox.run_many([program]), session.run(program)]
    assert {output.text for output in outputs} == {text}
    assert all(output.cpu_seconds < 5 for output in outputs)


def test_a_script_writes_what_it_has_buffered_when_time_is_up() -> None:
    programs = [
        "print(1)\nwhile True: pass",
        "import sys, time\nprint(1, end='')\nsys.stdout.write('\\n')\ntime.sleep(60)",
        "import threading\nprint(1)\nlock = threading.Lock()\nlock.acquire()\nlock.acquire()",
        "import signal\nprint(1, flush=True)\nsignal.signal(signal.SIGRTMAX, signal.SIG_IGN)\nwhile True: pass",
    ]

    async def scenario() -> list[Result]:
        interpreter = open_interpreter("", Limits(timeout=0.4))
        results = [await interpreter.run_script(Script(program)) for program in programs]
        await interpreter.close()
        return results

    results = asyncio.run(scenario())
    assert [(result.status, result.stdout) for result in results] == [("timeout", "1\n")] * len(programs)
    assert [result.stderr for result in results] == [f"{reason}\n" for reason in (USED_UP, IDLE, IDLE, USED_UP)]


def test_a_stopped_program_is_idle() -> None:
    with Sandbox(timeout=0.4, isolation="process", scratch_mb=0) as sandbox:
        (output,) = sandbox.run_many(["import os, signal\nprint(1)\nos.kill(os.getpid(), signal.SIGSTOP)"])
    assert (output.status, output.text) == ("timeout", f"1\n{IDLE}")


def test_processor_time_of_children_counts_where_there_can_be_any() -> None:
    with Sandbox(timeout=0.4, isolation="process", scratch_mb=0) as sandbox:
        (output,) = sandbox.run_many(["import subprocess\nsubprocess.run(['sh', '-c', 'while :; do :; done'])"])
    assert (output.status, output.text) == ("timeout", USED_UP)


def test_wall_time_ends_a_step_whatever_it_does() -> None:
    with Sandbox(timeout=20, wall_timeout=0.5, scratch_mb=0) as sandbox:
        assert sandbox.run_many(["while True: pass"])[0].text == "TimeoutError: no end within 0.5 s"


def test_a_step_has_its_time_whatever_earlier_steps_have_used(sandbox: Sandbox) -> None:
    with sandbox.session() as session:
        assert [session.run(f"{SPIN}spin(0.25)").status for _ in range(3)] == ["ok"] * 3


def test_a_step_may_have_less_time_than_its_session() -> None:
    async def scenario() -> Output:
        interpreter = open_interpreter("", Limits(timeout=60))
        session = interpreter.session()
        output = await session.run("while True: pass", seconds=0.2)
        await session.close()
        await interpreter.close()
        return output

    assert asyncio.run(scenario()).text == "TimeoutError: no end within 0.2 s of processor time"


@pytest.mark.parametrize("printed", ["print('x' * 10**6)", "print('\\x00' * 10**6)", "print('\\U0001f600' * 10**6)"])
def test_the_cap_of_output_is_a_setting(printed: str) -> None:
    program = f"print('HEAD')\n{printed}\nprint('TAIL')"
    for output_kb in (1, 500):
        with Sandbox(timeout=5, output_kb=output_kb, scratch_mb=0) as sandbox, sandbox.session() as session:
            (whole,) = sandbox.run_many([program])
            outputs = [whole, session.run(program)]
            killed = session.run(f"{program}\nimport os\nos._exit(1)")
        for output in (*outputs, killed):
            assert output.text.startswith("HEAD\n")
            assert "TAIL" in output.text[-100:]
            assert output_kb * 900 < len(output.text.encode()) < output_kb * 1000 + 3000 or "\ufffd" in output.text


@pytest.mark.parametrize(
    ("first", "again", "same"),
    [
        ("1", "1", True),
        ("1", "2", False),
        (" 0%| | 0/9\r100%|#| 9/9\nx", " 0%| | 0/9\r50%| | 5/9\r100%|#| 9/9\nx", True),
        ("100%|#| 9/9\rx\n1", "100%|#| 9/9\rx\n2", False),
        ("9/9 [00:01<00:00, 8.42it/s]", "9/9 [00:02<00:00, 4.21it/s]", True),
        ("<object at 0x7f12aa34bb>", "<object at 0x7f12aa34cc>", True),
        ("x" * 2_000_000, "x" * 2_000_001, False),
        ("[1:11<" * 400_000, "[1:11<" * 400_001, False),
    ],
    ids=range(8),
)
def test_a_step_that_is_run_again_may_differ_in_its_progress_bar(first: str, again: str, same: bool) -> None:
    assert is_same(Output(text=first), Output(text=again)) == same
    assert not is_same(Output(text=first), Output(text=again, status="error"))


def test_variables_outlive_a_progress_bar(sandbox: Sandbox) -> None:
    bar = "import time\nx = 7\nprint(f'0%\\r{time.time_ns()}%')"
    with sandbox.session() as session:
        session.run(bar)
        assert session.run("while True: pass").status == "timeout"
        assert session.run("x").text == "7"


FORGE = """
import mmap, struct, time
maps = []
for fd in range(3, 64):
    try:
        maps.append(mmap.mmap(fd, 0))
    except (OSError, ValueError):
        pass
for each in maps:
    each[:] = b'\\xff' * len(each)
print(len(maps))
while True:
    for each in maps:
        each[:8] = struct.pack('d', time.process_time() {})
"""


BOAST = "import time\nreal = time.process_time\ntime.process_time = lambda: real() + 1000"


@pytest.mark.parametrize("claim", ["", "* 0", "+ 1e9", "* float('nan')", "- float('inf')"])
@pytest.mark.parametrize("first", ["1", BOAST], ids=["", "claims to have used much"])
def test_what_a_program_writes_into_its_memory_changes_its_text_alone(sandbox: Sandbox, first: str, claim: str) -> None:
    with sandbox.session() as session:
        session.run(first)
        output = session.run(FORGE.format(claim))
        assert output.status == "timeout"
        assert output.text.endswith(USED_UP)
        assert output.cpu_seconds < 5
        assert session.run("1 + 1").text.endswith("2")
