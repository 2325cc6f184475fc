"""SIGTERM in any verb, and in a job that a shell has started with `&`, which ignores SIGINT: one line, no traceback."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from slipstick.cli import main

PROGRAM = """
import asyncio, os, signal
from slipstick.commands.interrupts import stop_as_by_ctrl_c
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


EARLY = """
import runpy, sys

class Interrupts:
    def find_spec(self, name, *_):
        if name == "typer":
            raise KeyboardInterrupt

sys.meta_path.insert(0, Interrupts())
runpy.run_module("slipstick", run_name="__main__")
"""


DELETED = """
import os, signal, sys, time
from slipstick.commands.interrupts import stop_as_by_ctrl_c

class Deleted:
    def __del__(self):
        os.kill(os.getpid(), int(sys.argv[1]))
        for _ in range(1000):
            pass

stop_as_by_ctrl_c()
try:
    Deleted()
    time.sleep(60)
except KeyboardInterrupt:
    print("stopped")
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupt_while_an_object_is_deleted_is_not_lost(number: signal.Signals) -> None:
    line = [sys.executable, "-c", DELETED, str(int(number))]
    done = subprocess.run(line, capture_output=True, text=True, timeout=50, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "stopped\n", "")


def test_an_interrupt_while_the_command_line_is_imported_leaves_no_traceback() -> None:
    done = subprocess.run([sys.executable, "-c", EARLY], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


def test_an_interrupt_in_a_background_job_leaves_no_traceback() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "stopped\n", "")


@pytest.mark.parametrize("verb", ["export", "report", "repair"])
def test_every_verb_stops_as_by_ctrl_c(verb: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGTERM)
    try:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        monkeypatch.setattr(sys, "argv", ["slipstick", verb, str(tmp_path)])
        with pytest.raises(SystemExit):
            main()
        assert callable(signal.getsignal(signal.SIGTERM)), "ended by SIGTERM it would leave the file it was writing"
    finally:
        signal.signal(signal.SIGTERM, before)
