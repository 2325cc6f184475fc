"""Demonstrations from multiple-choice problems that have no worked solutions."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from slipstick.errors import RecipeError
from slipstick.formats import load_format
from slipstick.solve import SolveSettings
from slipstick.solve.shots import with_shots


def test_a_choice_problem_shows_its_letter_and_a_bare_gold_shows_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    source = tmp_path / "choice.jsonl"
    rows = [{"question": f"What is {n} + 1?", "choices": [str(n), str(n + 1)], "answer": "B"} for n in range(3)]
    source.write_text("".join(json.dumps(row) + "\n" for row in rows))
    settings = SolveSettings(shots_from=str(source), num_fewshot=2)
    shown = with_shots(load_format("cot"), settings).demonstrations
    assert {example.response for example in shown} == {"The answer is B."} and not caplog.text
    with_shots(load_format("cot"), settings.model_copy(update={"num_fewshot": 3}))
    assert "has just the 3 demonstrations of a prompt" in caplog.text
    source.write_text("".join(json.dumps({"question": row["question"], "answer": "1"}) + "\n" for row in rows))
    with pytest.raises(RecipeError, match="has 0 worked solutions"):
        with_shots(load_format("cot"), settings)


def test_the_mapping_of_the_problems_holds_for_demonstrations_that_have_its_keys(tmp_path: Path) -> None:
    source = tmp_path / "worked.jsonl"
    rows = [{"Aufgabe": f"{n} + 1?", "Loesung": f"It is {n} and 1. The answer is {n + 1}."} for n in range(4)]
    source.write_text("".join(json.dumps(row) + "\n" for row in rows))
    settings, fields = SolveSettings(shots_from=str(source), num_fewshot=2), {"text": "Aufgabe", "rationale": "Loesung"}
    fields |= {"answer": "Loesung", "id": "Nr"}
    shown = with_shots(load_format("cot"), settings, field_map=fields).demonstrations
    assert all("The answer is" in example.response and "+ 1?" in example.question for example in shown) and shown
