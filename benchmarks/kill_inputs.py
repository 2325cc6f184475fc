"""The verbs that `benchmarks.kills` ends, and what they are given: small, but for each it takes some moments."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from slipstick.schema import Record

OUT = "OUT"
"""Stands for the folder that a verb writes to."""
_CODE = "```python\nprint(6 * {n})\n```"
_SMALL = "d_model = 16\nd_ff = 32\nnum_layers = 1\nnum_heads = 2\nvocab_size = 400\nnum_processes = 1\n"
_SELF_TRAIN = f"""\
problems = "synthetic:train,n=6,seed=1"
rounds = 1
[start]
problems = "synthetic:train,n=30"
formats = ["pot"]
[train]
max_train_tokens = 2000
{_SMALL}
[held_out]
problems = "synthetic:known,n=3"
formats = ["pot"]
max_tokens = 8
[solve]
formats = ["pot"]
num_samples = 2
temperature = 0.7
max_tokens = 8
[curate]
contamination_rules = ["exact"]
"""


class Verb(Record):
    """A verb with what it is given."""

    arguments: list[str]
    """Its command line; OUT stands for the folder that it writes to."""
    works_on: str = ""
    """The run that it changes: a copy of it is the folder. Else the folder is new."""
    resumes: bool = True
    """Whether it takes --resume once there is a run."""


def prepare(base: Path, done: Callable[..., None]) -> dict[str, Verb]:
    """Name -> verb; what they read is made in `base`. done: runs a command line to its end, in a folder."""
    _write_rows(base)
    _write_recipes(base)
    done(base, "synthesize", f"{base}/data.toml", "--out", f"{base}/data")
    done(base, "evaluate", f"{base}/solve.toml", "--out", f"{base}/solved")
    done(base, "grade", f"{base}/samples.jsonl", "--out", f"{base}/graded")
    done(base, "train", f"{base}/train.toml", "--out", f"{base}/trained")
    done(base, "train", f"{base}/value.toml", "--out", f"{base}/valued")
    done(base, "grade", f"{base}/samples.jsonl", "--out", f"{base}/damaged")
    solutions = (base / "damaged" / "solutions.jsonl").read_bytes().splitlines(keepends=True)
    solutions[5] = solutions[5][:40] + b"\n"
    (base / "damaged" / "solutions.jsonl").write_bytes(b"".join(solutions))
    to_out = ["--out", OUT]
    solved, graded = f"{base}/solved", f"{base}/graded"
    return {
        "solve": Verb(arguments=["solve", f"{base}/solve.toml", *to_out]),
        "evaluate": Verb(arguments=["evaluate", f"{base}/solve.toml", *to_out]),
        "execute": Verb(arguments=["execute", solved, *to_out]),
        "grade": Verb(arguments=["grade", solved, *to_out]),
        "grade in place": Verb(arguments=["grade", OUT], works_on=solved, resumes=False),
        "grade of files": Verb(arguments=["grade", f"{base}/samples.jsonl", *to_out]),
        "report": Verb(arguments=["report", OUT], works_on=solved, resumes=False),
        "report of runs": Verb(arguments=["report", solved, graded, *to_out], resumes=False),
        "repair": Verb(arguments=["repair", OUT], works_on=f"{base}/damaged", resumes=False),
        "export": Verb(arguments=["export", f"{base}/data", "--set", "shapes=all", *to_out], resumes=False),
        "audit": Verb(arguments=["audit", solved, *to_out]),
        "import": Verb(arguments=["import", f"{base}/alpaca.jsonl", *to_out]),
        "synthesize": Verb(arguments=["synthesize", f"{base}/data.toml", *to_out]),
        "curate": Verb(arguments=["curate", f"{base}/curate.toml", *to_out]),
        "train": Verb(arguments=["train", f"{base}/train.toml", *to_out]),
        "train of a value model": Verb(arguments=["train", f"{base}/value.toml", *to_out]),
        "value": Verb(arguments=["value", graded, "--set", f"value_model={base}/valued/model", *to_out]),
        "self-train": Verb(arguments=["self-train", f"{base}/self-train.toml", *to_out]),
    }


def _write_rows(base: Path) -> None:
    numbers = range(40)
    rows: list[dict[str, Any]] = [
        {"id": f"p/{n}", "question": f"What is {n} times 6?", "answer": 6 * n} for n in numbers
    ]
    script = [{"problem_id": f"p/{n}", "format": "cot", "text": f"The answer is {6 * n}."} for n in numbers]
    script += [{"problem_id": f"p/{n}", "format": "pot", "text": f"import time\nprint(6 * {n})"} for n in numbers]
    turns = [f"{_CODE.format(n=n)}\nSo it is \\boxed{{{6 * n}}}." for n in numbers]
    script += [{"problem_id": f"p/{n}", "format": "tir", "text": turns[n]} for n in numbers]
    lines = [{**row, "instruction": row["question"], "output": str(row["answer"])} for row in rows]
    samples = [{**rows[n], "response": f"The answer is {6 * n + off}."} for n in range(40) for off in (0, 1, 0, 2)]
    contents = {"problems": rows, "script": script, "alpaca": lines * 50, "samples": samples}
    for name, content in contents.items():
        (base / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in content), "utf-8")


def _write_recipes(base: Path) -> None:
    where = f'problems = "{base}/problems.jsonl"\nmodel = "fake:{base}/script.jsonl"\n'
    data = f'data = "{base}/data"\n'
    value = f'stage = "value"\nbase = "{base}/trained/model"\ndata = "{base}/graded"\n'
    for name, text in {
        "solve": f'{where}formats = ["cot", "pot", "tir"]\nnum_samples = 2\n',
        "data": 'problems = "synthetic:train,n=60"\nformats = ["cot", "pot", "tir"]\n',
        "curate": f'{data}contamination_rules = ["exact"]\ndecontaminate_against = ["synthetic:known,n=20"]\n',
        "train": f"{data}max_train_tokens = 8000\ncheckpoint_every = 2000\n{_SMALL}",
        "value": f"{value}batch_tokens = 512\nlearning_rate = 1e-3\ncheckpoint_every = 1000\n",
        "self-train": _SELF_TRAIN,
    }.items():
        (base / f"{name}.toml").write_text(text, "utf-8")
