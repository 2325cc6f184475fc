"""The scripted model."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import pytest

from slipstick.errors import InputError
from slipstick.formats import load_format
from slipstick.models import Model, Reply, Request, Sampling, open_model
from slipstick.models.fake import FakeModel
from slipstick.schema import Problem


def request(problem_id: str = "p/1", *, format: str = "tir", turn: int = 0, sample: int = 0) -> Request:
    problem = Problem(id=problem_id, text="?")
    return Request(
        problem=problem, format=load_format(format), sample=sample, turn=turn, blocks=[], sampling=Sampling()
    )


def ask(model: Model, asked: Request) -> Reply:
    return asyncio.run(model.generate(asked))


def test_a_function_is_a_script_and_requests_are_kept() -> None:
    model = FakeModel(lambda asked: f"{asked.problem.id} turn {asked.turn}")
    assert ask(model, request(turn=2)) == Reply(text="p/1 turn 2", tokens=3)
    assert [asked.turn for asked in model.requests] == [2]


def test_a_function_may_give_whole_replies() -> None:
    failing = Reply(text="", finish="error", error="out of ideas")
    assert ask(FakeModel(lambda _: failing), request()) == failing


def test_a_mapping_gives_the_text_of_each_turn() -> None:
    model = FakeModel({"p/1": ["one", "two"], "p/2": "only"})
    assert ask(model, request(turn=1)).text == "two"
    assert ask(model, request("p/2")).text == "only"
    assert ask(model, request("p/2", turn=1)).finish == "error"
    assert "p/3" in ask(model, request("p/3")).error


def write(path: Path, rows: list[dict[str, object]]) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return f"fake:{path}"


def test_of_a_file_the_row_that_names_most_wins(tmp_path: Path) -> None:
    spec = write(
        tmp_path / "script.jsonl",
        [
            {"problem_id": "p/1", "text": "always"},
            {"problem_id": "p/1", "text": "second turn", "turn": 1},
            {"problem_id": "p/1", "text": "second turn of pot", "turn": 1, "format": "pot"},
            {"problem_id": "p/1", "text": "too late", "turn": 1, "format": "pot"},
        ],
    )
    model = open_model(spec)
    assert model.name == "fake:script.jsonl"
    assert ask(model, request(sample=4)).text == "always"
    assert ask(model, request(turn=1)).text == "second turn"
    assert ask(model, request(turn=1, format="pot")).text == "second turn of pot"
    assert ask(model, request("p/2")).finish == "error"


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"text": "a"}, r"script.jsonl:1: `problem_id` must be a text, not None"),
        ({"problem_id": "p/1"}, r"script.jsonl:1: `text` must be a text, not None"),
        ({"problem_id": "p/1", "text": "a", "turn": "1"}, "`turn` must be a whole number, not '1'"),
    ],
)
def test_a_row_that_is_no_line_of_a_script_is_named(tmp_path: Path, row: dict[str, object], said: str) -> None:
    with pytest.raises(InputError, match=said):
        open_model(write(tmp_path / "script.jsonl", [row]))


def test_a_misspelt_key_is_told_the_right_one(tmp_path: Path) -> None:
    (tmp_path / "script.jsonl").write_text('{"problem_id": "p/1", "text": "1", "fromat": "cot"}\n')
    with pytest.raises(InputError, match=r"`fromat` is no key of a script .did you mean `format`"):
        open_model(f"fake:{tmp_path}/script.jsonl")


def test_a_fake_without_script_says_what_it_needs() -> None:
    with pytest.raises(InputError, match=r"fake:script\.jsonl"):
        open_model("fake")


def test_the_scripts_in_the_docs_work(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "models.md").read_text()
    blocks = re.findall(r"^```(json|python)\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    (tmp_path / "script.jsonl").write_text([text for language, text in blocks if language == "json"][1])
    model = open_model(f"fake:{tmp_path / 'script.jsonl'}")
    assert ask(model, request(turn=1)).text == "So it is 42."
    assert ask(model, request(format="pot")).text == "print(6*7)"
    names: dict[str, Any] = {}
    exec(next(text for language, text in blocks if language == "python"), names)  # noqa: S102  the page's own lines
    assert ask(names["model"], request()).text == "The answer is None."
