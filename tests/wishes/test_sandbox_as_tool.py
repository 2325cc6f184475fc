"""The sandbox as my agent's Python tool: every example of the page; sync, async, in a class, with files, pictures."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.models.scripted_server import Server

PAGE = Path(__file__).parents[2] / "docs" / "sandbox-agents.md"
EXAMPLES = re.findall(r"^```python\n(.*?)^```", PAGE.read_text("utf-8"), re.DOTALL | re.MULTILINE)


def said(example: str) -> list[str]:
    """What an example says that it prints: the comments behind its prints."""
    return [line.rpartition("# ")[2] for line in example.splitlines() if "print(" in line and "# " in line]


def run(example: str, folder: Path, **environment: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", example],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0 and done.stderr == "", done.stderr
    return done.stdout.splitlines()


@pytest.mark.parametrize("example", [each for each in EXAMPLES if "OpenAI" not in each])
def test_examples_print_what_they_say(example: str, tmp_path: Path) -> None:
    if "matplotlib" in example:
        pytest.importorskip("matplotlib")
        pytest.importorskip("pandas")
    printed, expected = run(example, tmp_path), said(example)
    if expected[-1] == "full":  # what this machine offers
        printed[-1] = "full" if printed[-1] in ("full", "kernel", "process") else printed[-1]
    assert printed == expected
    if "plot.png" in example:
        assert (tmp_path / "plot.png").read_bytes().startswith(b"\x89PNG")


def test_a_chat_model_calls_the_tool(tmp_path: Path) -> None:
    (example,) = [each for each in EXAMPLES if "OpenAI" in each]
    server = Server()
    arguments = json.dumps({"code": "sum(map(int, str(2**100)))"})
    call = {"id": "call_1", "type": "function", "function": {"name": "python", "arguments": arguments}}
    server.messages = [
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "assistant", "content": "The sum is 115."},
    ]
    try:
        printed = run(example, tmp_path, OPENAI_BASE_URL=server.url, OPENAI_API_KEY="none")
    finally:
        server.stop()
    assert printed == ["The sum is 115."]
    assert server.bodies[0]["tools"][0]["function"]["name"] == "python"
    assert server.bodies[1]["messages"][-1] == {"role": "tool", "tool_call_id": "call_1", "content": "115"}
