"""Every dialect of thoughts through the real client: none is taken for an answer or a program, and all are counted.

Each model thinks a wrong answer and a wrong program, then says the right ones; or its thoughts never end. It answers as
a whole, or in pieces of a few characters.
"""

from __future__ import annotations

import asyncio
import tomllib
from collections.abc import Iterator
from importlib.resources import files
from typing import Any, NamedTuple

import pytest

from slipstick.formats import load_format
from slipstick.interpreters import Interpreter, InterpreterSettings, open_interpreter
from slipstick.models import ModelSettings
from slipstick.models.openai import OpenAIModel
from slipstick.schema import Problem, Solution
from slipstick.solve import SolveSettings, attempt
from tests.models.scripted_server import Server

PROBLEM = Problem(id="p/1", text="What is 6 times 7?", answer="42", kind="number")
DRAFT = "Perhaps \\boxed{9}:\n```python\nprint(9)\n```\nThe answer is 9.\n"
SAID = {"cot": "The answer is 42.", "pot": "```python\nprint(6*7)\n```\n", "tir": "```python\nprint(6*7)\n```\n"}
COUNTED = {"prompt_tokens": 5, "completion_tokens": 100, "total_tokens": 105}


class Dialect(NamedTuple):
    """How a server gives thoughts and words: fields of a message, "{thought}" and "{said}" filled in."""

    name: str
    ended: dict[str, Any]
    endless: dict[str, Any]


def fields(name: str, **thought: Any) -> Dialect:
    return Dialect(name, {**thought, "content": "{said}"}, {**thought, "content": None})


def text(name: str, begin: str, end: str, behind: str = "") -> Dialect:
    return Dialect(name, {"content": f"{begin}{{thought}}{end}{{said}}{behind}"}, {"content": f"{begin}{{thought}}"})


PART = {"type": "text", "text": "{said}"}


def parts(name: str, part: dict[str, Any]) -> Dialect:
    return Dialect(name, {"content": [part, PART]}, {"content": [part]})


DIALECTS = [
    fields("field reasoning_content", reasoning_content="{thought}"),
    fields("field reasoning", reasoning="{thought}"),
    fields("field thinking", thinking="{thought}"),
    parts("parts of Mistral", {"type": "thinking", "thinking": [{"type": "text", "text": "{thought}"}]}),
    parts("parts of Anthropic", {"type": "thinking", "thinking": "{thought}", "signature": "x"}),
    parts("parts with text", {"type": "reasoning", "text": "{thought}"}),
    *(text(f"<{tag}>", f"<{tag}>\n", f"</{tag}>\n\n") for tag in ("think", "thinking", "thought", "thoughts")),
    *(text(f"<{tag}>", f"<{tag}>\n", f"</{tag}>\n\n") for tag in ("reasoning", "scratchpad", "reflection", "analysis")),
    text("<seed:think>", "<seed:think>", "</seed:think>\n"),
    text("<longcat_think>", "<longcat_think>", "</longcat_think>\n"),
    text("Magistral", "[THINK]", "[/THINK]\n"),
    text("Kimi", "◁think▷", "◁/think▷\n"),
    text("Gemma 4", "<|channel>thought\n", "<channel|>\n"),
    text("OpenThinker", "<|begin_of_thought|>", "<|end_of_thought|>\n<|begin_of_solution|>", "<|end_of_solution|>"),
    text("Command A", "<|START_THINKING|>", "<|END_THINKING|><|START_RESPONSE|>\n", "<|END_RESPONSE|>"),
    text("Apertus", "<|inner_prefix|>", "<|inner_suffix|>\n"),
    text("Solar", "<|think|>", "<|end|><|begin|>assistant<|content|>\n", "<|flush|>"),
    text("Pangu", "[unused16]", "[unused17]\n"),
    text(
        "harmony",
        "<|channel|>analysis<|message|>",
        "<|end|><|start|>assistant<|channel|>final<|message|>",
        "<|return|>",
    ),
    text("harmony, tokens skipped", "analysis", "assistantfinal"),
    text("escaped", "&lt;think&gt;", "&lt;/think&gt;\n"),
    text("in capitals", "<THINK>", "</THINK>\n"),
]
OPENED_BY_THE_PROMPT = [
    text("</think> alone", "", "</think>\n\n"),
    text("[/THINK] alone", "", "[/THINK]\n"),
    text("<channel|> alone", "", "<channel|>\n"),
]
CASES = [
    *((dialect, format, "ended", False) for dialect in (*DIALECTS, *OPENED_BY_THE_PROMPT) for format in SAID),
    *((dialect, format, finish, False) for dialect in DIALECTS for format in SAID for finish in ("stop", "length")),
    *((dialect, "tir", "ended", True) for dialect in (*DIALECTS, *OPENED_BY_THE_PROMPT)),
    *((dialect, "tir", finish, True) for dialect in DIALECTS for finish in ("stop", "length")),
]


def filled(value: Any, said: str) -> Any:
    if isinstance(value, str):
        return value.replace("{thought}", DRAFT).replace("{said}", said)
    if isinstance(value, list):
        return [filled(each, said) for each in value]
    return {key: filled(each, said) for key, each in value.items()} if isinstance(value, dict) else value


class Solver:
    """One interpreter and one event loop for all cases."""

    def __init__(self) -> None:
        self.runner = asyncio.Runner()
        self.interpreter: Interpreter = open_interpreter(InterpreterSettings(sandbox_workers=1))

    def solve(self, server: Server, format: str, *, stream: bool = False) -> Solution:
        async def run() -> Solution:
            settings = ModelSettings(base_url=[server.url], stream=stream)
            model = OpenAIModel("abacus-7b", settings, first_pause=0.01)
            asked = {"sample": 0, "model": model, "interpreter": self.interpreter, "settings": SolveSettings()}
            try:
                return await attempt(PROBLEM, load_format(format), **asked)  # type: ignore[arg-type]
            finally:
                await model.close()

        return self.runner.run(run())


@pytest.fixture(scope="module")
def solver() -> Iterator[Solver]:
    solver = Solver()
    yield solver
    solver.runner.run(solver.interpreter.close())
    solver.runner.close()


def test_there_are_cases_enough_and_every_family_has_one() -> None:
    assert sum(stream for *_, stream in CASES) >= 60 and len(CASES) >= 300
    table = tomllib.loads(files("slipstick").joinpath("thoughts.toml").read_text("utf-8"))
    written = str([dialect.ended for dialect in DIALECTS])
    for family in table["families"]:
        openings = [f"<{tag}>" for tag in family.get("tags", ())] or family["open"]
        assert family.get("heading") or any(opening in written for opening in openings), family["models"]
    for field in (*table["fields"]["keys"], *table["fields"]["read"]):
        assert f"field {field}" in [dialect.name for dialect in DIALECTS]


@pytest.mark.parametrize(
    ("dialect", "format", "end", "stream"),
    CASES,
    ids=[f"{dialect.name} {format} {end}{' streamed' * stream}" for dialect, format, end, stream in CASES],
)
def test_no_thought_is_an_answer_or_a_program(
    solver: Solver, server: Server, dialect: Dialect, format: str, end: str, stream: bool
) -> None:
    server.obeys_stop, server.usage = False, COUNTED
    server.finish = "length" if end == "length" else "stop"
    message = filled(dialect.ended if end == "ended" else dialect.endless, SAID[format])
    # A program of steps is followed by another turn; thoughts that a stop string may have cut are asked for once more.
    server.messages, server.text = [message] * (2 if end == "stop" else 1), "It is 42."
    solution = solver.solve(server, format, stream=stream)
    assert all(body.get("stream", False) is stream for body in server.bodies)
    ran = [block.text.strip() for block in solution.blocks if block.type == "code"]
    if end != "ended":
        assert (solution.answer, ran) == (None, [])
        assert solution.thought_tokens == solution.tokens > 0
        return
    assert solution.answer == "42"
    assert ran == ([] if format == "cot" else ["print(6*7)"])
    first = 100 if format != "tir" else 200
    assert solution.tokens == first and 0 < solution.thought_tokens < 100
    share = len(DRAFT) / (len(DRAFT) + len(SAID[format]))
    assert solution.thought_tokens == pytest.approx(100 * share, abs=40)


@pytest.mark.parametrize(
    ("usage", "tokens", "thoughts"),
    [
        ({**COUNTED, "completion_tokens_details": {"reasoning_tokens": 77}}, 100, 77),
        (
            {
                "prompt_tokens": 5,
                "completion_tokens": 23,
                "total_tokens": 105,
                "completion_tokens_details": {"reasoning_tokens": 77},
            },
            100,
            77,
        ),
        ({**COUNTED, "completion_tokens_details": {"reasoning_tokens": 0}}, 100, 80),
        ({**COUNTED, "completion_tokens_details": None}, 100, 80),
        (None, 0, 0),
    ],
    ids=["counted within", "counted beside", "not counted", "no details", "no usage"],
)
def test_thoughts_are_counted_as_the_server_counts_them(
    solver: Solver, server: Server, usage: dict[str, Any] | None, tokens: int, thoughts: int
) -> None:
    server.usage = usage
    server.messages = [{"reasoning_content": "x" * 68, "content": "The answer is 42."}]
    solution = solver.solve(server, "cot")
    assert (solution.tokens, solution.thought_tokens) == (tokens, thoughts)
