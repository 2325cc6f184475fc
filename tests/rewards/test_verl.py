"""verl's rewards, loaded from their file and called with exactly the keywords of its reward managers."""

from __future__ import annotations

import asyncio
import importlib.util
import math
import sys
from functools import partial
from types import ModuleType

import numpy
import pytest

from slipstick.rewards import verl
from slipstick.rewards.verdicts import last_turn

HOSTILE = r"\boxed{2003^{2002^{2001}}}"


@pytest.fixture
def loaded(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The module as verl loads `custom_reward_function.path`: from its file, under another name."""
    spec = importlib.util.spec_from_file_location("custom_module", str(verl.__file__))
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "custom_module", module)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("response", "score", "pred", "undecided"),
    [
        ("So 9 times 2. The answer is 18.", 1.0, "18", 0.0),
        (r"\boxed{17}", 0.0, "17", 0.0),
        ("I do not know.", 0.0, "", 0.0),
        (HOSTILE, 0.0, "2003^{2002^{2001}}", 1.0),
    ],
)
def test_one_response(loaded: ModuleType, response: str, score: float, pred: str, undecided: float) -> None:
    found = loaded.compute_score(
        data_source="openai/gsm8k",
        solution_str=response,
        ground_truth="18",
        extra_info={"index": 3, "num_turns": 2},
        reward_router_address=None,
        strict_box_verify=False,
    )
    assert found == {"score": score, "acc": score, "pred": pred, "undecided": undecided}
    assert not any(math.isnan(value) for value in found.values() if isinstance(value, float))


def test_a_whole_batch(loaded: ModuleType) -> None:
    found = loaded.compute_scores(
        data_sources=["a"] * 3,
        solution_strs=["#### 18", HOSTILE, "#### 3"],
        ground_truths=["18", "18", numpy.array(["2", "3"], dtype=object)],
        extra_infos=[None] * 3,
    )
    assert [each["score"] for each in found] == [1.0, 0.0, 1.0]
    assert {tuple(each) for each in found} == {("score", "acc", "pred", "undecided")}


def test_settings_come_from_reward_kwargs(loaded: ModuleType) -> None:
    choice = partial(loaded.compute_score, kind="choice", profile="slipstick")
    assert choice("mmlu", "Of all 3, it must be B", "B")["score"] == 1.0


def test_in_an_event_loops_executor(loaded: ModuleType) -> None:
    async def run() -> list[dict[str, float | str]]:
        loop = asyncio.get_running_loop()
        score = partial(loaded.compute_score, "a", r"\boxed{(x+1)^2}", "x^2+2x+1")
        return list(await asyncio.gather(*(loop.run_in_executor(None, score) for _ in range(8))))

    assert [each["score"] for each in asyncio.run(run())] == [1.0] * 8


DIALOGUES = {
    "one turn": ("It is 18.<|im_end|>", "It is 18."),
    "special tokens kept": (
        "\\boxed{1}<|im_end|>\n<|im_start|>tool\n18<|im_end|>\n<|im_start|>assistant\n\\boxed{18}<|im_end|>",
        "\\boxed{18}",
    ),
    "special tokens left out": ("\\boxed{1}\nuser\n<tool_response>\n18\n</tool_response>\nassistant\nSo 18.", "So 18."),
    "ended by a tool": ("First.\nassistant\nI call.\nuser\n<tool_response>18</tool_response>", "I call."),
    "Llama": (
        "a<|eot_id|><|start_header_id|>ipython<|end_header_id|>\n\n18<|eot_id|>"
        "<|start_header_id|>assistant<|end_header_id|>\n\nIt is 18.<|eot_id|>",
        "It is 18.",
    ),
    "Gemma": ("a<end_of_turn>\n<start_of_turn>user\n18<end_of_turn>\n<start_of_turn>model\nb<end_of_turn>", "b"),
    "nothing": ("", ""),
    "a word that is a role": ("The assistant\nuser said 18.", "The assistant\nuser said 18."),
}


@pytest.mark.parametrize(("text", "said"), DIALOGUES.values(), ids=DIALOGUES)
def test_the_last_turn_of_a_decoded_dialogue(text: str, said: str) -> None:
    assert last_turn(text) == said
