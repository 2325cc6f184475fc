"""`make laptop` in small: its recipes as one chain on a tiny base, killed and resumed, and the experiment's figures."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from benchmarks.laptop import PARTS, against, findings, finished

from slipstick.store import RunFolder, is_run

SMALL = [
    "laptop-train.max_train_tokens=1500",
    "laptop-train.batch_tokens=512",
    "laptop-train.checkpoint_every=500",
    "laptop-train.template=alpaca",
    "laptop-train.num_processes=1",
    "laptop-evaluate.limit=4",
    "laptop-evaluate.max_tokens=24",
]
NAMES = ["corpus", "data", "train", "evaluate"]


def _write(path: Path, rows: Sequence[Mapping[str, object]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


@pytest.fixture(scope="module")
def sets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of problems in the shapes of the five sets."""
    folder = tmp_path_factory.mktemp("sets")
    made = []
    for n in range(12, 52):
        text = f"A shelf holds {n} jars and a cook adds {n + 3} more, then doubles them. How many jars are there?"
        worked = f"There are {n} + {n + 3} = <<{n}+{n + 3}={2 * n + 3}>>{2 * n + 3} jars.\n"
        worked += f"Doubled: {2 * n + 3} * 2 = <<{2 * n + 3}*2={4 * n + 6}>>{4 * n + 6}.\n#### {4 * n + 6}"
        made.append({"question": text, "answer": worked})
    _write(folder / "gsm8k_train.jsonl", made)
    programs = [
        {
            "Problem": f"what is {n} times 4 less 4 ?",
            "options": f"a ) {4 * n - 4} , b ) {4 * n} , c ) 1 , d ) 2 , e ) none of these",
            "correct": "a",
            "linear_formula": "multiply(n0,n1)|subtract(#0,n1)|",
        }
        for n in range(5, 25)
    ]
    _write(folder / "mathqa_numbers.jsonl", programs)
    counted = [(n, f"A box has {n} pens and {n} pencils.", "How many things has it?") for n in range(4)]
    _write(folder / "gsm8k_test.jsonl", [{"question": f"{a} {b}", "answer": f"#### {2 * n}"} for n, a, b in counted])
    _write(folder / "svamp_all.jsonl", [{"Body": a, "Question": b, "Answer": 2.0 * n} for n, a, b in counted])
    _write(
        folder / "asdiv_test.jsonl", [{"body": a, "question": b, "answer": f"{2 * n} (pens)"} for n, a, b in counted]
    )
    choices = ["A)2", "B)3", "C)4", "D)5", "E)6"]
    aqua = [{"question": f"Which is {n} less {n - 2}?", "options": choices, "correct": "A"} for n in range(5, 9)]
    _write(folder / "aqua_test.jsonl", aqua)
    return folder


def _command(base: Path, sets: Path) -> list[str]:
    changes = [f"problems_dir={sets}", f"laptop-train.base={base}", *SMALL]
    told = [word for change in changes for word in ("--set", change)]
    return [sys.executable, "-m", "slipstick", "synthesize", "laptop-corpus", *told, "--resume"]


def test_one_command_makes_the_corpus_the_model_and_its_report_and_goes_on_after_a_kill(
    tiny_model: Path, sets: Path, tmp_path: Path
) -> None:
    command = _command(tiny_model, sets)
    begun = subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    until = time.monotonic() + 120
    while time.monotonic() < until and not is_run(tmp_path / "runs/laptop-train") and begun.poll() is None:
        time.sleep(0.05)
    assert begun.poll() is None, "it ended before it could be killed"
    os.killpg(begun.pid, signal.SIGKILL)
    begun.wait()
    again = subprocess.run(command, cwd=tmp_path, check=False, capture_output=True, text=True)
    assert again.returncode == 0, again.stdout + again.stderr
    assert "already done in runs/laptop-data" in again.stdout
    runs = [RunFolder(tmp_path / "runs" / f"laptop-{name}") for name in NAMES]
    assert [run.run().status for run in runs] == ["finished"] * 4
    assert {solution.format for solution in runs[0].solutions()} == {"cot", "pot", "tir"}
    assert len(list(runs[3].problems())) == 16
    assert (runs[3].path / "report.html").is_file()
    (tmp_path / "runs/laptop-evaluate").rename(tmp_path / "runs/evaluate-0")
    found = findings(finished(tmp_path), [0])
    assert found["runs"]["evaluate-0"]["pot"]["n"] == 16
    assert found["runs"]["evaluate-0"]["pot, gsm8k"]["n"] == 4
    assert found["gsm8k_pot"] == found["runs"]["evaluate-0"]["pot, gsm8k"]["percent"]
    assert 0 <= found["p_hybrid_vs_pot"] <= 1


def test_ways_are_compared_on_the_problems_they_share() -> None:
    first = {"a": 0.0, "b": 0.0, "c": 0.0, "d": 0.0, "e": 0.0, "f": 0.0, "only here": 1.0}
    found = against(first, {name: 1.0 for name in first if name != "only here"})
    assert (found["n"], found["difference"], found["p"]) == (6, 100.0, 2 * 0.5**6)


def test_every_run_that_a_command_of_the_experiment_reads_is_made_by_one_before_it() -> None:
    made = {"laptop-corpus", "laptop-data"}
    for part in ("headline", *(name for name in PARTS if name != "headline")):
        for line in PARTS[part]["commands"]:
            words = line.replace("SEED", "0").split()
            out = words[words.index("--out") + 1] if "--out" in words else f"runs/{words[1]}"
            read = [word.partition("runs/")[2].split("/")[0].rstrip("'") for word in words if "runs/" in word]
            read = [name for name in read if name != out.removeprefix("runs/")]
            assert set(read) <= made, f"{part}: {line} reads what nothing before it made"
            made.add(out.removeprefix("runs/"))
