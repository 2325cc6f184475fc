"""Rows of no tool: keys that are mapped, and usual names that are guessed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from slipstick.errors import InputError
from slipstick.grade import grade_solutions
from slipstick.importers import find_outputs, read_outputs

USER = {"role": "user", "content": "2+2?"}
GUESSED: dict[str, dict[str, Any]] = {
    "question, answer, response": {"question": "2+2?", "answer": "4", "response": r"It is \boxed{4}"},
    "prompt, completion": {"prompt": "2+2?", "completion": "The answer is 4.", "ground_truth": 4},
    "verl's dump": {"input": "user\n2+2?", "output": "#### 4", "gts": "4", "score": 1.0, "step": 3},
    "verl's dump, a list": {"input": "user\n2+2?", "output": "#### 4", "gts": ["4"], "score": 1.0},
    "a dialogue": {"messages": [USER], "completion": [{"role": "assistant", "content": "It is 4."}], "target": "4"},
    "one sample in a list": {"problem": "2+2?", "gold": "4", "outputs": ["It is 4."]},
    "a worked solution": {"problem": "2+2?", "solution": r"So \boxed{4}.", "generation": "It is 4."},
    "without a question": {"answer": "4", "prediction": "4"},
    "inside an object": {"prompt": [USER], "reward_model": {"ground_truth": "4"}, "response": "It is 4."},
    "options": {"question": "?", "choices": ["3", "4"], "answer": 1, "response": "The answer is (B)."},
    "names in another case": {"Question": "2+2?", "Gold": "4", "Response": "It is 4."},
    "half a character": {"question": "2+2?", "answer": "4", "response": "It is 4 \ud83d"},
}


def graded(path: Path, *rows: dict[str, Any], **mapped: str) -> list[tuple[str, str, dict[str, bool]]]:
    """Id, outcome and recorded verdicts of each sample of a file."""
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    attempts = list(read_outputs(find_outputs(path, field_map=mapped)[0]))
    problems = {attempt.problem.id: attempt.problem for attempt in attempts}.values()
    solutions = grade_solutions([attempt.solution for attempt in attempts], problems)
    return [
        (solution.id, solution.verdict.outcome, attempt.recorded[0].verdicts)
        for attempt, solution in zip(attempts, solutions, strict=True)
        if solution.verdict
    ]


@pytest.mark.parametrize("row", GUESSED.values(), ids=GUESSED)
def test_usual_names_are_guessed(tmp_path: Path, row: dict[str, Any]) -> None:
    ((name, outcome, verdicts),) = graded(tmp_path / "dump.jsonl", row)
    assert (name, outcome) == ("dump/1#cot#0", "correct")
    assert verdicts == ({"score": True} if "score" in row else {})


def test_columns_of_a_table_are_its_options(tmp_path: Path) -> None:
    table = tmp_path / "mc.csv"
    table.write_text("question;A;B;C;answer;response\n2+2?;3;4;5;B;B\n3+3?;5;6;7;B;It is 6.\nA prime?;4;6;7;C;6\n")
    attempts = list(read_outputs(find_outputs(table)[0]))
    assert attempts[1].problem.choices == ["5", "6", "7"]
    found = grade_solutions([one.solution for one in attempts], [one.problem for one in attempts])
    assert [one.verdict.outcome for one in found if one.verdict] == ["correct", "correct", "incorrect"]


def test_options_under_names_of_ones_own(tmp_path: Path) -> None:
    row = {"question": "3+3?", "first": "5", "second": 6, "answer": "B", "response": "It is 6."}
    path = tmp_path / "dump.jsonl"
    path.write_text(json.dumps(row))
    (attempt,) = read_outputs(find_outputs(path, field_map={"choices": ["first", "second"]})[0])
    assert (attempt.problem.choices, attempt.problem.answer) == (["5", "6"], "B")
    with pytest.raises(InputError, match=r"field_map.answer .*only `choices` may have several"):
        find_outputs(path, field_map={"answer": ["first", "second"]})


def test_rows_of_one_question_are_its_samples(tmp_path: Path) -> None:
    rows = [{"input": "2+2?", "gts": "4", "output": text, "score": score} for text, score in (("4", 1), ("5", -1))]
    rows.append({"input": "2+3?", "gts": "5", "output": None, "score": 0})
    assert graded(tmp_path / "dump.jsonl", *rows) == [
        ("dump/1#cot#0", "correct", {"score": True}),
        ("dump/1#cot#1", "incorrect", {"score": False}),
        ("dump/3#cot#0", "no_answer", {"score": False}),
    ]
    several = {"id": "a/7", "question": "2+2?", "answer": "4", "responses": ["4", "5"], "score": 0.5}
    assert graded(tmp_path / "dump.jsonl", several) == [("a/7#cot#0", "correct", {}), ("a/7#cot#1", "incorrect", {})]


def test_a_mapping_beats_the_guess_and_reaches_into_objects(tmp_path: Path) -> None:
    row = {"task": {"words": "2+2?", "gold": "4"}, "answer": "no", "out": ["4"], "judge": True}
    mapped = {"text": "task.words", "answer": "task.gold", "response": "out.0", "verdict": "judge"}
    assert graded(tmp_path / "x.jsonl", row, **mapped) == [("x/1#cot#0", "correct", {"judge": True})]
    with pytest.raises(InputError, match=r"field_map.question is not a field of a row.*text \(the question\)"):
        graded(tmp_path / "x.jsonl", row, question="task.words")
    with pytest.raises(
        InputError, match=r"x.jsonl:1 has no `outs`, which field_map.response names.*did you mean `out`"
    ):
        graded(tmp_path / "x.jsonl", row, response="outs")


def test_files_of_known_tools_go_before_guesses(tmp_path: Path) -> None:
    lm_eval = {"doc_id": 0, "doc": {"question": "2+2?"}, "target": "4", "resps": [["4"]], "filtered_resps": ["4"]}
    (tmp_path / "samples_x.jsonl").write_text(json.dumps(lm_eval) + "\n")
    (tmp_path / "other.jsonl").write_text(json.dumps(GUESSED["prompt, completion"]) + "\n")
    sources, skipped = find_outputs(tmp_path)
    assert [source.file_format for source in sources] == ["lm-eval"] and [*skipped] == [tmp_path / "other.jsonl"]


@pytest.mark.parametrize("golds", [(7, 1), (1, 7), (0, 1, 12)])
@pytest.mark.parametrize("key", ["label", "correct"])
def test_a_column_of_golds_may_begin_with_a_one(tmp_path: Path, key: str, golds: tuple[int, ...]) -> None:
    rows = [{"question": f"{gold} + 0?", key: gold, "response": f"It is {gold}."} for gold in golds]
    found = graded(tmp_path / "dump.jsonl", *rows)
    assert found == [(f"dump/{number}#cot#0", "correct", {}) for number in range(1, len(golds) + 1)]


def test_a_row_that_cannot_be_read_is_named_and_hides_no_file(tmp_path: Path) -> None:
    row = {"question": "2+2?", "answer": "4", "response": "It is 4."}
    (tmp_path / "dump.jsonl").write_text(json.dumps(row) + "\n{")
    (source,), _ = find_outputs(tmp_path)
    with pytest.raises(InputError, match=r"dump.jsonl:2 is not valid JSON"):
        list(read_outputs([source]))


@pytest.mark.parametrize("key", ["label", "correct"])
def test_a_flag_is_no_gold(tmp_path: Path, key: str) -> None:
    row = {"question": "2+2?", "solution": r"So \boxed{4}.", "response": "It is 4.", key: 1}
    assert graded(tmp_path / "dump.jsonl", row) == [("dump/1#cot#0", "correct", {key: True})]
