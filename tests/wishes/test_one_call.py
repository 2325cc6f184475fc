"""Wish: evaluate my problems against my model's server in one call from Python, and get a DataFrame."""

from __future__ import annotations

from pathlib import Path

import pandas
import pytest

import slipstick
from tests.models.scripted_server import Server


@pytest.fixture
def server(server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Server:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    server.text = "Six times seven is 42. The answer is 42."
    return server


def test_a_data_frame_in_a_data_frame_out(server: Server) -> None:
    mine = pandas.DataFrame({"question": ["What is 6 * 7?", "What is 6 * 8?"], "answer": [42, 48], "level": [1, 2]})
    run = slipstick.evaluate(
        mine, "openai:abacus-7b", formats=["cot"], base_url=server.url, temperature=0, max_tokens=64, out="runs/abacus"
    )
    frame = run.frame()
    assert list(frame["problem"]) == list(mine["question"])
    assert list(frame["answer"]) == ["42", "42"]
    assert list(frame["outcome"]) == ["correct", "incorrect"]
    assert list(frame["expected"]) == ["42", "48"]
    assert frame["tokens"].sum() == 14
    assert [row["level"] for row in frame["metadata"]] == [1, 2]
    accuracy = run.metrics_frame().query("measure == 'accuracy'").iloc[0]
    assert (accuracy["value"], accuracy["n"]) == (0.5, 2)
    assert accuracy["low"] < 0.5 < accuracy["high"]
    assert run.report == Path("runs/abacus/report.html")


def test_my_file_by_its_name(server: Server) -> None:
    Path("mine.jsonl").write_text('{"question": "What is 6 * 7?", "answer": "42"}\n')
    run = slipstick.evaluate("mine.jsonl", "openai:abacus-7b", base_url=server.url, num_samples=2, temperature=0.6)
    assert run.path == Path("runs/mine")
    assert list(run.frame()["sample"]) == [0, 1]
    assert slipstick.open_run("runs/mine").frame().equals(run.frame())
