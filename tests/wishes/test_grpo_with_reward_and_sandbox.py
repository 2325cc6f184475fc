"""Wish: TRL's GRPO with slipstick's verdict as the reward and its sandbox for the code, by my script or the command."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.wishes.typed import slipstick

pytest.importorskip("trl", reason="the extra `train` is not installed")

SCRIPT = """
import sys
from datasets import Dataset
from trl import GRPOConfig, GRPOTrainer
from slipstick import Sandbox
from slipstick.rewards.trl import accuracy

sandbox = Sandbox(isolation="process")

def runs(completions, **columns):
    return [float(sandbox.run(text).status == "ok") for text in completions]

rows = [{"prompt": f"What is {n} + {n}?", "answer": str(2 * n)} for n in range(1, 5)]
trainer = GRPOTrainer(
    model=sys.argv[1],
    reward_funcs=[accuracy(undecided="mean"), runs],
    train_dataset=Dataset.from_list(rows),
    args=GRPOConfig(output_dir="grpo", max_steps=2, num_generations=2, per_device_train_batch_size=4, logging_steps=1,
                    max_completion_length=12, use_cpu=True, report_to="none", save_strategy="no"),
)
trainer.train()
logged = [row for row in trainer.state.log_history if "reward" in row]
print(len(logged), sorted(key for key in logged[0] if key.endswith("/mean") and key.startswith("rewards")))
sandbox.close()
"""

RECIPE = """
stage = "grpo"
problems = "sums.jsonl"
format = "tir"
max_steps = 2
num_generations = 2
batch_size = 4
learning_rate = 1e-3
max_tokens = 24
max_turns = 2
isolation = "process"
"""


def test_trl_takes_the_reward_and_my_own_that_runs_code(tiny_model: Path, tmp_path: Path) -> None:
    (tmp_path / "grpo.py").write_text(SCRIPT)
    done = subprocess.run(
        [sys.executable, "grpo.py", str(tiny_model)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "2 ['rewards/accuracy/mean', 'rewards/runs/mean']"


def test_trl_calls_the_interpreter_as_the_page_says(tiny_model: Path, tmp_path: Path) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    page = (Path(__file__).parents[2] / "docs" / "served-model.md").read_text("utf-8")
    found = re.search(r'^```python title="trl_grpo.py"\n(.*?)^```', page, re.MULTILINE | re.DOTALL)
    assert found
    (tmp_path / "trl_grpo.py").write_text(found[1])
    model: Any = AutoModelForCausalLM.from_pretrained(tiny_model)
    tokenizer: Any = AutoTokenizer.from_pretrained(tiny_model)
    tokenizer.add_special_tokens({"additional_special_tokens": ["<|im_start|>", "<|im_end|>"]})
    model.resize_token_embeddings(len(tokenizer), mean_resizing=False)
    for part in (model, tokenizer):
        part.save_pretrained(tmp_path / "base")
    done = subprocess.run(
        [sys.executable, "trl_grpo.py", "base"], cwd=tmp_path, capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == 0, done.stderr
    *updates, last = done.stdout.splitlines()[-3:]
    assert all("tools/call_frequency" in line for line in updates) and re.fullmatch(r"\d+ calls", last)


def test_the_command_runs_the_code_while_solutions_are_written(tiny_model: Path, tmp_path: Path) -> None:
    rows = [{"question": f"Ann has {n} nuts and finds {n} more. How many?", "answer": str(2 * n)} for n in range(1, 5)]
    (tmp_path / "sums.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "mine.toml").write_text(RECIPE)
    code, said = slipstick(f"train mine.toml --set base={tiny_model}", tmp_path)
    assert code == 0 and "2 updates, 8 solutions" in said, said
    steps = (tmp_path / "runs" / "mine" / "model" / "steps.jsonl").read_text().splitlines()
    assert len(steps) == 2 and all(0 <= json.loads(step)["reward"] <= 1 for step in steps)
