"""A row's own verdict on its solution: a column of true and false, or of 1 and 0, in every shape."""

from __future__ import annotations

from typing import Any

import pytest

from slipstick.errors import InputError
from slipstick.importers.training import Imported, Notes, read_training
from slipstick.tabular import Row

USER = {"role": "user", "content": "9-2?"}
SAID = {"role": "assistant", "content": "It is 3."}
TURNS = [{"from": "human", "value": "9-2?"}, {"from": "gpt", "value": "It is 3."}]
SHAPES: dict[str, dict[str, Any]] = {
    "KTO": {"prompt": "9-2?", "completion": "It is 3."},
    "KTO, messages": {"prompt": [USER], "completion": [SAID]},
    "messages": {"messages": [USER, SAID]},
    "sharegpt": {"conversations": TURNS},
    "alpaca": {"instruction": "9-2?", "output": "It is 3."},
    "rows": {"problem": "9-2?", "generated_solution": "It is 3."},
}
VALUES = [(False, True), (0, 1), (0.0, 1.0), ("False", "True"), ("0", "1")]


def read(*rows: dict[str, Any], notes: Notes | None = None, **settings: Any) -> list[Imported]:
    placed = [Row(f"set.jsonl:{number}", number, row) for number, row in enumerate(rows, start=1)]
    return list(read_training(iter(placed), stem="set", notes=notes, **settings))


def outcomes(found: list[Imported]) -> list[str | None]:
    return [one.solution.verdict.outcome if one.solution.verdict else None for one in found]


@pytest.mark.parametrize("values", VALUES, ids=repr)
@pytest.mark.parametrize("key", ["label", "verdict", "is_correct", "correct", "score", "Label"])
@pytest.mark.parametrize("row", SHAPES.values(), ids=SHAPES)
def test_a_column_of_two_values_is_a_verdict_in_every_shape(row: dict[str, Any], key: str, values: Any) -> None:
    notes = Notes()
    found = read(row | {key: values[0]}, row | {key: values[1]}, row, notes=notes)
    assert outcomes(found) == ["incorrect", "correct", None]
    assert {one.problem.answer for one in found} == {None} and notes.keys["verdict"] == key


def test_other_values_of_a_label_are_golds() -> None:
    row = SHAPES["rows"]
    found = read(row | {"label": 1}, row | {"label": 7})
    assert [one.problem.answer for one in found] == ["1", "7"] and outcomes(found) == [None, None]
    found = read(SHAPES["KTO"] | {"label": "7"})
    assert found[0].problem.answer == "7"


def test_a_label_beside_options_is_one_of_them() -> None:
    row = SHAPES["rows"] | {"choices": ["7", "3"]}
    ((problem, _),) = read(row | {"label": 1})
    assert problem.answer == "B"
    assert outcomes(read(row | {"label": True})) == ["correct"]


def test_a_gold_comes_before_a_verdict() -> None:
    ((problem, solution),) = read(SHAPES["KTO"] | {"label": True, "answer": "7"})
    assert (problem.answer, solution.verdict) == ("7", None)
    ((problem, _),) = read(SHAPES["rows"] | {"label": 1}, field_map={"answer": "label"})
    assert problem.answer == "1"


def test_a_verdict_may_stand_in_an_object() -> None:
    rows = [SHAPES["messages"] | {"judge": {"ok": value}} for value in (0, 1)]
    assert outcomes(read(*rows, field_map={"verdict": "judge.ok"})) == ["incorrect", "correct"]


def test_what_is_no_verdict_is_no_unchecked_row() -> None:
    row = SHAPES["KTO"]
    with pytest.raises(InputError, match=r"set.jsonl:1: `rating` is '0.5', and not true, false, 1 or 0"):
        read(row | {"rating": 0.5}, field_map={"verdict": "rating"})
    with pytest.raises(InputError, match=r"set.jsonl:2: `label` is 'unsure'.*field_map.answer=label"):
        read(row | {"label": True}, row | {"label": "unsure"})
    with pytest.raises(InputError, match=r"has no `lable`, which field_map.verdict names .did you mean `label`"):
        read(row | {"label": True}, field_map={"verdict": "lable"})


def test_our_records_keep_their_outcome() -> None:
    row = {"question": "9-2?", "blocks": '[{"type": "text", "text": "It is 3."}]', "format": "cot", "gold": "null"}
    assert outcomes(read(row | {"outcome": "incorrect"}, row | {"outcome": ""})) == ["incorrect", None]


def test_numbers_that_are_no_verdicts_are_told() -> None:
    notes = Notes()
    rows = [{"problem": "1+1?", "solution": "It is 2.", "score": score} for score in (1, 0.7)]
    placed = [Row(f"set.jsonl:{n}", n, row) for n, row in enumerate(rows, start=1)]
    ((one, _), _) = read_training(iter(placed), stem="set", notes=notes)
    assert notes.score == "`score`, as 0.7" and one.metadata["score"] == 1
