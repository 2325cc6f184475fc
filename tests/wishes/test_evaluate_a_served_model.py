"""A served model on a file of mine, on a dataset by name, and with my own prompt: typed, without a recipe."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.models.scripted_server import Server, StartServer
from tests.wishes.typed import slipstick


class Adder(Server):
    """A server whose model adds one to the number in the last question, and is wrong about numbers above 60."""

    def __init__(self) -> None:
        super().__init__()
        self.questions: list[list[dict[str, Any]]] = []

    def answer(self, body: dict[str, Any]) -> dict[str, Any]:
        said = body["messages"][-1]["content"]
        if "What is" in said:
            number = int(said.partition("What is ")[2].split()[0])
            self.questions.append(body["messages"])
            self.text = f"The answer is {number + 1 + (number > 60)}."
        return super().answer(body)


@pytest.fixture
def server(start_server: StartServer) -> Adder:
    return start_server(Adder)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    rows = [{"question": f"What is {n} + 1?", "answer": str(n + 1)} for n in (41, 5, 70, 80)]
    (tmp_path / "mine.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    for split, numbers in (("train", (41, 50, 60, 70)), ("test", (1, 2, 90))):
        solved = [
            {"question": f"What is {n} + 1?", "answer": f"<<{n}+1={n + 1}>>{n + 1}\n#### {n + 1}"} for n in numbers
        ]
        path = tmp_path / "data" / f"gsm8k_{split}.jsonl"
        path.parent.mkdir(exist_ok=True)
        path.write_text("".join(json.dumps(row) + "\n" for row in solved))
    monkeypatch.setenv("SLIPSTICK_PROBLEMS_DIR", str(tmp_path / "data"))
    return tmp_path


def test_my_file_against_a_served_model(server: Adder, here: Path) -> None:
    code, said = slipstick(
        f"evaluate mine.jsonl --set model=openai:abacus-7b --set base_url={server.url} --set formats=cot", here
    )
    assert code == 0, said
    assert "50.0" in said and "report: runs/mine/report.html" in said
    run = json.loads((here / "runs" / "mine" / "run.json").read_text())
    assert run["counts"] == {"problems": 4, "solutions": 4, "correct": 2, "incorrect": 2}
    assert (here / "runs" / "mine" / "report.html").is_file()


def test_a_small_run_of_which_no_request_succeeds_ends_with_the_servers_words(server: Adder, here: Path) -> None:
    server.faults = [(400, {"error": {"message": "the queue of abacus-7b is broken"}}, {})] * 200
    line = f"mine.jsonl --set model=openai:abacus-7b --set base_url={server.url} --set formats=cot"
    for verb in ("evaluate", "solve"):
        code, said = slipstick(f"{verb} {line} --out runs/{verb}", here)
        assert code == 2, said
        assert "none of 4 replies of abacus-7b can be used" in said and "the queue of abacus-7b is broken" in said
        assert "Traceback" not in said and not (here / "runs" / verb / "report.html").exists()
    server.faults = []
    code, said = slipstick("evaluate runs/evaluate --resume", here)
    assert code == 0 and "50.0" in said, said


def test_a_dataset_by_name(server: Adder, here: Path) -> None:
    code, said = slipstick(
        f"evaluate gsm8k:test --limit 2 --set model=openai:abacus-7b --set base_url={server.url}", here
    )
    assert code == 0, said
    assert "100.0" in said and len(server.questions) == 2


def test_my_own_prompt(server: Adder, here: Path) -> None:
    (here / "short.toml").write_text(
        'executes = "never"\ninstruction = "{question} Be brief."\nanswer_line = "ANSWER: {answer}"\n'
    )
    (here / "system.txt").write_text("You add numbers.\n")
    code, said = slipstick(
        f"evaluate mine.jsonl --set model=openai:abacus-7b --set base_url={server.url} --set formats=short.toml "
        "--set system=system.txt --set shots_from=gsm8k:train --set num_fewshot=2",
        here,
    )
    assert code == 0, said
    first = next(messages for messages in server.questions if "What is 41 + 1?" in messages[-1]["content"])
    assert [message["role"] for message in first] == ["system", "user", "assistant", "user", "assistant", "user"]
    assert first[0]["content"] == "You add numbers." and first[-1]["content"] == "What is 41 + 1? Be brief."
    assert all("ANSWER: " in first[place]["content"] for place in (2, 4))
    assert all("What is 41" not in first[place]["content"] for place in (1, 3)), "never the question itself"
    code, said = slipstick("trace mine/1#short#0", here)
    assert code == 0 and "[system] You add numbers." in said and "ANSWER: " in said
