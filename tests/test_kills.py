"""A verb ended by a signal and done again: the benchmark of kills, once, and that it sees what is wrong."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest
from benchmarks.kill_inputs import OUT, Verb
from benchmarks.kill_verbs import STARTING, differences, end, figures, snapshot, undisturbed


@pytest.fixture
def verb(tmp_path: Path) -> Verb:
    """An import of a hundred rows."""
    rows = [{"instruction": f"What is {n} times 6?", "output": f"The answer is {6 * n}."} for n in range(100)]
    (tmp_path / "alpaca.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return Verb(arguments=["import", str(tmp_path / "alpaca.jsonl"), "--out", OUT])


def test_an_import_ended_by_a_signal_and_resumed_is_as_undisturbed(tmp_path: Path, verb: Verb) -> None:
    whole, unlike, seconds = undisturbed(tmp_path, "import", verb)
    assert "solutions.jsonl" in whole and "solutions.jsonl" not in unlike
    folder = tmp_path / "ended"
    folder.mkdir()
    assert end(folder, verb, signal.SIGTERM, seconds / 2) == []
    assert set(differences(whole, snapshot(folder / "out"))) <= unlike
    (folder / "out" / ".solutions.jsonl.part").write_text("left")
    with (folder / "out" / "solutions.jsonl").open("a") as file:
        file.write("{}\n")
    found = differences(whole, snapshot(folder / "out"))
    assert {".solutions.jsonl.part differs", "solutions.jsonl differs"} <= set(found)


def test_kills_are_counted_by_verb_and_signal() -> None:
    signals = ("SIGKILL", "SIGTERM", "SIGHUP", "SIGINT")
    rows = [{"verb": "solve", "signal": name, "wrong": []} for name in (*signals, "SIGKILL")]
    rows.append({"verb": "train", "signal": "SIGINT", "wrong": ["1 processes left"]})
    rows.append({"verb": "train", "signal": "SIGHUP", "wrong": [STARTING]})
    counted = figures(rows)
    assert (counted["done"], counted["wrong"]) == (7, 1)
    assert counted["verbs"]["solve"] == {"done": 5, "wrong": 0, "while_python_starts": 0, "each": 1}
    assert counted["verbs"]["train"] == {"done": 2, "wrong": 1, "while_python_starts": 1, "each": 0}
    assert counted["signals"]["SIGINT"] == {"done": 2, "wrong": 1, "while_python_starts": 0}
