"""A run that is being worked on is looked at, paused and changed from outside."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from slipstick.commands.ctl import run_ctl
from slipstick.errors import UserError
from slipstick.store import RunFolder, is_run

from ..models.scripted_server import Server
from ..wishes.typed import slipstick

PROBLEMS = 60


@pytest.fixture
def server(server: Server) -> Server:
    """A server that takes a tenth of a second for an answer."""
    server.seconds = 0.1
    return server


class Worked:
    """A run that another process works on."""

    def __init__(self, folder: Path, server: Server, *settings: str) -> None:
        rows = [{"id": f"p/{n}", "question": f"What is {n} + {n}?", "answer": str(2 * n)} for n in range(PROBLEMS)]
        (folder / "mine.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        told = ["model=openai:abacus-7b", f"base_url={server.url}", "max_concurrent_requests=2", *settings]
        command = [sys.executable, "-m", "slipstick", "solve", "mine.jsonl", "--out", "run"]
        command += [word for each in told for word in ("--set", each)]
        self.run, self._console = folder / "run", Console(width=200)
        self._said = folder / "said.txt"
        with self._said.open("w") as said:
            self.process = subprocess.Popen(command, cwd=folder, stdout=said, stderr=said)

    def ctl(self, action: str = "status", change: str = "") -> dict[str, Any]:
        with self._console.capture() as printed:
            run_ctl(str(self.run), action, change, self._console, as_json=True)
        said: dict[str, Any] = json.loads(printed.get())
        return said

    def until(self, holds: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        end = time.monotonic() + 60
        while time.monotonic() < end:
            if is_run(self.run) and (said := self.ctl())["live"] and holds(said):
                return said
            assert self.process.poll() is None, self._said.read_text()
            time.sleep(0.02)
        raise AssertionError(f"never so: {self.ctl()}")

    def finish(self) -> None:
        assert self.process.wait(timeout=60) == 0, self._said.read_text()


@pytest.fixture
def start(tmp_path: Path, server: Server) -> Iterator[Callable[..., Worked]]:
    """Starts a run; it is killed in the end if it still works."""
    started: list[Worked] = []

    def begin(*settings: str) -> Worked:
        started.append(Worked(tmp_path, server, *settings))
        return started[-1]

    yield begin
    for each in started:
        each.process.kill()
        each.process.wait()


def test_a_paused_run_sends_nothing_until_it_is_resumed(start: Callable[..., Worked], server: Server) -> None:
    worked = start()
    said = worked.until(lambda said: said["solutions"] >= 4)
    assert (said["verb"], said["status"], said["planned"]) == ("solve", "running", PROBLEMS)
    assert worked.ctl("pause")["status"] == "paused"
    worked.until(lambda _: server.at_once == 0)
    sent = len(server.bodies)
    time.sleep(0.5)
    assert len(server.bodies) == sent
    assert worked.ctl("resume")["status"] == "running"
    worked.finish()
    assert len(list(RunFolder(worked.run).solutions())) == PROBLEMS


def test_requests_at_a_time_go_up_and_down(start: Callable[..., Worked], server: Server) -> None:
    worked = start()
    worked.until(lambda said: said["solutions"] >= 2)
    assert server.most_at_once <= 2
    assert worked.ctl("set", "max_concurrent_requests=6")["max_concurrent_requests"] == 6
    worked.until(lambda _: server.at_once == 6)
    worked.ctl("set", "max_concurrent_requests=1")
    worked.until(lambda _: server.at_once <= 1)
    with server.lock:
        server.most_at_once = server.at_once
    time.sleep(0.5)
    assert server.most_at_once == 1
    worked.ctl("set", "max_concurrent_requests=40")
    worked.finish()


def test_what_failed_is_asked_again(start: Callable[..., Worked], server: Server) -> None:
    server.faults = [(400, {"error": {"message": "out of cheese"}}, {})] * 5
    server.pages = {}  # the probe asks nothing that could take a fault
    worked = start()
    said = worked.until(lambda said: sum(said["errors"].values()) >= 1 and said["solutions"] >= 8)
    assert any("out of cheese" in kind for kind in said["errors"])
    assert worked.ctl("requeue-errors")["requeue_errors"] is True
    worked.finish()
    solutions = list(RunFolder(worked.run).solutions())
    assert len({one.id for one in solutions}) == len(solutions) == PROBLEMS
    assert [one.error for one in solutions if one.finish == "error"] == []


def test_the_socket_is_its_owners_and_gone_in_the_end(start: Callable[..., Worked]) -> None:
    worked = start()
    worked.until(lambda said: said["solutions"] >= 1)
    assert stat.S_IMODE((worked.run / "control.sock").stat().st_mode) == 0o600
    with pytest.raises(UserError, match="only max_concurrent_requests"):
        worked.ctl("set", "temperature=1")
    with pytest.raises(UserError, match="no whole number"):
        worked.ctl("set", "max_concurrent_requests=0")
    worked.finish()
    assert not (worked.run / "control.sock").exists()
    said = worked.ctl()
    assert (said["status"], said["live"], said["solutions"]) == ("finished", False, PROBLEMS)
    with pytest.raises(UserError, match=r"no process .* \(finished\)"):
        worked.ctl("pause")


def test_a_killed_run_is_not_live_and_goes_on(start: Callable[..., Worked], tmp_path: Path) -> None:
    worked = start()
    worked.until(lambda said: said["solutions"] >= 2)
    worked.process.kill()
    worked.process.wait()
    assert worked.ctl()["live"] is False
    code, said = slipstick("solve run --resume", tmp_path)
    assert code == 0, said
    assert not (worked.run / "control.sock").exists()


def test_a_folder_whose_path_is_long_has_a_socket_too(tmp_path: Path, server: Server) -> None:
    deep = tmp_path / ("long" * 20) / ("longer" * 10)
    deep.mkdir(parents=True)
    worked = Worked(deep, server)
    assert len(os.fsencode(str(worked.run))) > 108
    assert worked.until(lambda said: said["solutions"] >= 1)["status"] == "running"
    worked.ctl("set", "max_concurrent_requests=40")
    worked.finish()


def test_the_command_line_is_as_the_page_has_it(start: Callable[..., Worked], tmp_path: Path) -> None:
    worked = start()
    worked.until(lambda said: said["solutions"] >= 1)
    typed = {
        "pause": "paused",
        "": "paused",
        "status --json": '"status": "paused"',
        "set max_concurrent_requests=40": "40",
        "requeue-errors": "True",
        "resume": "running",  # the last, as what follows might find the run finished
    }
    for words, shown in typed.items():
        code, said = slipstick(f"ctl run {words}", tmp_path)
        assert (code, shown in said) == (0, True), (words, said)
    worked.finish()


def test_unknown_actions_are_told(tmp_path: Path) -> None:
    console = Console()
    with pytest.raises(UserError, match="did you mean `pause`"):
        run_ctl(str(tmp_path), "pauze", "", console)
    with pytest.raises(UserError, match="max_concurrent_requests=8"):
        run_ctl(str(tmp_path), "set", "", console)
