"""A judge that was opened is closed, once, whatever comes of the command."""

from __future__ import annotations

from pathlib import Path

import pytest

from slipstick.judge import opened
from slipstick.models.fake import FakeModel
from tests.invoked import Invoke


class Counted(FakeModel):
    """A judge that counts how often it is closed."""

    closed = 0

    async def close(self) -> None:
        self.closed += 1


@pytest.fixture
def judge(monkeypatch: pytest.MonkeyPatch) -> Counted:
    model = Counted(lambda _: "Verdict: correct")
    monkeypatch.setattr(opened, "open_model", lambda *_: model)
    return model


def test_a_judge_is_closed_once_when_it_was_asked(invoke: Invoke, judge: Counted) -> None:
    Path("birds.jsonl").write_text('{"question": "?", "answer": "a wren", "response": "\\\\boxed{a robin}"}\n')
    assert invoke("grade", "birds.jsonl", "--out", "run", "--set", "judge=fake:x")[0] == 0
    assert judge.closed == 1 and Path("run/judge.json").is_file()
    assert invoke("grade", "run")[0] == 0 and judge.closed == 2
    assert invoke("grade", "run", "--out", "copy")[0] == 0 and judge.closed == 3


def test_a_judge_is_closed_if_nothing_is_graded(invoke: Invoke, judge: Counted) -> None:
    Path("birds.jsonl").write_text('{"question": "?", "answer": "a wren", "response": "\\\\boxed{a robin}"}\n')
    Path("run").mkdir()
    Path("run/notes.txt").write_text("mine")
    for verb, more in (("grade", []), ("evaluate", ["--set", "model=fake:none.jsonl"])):
        code, _, err = invoke(verb, "birds.jsonl", "--out", "run", "--set", "judge=fake:x", *more)
        assert code == 2 and err, err
    assert judge.closed == 2
