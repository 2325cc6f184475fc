"""Wish: I have a ShareGPT or messages file; import it and train on it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.wishes.typed import slipstick

pytest.importorskip("torch", reason="the extra `train` is not installed")
TRAIN = """# slipstick train small.toml
data = "runs/mine"
max_train_tokens = 3000
d_model = 32
num_layers = 1
num_heads = 2
d_ff = 64
vocab_size = 340
num_processes = 1
batch_tokens = 512
"""


def sharegpt(n: int) -> dict[str, Any]:
    """A question with a call of the tool in every second row."""
    words = {"from": "gpt", "value": f"{n} and {n} is {2 * n}. The answer is {2 * n}."}
    call = {"from": "function_call", "value": json.dumps({"name": "python", "arguments": {"code": f"print({n}+{n})"}})}
    turns = [call, {"from": "observation", "value": str(2 * n)}, words] if n % 2 else [words]
    return {"conversations": [{"from": "human", "value": f"What is {n} + {n}?"}, *turns]}


def messages(n: int) -> dict[str, Any]:
    reply = {"role": "assistant", "content": f"The answer is {2 * n}."}
    return {"messages": [{"role": "user", "content": f"What is {n} + {n}?"}, reply], "answer": str(2 * n)}


@pytest.mark.parametrize(("shape", "row"), [("sharegpt", sharegpt), ("messages", messages)])
def test_import_my_file_and_train_on_it(shape: str, row: Any, tmp_path: Path) -> None:
    (tmp_path / "mine.jsonl").write_text("".join(json.dumps(row(n)) + "\n" for n in range(1, 25)))
    (tmp_path / "small.toml").write_text(TRAIN)
    code, said = slipstick("train small.toml --set data=mine.jsonl", tmp_path)
    assert code == 2 and "`slipstick import mine.jsonl` makes a run of it" in said

    code, said = slipstick("import mine.jsonl", tmp_path)
    assert code == 0 and f"24 solutions of 24 problems, read as {shape}" in said
    code, said = slipstick("train small.toml", tmp_path)
    unchecked = "24 solutions without a gold to be graded by: trained on unchecked"
    assert code == 0 and (unchecked in said) == (shape == "sharegpt")
    trained = json.loads((tmp_path / "runs" / "small" / "model" / "trained.json").read_text())
    assert trained["examples"] == 24
