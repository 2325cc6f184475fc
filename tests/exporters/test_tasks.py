"""Problems as tasks of other tools: the files are whole, and where a tool is installed it loads and runs them."""

from __future__ import annotations

import ast
import asyncio
import importlib
import json
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from jinja2 import UndefinedError
from packaging.requirements import Requirement
from rich.console import Console

from slipstick import Problem
from slipstick.commands import Invocation
from slipstick.commands.export import run_export
from slipstick.errors import InputError, RunFolderError, UserError
from slipstick.exporters.tasks import TASKS, TaskSettings, write_task
from slipstick.exporters.tasks.templates import fill_in
from slipstick.rewards.dialogues import grade_dialogue, solution_of

PROBLEMS = [
    Problem(id="a/1", text="Half of 3/4?", answer=r"\frac{3}{8}", metadata={"tolerance": 0.01}, rationale="secret"),
    Problem(id="a/2", text='Say "x" \\ {{ y }}', answer=["2", "-2"]),
    Problem(id="a/3", text="Prime? (A) 4 (B) 5", answer="B", kind="choice", choices=["4", "5"]),
    Problem(id="a/4", text="No gold"),
    Problem(id="a/5", text="What comes after it?", answer="2^{10^{10}}"),
]


@pytest.fixture
def out(tmp_path: Path) -> Path:
    for shape in TASKS:
        write_task(shape, PROBLEMS, tmp_path, name="my-Set.2", settings=TaskSettings(max_turns=3))
    return tmp_path


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


@pytest.fixture
def fresh_modules() -> Iterator[None]:
    """Modules and paths that a test imports from a written folder are forgotten after it."""
    known, path = set(sys.modules), list(sys.path)
    yield
    sys.path[:] = path
    for name in set(sys.modules) - known:
        if name.partition(".")[0] in ("slipstick_my_set_2", "openenv_task", "task", "app", "server", "models"):
            del sys.modules[name]


def test_every_written_file_is_whole(out: Path) -> None:
    yaml = pytest.importorskip("yaml", reason="settings of lm-eval, OpenEnv and NeMo Gym are YAML")
    kinds = set()
    for path in (each for each in out.rglob("*") if each.is_file()):
        text, kind = path.read_text("utf-8"), path.suffix
        kinds.add(kind)
        assert text.strip() and (
            kind == ".jsonl" or "{{" not in text.replace("{{question}}", "").replace("{{answer", "")
        )
        match kind:
            case ".py":
                assert ast.get_docstring(ast.parse(text))
            case ".toml":
                tomllib.loads(text)
            case ".yaml":
                yaml.safe_load(text.replace("!function ", ""))
    assert kinds == {".py", ".toml", ".yaml", ".jsonl", ".md", ".txt"}
    assert all((out / shape / "README.md").is_file() for shape in TASKS)


@pytest.mark.parametrize("shape", [shape for shape, task in TASKS.items() if task.row])
def test_rows_hold_what_is_asked_and_what_is_graded(shape: str, out: Path) -> None:
    (path,) = (out / shape).rglob("*.jsonl")
    found = rows(path)
    assert [row["id"] for row in found] == ["a/1", "a/2", "a/3", "a/5"]
    assert "secret" not in path.read_text("utf-8")
    for row in found:
        problem = Problem.model_validate(row["problem"])
        messages = row.get("messages") or row["responses_create_params"]["input"]
        assert [message["role"] for message in messages] == ["system", "user"]
        assert problem.text in messages[1]["content"] and problem.answer
    assert found[0]["problem"]["metadata"] == {"tolerance": 0.01}


def test_the_interpreter_may_be_left_out(tmp_path: Path) -> None:
    write_task("nemo_gym", PROBLEMS, tmp_path, name="x", settings=TaskSettings(format="cot"))
    (path,) = tmp_path.rglob("*.jsonl")
    assert all("tools" not in row["responses_create_params"] for row in rows(path))
    write_task("inspect_task", PROBLEMS, tmp_path, name="x", settings=TaskSettings(format="cot"))
    assert "tools: bool = False" in (tmp_path / "inspect_task" / "task.py").read_text()


def test_what_models_are_trained_in_has_the_stricter_grader(out: Path) -> None:
    assert 'profile: str = "slipstick"' in (out / "inspect_task" / "task.py").read_text()
    assert 'profile: str = "slipstick-strict"' in (out / "verifiers" / "slipstick_my_set_2" / "taskset.py").read_text()
    assert 'PROFILE = "slipstick-strict"' in (out / "openenv" / "server" / "environment.py").read_text()


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (None, "slipstick"),
        ({"url": "file:///src/slipstick", "dir_info": {"editable": True}}, "slipstick @ file:///src/slipstick"),
        (
            {"url": "https://github.com/o/slipstick.git", "vcs_info": {"vcs": "git", "commit_id": "ab12"}},
            "slipstick @ git+https://github.com/o/slipstick.git@ab12",
        ),
        (
            {"url": "https://h/o.git", "vcs_info": {"vcs": "git", "commit_id": "ab12"}, "subdirectory": "py"},
            "slipstick @ git+https://h/o.git@ab12#subdirectory=py",
        ),
    ],
)
def test_the_requirement_is_one_that_pip_takes(
    source: dict[str, Any] | None, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = SimpleNamespace(read_text=lambda name: source and json.dumps(source))
    monkeypatch.setattr("slipstick.exporters.tasks.distribution", lambda name: written)
    write_task("nemo_gym", PROBLEMS, tmp_path, name="x", settings=TaskSettings())
    (path,) = tmp_path.rglob("requirements.txt")
    assert said in path.read_text().splitlines() and (Requirement(said).url or "") == said.partition(" @ ")[2]


def test_problems_without_a_run_are_exported(tmp_path: Path) -> None:
    given = ['shapes=["inspect_task", "openenv"]']
    out = run_export(Invocation("synthetic:known,n=3", given, out=tmp_path / "t"), Console(quiet=True))
    assert len(rows(out / "inspect_task" / "problems.jsonl")) == 3
    with pytest.raises(RunFolderError, match="not a run folder"):
        run_export(Invocation("synthetic:known,n=3", ["shapes=messages"], out=out), Console(quiet=True))


def test_mistakes_say_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="did you mean `verifiers`"):
        write_task("verifier", PROBLEMS, tmp_path, name="x", settings=TaskSettings())
    with pytest.raises(InputError, match="no problem of x has an expected answer"):
        write_task("openenv", PROBLEMS[3:4], tmp_path, name="x", settings=TaskSettings())
    with pytest.raises(UserError, match="`tir` has code in its text"):
        run_export(Invocation("synthetic:known,n=3", ["shapes=openenv", "format=tir"]), Console(quiet=True))
    with pytest.raises(UserError, match="strictest"):
        run_export(Invocation("synthetic:known,n=3", ["shapes=openenv", "profile=strictest"]), Console(quiet=True))


def call(code: str, **more: Any) -> dict[str, Any]:
    return {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"id": "1", **more}]
        if more
        else [{"id": "1", "type": "function", "function": {"name": "python", "arguments": json.dumps({"code": code})}}],
    }


def text(said: str, type: str = "text") -> dict[str, Any]:
    return {"type": type, "text": said}


def test_a_dialogue_is_graded_in_every_tools_words() -> None:
    problem = Problem(id="p", text="6 times 7?", answer="42")
    printed = {"role": "tool", "tool_call_id": "1", "content": "42\n"}
    asked = {"role": "user", "content": "6 times 7?"}
    arguments = {"code": "print(42)"}
    shapes: list[list[dict[str, Any]]] = [
        [asked, call("print(42)"), printed],
        [asked, call("", name="python", arguments=json.dumps(arguments)), printed],
        [
            asked,
            call("", function="python", arguments=arguments),
            {**printed, "content": [{"type": "text", "text": "42"}]},
        ],
        [
            {"type": "function_call", "call_id": "1", "name": "python", "arguments": json.dumps(arguments)},
            {"type": "function_call_output", "call_id": "1", "output": "42\n"},
        ],
    ]
    for messages in shapes:
        assert grade_dialogue(messages, problem).reward == 1.0, messages
        assert [block.type for block in solution_of(messages, problem).blocks] == ["code", "output"]
        said = [
            *messages,
            {"role": "assistant", "type": "message", "content": [{"type": "output_text", "text": "The answer is 41."}]},
        ]
        assert grade_dialogue(said, problem).reward == 0.0


def test_a_dialogue_may_end_without_an_answer_or_a_decision() -> None:
    problem = Problem(id="p", text="?", answer="2^{10^{10}}")
    undecided = grade_dialogue([{"role": "assistant", "content": "The answer is $2^{10^{10}} + 1$."}], problem)
    assert undecided.reward is None and undecided.verdict.outcome == "undecided"
    for messages in ([], [call("print(1)")], [{"role": "assistant", "content": "<think>The answer is 7."}]):
        assert grade_dialogue(messages, problem).verdict.outcome == "no_answer"
    failed = {"role": "tool", "content": "Traceback (most recent call last)\nNameError: x"}
    assert grade_dialogue([call("x"), failed], problem).verdict.outcome == "no_answer"
    unreadable = [{"role": "assistant", "tool_calls": [{"name": "search", "arguments": '{"q": 1}'}]}]
    assert grade_dialogue(unreadable, problem).verdict.outcome == "no_answer"


@pytest.mark.usefixtures("fresh_modules")
def test_inspect_loads_the_task(out: Path) -> None:
    pytest.importorskip("inspect_ai")
    sys.path.insert(0, str(out / "inspect_task"))
    task = importlib.import_module("task").slipstick_my_set_2()
    assert len(task.dataset) == 4 and task.dataset[1].target == ["2", "-2"]


@pytest.mark.usefixtures("fresh_modules")
def test_verifiers_loads_the_taskset(out: Path) -> None:
    pytest.importorskip("verifiers.v1")
    loaders = importlib.import_module("verifiers.v1.utils.loaders")
    sys.path.insert(0, str(out / "verifiers"))
    config = loaders.taskset_config_type("slipstick-my-set-2")(id="slipstick-my-set-2")
    taskset = loaders.load_taskset(config)
    assert [task.key for task in taskset] == ["a/1", "a/2", "a/3", "a/5"]


@pytest.mark.usefixtures("fresh_modules")
def test_openenv_plays_an_episode(out: Path) -> None:
    pytest.importorskip("openenv.core")
    sys.path.insert(0, str(out / "openenv"))
    models, made = importlib.import_module("models"), importlib.import_module("server.environment")
    environment = made.SlipstickEnvironment()
    assert "Half" in environment.reset(index=0).text
    assert environment.step(models.SlipstickAction(code="x = 3\nprint(x)")).text.strip() == "3"
    ended = environment.step(models.SlipstickAction(text="The answer is 3/8."))
    assert ended.done and ended.reward == 1.0
    environment.reset(problem_id="a/5")
    ended = environment.step(models.SlipstickAction(text="The answer is $2^{10^{10}} + 1$."))
    assert ended.done and ended.reward is None and ended.outcome == "undecided"
    made._SANDBOX.close()


@pytest.mark.usefixtures("fresh_modules")
def test_nemo_gym_loads_the_server(out: Path) -> None:
    pytest.importorskip("nemo_gym")
    sys.path.insert(0, str(out / "nemo_gym" / "resources_servers" / "slipstick_my_set_2"))
    server = importlib.import_module("app").SlipstickResourcesServer
    assert asyncio.iscoroutinefunction(server.verify)


def test_templates_are_filled_in_strictly_and_leave_no_trace_of_their_blocks() -> None:
    template = "a:\n  {% for each in given %}\n  - {{ each | json }}\n  {% endfor %}\n"
    assert fill_in(template, {"given": ['say "x": 1', "{{ y }}"]}) == 'a:\n  - "say \\"x\\": 1"\n  - "{{ y }}"\n'
    with pytest.raises(UndefinedError):
        fill_in(template, {})
