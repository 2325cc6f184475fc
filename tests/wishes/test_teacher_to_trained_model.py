"""Wish: a corpus from a teacher, curated, a small Hugging Face model trained on it and followed, then evaluated."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from slipstick.store import RunFolder
from tests.models.scripted_server import Server, StartServer
from tests.wishes.typed import slipstick

pytest.importorskip("torch", reason="the extra `train` is not installed")

CORPUS = """
method = "teacher"
problems = "sums.jsonl"
model = "openai:teacher"
formats = ["pot", "tir"]
sampling_schedule = [{temperature = 0.0, num_samples = 1}]
isolation = "process"
"""
CURATED = """
data = "runs/corpus"
splits = {train = 0.8, valid = 0.2}
near_duplicates = {}
isolation = "process"
"""
TRAIN = """
data = "runs/curated"
max_train_tokens = 6000
batch_tokens = 512
learning_rate = 3e-3
optimizer = "adamw"
num_processes = 1
eval_every = 2000
eval_accuracy_problems = 2
load_best_model_at_end = true
max_tokens = 24
max_turns = 1
isolation = "process"
"""


class Teacher(Server):
    """Writes the program for pot; for tir it answers every fourth question in words alone, as teachers do."""

    def answer(self, body: dict[str, Any]) -> dict[str, Any]:
        said = [message["content"] for message in body["messages"]]
        asked = next((text for text in said if "Ann has" in text), "Ann has 0 and 0")  # else the probe of a server
        first, second = map(int, re.findall(r"\d+", asked.partition("Ann has")[2])[:2])
        program = f"nuts = {first} + {second}\nprint(nuts)"
        if "one Python program" in said[0]:
            self.text = program
        elif len(said) > 2 or first % 4 == 0:
            self.text = f"The answer is \\boxed{{{first + second}}}."
        else:
            self.text = f"We add.\n```python\n{program}\n```\n"
        return super().answer(body)


@pytest.fixture
def teacher(start_server: StartServer) -> Teacher:
    return start_server(Teacher)


def test_teacher_curate_train_evaluate(teacher: Teacher, tiny_model: Path, tmp_path: Path) -> None:
    rows = [
        {"question": f"Ann has {n} nuts and finds {n + 3} more. How many are they?", "answer": str(2 * n + 3)}
        for n in range(2, 22)
    ]
    (tmp_path / "sums.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    for name, text in (("corpus", CORPUS), ("curated", CURATED), ("small", TRAIN)):
        (tmp_path / f"{name}.toml").write_text(text)

    code, said = slipstick(f"synthesize corpus.toml --set base_url={teacher.url}", tmp_path)
    assert code == 0, said
    code, said = slipstick("curate curated.toml", tmp_path)
    assert code == 0, said
    drops = [drop.rule for drop in RunFolder(tmp_path / "runs" / "curated").dropped()]
    assert drops == ["no code run"] * 5, "tir in words alone does not stay"

    code, said = slipstick(f"train small.toml --set base={tiny_model}", tmp_path)
    assert code == 0 and "held-out loss" in said and "The weights are those of" in said, said
    code, said = slipstick(
        "evaluate sums.jsonl --limit 4 --set model=hf:runs/small/model --set max_tokens=24 --set formats=pot", tmp_path
    )
    assert code == 0 and "report: " in said, said
    code, said = slipstick("report runs/corpus", tmp_path)
    assert code == 0 and re.search(r"sums +pot +\S*teacher +20", said), said
