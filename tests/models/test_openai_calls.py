"""Native tool calls: what a chat server is sent, what models make of a call, and the whole way to the interpreter."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from slipstick.formats import join, load_format, parse, render
from slipstick.interpreters import InterpreterSettings, open_interpreter
from slipstick.models import ModelSettings
from slipstick.models.openai import OpenAIModel, to_reply
from slipstick.schema import Block, Code, Output, Problem, Solution, Text
from slipstick.solve import SolveSettings, attempt
from tests.models.scripted_server import Server

TOOLS = load_format("tools")
PROBLEM = Problem(id="p/1", text="What is 6 times 7?", answer="42", kind="number")


def call(*arguments: Any, content: str | None = None) -> dict[str, Any]:
    """An assistant's message that calls the tool, once with each of the arguments."""
    calls = [
        {"id": f"x{i}", "type": "function", "function": {"name": "python", "arguments": given}}
        for i, given in enumerate(arguments)
    ]
    return {"content": content, "tool_calls": calls}


def solve(server: Server, *, api: str = "chat", **settings: Any) -> Solution:
    async def run() -> Solution:
        model = OpenAIModel("abacus-7b", ModelSettings(base_url=server.url, api=api), first_pause=0.01)
        interpreter = open_interpreter(InterpreterSettings(sandbox_workers=1))
        try:
            return await attempt(
                PROBLEM, TOOLS, sample=0, model=model, interpreter=interpreter, settings=SolveSettings(**settings)
            )
        finally:
            await interpreter.close()
            await model.close()

    return asyncio.run(run())


def test_calls_are_run_and_their_outputs_go_back_with_their_ids(server: Server) -> None:
    server.messages = [
        call('{"code": "x = 6*7"}', content="I multiply."),
        call('{"code": "x"}', "x + 1"),
        {"content": "So \\boxed{42}."},
    ]
    solution = solve(server)
    assert [(block.type, block.text) for block in solution.blocks] == [
        *[("text", "I multiply."), ("code", "x = 6*7"), ("output", "")],
        *[("code", "x"), ("output", "42"), ("code", "x + 1"), ("output", "43"), ("text", "So \\boxed{42}.")],
    ]
    assert (solution.answer, solution.finish, solution.tokens, solution.prompt_tokens) == ("42", "stop", 21, 15)
    first, _, last = server.bodies
    assert first["tools"][0]["function"]["name"] == "python"
    assert "stop" not in first or TOOLS.code_end not in first["stop"]
    calls = [made for message in last["messages"] for made in message.get("tool_calls", ())]
    answers = [message for message in last["messages"] if message["role"] == "tool"]
    assert [json.loads(made["function"]["arguments"])["code"] for made in calls] == ["x = 6*7", "x", "x + 1"]
    assert [(answer["tool_call_id"], answer["content"]) for answer in answers] == [
        (made["id"], output) for made, output in zip(calls, ["", "42", "43"], strict=True)
    ]


def test_no_more_calls_are_run_than_turns(server: Server) -> None:
    server.messages = [call("1", "2", "3")]
    solution = solve(server, max_turns=2)
    assert [block.type for block in solution.blocks] == ["code", "output", "code", "output", "code"]
    assert solution.finish == "turns"


def test_a_call_that_broke_off_is_words_and_is_not_run() -> None:
    body = {"choices": [{"finish_reason": "length", "message": call("1", '{"code": "print(6*', content="a\n")}]}
    reply = to_reply(json.dumps(body), TOOLS)
    assert (reply.text, reply.calls, reply.finish) == ('a\n<python>\n{"code": "print(6*', ["1"], "length")


def test_arguments_that_come_as_an_object_are_taken(server: Server) -> None:
    body = {"choices": [{"message": call({"code": "6*7"})}]}
    assert to_reply(json.dumps(body), TOOLS).calls == ["6*7"]


def test_a_model_that_writes_its_code_between_the_tags_is_understood(server: Server) -> None:
    server.messages = [{"content": "I multiply.\n<python>\n6*7\n</python>\nand guess 41"}, {"content": "It is 42."}]
    assert [block.text for block in solve(server).blocks] == ["I multiply.\n", "6*7", "42", "It is 42."]


def test_completions_have_the_tags_in_the_text(server: Server) -> None:
    server.messages = [{"content": "<python>\n6*7\n</python>\n"}, {"content": "It is 42."}]
    solution = solve(server, api="completions")
    assert [block.text for block in solution.blocks] == ["6*7", "42", "It is 42."]
    assert "tools" not in server.bodies[0]
    assert server.bodies[1]["prompt"].endswith("<python>\n6*7\n</python>\n<output>\n42\n</output>\n")


def test_what_was_called_is_rendered_for_training_between_tags() -> None:
    blocks: list[Block] = [Text(text="I multiply.\n"), Code(text="6*7"), Output(text="42"), Text(text="It is 42.")]
    text = join(render(TOOLS, blocks))
    assert text == "I multiply.\n<python>\n6*7\n</python>\n<output>\n42\n</output>\nIt is 42."
    assert parse(TOOLS, text) == blocks


def test_reasoning_is_kept_in_the_words_and_no_code_in_it_is_run(server: Server) -> None:
    server.messages = [
        {"reasoning_content": "Perhaps\n<python>\n1/0\n</python>\n?", **call("6*7")},
        {"reasoning": "Done.", "content": "It is 42."},
    ]
    assert [block.text for block in solve(server).blocks] == [
        "<think>\nPerhaps\n<python>\n1/0\n</python>\n?\n</think>\n\n",
        "6*7",
        "42",
        "<think>\nDone.\n</think>\n\nIt is 42.",
    ]
