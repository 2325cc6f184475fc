"""Exported tasks run by the tools they are for, and their verdicts beside ours, problem by problem.

The twenty problems of `exported_tasks.toml` are exported; a scripted model solves them, and they are graded, by us, by
lm-evaluation-harness (in words), inspect, verifiers, OpenEnv and NeMo Gym, each in an environment of its own, since
their requirements exclude one another.

    python -m benchmarks.exported_tasks --environments DIR [--tools inspect_task verifiers] [--make]

DIR/TOOL is a virtual environment with the tool and slipstick; `--make` makes those that are missing, with uv. Prints a
JSON line for each tool: its version, problems, how many verdicts agree, and every difference as [id, theirs, ours].
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.scripted_model import read_script, serving
from slipstick.exporters.tasks import TASKS, TaskSettings, write_task
from slipstick.grade import grade_solutions
from slipstick.schema import Problem
from slipstick.store import RunFolder

SCRIPT = Path(__file__).with_suffix(".toml")
ROOT = Path(__file__).parents[1]
NAME = "twenty"
LIMIT = 1_800
"""Seconds that a tool may take."""


class Place(NamedTuple):
    """Where a tool runs."""

    tasks: Path
    """The exported tasks."""
    python: Path
    """The Python of its environment."""
    address: str
    """The scripted model's."""
    out: Path
    """A folder of its own for what it writes."""

    def run(self, command: list[str], folder: Path, **environment: str) -> None:
        """Runs a program of the environment in a folder. Raises RuntimeError with its last words if it fails."""
        path = os.pathsep.join([str(self.python.parent), os.environ["PATH"]])
        given = {**os.environ, "PATH": path, "OPENAI_API_KEY": "none", **environment}
        program = [str(self.python.parent / command[0]), *command[1:]]
        ended = subprocess.run(
            program, cwd=folder, env=given, capture_output=True, text=True, timeout=LIMIT, check=False
        )
        if ended.returncode:
            raise RuntimeError(f"{command[0]} ended with {ended.returncode}: {(ended.stdout + ended.stderr)[-2_000:]}")


def lm_eval_tasks(place: Place) -> dict[str, str]:
    """lm-evaluation-harness."""
    model = f"model=m,base_url={place.address}/chat/completions,num_concurrent=2"
    command = ["lm-eval", "run", "--include_path", ".", "--tasks", f"slipstick_{NAME}", "--apply_chat_template"]
    command += ["--model", "local-chat-completions", "--model_args", model, "--log_samples"]
    place.run([*command, "--output_path", str(place.out)], place.tasks, HF_DATASETS_OFFLINE="1", HF_HOME=str(place.out))
    (path,) = place.out.rglob("samples_*.jsonl")
    return {row["doc"]["id"]: _of_reward(row.get("exact_match")) for row in _rows(path)}


def inspect_task(place: Place) -> dict[str, str]:
    """inspect."""
    command = ["inspect", "eval", "task.py", "--model", "openai-api/scripted/m", "--log-format", "json"]
    given = {"SCRIPTED_API_KEY": "none", "SCRIPTED_BASE_URL": place.address}
    place.run([*command, "--log-dir", str(place.out), "--display", "plain"], place.tasks, **given)
    (path,) = place.out.glob("*.json")
    scores = {each["id"]: each["scores"]["verdict"] for each in json.loads(path.read_text())["samples"]}
    values = {"C": 1.0, "I": 0.0, "N": 0.0}
    return {name: _of_reward(values.get(str(score["value"]))) for name, score in scores.items()}


def verifiers(place: Place) -> dict[str, str]:
    """verifiers."""
    install = ["uv", "pip", "install", "-q", "--python", str(place.python), "--no-deps", str(place.tasks)]
    subprocess.run(install, check=True)
    command = ["vf-eval", "@", "eval.toml", "--model", "m", "--client.base-url", place.address, "--no-rich"]
    place.run([*command, "--max-concurrent", "4", "--output-dir", str(place.out)], place.tasks)
    (path,) = place.out.rglob("traces.jsonl")
    return dict(_of_trace(row) for row in _rows(path))


def openenv(place: Place) -> dict[str, str]:
    """OpenEnv: its server, and its client that takes what the model says as actions."""
    return _played(place, "openenv", place.tasks)


def nemo_gym(place: Place) -> dict[str, str]:
    """NeMo Gym's resources server; its agent and its model server, which need Ray, are played by a client."""
    return _played(place, "nemo_gym", place.tasks / "resources_servers" / f"slipstick_{NAME}")


def _played(place: Place, tool: str, folder: Path) -> dict[str, str]:
    client, ended = Path(__file__).with_name("exported_client.py"), place.out / "ended.jsonl"
    place.run(["python", str(client), tool, place.address, str(ended)], folder)
    return {row["id"]: _of_reward(row["reward"]) for row in _rows(ended)}


class Tool(NamedTuple):
    """A tool, and what its environment needs."""

    run: Callable[[Place], dict[str, str]]
    """Problem -> "correct", "not correct" or "undecided"."""
    package: str
    """Its name on the package index."""
    installs: tuple[str, ...]
    """What is installed beside slipstick."""
    override: str = ""
    """Requirements, a line each, that take the place of slipstick's and the tool's own."""
    python: str = ""
    """The least Python that it asks for, if not ours; an earlier release of the same minor version will do."""


_GYM = "openai>=2,<3\nmath-verify[antlr4_9_3]>=0.9,<0.10\nhydra-core>=1.3"
TOOLS = {
    "lm_eval_tasks": Tool(lm_eval_tasks, "lm-eval", ("lm-eval[api]",)),
    "inspect_task": Tool(inspect_task, "inspect-ai", ("inspect-ai",)),
    "verifiers": Tool(verifiers, "verifiers", ("verifiers",), "openai>=2,<3"),
    "openenv": Tool(openenv, "openenv", ("openenv", "uvicorn")),
    "nemo_gym": Tool(nemo_gym, "nemo-gym", ("nemo-gym",), _GYM, "3.13.14"),
}


def make_environment(folder: Path, tool: Tool) -> None:
    """Makes a virtual environment with uv, in this Python or the minor version that the tool asks for."""
    minor, taken_for = tool.python.rpartition(".")[0], ["--python-version", tool.python] if tool.python else []
    subprocess.run(["uv", "venv", "-q", "--python", minor or sys.executable, str(folder)], check=True)
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as override:
        override.write(tool.override)
        override.flush()
        install = ["uv", "pip", "install", "-q", "--python", str(folder / "bin" / "python"), *taken_for]
        subprocess.run([*install, "--override", override.name, "-e", str(ROOT), *tool.installs], check=True)


def ours(folder: Path, address: str) -> dict[str, dict[str, str]]:
    """Our verdicts by shape: of a run in the format `tools`, or `cot` for lm-eval, graded by the shape's profile."""
    recipe = folder / "ours.toml"
    recipe.write_text(
        f'problems = "{folder}/{NAME}.jsonl"\nmodel = "openai:m"\nbase_url = "{address}"\nformats = ["tools", "cot"]\n'
    )
    command = [sys.executable, "-m", "slipstick", "evaluate", str(recipe), "--out", str(folder / "ours")]
    subprocess.run(command, check=True, capture_output=True)
    run = RunFolder(folder / "ours")
    problems, solutions = list(run.problems()), list(run.solutions())
    found = {}
    for shape, task in TASKS.items():
        format = "cot" if shape == "lm_eval_tasks" else "tools"
        members = [solution for solution in solutions if solution.format == format]
        graded = grade_solutions(members, problems, profile="slipstick-strict" if task.trains else "slipstick")
        outcomes = {each.problem_id: each.verdict.outcome for each in graded if each.verdict}
        rewards = {name: None if said == "undecided" else float(said == "correct") for name, said in outcomes.items()}
        found[shape] = {name: _of_reward(reward) for name, reward in rewards.items()}
    return found


def compared(shape: str, place: Place, expected: dict[str, str]) -> dict[str, Any]:
    """A tool's verdicts beside ours."""
    began = time.monotonic()
    said = TOOLS[shape].run(place)
    ask = f"from importlib.metadata import version; print(version({TOOLS[shape].package!r}))"
    version = subprocess.run([str(place.python), "-c", ask], check=True, capture_output=True, text=True).stdout.strip()
    differences = [[name, said.get(name), verdict] for name, verdict in expected.items() if said.get(name) != verdict]
    counts = {verdict: sum(each == verdict for each in said.values()) for verdict in sorted(set(said.values()))}
    found: dict[str, Any] = {"tool": TOOLS[shape].package, "version": version, "problems": len(said)}
    agree, seconds = len(expected) - len(differences), round(time.monotonic() - began)
    return found | {"agree": agree, "differences": differences, "verdicts": counts, "seconds": seconds}


@contextmanager
def prepared() -> Iterator[tuple[Path, str]]:
    """A folder with the problems and the exported tasks, and the address of the scripted model."""
    script = read_script(SCRIPT)
    problems = [
        Problem.model_validate({key: value for key, value in each.items() if key in Problem.model_fields})
        for each in script
    ]
    with tempfile.TemporaryDirectory() as name, serving(script) as address:
        folder = Path(name)
        lines = (f"{problem.model_dump_json(exclude_defaults=True)}\n" for problem in problems)
        (folder / f"{NAME}.jsonl").write_text("".join(lines))
        for shape in TASKS:
            tagged = [problem.model_copy(update={"metadata": {"dataset": NAME}}) for problem in problems]
            write_task(shape, tagged, folder / "tasks", name=NAME, settings=TaskSettings())
        yield folder, address


def _of_reward(reward: float | None) -> str:
    return "undecided" if reward is None else "correct" if reward == 1 else "not correct"


def _of_trace(row: dict[str, Any]) -> tuple[str, str]:
    reward = row["traces"][0]["rewards"].get("verdict")
    return row["task"]["data"]["id"], _of_reward(None if reward is None else reward["score"])


def _rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def main() -> None:
    """Runs the tools one after another."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--environments", type=Path, required=True)
    parser.add_argument("--tools", nargs="*", choices=list(TOOLS), default=list(TOOLS))
    parser.add_argument("--make", action="store_true")
    asked = parser.parse_args()
    for shape in asked.tools:
        if asked.make and not (asked.environments / shape).exists():
            make_environment(asked.environments / shape, TOOLS[shape])
    with prepared() as (folder, address):
        expected = ours(folder, address)
        for shape in asked.tools:
            python = (asked.environments / shape).absolute() / "bin" / "python"
            place = Place(folder / "tasks" / shape, python, address, folder / "out" / shape)
            place.out.mkdir(parents=True)
            print(json.dumps(compared(shape, place, expected[shape])), flush=True)
            shutil.rmtree(place.out, ignore_errors=True)


if __name__ == "__main__":
    main()
