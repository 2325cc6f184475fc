"""What models think: kept with the solution, never its answer, never run, and in no later prompt as words."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from slipstick.formats import load_format
from slipstick.interpreters import InterpreterSettings, open_interpreter
from slipstick.models import ModelSettings
from slipstick.models.openai import OpenAIModel
from slipstick.schema import Problem, Solution
from slipstick.solve import SolveSettings, attempt
from tests.models.scripted_server import Server

PROBLEM = Problem(id="p/1", text="What is 6 times 7?", answer="42", kind="number")
DRAFT = "Perhaps \\boxed{9}:\n```python\nprint(9)\n```\n"


def solve(server: Server, *, format: str = "tir", api: str = "chat") -> Solution:
    async def run() -> Solution:
        model = OpenAIModel("abacus-7b", ModelSettings(base_url=server.url, api=api), first_pause=0.01)
        interpreter = open_interpreter(InterpreterSettings(sandbox_workers=1))
        chosen = load_format(format)
        try:
            return await attempt(
                PROBLEM, chosen, sample=0, model=model, interpreter=interpreter, settings=SolveSettings()
            )
        finally:
            await interpreter.close()
            await model.close()

    return asyncio.run(run())


UNFINISHED: list[dict[str, Any]] = [
    {"content": None, "reasoning_content": DRAFT},
    {"content": "", "reasoning": DRAFT},
    {"content": [{"type": "thinking", "thinking": DRAFT}]},
    {"content": f"<think>\n{DRAFT}"},
    {"content": f"<think>\n{DRAFT}</think>\n"},
    {"content": f"[THINK]{DRAFT}"},
    {"content": f"<|channel|>analysis<|message|>{DRAFT}"},
    {"content": f"<think>{DRAFT}</think>\n<think>{DRAFT}"},
    {"content": None, "reasoning_content": "6*7 is 42. The answer is 42.", "tool_calls": []},
]


@pytest.mark.parametrize("finish", ["length", "stop"])
@pytest.mark.parametrize("format", ["cot", "pot", "tir", "tools"])
def test_thoughts_without_words_are_no_answer_and_are_not_run(server: Server, format: str, finish: str) -> None:
    server.obeys_stop, server.finish = False, finish
    for message in UNFINISHED:
        server.messages = [message] * 2
        solution = solve(server, format=format)
        assert ([block.type for block in solution.blocks], solution.answer) == (["text"], None), message


@pytest.mark.parametrize(
    ("message", "thought"),
    [
        ({"reasoning_content": DRAFT, "content": "Sure.\n```python\n6*7\n```\n"}, "reasoning_content"),
        ({"reasoning": DRAFT, "content": "Sure.\n```python\n6*7\n```\n"}, "reasoning"),
        ({"content": f"<think>\n{DRAFT}</think>\nSure.\n```python\n6*7\n```\n"}, ""),
        ({"content": f"{DRAFT}</think>\nSure.\n```python\n6*7\n```\n"}, ""),
    ],
)
def test_thoughts_go_back_apart_or_not_at_all(server: Server, message: dict[str, Any], thought: str) -> None:
    server.obeys_stop = False
    server.messages = [message, {"content": "It is 42."}]
    solution = solve(server)
    assert [block.type for block in solution.blocks] == ["text", "code", "output", "text"]
    assert "Perhaps" in solution.blocks[0].text and solution.answer == "42"
    sent = next(said for said in server.bodies[-1]["messages"] if said["role"] == "assistant")
    assert "Perhaps" not in sent["content"] and "6*7" in sent["content"]
    kept = {key: value for key, value in sent.items() if key not in ("role", "content")}
    assert kept == ({thought: DRAFT.strip("\n")} if thought else {})


def test_a_server_that_refuses_thoughts_gets_none(server: Server) -> None:
    call = {"function": {"name": "python", "arguments": '{"code": "6*7"}'}}
    server.messages = [{"reasoning_content": "Hm.", "content": None, "tool_calls": [call]}, {"content": "It is 42."}]
    server.refuses_in_messages = "reasoning_content"
    assert solve(server, format="tools").answer == "42"
    assert "Hm." not in str(server.bodies[-1]["messages"])


def test_a_stop_string_inside_thoughts_is_asked_for_again_without(server: Server) -> None:
    server.messages = [
        {"content": None, "reasoning_content": "Perhaps\n```python\nprint(9)"},
        {"reasoning_content": DRAFT, "content": "```python\nprint(42)\n```\nIt prints 41."},
        {"content": "It is 42."},
    ]
    solution = solve(server)
    assert [block.text for block in solution.blocks if block.type != "text"] == ["print(42)", "42"]
    assert ["stop" in body for body in server.bodies] == [True, False, False]
    assert (solution.answer, solution.tokens, solution.prompt_tokens) == ("42", 21, 15)


def test_a_model_that_continues_a_text_sees_its_own_thoughts(server: Server) -> None:
    server.obeys_stop = False
    server.messages = [{"content": f"<think>{DRAFT}</think>\n```python\n6*7\n```\n"}, {"content": "It is 42."}]
    solution = solve(server, api="completions")
    assert [block.text for block in solution.blocks if block.type != "text"] == ["6*7", "42"]
    assert server.bodies[-1]["prompt"].endswith(f"<think>{DRAFT}</think>\n```python\n6*7\n```\n```output\n42\n```\n")


@pytest.mark.parametrize("format", ["tir", "tools"])
def test_a_call_that_broke_off_is_not_run_and_no_number_in_it_is_the_answer(server: Server, format: str) -> None:
    server.finish, server.obeys_stop = "length", False
    call = {"function": {"name": "python", "arguments": '{"code": "print(2+'}}
    cut: dict[str, Any] = {"content": "I add 2 and 2.\n```python\nprint(2+"}
    server.messages = [cut if format == "tir" else {"content": None, "tool_calls": [call]}]
    solution = solve(server, format=format)
    assert ([block.type for block in solution.blocks], solution.answer, solution.finish) == (["text"], None, "length")
