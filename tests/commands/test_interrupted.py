"""SIGTERM in a job that a shell has started with `&`, which ignores SIGINT: one line, no traceback."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import asyncio, os, signal
from slipstick.commands.running import stop_as_by_ctrl_c
from slipstick.event_loop import run_async

signal.signal(signal.SIGINT, signal.SIG_IGN)
stop_as_by_ctrl_c()

async def worker():
    await asyncio.sleep(0)
    os.kill(os.getpid(), signal.SIGTERM)
    for _ in range(10**9):
        pass

async def work():
    async with asyncio.TaskGroup() as group:
        group.create_task(worker())

try:
    run_async(work())
except KeyboardInterrupt:
    print("stopped")
"""


def test_an_interrupt_in_a_background_job_leaves_no_traceback() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "stopped\n", "")
