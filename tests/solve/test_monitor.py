"""What the progress line says."""

from __future__ import annotations

import re

import pytest

from slipstick.models.fake import FakeModel
from slipstick.schema import Kind, Problem, Solution
from slipstick.solve.monitor import Monitor, kind_of_error


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ("Error code: 429 - too busy; try again", "Error code: 429 - too busy"),
        ("connect to http://10.0.0.1:8000/v1 failed: refused", "connect to http://10.0.0.1:8000/v1 failed: refused"),
        ("request 123456789 took too long. Try later.", "request ... took too long"),
        ("first line\nsecond line", "first line second line"),
        ("", "unknown"),
    ],
)
def test_an_error_is_told_in_whole_words(message: str, kind: str) -> None:
    assert kind_of_error(message) == kind


def test_a_long_error_is_cut_between_words() -> None:
    kind = kind_of_error("word " * 40)
    assert len(kind) <= 80 and kind.endswith("word ...")


def test_the_share_of_correct_answers_says_of_how_many() -> None:
    class Troubled(FakeModel):
        def trouble(self) -> str:
            return "no server answers"

    monitor = Monitor(Troubled({}))
    assert "request" not in monitor.note(), "none is running"
    easy = Problem(id="p/1", text="?", answer="4", kind="number")
    for answer in ("4", "5"):
        monitor.add(Solution(id="p/1#cot#0", problem_id="p/1", format="cot", blocks=[], answer=answer), easy)
    monitor.add(Solution(id="p/2#cot#0", problem_id="p/2", format="cot", blocks=[]), Problem(id="p/2", text="?"))
    monitor.running = 1
    note = monitor.note()
    assert note.startswith("1 request running, ") and re.search(r"\d % correct \(\d+-\d+\) of [12] checked", note)
    assert note.endswith("; no server answers")


@pytest.mark.parametrize(("gold", "kind", "answer"), [("7", None, "B"), ("B", "choice", "7"), ("B", "choice", None)])
def test_what_options_say_is_not_counted_as_incorrect(gold: str, kind: Kind | None, answer: str | None) -> None:
    monitor = Monitor(FakeModel({}))
    problem = Problem(id="p/1", text="Which is prime?", answer=gold, choices=["4", "7"], kind=kind)
    monitor.add(Solution(id="p/1#cot#0", problem_id="p/1", format="cot", blocks=[], answer=answer), problem)
    assert monitor.state()["checked"] == 0 and "correct" not in monitor.note()
