"""Tests of the worker processes: started when needed, killed at the deadline, replaced, and none left behind."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from slipstick.equivalence.workers import Pool, Worker

SYMBOLIC = ("(x+1)^2", "x^2+2x+1")


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def run(program: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=200, check=True)


@pytest.fixture
def pool():
    pool = Pool()
    yield pool
    pool.close()


def test_a_worker_that_hangs_is_killed_and_replaced(pool):
    assert pool.compare(*SYMBOLIC, kind=None, seconds=60).equal
    (first,) = pool.pids()
    os.kill(first, signal.SIGSTOP)
    decision = pool.compare(*SYMBOLIC, kind=None, seconds=0.5)
    assert decision.equal is None
    assert "not decided within 0.5 s" in decision.reason
    assert not is_running(first)
    assert pool.pids() == []
    assert pool.compare(*SYMBOLIC, kind=None, seconds=60).equal
    assert pool.pids() != [first]


def test_a_worker_that_died_is_replaced(pool):
    assert pool.compare(*SYMBOLIC, kind=None, seconds=60).equal
    (first,) = pool.pids()
    os.kill(first, signal.SIGKILL)
    assert pool.compare(*SYMBOLIC, kind=None, seconds=60).equal is None
    assert pool.compare(*SYMBOLIC, kind=None, seconds=60).equal


def test_closing_ends_the_workers():
    pool = Pool()
    pool.compare(*SYMBOLIC, kind=None, seconds=60)
    (pid,) = pool.pids()
    pool.close()
    assert not is_running(pid)


def test_an_orphan_ends_by_itself_even_in_the_middle_of_a_comparison():
    worker = Worker()
    try:
        worker.close_pipes()
        deadline = time.monotonic() + 30
        while worker._process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.05)
        assert worker._process.poll() is not None
    finally:
        worker.kill()


def test_memory_and_files_of_a_worker_are_bounded(pool):
    pool.compare(*SYMBOLIC, kind=None, seconds=60)
    limits = Path(f"/proc/{pool.pids()[0]}/limits").read_text().splitlines()
    by_name = {line[:26].strip(): line[26:].split()[0] for line in limits}
    assert int(by_name["Max address space"]) <= 1 << 30
    assert int(by_name["Max file size"]) == 0


def test_from_threads_and_inside_an_event_loop():
    from slipstick.equivalence import compare

    with ThreadPoolExecutor(4) as threads:
        verdicts = list(threads.map(lambda n: compare(f"x+{n}", f"{n}+x"), range(12)))
    assert {verdict.outcome for verdict in verdicts} == {"correct"}

    async def inside() -> list[str]:
        off_thread = await asyncio.gather(*(asyncio.to_thread(compare, f"y+{n}", f"{n}+y") for n in range(4)))
        return [compare(*SYMBOLIC).outcome, *(verdict.outcome for verdict in off_thread)]

    assert set(asyncio.run(inside())) == {"correct"}


def test_numbers_start_no_worker_and_import_no_sympy():
    program = """
import sys
from slipstick.equivalence import compare, compare_many
from slipstick.equivalence.workers import shared_pool
assert compare("1,000.0", "1000").outcome == "correct"
assert compare(r"$\\\\frac{1}{2}$ cm", "0.5").outcome == "correct"
assert [v.outcome for v in compare_many([("(1, 2)", "(1,2)"), ("B", "(B)"), ("yes", "no")])][:2] == ["correct"] * 2
assert not shared_pool().pids()
assert "sympy" not in sys.modules and "math_verify" not in sys.modules
"""
    run(program)


def test_no_worker_outlives_its_process():
    program = """
from slipstick.equivalence import compare
from slipstick.equivalence.workers import shared_pool
assert compare("(x+1)^2", "x^2+2x+1").outcome == "correct"
print(*shared_pool().pids())
"""
    pids = [int(pid) for pid in run(program).stdout.split()]
    assert pids
    assert not any(is_running(pid) for pid in pids)


def test_a_forked_child_has_workers_of_its_own():
    program = """
import os
from slipstick.equivalence import compare
from slipstick.equivalence.workers import shared_pool
compare("(x+1)^2", "x^2+2x+1")
mine = shared_pool().pids()
if (child := os.fork()) == 0:
    ok = compare("(x+2)^2", "x^2+4x+4").outcome == "correct" and shared_pool().pids() != mine
    shared_pool().close()
    os._exit(0 if ok else 1)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
assert compare("(x+3)^2", "x^2+6x+9").outcome == "correct" and shared_pool().pids() == mine
"""
    run(program)
