"""Rows as published data sets have them: question and gold, or one line that says what is missing."""

from __future__ import annotations

import csv
import json
import logging
from pathlib import Path
from typing import Any

import pytest

from slipstick.errors import InputError
from slipstick.problems import load_problems
from slipstick.schema import Problem


def load(path: Path, *rows: dict[str, Any]) -> list[Problem]:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return list(load_problems(str(path)))


USER = {"role": "user", "content": "6*7?"}
GOLDS: dict[str, tuple[dict[str, Any], str | list[str] | None]] = {
    "MMLU": ({"question": "?", "subject": "s", "choices": ["1", "2", "3", "4"], "answer": 2}, "C"),
    "MMLU, numbers": ({"question": "?", "choices": [3, 1, 0, 2], "answer": 3}, "D"),
    "AQuA": ({"question": "?", "options": ["A)21", "B)21.5"], "rationale": "So B.", "correct": "B"}, "B"),
    "AQuA, own letters": ({"question": "?", "options": ["(A) 21", "(D) 3", "(C) 4"], "correct": "D"}, "B"),
    "ARC": ({"question": "?", "choices": {"text": ["x", "y"], "label": ["1", "2"]}, "answerKey": "2"}, "B"),
    "named options": ({"question": "?", "options": {"B": "x", "A": "y"}, "answer": "A"}, "B"),
    "options as objects": (
        {"question": "?", "options": [{"label": "P", "text": "x"}, {"label": "Q", "text": "y"}], "answer": "Q"}, "B"),
    "MathQA": ({"Problem": "?", "Rationale": "r", "options": "a ) 38 , b ) 27.5 , c ) 3", "correct": "b"}, "B"),
    "AGIEval": ({"query": "?", "choices": ["(A)1", "(B)2"], "gold": [1]}, "B"),
    "GPQA": ({"Question": "?", "Correct Answer": "m", "Incorrect Answer 1": "z", "Incorrect Answer 2": "a"}, "m"),
    "a place as text": ({"question": "?", "choices": ["5", "6"], "answer": "1"}, "B"),
    "an option's value": ({"question": "?", "choices": ["1.0", "2.0"], "answer": "1"}, "1"),
    "numbers as labels": ({"question": "?", "choices": {"text": ["x", "y"], "label": ["1", "2"]}, "answer": 2}, "B"),
    "an option's text": ({"question": "?", "choices": ["5", "6"], "answer": "6"}, "6"),
    "MATH": ({"problem": "?", "level": "Level 1", "type": "Algebra", "solution": r"So $\boxed{\frac12}$."}, r"\frac12"),
    "NuminaMath": ({"problem": "?", "solution": r"Hence \boxed{5}.", "messages": [USER]}, "5"),
    "NuminaMath-1.5": ({"problem": "?", "solution": r"\boxed{5}", "answer": "5", "problem_type": "Algebra"}, "5"),
    "a proof": ({"problem": "?", "solution": r"By \boxed{5}", "answer": "proof"}, None),
    "not found": ({"problem": "?", "solution": "Unclear.", "answer": "notfound"}, None),
    "OpenMathReasoning": ({"problem": "?", "generated_solution": r"\boxed{3}", "expected_answer": "n/a"}, None),
    "OpenMathInstruct": ({"question": "?", "expected_answer": "7", "predicted_answer": "8", "is_correct": False}, "7"),
    "NaN": ({"question": "?", "answer": float("nan")}, None),
    "MetaMathQA": ({"query": "?", "response": "2+2=4\n#### 4\nThe answer is: 4", "type": "GSM_Rephrased"}, "4"),
    "MathInstruct": ({"source": "data/CoT/x.json", "instruction": "?", "output": "2+2=4.\nThe answer is 4"}, "4"),
    "MathInstruct, a program": ({"instruction": "?", "output": "x = 4\nprint('The answer is', x)"}, None),
    "GSM8K": ({"question": "?", "answer": "2+2=<<2+2=4>>4\n#### 4"}, "4"),
    "SVAMP": ({"ID": "chal-1", "Body": "Ann has 3.", "Question": "And 2 more?", "Answer": 5.0}, "5.0"),
    "TheoremQA": ({"Question": "?", "Answer": True, "Answer_type": "bool", "Picture": None}, "True"),
    "AIME": ({"ID": "2024-I-1", "Problem": "?", "Solution": "s", "Answer": 204}, "204"),
    "OlympiadBench": ({"id": 7, "question": "?", "final_answer": ["$3$"], "context": None}, "$3$"),
    "OlympiadBench, two": ({"question": "?", "final_answer": ["2", "3"], "is_multiple_answer": True}, "2, 3"),
    "verl": ({"data_source": "x", "prompt": [USER], "reward_model": {"style": "rule", "ground_truth": "42"}}, "42"),
    "Skywork-OR1": ({"prompt": [USER], "reward_model": {"ground_truth": '["42"]'}}, "42"),
    "AReaL": ({"prompt": "6*7?", "query_id": "q", "solutions": [r"\boxed{42}"]}, "42"),
    "DAPO, processed": ({"prompt": "6*7?", "solution": "42", "source_prompt": [USER]}, "42"),
    "a bare formula": ({"prompt": "?", "solution": r"$\frac{1}{2}$"}, r"$\frac{1}{2}$"),
    "Big-Math": ({"problem": "?", "answer": "9", "llama8b_solve_rate": 0.5}, "9"),
    "DeepScaleR": ({"problem": "?", "answer": "9", "solution": r"\boxed{8}"}, "9"),
    "an empty gold": ({"problem": "?", "answer": "", "solution": r"\boxed{8}"}, "8"),
    "MMMLU": ({"Question": "?", "A": "3", "B": "4", "C": "5", "D": "6", "Answer": "B", "Subject": "s"}, "B"),
    "options in columns": ({"question": "?", "option_a": "3", "option_b": 4, "answer": "a"}, "A"),
    "letters in a row": ({"question": "?", "a": 3, "b": 4, "c": 5, "answer": 12}, "12"),
    "verl, as text": ({"prompt": [USER], "reward_model": '{"style": "rule", "ground_truth": "42"}'}, "42"),
    "verl, a table": ({"prompt": [USER], "reward_model": {"ground_truth": {"value": "42", "unit": None}}}, "42"),
    "verl, a table as text": ({"prompt": [USER], "reward_model": {"ground_truth": '{"target": 42}'}}, "42"),
    "a set in braces": ({"question": "?", "answer": "{1, 2}"}, "{1, 2}"),
    "a flag": ({"question": "?", "correct": True}, None),
    "a reply of a model": ({"question": "?", "response": "It is 4."}, None),
}  # fmt: skip


@pytest.mark.parametrize(("row", "gold"), GOLDS.values(), ids=GOLDS)
def test_golds_of_published_rows(tmp_path: Path, row: dict[str, Any], gold: str | list[str] | None) -> None:
    assert load(tmp_path / "set.jsonl", row)[0].answer == gold


CHATS: dict[str, tuple[dict[str, Any], str, str | None]] = {
    "prompt": ({"prompt": [USER], "answer": "42"}, "6*7?", "42"),
    "a system message": ({"prompt": [{"role": "system", "content": "Box it."}, USER], "answer": 42}, "6*7?", "42"),
    "parts": ({"prompt": [{"role": "user", "content": [{"type": "text", "text": "6*7?"}]}]}, "6*7?", None),
    "examples before": (
        {"messages": [{"role": "user", "content": "1?"}, {"role": "assistant", "content": "1"}, USER]}, "6*7?", None),
    "with its answer": ({"messages": [USER, {"role": "assistant", "content": r"It is \boxed{42}."}]}, "6*7?", "42"),
    "ShareGPT": (
        {"conversations": [{"from": "human", "value": "6*7?"}, {"from": "gpt", "value": "#### 42"}]}, "6*7?", "42"),
    "as text": ({"prompt": json.dumps([USER]), "answer": "42"}, "6*7?", "42"),
    "input": ({"input": [USER], "target": "42"}, "6*7?", "42"),
    "an object": ({"prompt": {"messages": [USER]}, "ground_truth": "42"}, "6*7?", "42"),
}  # fmt: skip


@pytest.mark.parametrize(("row", "text", "gold"), CHATS.values(), ids=CHATS)
def test_a_question_in_chat_messages(tmp_path: Path, row: dict[str, Any], text: str, gold: str | None) -> None:
    (problem,) = load(tmp_path / "set.jsonl", row)
    assert (problem.text, problem.answer) == (text, gold)


def test_a_dialogue_can_be_mapped(tmp_path: Path) -> None:
    path = tmp_path / "set.jsonl"
    path.write_text(json.dumps({"question": "no", "chat": [USER], "truth": {"value": "42"}}))
    (problem,) = load_problems(str(path), field_map={"text": "chat", "answer": "truth.value"})
    assert (problem.text, problem.answer) == ("6*7?", "42")
    (problem,) = load_problems(str(path), field_map={"text": "chat.0.content"})
    assert problem.text == "6*7?"
    path.write_text(json.dumps({"prompt": [{"role": "system", "content": "x"}]}))
    with pytest.raises(InputError, match=r"set.jsonl:1 has a dialogue without a message of the user"):
        list(load_problems(str(path)))


def test_what_stands_before_a_question_is_part_of_it(tmp_path: Path) -> None:
    rows = [GOLDS["SVAMP"][0], {"question": "How far?", "context": "A car goes.", "final_answer": ["3"]}]
    assert [problem.text for problem in load(tmp_path / "set.jsonl", *rows)] == [
        "Ann has 3.\nAnd 2 more?",
        "A car goes.\nHow far?",
    ]


def test_options_in_cells_of_csv(tmp_path: Path) -> None:
    with (tmp_path / "mmlu.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["question", "choices", "answer"])
        table.writerows([["?", "['1', '2', '3']", "2"], ["?", '["1", "2", "3"]', "B"], ["?", "A) 1 B) 2", "A"]])
    problems = list(load_problems(str(tmp_path / "mmlu.csv")))
    assert [(problem.choices, problem.answer) for problem in problems] == [
        (["1", "2", "3"], "C"),
        (["1", "2", "3"], "B"),
        (["1", "2"], "A"),
    ]


def test_places_and_values_in_one_file_are_refused(tmp_path: Path) -> None:
    for answers in ((0, 8), ("0", "8")):
        rows = [{"question": f"{n}?", "choices": [2, 4, 8], "answer": n} for n in answers]
        with pytest.raises(InputError, match=r"set.jsonl:2: some answers are places of options, counted from 0 .*:1\)"):
            load(tmp_path / "set.jsonl", *rows)


def test_missing_golds_are_counted_aloud(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "slipstick")
    golds = ["1", "", "notfound", "", "5"]
    load(tmp_path / "set.jsonl", *({"question": f"{n}?", "answer": gold} for n, gold in enumerate(golds)))
    (line,) = caplog.messages
    assert line.endswith(
        "set.jsonl: 3 of 5 problems have no gold: key `answer` is empty, line 2 first (2); "
        "`answer` is 'notfound', line 3 first (1)"
    )
    caplog.clear()
    load(tmp_path / "set.jsonl", {"question": "?", "reply": "4"})
    assert "no key holds one (its keys are question, reply; --set field_map.answer=KEY names it)" in caplog.messages[0]
    caplog.clear()
    load(tmp_path / "set.jsonl", {"question": "?", "answer": "4"})
    assert not caplog.messages
