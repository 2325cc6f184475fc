"""GRPO learns nothing from groups that the sandbox failed and, on request, from solutions with a void turn."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("trl", reason="the extra `train` is not installed")

import torch
from safetensors.torch import load_file

from slipstick.errors import InterpreterError
from slipstick.formats import join, load_format, render
from slipstick.schema import Block, Code, Output, Problem, Solution, Status, Text
from slipstick.train.grpo import train_grpo
from slipstick.train.rollouts import has_void_turn, is_faulty, rows_for_trl
from slipstick.train.settings import GrpoSettings

PROBLEMS = [Problem(id=f"p/{n}", text=f"What is {n} + 3?", answer=str(n + 3)) for n in range(2)]
CALL: list[Block] = [Text(text="We add.\n"), Code(text="2 + 3")]
FAULT = Output(text="", status="sandbox_fault")


def solution(*blocks: Block, problem: str = "p/0", format: str = "tir") -> Solution:
    return Solution(id=f"{problem}#{format}#0", problem_id=problem, format=format, blocks=list(blocks), answer="5")


@pytest.mark.parametrize(
    ("blocks", "format", "void"),
    [
        ([*CALL, Output(text="5"), Text(text="The answer is $\\boxed{5}$.")], "tir", False),
        ([*CALL, Output(text="5"), Text(text="The answer is 5.")], "tir", False),
        ([*CALL, Output(text="5"), Text(text="So we have seen 5 of the 7")], "tir", True),
        ([*CALL, Output(text="5")], "tir", True),  # the next turn was empty
        ([*CALL, Output(text="5"), *CALL], "tir", False),  # a call more than max_turns allows
        ([*CALL, Output(text="5"), Text(text="Again.\n```python\n2 + 3")], "tir", True),  # code that never closed
        ([Text(text="Well, 2 and 3, and")], "tir", True),
        ([Text(text="The answer is 5.")], "cot", False),
        ([Code(text="print(5)"), Output(text="5")], "pot", False),
        ([Text(text="I cannot say.")], "pot", True),
    ],
)
def test_a_void_turn_has_neither_code_nor_an_answer(blocks: list[Block], format: str, void: bool) -> None:
    assert has_void_turn(solution(*blocks, format=format), load_format(format), kind="number") is void


@pytest.mark.parametrize(
    ("statuses", "faulty"),
    [
        ([["sandbox_fault"], ["sandbox_fault", "sandbox_fault"]], True),
        ([["sandbox_fault"], []], True),
        ([["sandbox_fault"], ["error"]], False),
        ([["ok", "sandbox_fault"], ["sandbox_fault"]], False),
        ([[], []], False),
    ],
)
def test_a_group_is_faulty_if_every_call_failed_by_our_fault(statuses: list[list[Status]], faulty: bool) -> None:
    outputs = [[Output(text="", status=status) for status in each] for each in statuses]
    assert is_faulty([solution(*each) for each in outputs]) is faulty


def made(tokenizer: Any, problem: str, number: int, *, faulty: bool, void: bool) -> Solution:
    """A solution of an update; of two of a group, only the second is rewarded."""
    words = f"Hm, {number}" if void else f"The answer is {number}."
    output = FAULT if faulty else Output(text="5")
    written = solution(*CALL, output, Text(text=words), problem=problem)
    said: tuple[list[Block], list[Block]] = (CALL, [Text(text=words)])
    call, last = (join(render(load_format("tir"), blocks)) for blocks in said)
    return written.model_copy(update={"turn_ids": [tokenizer(call)["input_ids"], tokenizer(last)["input_ids"]]})


def trained(base: Path, out: Path, *, faulty: Sequence[bool], void: bool, mask: bool) -> tuple[bool, dict[str, Any]]:
    """Whether an update of two groups changed the weights, and its row of steps.jsonl."""
    settings = GrpoSettings(
        base=str(base), max_steps=1, num_generations=2, batch_size=4, learning_rate=1e-2, mask_void_turns=mask
    )

    def rollout(problems: Sequence[Problem], samples: Sequence[int], model: Any, tokenizer: Any) -> list[Solution]:
        return [
            made(tokenizer, problem.id, number % 2, faulty=faulty[PROBLEMS.index(problem)], void=void)
            for number, problem in zip(samples, problems, strict=True)
        ]

    def reward(completions: Sequence[str], **_: Any) -> list[float | None]:
        return [float(number % 2) for number in range(len(completions))]

    train_grpo(PROBLEMS, rollout=rollout, reward=reward, settings=settings, out=out)
    before, after = load_file(base / "model.safetensors"), load_file(out / "model.safetensors")
    row = json.loads((out / "steps.jsonl").read_text())
    return any(not torch.equal(before[name], after[name]) for name in before), row


def test_one_faulty_group_is_left_out_and_counted(tiny_model: Path, tmp_path: Path) -> None:
    changed, row = trained(tiny_model, tmp_path, faulty=[True, False], void=False, mask=False)
    assert changed and row["faulty_groups"] == 0.5 and row["sandbox_fault"] == 0.5 and row["void_turns"] == 0
    assert row["reward"] == 0.5, "of the other group"


def test_nothing_is_learnt_if_every_group_is_faulty(tiny_model: Path, tmp_path: Path) -> None:
    with pytest.raises(InterpreterError, match="no solution got a reward: every call failed"):
        trained(tiny_model, tmp_path, faulty=[True, True], void=False, mask=False)
    row = json.loads((tmp_path / "steps.jsonl").read_text())
    assert row["faulty_groups"] == 1 and row["reward"] is None
    before, after = (load_file(folder / "model.safetensors") for folder in (tiny_model, tmp_path))
    assert all(torch.equal(before[name], after[name]) for name in before)


@pytest.mark.parametrize("mask", [False, True])
def test_solutions_with_a_void_turn_are_masked_on_request(tiny_model: Path, tmp_path: Path, mask: bool) -> None:
    changed, row = trained(tiny_model, tmp_path, faulty=[False, False], void=True, mask=mask)
    assert changed is not mask and row["void_turns"] == 1 and row["reward"] == 0.5


def test_the_others_of_a_group_keep_their_tokens(tiny_model: Path) -> None:
    from slipstick.models.hf import load_weights

    tokenizer = load_weights(str(tiny_model), dtype="float32")[1]
    solutions = [made(tokenizer, "p/0", 5, faulty=False, void=void) for void in (True, False)]
    masks = [
        rows_for_trl(solutions, {"p/0": PROBLEMS[0]}, tokenizer, mask_void_turns=mask)["env_mask"]
        for mask in (False, True)
    ]
    assert any(masks[0][0]) and not any(masks[1][0]) and masks[0][1] == masks[1][1] and any(masks[1][1])
