"""Cells against IPython: `tests/cases/cells.txt` run in IPython's own shell and in a session of the interpreter.

A cell is equal if what it prints and shows is, and if an error has the same last line. Left out of both: warnings,
figures, folders of Python's files, and addresses of objects. The cases need IPython and matplotlib.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
from pathlib import Path

from slipstick.interpreters import Limits
from slipstick.interpreters.host.local import open_interpreter

CASES = Path(__file__).parents[1] / "tests" / "cases" / "cells.txt"
SECONDS = 20.0
_ENVIRONMENT = {
    **{"OPENBLAS_NUM_THREADS": "1", "SYMPY_GROUND_TYPES": "python", "PYTHONHASHSEED": "0", "LC_ALL": "C.UTF-8"},
    **{"PATH": os.defpath, "PIP_NO_INDEX": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"},
}
_ADDRESS = re.compile(r"\b0x[0-9a-fA-F]{6,16}\b")
_PATH = re.compile(r"(?:/[\w.+-]+)+/(?=[\w.+-]+\.(?:so|py)\b)")
_TRACE = re.compile(r"^(?:Traceback \(most recent call last\):| *Cell In\[|Caused by |Part of it: )", re.MULTILINE)

# Runs in a Python of its own: a list of sessions, each a list of cells, in; for every cell its text and error out.
_REFERENCE = r"""
import io, json, os, sys, tempfile, warnings
import IPython.core.interactiveshell as shells
import IPython.core.page as page
import numpy, pandas, scipy, sympy, networkx
from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
import matplotlib
matplotlib.use("Agg")

class Hook(DisplayHook):
    def write_output_prompt(self):
        pass
    def write_format_data(self, data, md_dict=None):
        out = sys.stdout
        out.write(("" if not out.getvalue() or out.getvalue().endswith("\n") else "\n") + data["text/plain"])
    def finish_displayhook(self):
        sys.stdout.write("\n")

class Publisher(DisplayPublisher):
    def publish(self, data, **named):
        if not data["text/plain"].startswith("<Figure size"):
            print(data["text/plain"])

class Shell(shells.InteractiveShell):
    displayhook_class, display_pub_class = Hook, Publisher
    def showtraceback(self, *_, **__):
        pass
    showsyntaxerror = showindentationerror = showtraceback
    def enable_gui(self, gui=None):
        pass

def run(cells):
    os.environ["IPYTHONDIR"] = os.environ["HOME"] = tempfile.mkdtemp()
    os.chdir(tempfile.mkdtemp())
    sys.path.insert(0, "")
    sys.stdin = open(os.devnull)
    page.page = lambda *_, **__: None
    sys.stdout = sys.stderr = out = io.StringIO()
    warnings.showwarning = lambda *_, **__: None
    shell = Shell.instance(colors="nocolor", history_length=0)
    shell.history_manager.enabled = False
    rows = []
    for cell in cells:
        out.seek(0)
        out.truncate()
        done = shell.run_cell(cell, store_history=True)
        if pyplot := sys.modules.get("matplotlib.pyplot"):  # as notebooks do
            pyplot.close("all")
        error = done.error_before_exec or done.error_in_exec
        message = " ".join(str(error.msg if isinstance(error, SyntaxError) else error).split("\n")).strip()
        last = "" if error is None else f"{type(error).__name__}: {message}".strip().removesuffix(":")
        rows.append([out.getvalue(), last])
    return rows

for line in sys.stdin:
    read, write = os.pipe()
    if not os.fork():
        real = os.fdopen(write, "w")
        json.dump(run(json.loads(line)), real)
        real.flush()
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as answer:
        print(answer.read(), flush=True)
    os.wait()
"""


def compare(words: list[str] | None = None) -> tuple[int, int, list[str]]:
    """Cells, those that are equal, and the others, named; `words`: only sessions whose names have one of them."""
    sessions = {name: cells for name, cells in read_cases().items() if not words or any(w in name for w in words)}
    theirs = _run_reference(list(sessions.values()))
    ours = asyncio.run(_run(list(sessions.values())))
    differing: list[str] = []
    count = 0
    for name, cells, left, right in zip(sessions, sessions.values(), theirs, ours, strict=True):
        for number in range(1, len(cells) + 1):
            count += 1
            one, two = _neutral(*left[number - 1]), _neutral(*right[number - 1])
            if one != two:
                differing.append(f"{name}, cell {number}: {one!r} there, {two!r} here")
        assert len(cells) == len(left) == len(right)
    return count, count - len(differing), differing


def read_cases() -> dict[str, list[str]]:
    """The sessions: name -> cells."""
    blocks = re.split(r"^=== (.+)\n", CASES.read_text("utf-8"), flags=re.MULTILINE)[1:]
    return {
        name: [cell.removesuffix("\n") for cell in re.split(r"^---\n", text.rstrip("\n"), flags=re.MULTILINE)]
        for name, text in zip(blocks[::2], blocks[1::2], strict=True)
    }


def _run_reference(sessions: list[list[str]]) -> list[list[tuple[str, str]]]:
    lines = "\n".join(map(json.dumps, sessions))
    command = [sys.executable, "-c", _REFERENCE]
    done = subprocess.run(command, input=lines, stdout=subprocess.PIPE, text=True, check=True, env=_ENVIRONMENT)
    return [[(text, error) for text, error in json.loads(line)] for line in done.stdout.splitlines()]


async def _run(sessions: list[list[str]]) -> list[list[tuple[str, str]]]:
    interpreter = open_interpreter("", Limits(timeout=SECONDS, scratch_mb=4))
    try:
        rows = []
        for cells in sessions:
            session = interpreter.session()
            outputs = [await session.run(cell) for cell in cells]
            rows.append([_parts(output.text, output.status) for output in outputs])
            await session.close()
        return rows
    finally:
        await interpreter.close()


def _parts(text: str, status: str) -> tuple[str, str]:
    """What a cell printed, and the last line of its error."""
    if status == "ok":
        return text, ""
    printed, _, last = text.rpartition("\n")
    start = _TRACE.search(printed)
    return printed[: start.start()] if start else printed, last


def _neutral(text: str, error: str) -> tuple[str, str]:
    text, error = (_PATH.sub("", _ADDRESS.sub("0x0", each)) for each in (text.strip("\n").rstrip(), error))
    return text, error
