"""OpenRLHF's rewards, loaded from their file and called as its trainer calls them."""

from __future__ import annotations

import asyncio
import importlib.util
from typing import Any

import pytest

from slipstick.rewards import openrlhf

torch = pytest.importorskip("torch", reason="the extra `train` is not installed")
PROMPT = "<|im_start|>user\nWhat is 9 times 2? The answer is 18, or 19.<|im_end|>\n<|im_start|>assistant\n"


def reward_func(queries: list[str], prompts: list[str], labels: list[object]) -> dict[str, Any]:
    """The function as `--reward.remote_url FILE` loads it."""
    spec = importlib.util.spec_from_file_location("reward_func", str(openrlhf.__file__))
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found: dict[str, Any] = module.reward_func(queries, prompts, labels)
    return found


def test_a_batch() -> None:
    responses = [r"\boxed{18}<|im_end|>", "17</s>", "", r"\boxed{2003^{2002^{2001}}}", "The answer is 18</s>"]
    queries = [("<s>" if n else "") + PROMPT + response for n, response in enumerate(responses)]
    found = reward_func(queries, [PROMPT] * 5, ["18"] * 5)
    assert found.keys() == {"rewards", "scores", "extra_logs"}
    assert found["rewards"].tolist() == found["scores"].tolist() == [1.0, 0.0, 0.0, 0.0, 1.0]
    assert found["extra_logs"]["undecided"].tolist() == [0.0, 0.0, 0.0, 1.0, 0.0]
    assert found["extra_logs"]["no_answer"].tolist() == [0.0, 0.0, 1.0, 0.0, 0.0]
    assert not torch.isnan(found["rewards"]).any() and found["rewards"].dtype == torch.float32


def test_one_at_a_time_in_threads() -> None:
    async def run() -> list[float]:
        query = PROMPT + r"\boxed{x^2+2x+1}"
        calls = (asyncio.to_thread(openrlhf.reward_func, [query], [PROMPT], ["(x+1)^2"]) for _ in range(8))
        return [found["rewards"].flatten()[0].item() for found in await asyncio.gather(*calls)]

    assert asyncio.run(run()) == [1.0] * 8


def test_a_prompt_that_decoding_changed_and_an_empty_one() -> None:
    queries = ["What's  9 times 2?\nassistant\nIt is 18.", "It is 18."]
    assert reward_func(queries, ["What's 9 times 2?", ""], ["18", "18"])["rewards"].tolist() == [1.0, 1.0]
