"""Wish: solve and evaluate in a notebook, see how far it is, stop it and go on."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

nbformat = pytest.importorskip("nbformat", reason="nbformat is not installed")
nbclient = pytest.importorskip("nbclient", reason="nbclient is not installed")

MODEL = """
import asyncio, os, signal, threading
import slipstick
from slipstick.models.fake import FakeModel

class Slow(FakeModel):
    stop_at = None
    async def generate(self, request):
        if len(self.requests) == self.stop_at:  # what the stop button of a notebook sends to the kernel
            signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
            await asyncio.sleep(60)
        return await super().generate(request)

model = Slow(lambda request: f"print({request.problem.answer!r})")
"""
RUN = 'run = slipstick.evaluate("synthetic:known,n=4", model, formats=["pot"], max_concurrent_solutions=1, resume=True)'


def outputs(folder: Path, *cells: str) -> list[list[Any]]:
    """What a real kernel shows for each cell."""
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    client = nbclient.NotebookClient(
        book, timeout=120, kernel_name="python3", allow_errors=True, resources={"metadata": {"path": str(folder)}}
    )
    client.execute()
    return [list(cell["outputs"]) for cell in book.cells]


def test_a_run_in_a_notebook(tmp_path: Path) -> None:
    _, ran, shown, framed, mistaken = outputs(
        tmp_path,
        MODEL,
        RUN,
        "run",
        "print(len(run.frame()), run.metrics_frame()['value'][0])",
        'slipstick.solve("synthetic:known,n=4", model, tempratur=1)',
    )
    said = "".join(output["data"]["text/plain"] for output in ran)
    assert re.search(r"solving: 4 of 4 solutions", said)
    assert "all problems" in said
    assert "<table>" in shown[0]["data"]["text/html"]
    assert framed[0]["text"] == "4 1.0\n"
    assert mistaken[0]["traceback"] == [
        "slipstick: the call has a mistake:\n  - tempratur: no such setting (did you mean `temperature`?)"
    ]


def test_a_run_that_is_stopped_in_a_notebook_goes_on(tmp_path: Path) -> None:
    _, stopped, status, _, resumed = outputs(
        tmp_path,
        MODEL,
        f"model.stop_at = 2\n{RUN}",
        "held = slipstick.open_run('runs/synthetic-known-n=4')\nprint(held.record.status, len(held.solutions))",
        f"model.stop_at = None\n{RUN}",
        "print(run.record.status, len(run.solutions), len(model.requests))",
    )
    assert any(output.get("ename") == "KeyboardInterrupt" for output in stopped)
    assert status[0]["text"] == "stopped 2\n"
    assert resumed[0]["text"] == "finished 4 4\n"
