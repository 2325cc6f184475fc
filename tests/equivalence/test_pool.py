"""Tests of the worker processes: started when needed, killed at the deadline, replaced, and none left behind."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from slipstick.equivalence import compare
from slipstick.equivalence.pool import process
from slipstick.equivalence.pool.pool import Pool
from slipstick.equivalence.pool.process import WorkerProcess
from slipstick.errors import SlipstickError, UserError

SYMBOLIC = ("(x+1)^2", ["x^2+2x+1"], None)


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def comes_true(condition: Callable[[], bool], seconds: float = 60) -> bool:
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)
    return condition()


def outcome(pool: Pool, answer: str, gold: str, seconds: float = 60) -> bool | None:
    return pool.compare((answer, [gold], None), seconds=seconds)[0].equal


def test_a_worker_that_hangs_is_killed_and_replaced(pool: Pool) -> None:
    assert outcome(pool, "x+1", "1+x")
    (first,) = pool.pids()
    os.kill(first, signal.SIGSTOP)
    (decision,) = pool.compare(SYMBOLIC, seconds=0.5)
    assert decision.equal is None
    assert "not decided within 0.5 s" in decision.reason
    assert not is_running(first)
    assert pool.pids() == []
    assert outcome(pool, "x+1", "1+x")
    assert pool.pids() != [first]


def test_a_worker_that_gets_no_processor_for_a_while_still_decides(pool: Pool) -> None:
    assert outcome(pool, "x+1", "1+x")
    (worker,) = pool.pids()
    os.kill(worker, signal.SIGSTOP)
    threading.Timer(1.5, os.kill, (worker, signal.SIGCONT)).start()
    assert outcome(pool, *("(x+1)^2", "x^2+2x+1"), seconds=1)
    assert pool.pids() == [worker]


def test_a_hang_in_c_is_killed_in_the_place_for_slow_ones(pool: Pool) -> None:
    assert outcome(pool, "hang", "7", seconds=1.5) is None
    assert pool.pids() == []


def test_a_worker_killed_while_it_waits_is_replaced_unnoticed(pool: Pool) -> None:
    assert outcome(pool, "x+1", "1+x")
    os.kill(pool.pids()[0], signal.SIGKILL)
    assert outcome(pool, "x+1", "1+x")


def test_a_worker_killed_in_the_middle_of_a_comparison_is_replaced_once(pool: Pool) -> None:
    with ThreadPoolExecutor(1) as threads:
        future = threads.submit(outcome, pool, "nap x+1", "1+x")
        assert comes_true(lambda: any(worker._owed for worker in pool._living))
        (worker,) = pool._living
        os.kill(worker.pid, signal.SIGKILL)
        assert future.result()


def test_a_worker_that_dies_of_every_try_leaves_the_comparison_open(pool: Pool) -> None:
    dying = threading.Event()

    def kill() -> None:
        while not dying.wait(0.01):
            for worker in list(pool._living):
                if worker._owed:
                    os.kill(worker.pid, signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    (decision,) = pool.compare(("nap x+1", ["1+x"], None), seconds=60)
    dying.set()
    killer.join()
    assert decision.equal is None
    assert decision.reason == "the grading worker died: signal 9"


def test_memory_that_is_not_there_leaves_the_comparison_open_and_the_worker_alive(pool: Pool) -> None:
    (decision,) = pool.compare(("hoard", ["7"], None), seconds=60)
    assert decision.equal is None
    assert len(pool.pids()) <= 1
    assert outcome(pool, "x+1", "1+x")


def test_a_worker_that_has_grown_is_replaced(pool: Pool) -> None:
    before = None
    for _ in range(4):
        outcome(pool, "grow", "7")
        if pool.pids() != (before := before or pool.pids()):
            break
    assert pool.pids() != before


def test_slow_comparisons_do_not_hold_up_fast_ones(pool: Pool) -> None:
    """Four that hang, then forty that do not, in two places: the forty are done before the last that hangs."""
    done: list[str] = []

    def decide(answer: str) -> bool | None:
        equal = outcome(pool, answer, "1+x", seconds=2)
        done.append(answer)
        return equal

    with ThreadPoolExecutor(48) as threads:
        list(threads.map(decide, ["nap x+1"] * 4))  # so that no worker's start is measured
        done.clear()
        hanging = [threads.submit(decide, "hang") for _ in range(4)]
        fast = [threads.submit(decide, "x+1") for _ in range(40)]
        assert all(future.result() for future in fast)
        assert [future.result() for future in hanging] == [None] * 4
    assert done[-1] == "hang"
    assert len(pool._living) == len(pool.pids()) <= 4


def test_closing_ends_the_workers(pool: Pool) -> None:
    outcome(pool, "x+1", "1+x")
    (pid,) = pool.pids()
    pool.close()
    assert not is_running(pid)


@pytest.mark.parametrize("answer", ["x+1", "hang", None], ids=["after a comparison", "in a loop in C", "while idle"])
def test_a_worker_leaves_when_its_owner_closes_the_pipe(playful: None, answer: str) -> None:
    worker = WorkerProcess(algebra=True)
    try:
        assert worker.is_ready(120)
        if answer:
            worker.send({"rows": [(answer, ["7"], None)], "algebra": True, "profile": "slipstick", "seconds": 600})
        assert answer != "x+1" or worker.receive(60)
        assert answer != "hang" or worker.receive(0.3) is None
        worker.close_pipes()
        assert comes_true(lambda: worker._process.poll() is not None)
    finally:
        worker.kill()


def test_memory_and_files_of_a_worker_are_bounded(pool: Pool) -> None:
    outcome(pool, "x+1", "1+x")
    limits = Path(f"/proc/{pool.pids()[0]}/limits").read_text().splitlines()
    by_name = {line[:26].strip(): line[26:].split()[0] for line in limits}
    assert int(by_name["Max address space"]) <= 1 << 30
    assert int(by_name["Max file size"]) == 0


def test_requests_larger_than_a_pipe(pool: Pool) -> None:
    long = "x+" * 200_000 + "x"
    assert outcome(pool, long, long)
    assert outcome(pool, long, "7") is not True


def test_a_worker_that_cannot_be_started_leaves_the_comparison_open(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: object, **named: object) -> None:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(subprocess, "Popen", refuse)
    (decision,) = pool.compare(SYMBOLIC, seconds=60)
    assert decision.equal is None
    assert "no grading worker can be started: Resource temporarily unavailable" in decision.reason


def test_a_worker_that_fails_while_it_starts_says_why(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "_BOOT", "raise ImportError('no algebra here')")
    with pytest.raises(SlipstickError, match="no algebra here"):
        pool.compare(SYMBOLIC, seconds=60)
    assert not pool._living


@pytest.mark.parametrize("odd", ["", None, "/usr/sbin/uwsgi", "/no/such/python"])
def test_the_interpreter_is_found_if_sys_executable_is_odd(
    pool: Pool, monkeypatch: pytest.MonkeyPatch, odd: str | None
) -> None:
    monkeypatch.setattr(sys, "executable", odd)
    assert outcome(pool, "x+1", "1+x")


def test_if_there_is_no_interpreter_the_error_says_so(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(UserError, match="no Python interpreter is found"):
        pool.compare(SYMBOLIC, seconds=60)


def test_from_threads_and_inside_an_event_loop() -> None:
    with ThreadPoolExecutor(4) as threads:
        verdicts = list(threads.map(lambda n: compare(f"x+{n}", f"{n}+x"), range(12)))
    assert {verdict.outcome for verdict in verdicts} == {"correct"}

    async def inside() -> list[str]:
        off_thread = await asyncio.gather(*(asyncio.to_thread(compare, f"y+{n}", f"{n}+y") for n in range(4)))
        return [compare("(x+1)^2", "x^2+2x+1").outcome, *(verdict.outcome for verdict in off_thread)]

    assert set(asyncio.run(inside())) == {"correct"}


# Streams


def fault_of(program: str, *, mark: str, **named: Any) -> str:
    """Runs a program in a process of its own; "" if it went well, else what it said, or its exit code."""
    environment = {**os.environ, "SLIPSTICK_TEST_MARK": mark}
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=200, env=environment, **named)
    return (done.stderr or f"exit code {done.returncode}") if done.returncode else ""


def marked(mark: str) -> list[int]:
    """The worker processes of a program that was given this mark."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            environment, command = (folder / "environ").read_bytes(), (folder / "cmdline").read_bytes()
        except OSError:
            continue
        if mark.encode() in environment and b"\0-P\0-B\0-c\0" in command:
            found.append(int(folder.name))
    return found


@pytest.fixture
def mark() -> Iterator[str]:
    mark = uuid.uuid4().hex
    yield mark
    assert comes_true(lambda: not marked(mark), 20), f"left behind: {marked(mark)}"


def test_numbers_start_no_worker_and_import_no_sympy(mark: str) -> None:
    program = """
import sys
from slipstick.equivalence import compare, compare_many
from slipstick.equivalence.pool.pool import shared_pool
assert compare("1,000.0", "1000").outcome == "correct"
assert compare(r"$\\\\frac{1}{2}$ cm", "0.5").outcome == "correct"
assert [v.outcome for v in compare_many([("(1, 2)", "(1,2)"), ("B", "(B)"), ("yes", "no")])][:2] == ["correct"] * 2
assert not shared_pool().pids()
assert "sympy" not in sys.modules and "math_verify" not in sys.modules
"""
    assert fault_of(program, mark=mark) == ""


HEAD = """
import multiprocessing, os, resource, signal, sys, threading
from slipstick.equivalence.pool import process
from slipstick.equivalence.pool.pool import shared_pool
def ask(answer="(x+1)^2", seconds=60):
    return shared_pool().compare((answer, ["x^2+2x+1"], None), seconds=seconds)[0].equal
"""
SITUATIONS = {
    "an ordinary end": "assert ask()",
    "the end while a daemon thread compares": """
threading.Thread(target=ask, args=("hang",), daemon=True).start()
assert ask()
""",
    "an end without a farewell": "assert ask(); os._exit(0)",
    "a worker started by a thread that is gone": """
thread = threading.Thread(target=ask); thread.start(); thread.join()
(pid,) = shared_pool().pids()
assert ask() and shared_pool().pids() == [pid]
""",
    "no standard streams": "[os.close(fd) for fd in (0, 1, 2)]; assert ask()",
    "file descriptors above 1024": """
resource.setrlimit(resource.RLIMIT_NOFILE, (2000, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
files = [open(os.devnull) for _ in range(1500)]
assert ask()
""",
    "no file descriptors left": """
resource.setrlimit(resource.RLIMIT_NOFILE, (20, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
files = []
try:
    while True: files.append(os.dup(0))
except OSError: pass
assert ask() is None
[os.close(file) for file in files]
assert ask()
""",
    "no processes left": """
if os.getuid() == 0:  # for whom there is no such limit
    os.setuid(65534)
process._python = lambda: "/bin/false"
resource.setrlimit(resource.RLIMIT_NPROC, (1, 1))
assert ask() is None
""",
    "signals blocked and children ignored": """
signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals()); signal.signal(signal.SIGCHLD, signal.SIG_IGN)
assert ask() and ask("hang", 1) is None and ask()
""",
    "a fork": """
assert ask()
mine = shared_pool().pids()
if (child := os.fork()) == 0:
    ok = ask() and shared_pool().pids() != mine
    shared_pool().close()
    os._exit(0 if ok else 1)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
assert ask() and shared_pool().pids() == mine
""",
    "a fork while workers are busy": """
thread = threading.Thread(target=ask, args=("hang", 2)); thread.start()
while not any(worker._owed for worker in tuple(shared_pool()._living)): pass
if (child := os.fork()) == 0:
    os._exit(0 if ask() else 1)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
thread.join(); assert ask()
""",
    "multiprocessing": """
def child(code): sys.exit(0 if ask() else 1)
if __name__ == "__main__":
    assert ask()
    process = multiprocessing.get_context("fork").Process(target=child, args=(0,), daemon=True)
    process.start(); process.join()
    assert process.exitcode == 0 and ask()
""",
}


@pytest.mark.parametrize("situation", SITUATIONS)
def test_in(situation: str, mark: str, playful_boot: str) -> None:
    assert fault_of(f"{HEAD}\nprocess._BOOT = {playful_boot!r}\n{SITUATIONS[situation]}", mark=mark) == ""


def test_in_spawned_processes(mark: str, tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        HEAD
        + """
def child(_): return ask()
if __name__ == "__main__":
    with multiprocessing.get_context("spawn").Pool(2) as processes:
        assert processes.map(child, range(4)) == [True] * 4
"""
    )
    assert fault_of(f"import runpy; runpy.run_path({str(program)!r}, run_name='__main__')", mark=mark) == ""


def test_off_the_main_thread_without_terminal_or_input(mark: str) -> None:
    """A Ray worker: its own session, no standard input, tasks in threads and in event loops of threads."""
    program = """
import asyncio, threading
from slipstick.equivalence import compare
said = []
async def task():
    said.append((await asyncio.to_thread(compare, "(x+1)^2", "x^2+2x+1")).outcome)
def work():
    said.append(compare("(x+2)^2", "x^2+4x+4").outcome)
    asyncio.run(task())
threads = [threading.Thread(target=work) for _ in range(3)]
[thread.start() for thread in threads]; [thread.join() for thread in threads]
assert said == ["correct"] * 6, said
"""
    assert fault_of(program, mark=mark, start_new_session=True, stdin=subprocess.DEVNULL) == ""


@pytest.mark.parametrize("forked", [False, True], ids=["alone", "with a forked child that lives on"])
def test_killing_the_owner_ends_its_workers_even_in_a_loop_in_c(forked: bool, mark: str, playful_boot: str) -> None:
    program = f"""
{HEAD}
process._BOOT = {playful_boot!r}
signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
assert ask()
threading.Thread(target=ask, args=("hang", 600)).start()
while not any(worker._owed for worker in tuple(shared_pool()._living)): pass
if {forked} and os.fork() == 0:
    import time; os.closerange(0, 3); time.sleep(20); os._exit(0)
print("busy", flush=True)
"""
    environment = {**os.environ, "SLIPSTICK_TEST_MARK": mark}
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, env=environment) as owner:
        assert owner.stdout and owner.stdout.readline() == b"busy\n"
        assert marked(mark)
        owner.kill()
        owner.wait()
        assert comes_true(lambda: not marked(mark), 10)
