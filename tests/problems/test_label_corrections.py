"""Corrections are applied as problems are loaded, and checked against the label they were made for."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from slipstick.errors import InputError
from slipstick.problems import load_problems
from slipstick.problems.label_corrections import read_corrections
from slipstick.problems.settings import ProblemSettings, take_problems

ROWS = [
    {"id": "p/1", "question": "2 and 2?", "answer": "5", "solution": "2+2 = 5"},
    {"id": "p/2", "question": "Which?", "answer": "1"},
    {"id": "p/3", "question": "3 and 3?", "answer": "6"},
]


def patch(**changed: object) -> dict[str, object]:
    return {"id": "p/1", "who": "ann", "when": "2026-02-03", "old": "5", "new": "4", "why": "miscounted"} | changed


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "p.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    return path


def patch_file(folder: Path, *rows: object, name: str = "fixes.jsonl") -> str:
    path = folder / name
    path.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows))
    return str(path)


def test_labels_are_put_right_and_the_ambiguous_left_out(source: Path, tmp_path: Path) -> None:
    before = source.read_bytes()
    one = patch_file(tmp_path, patch())
    two = patch_file(tmp_path, patch(id="p/2", old="1", new="ambiguous", why="two readings"), name="more.jsonl")
    settings = ProblemSettings(problems=[str(source)], label_corrections=[one, two])
    first, last = take_problems(settings)
    assert (first.id, first.answer, first.rationale) == ("p/1", "4", None)
    said = {"who": "ann", "when": "2026-02-03T00:00:00", "old": "5", "why": "miscounted"}
    assert first.metadata["label_correction"] == said
    assert last.id == "p/3" and "label_correction" not in last.metadata
    assert source.read_bytes() == before and [path.name for path in settings.files()] == [
        *("p.jsonl", "fixes.jsonl", "more.jsonl")
    ]


def test_several_acceptable_answers_and_a_source_that_was_mended(source: Path, tmp_path: Path) -> None:
    fixes = patch_file(tmp_path, patch(new=["4", "four"]), patch(id="p/3", old="7", new="6"))
    first, _, third = take_problems(ProblemSettings(problems=str(source), label_corrections=fixes))
    assert first.answer == ["4", "four"] and third.answer == "6" and "label_correction" not in third.metadata


MISTAKES = {
    "another label": ([patch(old="7")], r"fixes\.jsonl:1 corrects p/1 from '7', but its label is '5'"),
    "two corrections": ([patch(), patch(new="3")], r"fixes\.jsonl:2 corrects p/1 to '3', but .*fixes\.jsonl:1 to '4'"),
    "no reason": ([patch(), {"id": "p/2"}], r"fixes\.jsonl:2 is not a correction: who"),
    "a misspelt key": ([patch(nwe="4")], r"fixes\.jsonl:1 is not a correction: nwe"),
    "a bad date": ([patch(when="soon")], r"fixes\.jsonl:1 is not a correction: when"),
    "no JSON": (['{"id": '], r"fixes\.jsonl:1 is not valid JSON"),
    "nothing": ([], r"fixes\.jsonl has no rows"),
    "other problems": ([patch(id="q/1")], r"fixes\.jsonl corrects none of these problems; its first id is q/1"),
}


@pytest.mark.parametrize("rows, message", MISTAKES.values(), ids=MISTAKES)
def test_mistakes_name_the_line(source: Path, tmp_path: Path, rows: list[object], message: str) -> None:
    settings = ProblemSettings(problems=str(source), label_corrections=patch_file(tmp_path, *rows))
    with pytest.raises(InputError, match=message):
        take_problems(settings)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    patch_file(tmp_path, patch())
    with pytest.raises(InputError, match=r"did you mean .*fixes\.jsonl"):
        read_corrections([tmp_path / "fixs.jsonl"])


def test_with_a_limit_a_patch_may_be_about_later_problems(source: Path, tmp_path: Path) -> None:
    fixes = patch_file(tmp_path, patch(id="p/3", old="6", new="ambiguous"))
    (only,) = take_problems(ProblemSettings(problems=str(source), label_corrections=fixes, limit=1))
    assert only.answer == "5"


def test_loading_corrects_the_labels(source: Path, tmp_path: Path) -> None:
    fixes = patch_file(tmp_path, patch())
    assert next(load_problems(str(source))).answer == "5"
    assert next(load_problems(str(source), label_corrections=[fixes])).answer == "4"
    assert len(list(load_problems([str(source)], label_corrections=[fixes], limit=1))) == 1
