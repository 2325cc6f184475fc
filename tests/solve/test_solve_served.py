"""The same greedy solutions from a model behind a server as from it in this process."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from slipstick.formats import load_format
from slipstick.interpreters import open_interpreter
from slipstick.models import ModelSettings, open_model
from slipstick.schema import Problem, Solution
from slipstick.solve import SolveSettings, solve

PROBLEMS = [Problem(id=f"p/{n}", text=f"Ann has {n} nuts and finds {3 * n} more. How many?") for n in range(1, 9)]


@pytest.fixture
def served(tiny_model: Path) -> Iterator[str]:
    """Address of `transformers serve` with the tiny model."""
    for package in ("accelerate", "fastapi", "uvicorn"):
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"`transformers serve` needs {package}, which is not installed")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [str(Path(sys.executable).with_name("transformers")), "serve", str(tiny_model), "--device", "cpu"]
    server = subprocess.Popen(
        [*command, "--port", str(port)],
        env={**os.environ, "HF_HUB_OFFLINE": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    try:
        _wait_for(f"http://localhost:{port}/health", server)
        yield f"http://localhost:{port}/v1"
    finally:
        server.kill()
        server.communicate()


def _wait_for(address: str, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        if server.poll() is not None:
            assert server.stdout
            pytest.skip(f"`transformers serve` does not start here: {server.stdout.read()[-300:]!r}")
        try:
            urllib.request.urlopen(address, timeout=5).close()
            return
        except OSError:
            time.sleep(0.3)
    pytest.skip("`transformers serve` did not start within two minutes")


def solutions(spec: str, **settings: object) -> dict[str, Solution]:
    made: dict[str, Solution] = {}

    async def work() -> None:
        interpreter = open_interpreter()
        model = open_model(
            spec, ModelSettings.model_validate({"device": "cpu", "max_concurrent_requests": 4, **settings})
        )
        try:
            await solve(
                PROBLEMS,
                [load_format("cot"), load_format("tir")],
                model=model,
                interpreter=interpreter,
                settings=SolveSettings(max_tokens=24, max_turns=2),
                on_solution=lambda solution: made.update({solution.id: solution}),
            )
        finally:
            await interpreter.close()
            await model.close()

    asyncio.run(work())
    return made


def test_greedy_solutions_are_the_same_served_and_in_process(tiny_model: Path, served: str) -> None:
    here = solutions(f"hf:{tiny_model}")
    there = solutions(f"openai:{tiny_model}", base_url=served, api="completions")
    assert len(here) == 16
    assert {key: (s.blocks, s.finish, s.answer) for key, s in there.items()} == {
        key: (s.blocks, s.finish, s.answer) for key, s in here.items()
    }
