"""How solutions were made."""

from __future__ import annotations

from typing import Any

from slipstick.metrics.conduct import conduct_of
from slipstick.schema import Code, Output, Solution, Text

NOTHING = {"tool_use": 0.0, "turns": 0.0, "truncated": 0.0, "unfinished_thoughts": 0.0, "sandbox_fault": 0.0}
RAN = [Code(text="1"), Output(text="1")]


def make(*blocks: Any, **more: Any) -> Solution:
    return Solution.model_validate({"id": "p#tir#0", "problem_id": "p", "format": "tir", "blocks": blocks, **more})


def test_conduct_is_a_mean_over_solutions() -> None:
    words = make(Text(text="It is 1."))
    assert conduct_of([words]) == NOTHING
    assert conduct_of([words, make(*RAN, *RAN, *RAN)]) == NOTHING | {"tool_use": 0.5, "turns": 1.5}
    assert conduct_of([make(Text(text="<think>so"), finish="length")]) == NOTHING | {
        "truncated": 1.0,
        "unfinished_thoughts": 1.0,
    }
    fault = make(Code(text="1"), Output(text="", status="sandbox_fault"))
    assert conduct_of([fault]) == NOTHING | {"tool_use": 1.0, "turns": 1.0, "sandbox_fault": 1.0}


def test_thoughts_are_finished_by_what_follows_anywhere() -> None:
    for blocks in (
        [Text(text="<think>so</think>"), *RAN],
        [Text(text="<think>so"), *RAN, Text(text="1</think>It is 1.")],
        [Text(text="It is 1. <think>")],
    ):
        assert conduct_of([make(*blocks)])["unfinished_thoughts"] == float(blocks[-1] == Text(text="It is 1. <think>"))
