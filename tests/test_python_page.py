"""The page "Python in one call": its blocks run one after another and give what stands beside and below them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.models.scripted_server import Server

PAGE = (Path(__file__).parents[1] / "docs" / "python.md").read_text("utf-8")
BLOCK = re.compile(r'^```(\w+)(?: title="([^"]+)")?\n(.*?)^```$', re.MULTILINE | re.DOTALL)


def test_the_page_gives_what_it_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    server = Server()
    server.text = "Six times seven is 42. The answer is 42."
    space: dict[str, Any] = {}
    ran, told = 0, ""
    try:
        for language, title, text in BLOCK.findall(PAGE):
            if title:
                Path(title).write_text(text)
            elif language == "text":
                assert told.rstrip() == text.rstrip()
            else:
                told = run(text.replace("http://localhost:8000/v1", server.url), space)
                told = told or capsys.readouterr().out
                ran += 1
    finally:
        server.stop()
    assert ran >= 8


def run(block: str, space: dict[str, Any]) -> str:
    """Runs a block as a cell of a notebook; values that stand beside its lines are compared. Gives the last value."""
    said: list[tuple[object, str]] = []
    program = re.sub(r"^(\S.*?)  # (.+)$", r"_said.append((\1, r'''\2'''))", block, flags=re.MULTILINE)
    *lines, last = program.rstrip().splitlines()
    is_value = re.match(r"[\w.]+(\(|\[)", last) and not last.startswith("_said")
    body = "\n".join([*lines, f"_last = {last}" if is_value else last])
    space |= {"_said": said, "_last": ""}
    exec(body, space)  # noqa: S102  the page's own lines
    for value, claimed in said:
        assert repr(value) == claimed
    return str(space["_last"])
