"""Tests of what rewards know of a prompt: the question, thoughts it opened; and of completions that say little."""

from __future__ import annotations

from typing import Any

import pytest

from slipstick.rewards import openrlhf, trl, verl
from slipstick.rewards.verdicts import Completion, grade_completions, last_turn, question_of

BACK = r"The answer is \boxed{x^2+5x+6}."
RIGHT = r"The answer is \boxed{(x+3)(x+2)}."
QUESTION = "Factor $x^2+5x+6$."
GOLD = "(x+2)(x+3)"
PROMPTS: dict[str, Completion] = {
    "text": QUESTION,
    "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": QUESTION}],
    "parts": [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": QUESTION}]}],
    "ChatML": "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\n"
    f"{QUESTION}<|im_end|>\n<|im_start|>assistant\n",
    "Llama": f"<|start_header_id|>user<|end_header_id|>\n\n{QUESTION}<|eot_id|>"
    "<|start_header_id|>assistant<|end_header_id|>\n",
    "DeepSeek": f"<｜begin▁of▁sentence｜><｜User｜>{QUESTION}<｜Assistant｜>",
    "Phi": f"<|user|>\n{QUESTION}<|end|>\n<|assistant|>\n",
    "examples": f"Question: Factor $x^2-1$.\nAnswer: (x-1)(x+1)\n\nQuestion: {QUESTION}\nAnswer:",
}


@pytest.mark.parametrize("prompt", PROMPTS.values(), ids=PROMPTS)
def test_the_question_given_back_earns_nothing(prompt: Completion) -> None:
    assert QUESTION in question_of(prompt) and "brief" not in question_of(prompt)
    golds = [GOLD] * 2
    assert trl.reward([BACK, RIGHT], prompts=[prompt] * 2, answer=golds) == [0.0, 1.0]
    assert trl.reward([BACK], answer=[GOLD]) == [1.0]  # the question is not known
    assert trl.accuracy(profile="slipstick:question=correct")([BACK], prompts=[prompt], answer=[GOLD]) == [1.0]


def test_a_formula_of_an_earlier_example_is_none_of_the_question() -> None:
    prompt = "Question: Expand $(x+2)(x+3)$.\nAnswer: x^2+5x+6\n\nQuestion: Multiply $x+2$ by $x+3$.\nAnswer:"
    assert trl.reward([r"\boxed{(x+3)(x+2)}"], prompts=[prompt], answer=["x^2+5x+6"]) == [1.0]


def test_verl_and_openrlhf() -> None:
    for info, score in (({"question": QUESTION}, 0.0), ({"index": 1}, 1.0), (None, 1.0), ({"question": 3}, 1.0)):
        assert verl.compute_score("a", BACK, GOLD, extra_info=info)["score"] == score
    found = verl.compute_scores(["a"] * 2, [BACK, RIGHT], [GOLD] * 2, extra_infos=[{"problem": QUESTION}] * 2)
    assert [each["score"] for each in found] == [0.0, 1.0]
    pytest.importorskip("torch", reason="the extra `train` is not installed")
    prompt = str(PROMPTS["ChatML"])
    queries = [prompt + said + "<|im_end|>" for said in (BACK, RIGHT)]
    assert openrlhf.reward_func(queries, [prompt] * 2, [GOLD] * 2)["rewards"].tolist() == [0.0, 1.0]


THOUGHTS = {
    "closed": ("<think>\n", "It is 3, no, \\boxed{5}.\n</think>\nThe answer is 4.", 1.0),
    "never closed": ("<think>\n", "It is \\boxed{4}", 0.0),
    "closed, nothing said": ("<think>\n", "It is \\boxed{4}.</think>", 0.0),
    "opened twice": ("<think>", "<think>It is 3.</think>The answer is 4.", 1.0),
    "another marker": ("[THINK]", "It is \\boxed{3}.[/THINK]So \\boxed{4}.", 1.0),
    "not opened": ("", "The answer is 4.", 1.0),
    "only mentioned": ("Do not write <think>: 2+2?\n", "The answer is 4.", 1.0),
}


@pytest.mark.parametrize(("end", "completion", "reward"), THOUGHTS.values(), ids=THOUGHTS)
def test_thoughts_that_the_prompt_opened_have_to_be_closed(end: str, completion: str, reward: float) -> None:
    prompt = f"<|im_start|>user\nWhat is 2+2?<|im_end|>\n<|im_start|>assistant\n{end}"
    assert trl.reward([completion], prompts=[prompt], answer=["4"]) == [reward]
    if pytest.importorskip("torch", reason="the extra `train` is not installed"):
        assert openrlhf.reward_func([prompt + completion], [prompt], ["4"])["rewards"].tolist() == [reward]


COMPLETIONS: dict[str, tuple[Any, float]] = {
    "None": (None, 0.0),
    "no messages": ([], 0.0),
    "content None": ([{"role": "assistant", "content": None}], 0.0),
    "thoughts only": ([{"role": "assistant", "content": None, "reasoning_content": r"\boxed{4}"}], 0.0),
    "a part that is a thought": ([{"role": "assistant", "content": [{"type": "thinking", "text": r"\boxed{4}"}]}], 0.0),
    "a part that is text": ([{"role": "assistant", "content": [{"type": "text", "text": r"\boxed{4}"}]}], 1.0),
    "one message": ({"role": "assistant", "content": r"\boxed{4}"}, 1.0),
    "last a tool's": ([{"role": "assistant", "content": ""}, {"role": "tool", "content": "4"}], 0.0),
    "last a user's": ([{"role": "assistant", "content": "It is 4."}, {"role": "user", "content": "Is it 5?"}], 1.0),
    "half a surrogate pair": ("\ud83d The answer is \\boxed{4}. \ude00", 1.0),
    "unfinished": ([{"role": "assistant", "content": r"<think> The answer is \boxed{4}. Still"}], 0.0),
    "harmony": (
        "<|channel|>analysis<|message|>\\boxed{5}<|end|><|start|>assistant<|channel|>final<|message|>4<|return|>",
        1.0,
    ),
}


@pytest.mark.parametrize(("completion", "reward"), COMPLETIONS.values(), ids=COMPLETIONS)
def test_completions_that_say_little(completion: Any, reward: float) -> None:
    assert trl.reward([completion], answer=["4"]) == [reward]
    if isinstance(completion, str):
        assert verl.compute_score("a", completion, "4")["score"] == reward


GUESSES = [
    r"\boxed{4}, \boxed{2}, \boxed{3}",
    r"It is \boxed{4} or \boxed{5}.",
    r"\boxed{4} \boxed{5}",
    r"\boxed{4, 5}",
]


@pytest.mark.parametrize("text", GUESSES)
def test_several_guesses_are_no_number(text: str) -> None:
    assert trl.accuracy(kind="number")([text], answer=["4"]) == [0.0]
    assert trl.reward([text], answer=["4"]) == [0.0]
    assert trl.accuracy(kind="number")([r"\boxed{4} and again \boxed{4}"], answer=["4"]) == [1.0]
    assert trl.accuracy(kind="number")([r"First \boxed{3}. So $\boxed{4}$."], answer=["4"]) == [1.0]


def test_the_last_turn_keeps_the_markers_of_thoughts() -> None:
    harmony = str(COMPLETIONS["harmony"][0])
    assert last_turn(harmony) == harmony.removesuffix("<|return|>")
    assert last_turn("<think>a</think>b<|im_end|>") == "<think>a</think>b"
    assert last_turn("a<|im_end|>\n<|im_start|>assistant\nb<|x|>c") == "bc"


def test_prompts_of_another_number_are_refused() -> None:
    with pytest.raises(ValueError, match="zip"):
        grade_completions(["4"], ["4"], prompts=["a", "b"])
