"""Options in columns of a table, and golds that could be a place or an option: decided by all rows, and said."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from slipstick.errors import InputError
from slipstick.problems import load_problems
from slipstick.schema import Problem


def read(path: Path, *lines: str, **more: Any) -> tuple[list[Problem], str]:
    """The problems of a table, and what was said."""
    path.write_text("".join(line + "\n" for line in lines))
    said: list[str] = []
    return list(load_problems(str(path), on_notice=said.append, **more)), "; ".join(said)


HEADER = "question,answer,A,B,C"


@pytest.mark.parametrize(
    ("header", "rows", "golds", "said"),
    [
        (HEADER, ["Prime?,7,4,7,9", "Even?,8,3,5,8"], ["7", "8"], "columns A, B, C are read as options, as 2 of 2"),
        (HEADER, ["Prime?,B,4,7,9", "Even?,C,3,5,8"], ["B", "C"], ""),
        (HEADER, ["Prime?,B,4,7,9", "Even?,8,3,5,8"], ["B", "8"], "are read as options, as 2 of 2"),
        (HEADER, ["Capital?,Paris,Rome,Paris,Bonn"], ["Paris"], "are read as options, as 1 of 1"),
        (HEADER, ["Prime?,1,4,7,9", "Even?,2,3,5,8"], ["B", "C"], "counted from 0: none says whether the first is 0"),
        (HEADER, ["Prime?,1,4,7,9", "Odd?,0,7,4,6"], ["B", "A"], "columns A, B, C are read as options"),
        (HEADER, ["Prime?,2,4,7,9", "Even?,3,3,5,8"], ["B", "C"], "counted from 1: some are as high as the number"),
        (HEADER, ["Two?,2,1,2,3", "Even?,8,3,5,8"], ["2", "8"], "read as options themselves, as 1 are no place"),
        (HEADER, ["Two?,2,1,3,2", "Odd?,0,7,4,6"], ["C", "A"], "places of options, counted from 0: 1 are no option"),
        (HEADER, ["Two?,2,1,2,3"], ["2"], "each of them is a place and an option as well: write letters if"),
        (HEADER, ["Prime?,,4,7,9"], [None], "are read as options, as there are no golds"),
        ("Question,Correct answer,Option 1,Option 2", ["Prime?,2,4,7", "Even?,1,8,3"], ["B", "A"], ""),
        ("question,answer,option1,option2", ["Prime?,Option 2,4,7", "Even?,option 1,8,3"], ["B", "A"], ""),
        ("question,answer,Choice 1,Choice 2", ["Prime?,7,4,7", "Even?,8,8,3"], ["7", "8"], "options themselves"),
        ("question,answer,Answer A,Answer B", ["Prime?,B,4,7"], ["B"], ""),
        ("question,answer,option_a,option_b", ["Two?,2,1,2", "Six?,6,5,6"], ["2", "6"], "options themselves"),
    ],
)
def test_golds_beside_options_in_columns(
    tmp_path: Path, header: str, rows: list[str], golds: list[str | None], said: str
) -> None:
    problems, notices = read(tmp_path / "set.csv", header, *rows)
    assert [problem.answer for problem in problems] == golds
    assert said in notices and (said or not notices)
    for problem, row in zip(problems, rows, strict=True):
        assert problem.choices == row.split(",")[2:] and problem.metadata.keys() <= {"answer"}
        assert "\nAnswer Choices: (A) " in problem.text


def test_a_cell_without_an_option_and_a_row_without_any(tmp_path: Path) -> None:
    problems, _ = read(tmp_path / "set.csv", HEADER, "Prime?,B,4,7,", "Six?,6,,,", "Odd?,A,5,4,8")
    assert [problem.choices for problem in problems] == [["4", "7"], None, ["5", "4", "8"]]


@pytest.mark.parametrize("header", ["question,answer,a,b", "question,answer,A,B", "question,answer,a,b,c"])
def test_columns_that_hold_values_are_no_options_and_that_is_said(tmp_path: Path, header: str) -> None:
    cells = ",2,3,5" if header.endswith("c") else ",2,3"
    problems, said = read(
        tmp_path / "set.csv", header, f"Sum?,5{cells[:4]}{cells[4:]}", f"Roots?,1{cells}", f"x?,0{cells}"
    )
    assert not any(problem.choices for problem in problems) and problems[0].metadata
    assert "are not read as options" in said and "--set \"field_map.choices=['" in said


def test_columns_of_any_name_are_mapped_to_options(tmp_path: Path) -> None:
    lines = ["question,answer,first,second", "Prime?,second,4,7", "Even?,A,8,5", "Odd?,9,8,9", "Open?,3,,"]
    problems, _ = read(tmp_path / "set.csv", *lines, field_map={"choices": ["first", "second"]})
    assert [(problem.choices, problem.answer) for problem in problems] == [
        (["4", "7"], "B"),
        (["8", "5"], "A"),
        (["8", "9"], "9"),
        (None, "3"),
    ]
    assert not problems[0].metadata
    with pytest.raises(InputError, match=r"has no `third`, which field_map\.choices names"):
        read(tmp_path / "set.csv", *lines, field_map={"choices": ["first", "third"]})
    with pytest.raises(InputError, match="only `choices` may have several columns"):
        read(tmp_path / "set.csv", *lines, field_map={"text": ["question"]})


def test_whole_numbers_beside_a_list_are_decided_by_all_rows(tmp_path: Path) -> None:
    path = tmp_path / "set.jsonl"
    for answers, golds in (((2, 8), ["2", "8"]), ((0, 2), ["A", "C"]), ((1, 3), ["A", "C"]), (("0", "2"), ["A", "C"])):
        rows = [json.dumps({"question": f"{n}?", "choices": [2, 4, 8], "answer": n}) for n in answers]
        assert [problem.answer for problem in read(path, *rows)[0]] == golds
