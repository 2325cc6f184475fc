"""Rewards off the main thread and in the worker processes that trainers start: forked, spawned, daemonic, pooled."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from slipstick.rewards import trl, verl

COMPLETIONS = [r"\boxed{(x+1)^2}", "#### 18", r"\boxed{2003^{2002^{2001}}}", r"\boxed{x^2+2x+2}"]
GOLDS = ["x^2+2x+1", "18", "18", "x^2+2x+1"]
REWARDS = [1.0, 1.0, None, 0.0]


def rewards(_: int = 0) -> list[float | None]:
    return trl.reward(COMPLETIONS, answer=GOLDS)


def score(_: int = 0) -> float | str:
    return verl.compute_score("made", COMPLETIONS[0], GOLDS[0])["score"]


def report(connection: object) -> None:
    connection.send(rewards())  # type: ignore[attr-defined]


def test_sixteen_threads() -> None:
    with ThreadPoolExecutor(16) as threads:
        assert list(threads.map(rewards, range(48))) == [REWARDS] * 48
        assert list(threads.map(score, range(48))) == [1.0] * 48


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_daemonic_processes(method: str) -> None:
    assert rewards() == REWARDS  # the parent's own workers are running when it forks
    context: Any = multiprocessing.get_context(method)
    ends = [context.Pipe(duplex=False) for _ in range(2)]
    children = [context.Process(target=report, args=(sender,), daemon=True) for _, sender in ends]
    for child in children:
        child.start()
    assert [receiver.recv() if receiver.poll(120) else "no reply" for receiver, _ in ends] == [REWARDS] * 2
    for child in children:
        child.join(120)
        assert child.exitcode == 0
    assert rewards() == REWARDS


@pytest.mark.parametrize("method", ["fork", "spawn"])
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_pool_of_processes(method: str) -> None:
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context(method)) as processes:
        assert list(processes.map(score, range(8))) == [1.0] * 8


def test_a_fork_while_threads_are_grading() -> None:
    program = """
        import os, signal, sys, threading
        from slipstick.rewards import trl
        stop = threading.Event()

        def grade():
            while not stop.is_set():
                trl.reward(["$(x+1)^2$"], answer=["x^2+2x+1"])

        threads = [threading.Thread(target=grade) for _ in range(4)]
        [thread.start() for thread in threads]
        failed = 0
        for _ in range(5):
            child = os.fork()
            if not child:
                signal.alarm(20)  # a child that waits for a lock nobody holds would wait for ever
                os._exit(trl.reward(["$(x+2)^2$"], answer=["x^2+4x+4"]) != [1.0])
            failed = os.waitpid(child, 0)[1]
            if failed:
                break
        stop.set()
        [thread.join() for thread in threads]
        sys.exit(failed != 0)
    """
    command = [sys.executable, "-W", "ignore", "-c", textwrap.dedent(program)]
    assert subprocess.run(command, timeout=200, check=False).returncode == 0


@pytest.mark.parametrize("start", [rewards, score])
def test_no_worker_outlives_a_process_that_graded(start: Callable[[], object], tmp_path: Path) -> None:
    program = (
        "import sys; sys.path.insert(0, sys.argv[1]); import test_processes as here; "
        f"here.{start.__name__}(); import os; os._exit(0)"
    )
    mark = f"SLIPSTICK_TEST_MARK={os.getpid()}-{start.__name__}"
    name, _, value = mark.partition("=")
    environment = {**os.environ, name: value}
    subprocess.run(
        [sys.executable, "-c", program, str(Path(__file__).parent)], env=environment, check=True, timeout=120
    )
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and (left := _with_mark(mark)):
        time.sleep(0.1)
    assert not left


def _with_mark(mark: str) -> list[str]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if mark.encode() in (entry / "environ").read_bytes():
                    found.append(entry.name)
            except OSError:
                continue  # gone meanwhile, or not ours
    return found
