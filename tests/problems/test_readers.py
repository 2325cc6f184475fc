"""Every dataset of the catalogue reads rows in its source's own shape: tests/cases/datasets.jsonl, rows of our own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from slipstick.errors import InputError
from slipstick.problems import load_problems
from slipstick.problems.catalogue import datasets
from slipstick.problems.catalogue.readers import READERS

TABLE = Path(__file__).parents[1] / "cases" / "datasets.jsonl"
CASES = [json.loads(line) for line in TABLE.read_text(encoding="utf-8").splitlines()]


def write(folder: Path, source: str, *rows: Any) -> None:
    path = folder / f"{source.replace(':', '_')}.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


@pytest.mark.parametrize("case", CASES, ids=[f"{case['source']} {case['why']}" for case in CASES])
def test_a_row_of_the_source_is_read(tmp_path: Path, case: dict[str, Any]) -> None:
    write(tmp_path, case["source"], case["row"])
    found = list(load_problems(case["source"], problems_dir=tmp_path))
    if case["expected"] is None:
        assert found == []
        return
    problem = found[0].model_dump()
    assert {key: problem[key] for key in case["expected"]} == case["expected"]
    assert problem["id"].startswith(case["source"].replace(":", "/") + "/")
    assert problem["metadata"]["dataset"] == case["source"].partition(":")[0]


def test_every_dataset_and_every_reader_has_a_case() -> None:
    cased = {case["source"] for case in CASES}
    read = set()
    for name, dataset in datasets().items():
        if dataset.kind == "text":
            continue
        assert any(source.startswith(f"{name}:") for source in cased), name
        read |= {
            dataset.splits[source.split(":")[1]].reader or dataset.reader
            for source in cased
            if source.startswith(f"{name}:")
        }
    assert read == READERS.keys() - {"text"}


@pytest.mark.parametrize("source", sorted({case["source"] for case in CASES}))
@pytest.mark.parametrize(
    "row", [{}, {"question": None, "answer": None}, {"id": 4, "words": [1, {"a": 2}]}, {"a": {"b": 1}}]
)
def test_a_row_of_another_shape_is_named_and_not_guessed(tmp_path: Path, source: str, row: dict[str, Any]) -> None:
    write(tmp_path, source, row)
    with pytest.raises(InputError, match=r"jsonl:1: no row of .*its keys are"):
        list(load_problems(source, problems_dir=tmp_path))


def test_an_answer_that_is_no_option_is_a_bad_row(tmp_path: Path) -> None:
    write(tmp_path, "aqua:test", {"question": "?", "options": ["A)1", "B)2"], "correct": "E", "rationale": ""})
    with pytest.raises(InputError, match="the answer 'E', which is not one of its 2 options"):
        list(load_problems("aqua:test", problems_dir=tmp_path))
