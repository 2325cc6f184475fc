"""What the written tasks do themselves, with stand-ins for the tools that load them."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, Generic, TypeVarTuple

import pytest

from slipstick import Problem
from slipstick.exporters.tasks import TaskSettings, write_task

BREAKS = "Half\u2028of\u2029six\x85?\x0b\x0c\x1c\x1d\x1e"
"""A question with every character at which `str.splitlines` cuts and JSON's text does not escape or break."""
PROBLEMS = [Problem(id="a/1", text=BREAKS, answer="3"), Problem(id="a/2", text="2 + 2?", answer="4")]

Given = TypeVarTuple("Given")
STOOD_FOR = (
    *("inspect_ai", "inspect_ai.dataset", "inspect_ai.model", "inspect_ai.scorer", "inspect_ai.solver"),
    *("inspect_ai.tool", "verifiers", "verifiers.v1", "verifiers.v1.harnesses", "verifiers.v1.harnesses.null"),
    *("openenv", "openenv.core", "openenv.core.env_server", "openenv.core.env_server.interfaces"),
    "openenv.core.env_server.types",
)


class Base(Generic[*Given]):
    """Stands for any class of a tool: keeps what it is given."""

    def __init__(self, *given: Any, **named: Any) -> None:
        self.given = given
        vars(self).update(named)


class Tool(ModuleType):
    """Stands for any module of a tool: its names are bases; `CORRECT` and its like as well."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return Base


def unchanged(*given: Any, **named: Any) -> Any:
    """A decorator with or without arguments that changes nothing."""
    return given[0] if given else unchanged


@pytest.fixture
def stand_ins(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in STOOD_FOR:
        module = Tool(name)
        for decorator in ("task", "tool", "solver", "scorer", "accuracy", "stderr", "reward"):
            setattr(module, decorator, unchanged)
        monkeypatch.setitem(sys.modules, name, module)
        above, _, last = name.rpartition(".")
        if above:
            setattr(sys.modules[above], last, module)
    for name in ("task", "models", "server", "server.environment", "slipstick_q", "slipstick_q.taskset"):
        monkeypatch.delitem(sys.modules, name, raising=False)


def load(monkeypatch: pytest.MonkeyPatch, place: Path, name: str) -> Any:
    monkeypatch.syspath_prepend(str(place))
    try:
        return importlib.import_module(name)
    finally:
        for each in {name, name.partition(".")[0], "models", "slipstick_q.interpreter"}:
            sys.modules.pop(each, None)


def write(shape: str, out: Path, **settings: Any) -> Path:
    write_task(shape, PROBLEMS, out, name="q", settings=TaskSettings(**settings))
    return out / shape


@pytest.mark.usefixtures("stand_ins")
def test_a_question_may_hold_any_character(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    task = load(monkeypatch, write("inspect_task", tmp_path), "task").slipstick_q()
    (samples,) = task.dataset.given
    assert [sample.metadata["problem"]["text"] for sample in samples] == [BREAKS, "2 + 2?"]
    taskset = load(monkeypatch, write("verifiers", tmp_path), "slipstick_q.taskset")
    tasks = taskset.SlipstickTaskset(config=SimpleNamespace(task=None)).load()
    assert [task.given[0].problem["text"] for task in tasks] == [BREAKS, "2 + 2?"]
    environment = load(monkeypatch, write("openenv", tmp_path), "server.environment")
    assert [row["problem"]["text"] for row in environment._ROWS] == [BREAKS, "2 + 2?"]
    environment._SANDBOX.close()


@pytest.mark.usefixtures("stand_ins")
def test_calls_above_the_limit_are_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    task = load(monkeypatch, write("inspect_task", tmp_path, max_turns=4), "task").slipstick_q()
    run: list[str] = []

    async def execute_tools(messages: list[Any], tools: object) -> tuple[list[Any], None]:
        run.extend(messages[-1].tool_calls)
        return [SimpleNamespace(role="tool", tool_calls=None) for _ in messages[-1].tool_calls], None

    async def generate(state: Any, **named: Any) -> Any:
        calls = [f"{len(state.messages)}.{number}" for number in range(3)]
        state.output = SimpleNamespace(message=SimpleNamespace(role="assistant", tool_calls=calls))
        state.messages.append(state.output.message)
        return state

    interpreter = SimpleNamespace(session=contextlib.AsyncExitStack)
    monkeypatch.setattr("slipstick.AsyncSandbox", lambda timeout: interpreter)
    monkeypatch.setitem(task.solver.__globals__, "execute_tools", execute_tools)
    ended = asyncio.run(task.solver(SimpleNamespace(messages=[]), generate))
    assert run == ["0.0", "0.1", "0.2", "4.0"], "the last may be cut short, and is answered as a whole"
    assert [message.role for message in ended.messages].count("tool") == 4
    assert ended.messages[-1].tool_calls, "a reply more, whose calls nobody runs"
