"""Replies of every shape on their whole way: a real server, our client, the real interpreter, the answer."""

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

PROBLEM = Problem(id="p/1", text="What is 2 + 2?", answer="4", kind="number")
LAST = {"content": "Done."}


def solve_each(server: Server, messages: list[dict[str, Any]], *, format: str, times: int = 1) -> list[Solution]:
    """A solution for each message, to whose outputs the model says "Done."; times: how often it is given first."""

    async def run() -> list[Solution]:
        model = OpenAIModel("abacus-7b", ModelSettings(base_url=server.url), first_pause=0.01)
        interpreter = open_interpreter(InterpreterSettings(sandbox_workers=1))
        solutions = []
        try:
            for message in messages:
                server.messages = [*[message] * times, LAST]
                solutions.append(
                    await attempt(
                        PROBLEM,
                        load_format(format),
                        sample=0,
                        model=model,
                        interpreter=interpreter,
                        settings=SolveSettings(),
                    )
                )
        finally:
            await interpreter.close()
            await model.close()
        return solutions

    return asyncio.run(run())


def call(arguments: object, name: str = "python") -> dict[str, Any]:
    """A message with a native call."""
    return {"content": None, "tool_calls": [{"function": {"name": name, "arguments": arguments}}]}


@pytest.mark.parametrize("obeys_stop", [False, True])
def test_programs_in_fences_of_all_kinds(server: Server, obeys_stop: bool) -> None:
    server.obeys_stop = obeys_stop
    texts = [
        "Sure.\n```python3\nprint(4)\n```\n",
        "~~~py\nprint(4)\n~~~\n",
        "1. So\n   ```python\n   print(4)\n   ```\n2. It is 5.",
        "```Python\r\nprint(4)\r\n```\r\n",
        "```python\nprint(4)```",
        "<think>\n~~~python\nprint(9)\n~~~\n</think>\n```ipython\nprint(4)\n```\n",
    ]
    for format in ("pot", "tir"):
        solutions = solve_each(server, [{"content": text} for text in texts], format=format)
        ran = [[block.text for block in solution.blocks if block.type == "output"] for solution in solutions]
        assert dict(zip(texts, ran, strict=True)) == {text: ["4"] for text in texts}


def test_a_turn_that_the_server_ended_at_the_fence_of_another_block_is_asked_for_again(server: Server) -> None:
    texts = [
        "```bash\npip install sympy\n```\n```python\nprint(4)\n```\nIt prints 5.",
        "```\nplan\n```\nThen:\n```python\nprint(4)\n```\n",
    ]
    for solution in solve_each(server, [{"content": text} for text in texts], format="tir", times=2):
        assert [block.text for block in solution.blocks if block.type == "output"] == ["4"]
        assert (solution.tokens, solution.answer) == (21, "4")
    assert ["stop" in body for body in server.bodies] == [True, False, True] * len(texts)


def test_calls_that_servers_garble_are_run_once(server: Server) -> None:
    messages = [
        call(r"""{"code": "d = '\d'\nprint(2+2)"}"""),
        call('{"code": "print(2+2)"}{"code": "print(2+2)"}', name="pythonpython"),
        call('{"arguments": {"code": "print(2+2)"}}'),
        call('{"code": ["x=2", "print(x+2)"]}'),
        call('{"code": "print(2+2)"'),
        call({"code": "print(2+2)"}),
        call({"input": {"script": "print(2+2)"}}),
        call('{"code": "```python\\nprint(2+2)\\n```"}'),
        {"content": '<tool_call>{"name": "python", "arguments": {"code": "print(2+2)"}}</tool_call>'},
        {"content": "<tool_call>\n<function=python>\n<parameter=code>\nprint(2+2)\n</parameter>\n</function>"},
    ]
    for message, solution in zip(messages, solve_each(server, messages, format="tools"), strict=True):
        assert [block.text for block in solution.blocks if block.type == "output"] == ["4"], message
        assert solution.answer == "4"


def test_calls_that_cannot_be_read_are_answered_in_words_and_sent_back_as_json(server: Server) -> None:
    messages = [call("{}"), call('{"code": "print(2+'), call('{"query": "2+2"}', name="search"), call("")]
    for message, solution in zip(messages, solve_each(server, messages, format="tools"), strict=True):
        (output,) = [block for block in solution.blocks if block.type == "output"]
        assert output.type == "output" and (output.status, solution.answer) == ("error", None), message
    sent = server.bodies[1]["messages"][-2:]
    assert sent[0]["tool_calls"][0]["function"]["arguments"] == '{"code": "{}"}'
    assert "needs the argument `code`" in sent[1]["content"]
