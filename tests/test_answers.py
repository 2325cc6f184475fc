"""Tests of finding the final answer: cases from tests/cases/answers.jsonl, blocks of the three formats, properties."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slipstick.answers import answer_of, final_answer, find_answer
from slipstick.schema import Block, Code, Output, Text

CASES = [json.loads(line) for line in (Path(__file__).parent / "cases" / "answers.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("case", CASES, ids=[f"{place}-{case['why'][:40]}" for place, case in enumerate(CASES)])
def test_case(case: dict[str, Any]) -> None:
    found = find_answer(case["text"], kind=case["kind"])
    assert (found.text if found else None) == case["answer"]
    assert (found.rule if found else None) == case["rule"]
    assert final_answer(case["text"], kind=case["kind"]) == case["answer"]


@settings(deadline=None)
@given(st.text(max_size=300), st.sampled_from([None, "number", "choice", "latex", "text", "list"]))
def test_any_text_is_searched_without_error_and_the_place_is_in_it(text: str, kind: str | None) -> None:
    found = find_answer(text, kind=kind)
    assert found is None or (found.text and 0 <= found.start < found.end <= len(text))


@settings(deadline=None)
@given(
    st.integers(-(10**12), 10**12), st.sampled_from(["The answer is {}.", r"\boxed{{{}}}", "#### {}", "so it is {}"])
)
def test_an_integer_is_found_whatever_marks_it(number: int, shape: str) -> None:
    assert final_answer(shape.format(number)) == str(number)
    assert final_answer(shape.format(number), kind="number") == str(number)


@pytest.mark.parametrize(
    ("blocks", "answer"),
    [
        pytest.param([Text(text="Six times seven. The answer is 42.")], "42", id="words"),
        pytest.param([Code(text="print(42)"), Output(text="42\n")], "42", id="program"),
        pytest.param([Code(text="..."), Output(text="1\n2\n\n  3  \n")], "3", id="last line"),
        pytest.param([Code(text="..."), Output(text="The answer is 3.\n")], "3", id="marked line"),
        pytest.param([Code(text="..."), Output(text="Total: 3 apples")], "Total: 3 apples", id="a line stays whole"),
        pytest.param([Code(text="..."), Output(text="NameError", status="error")], None, id="failed program"),
        pytest.param([Code(text="..."), Output(text="42", status="timeout")], None, id="printed, then hung"),
        pytest.param([Code(text="..."), Output(text="")], None, id="printed nothing"),
        pytest.param([Code(text="..."), Output(text="None")], None, id="None is no answer"),
        pytest.param([Code(text="print(42)")], None, id="never run"),
        pytest.param([Code(text="..."), Output(text="41"), Text(text=r"So \boxed{42}.")], "42", id="words conclude"),
        pytest.param(
            [Code(text="..."), Output(text="42"), Text(text="There are 7 days.")], "42", id="words conclude nothing"
        ),
        pytest.param(
            [
                Code(text="..."),
                Output(text="42"),
                Code(text="x"),
                Output(text="no", status="error"),
                Text(text="Sorry."),
            ],
            "42",
            id="last good output",
        ),
        pytest.param(
            [Code(text="..."), Output(text="no", status="error"), Text(text="It is 42 then.")], "42", id="number"
        ),
        pytest.param([], None, id="nothing"),
    ],
)
def test_answer_of_blocks(blocks: list[Any], answer: str | None) -> None:
    assert answer_of(blocks) == answer


def test_a_number_is_taken_out_of_a_printed_sentence_if_a_number_is_asked() -> None:
    assert answer_of([Code(text="..."), Output(text="Janet makes 18 dollars.")], kind="number") == "18"


def test_a_letter_is_taken_out_of_the_conclusion_if_a_choice_is_asked() -> None:
    blocks: list[Block] = [Code(text="..."), Output(text="12"), Text(text="Therefore the answer is (B).")]
    assert answer_of(blocks, kind="choice") == "B"
