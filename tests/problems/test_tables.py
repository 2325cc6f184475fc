"""Problems from CSV and Parquet, and bad rows that are handed over instead of ending the reading."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path

import pytest

from slipstick.errors import InputError
from slipstick.problems import load_problems
from slipstick.tabular import read_rows


def read(path: Path, bad: list[tuple[str, str]]) -> list[str]:
    """The texts of a file's problems; what cannot be read goes to `bad`."""
    return [problem.text for problem in load_problems(str(path), on_bad=lambda *row: bad.append(row))]


@pytest.mark.parametrize("ending", ["csv", "tsv", "CSV", "csv.gz"])
def test_a_table_is_read_like_lines_of_json(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"set.{ending}"
    rows = ['1,"What is 1,000 + 1?\nSay it.","1,001",2', "", 'x/2,"He said ""two"".",2,3']
    text = "\r\n".join(["\ufeffid,question,answer,level", *rows, ""])
    if ending == "tsv":  # a comma without a space or a figure behind it is no comma of a cell
        text = re.sub(r",(?! |\d{3})", "\t", text)
    path.write_bytes(gzip.compress(text.encode()) if ending.endswith("gz") else text.encode())
    first, second = load_problems(str(path))
    assert (first.id, first.text, first.answer) == ("set/1", "What is 1,000 + 1?\nSay it.", "1,001")
    assert (second.id, second.text, second.metadata) == ("x/2", 'He said "two".', {"level": "3"})


def test_cells_of_a_table_are_mapped_like_keys(tmp_path: Path) -> None:
    (tmp_path / "set.csv").write_text("Frage,Antwort\n6*7?,42\n")
    problem = next(load_problems(str(tmp_path / "set.csv"), field_map={"text": "Frage", "answer": "Antwort"}))
    assert (problem.text, problem.answer, problem.id) == ("6*7?", "42", "set/2")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", r"set.csv has no rows; a row is a line of cells under a header"),
        ("question,answer\n", r"set.csv has no rows"),
        ("question,question\na,b\n", r"set.csv:1 names the column `question` more than once"),
        ("question,answer\na,1\nb\n", r"set.csv:3 has 1 cells where the header has 2"),
        ("question,answer\n\na,1,2\n", r"set.csv:3 has 3 cells where the header has 2"),
        ('question,answer\n"a,1\n', r"set.csv:2 is not valid CSV: a quotation mark of this cell is never closed"),
        ('question,answer\n"a"b,1\n', r"set.csv:2 is not valid CSV"),
        ("a\n1\n", r"set.csv:2 has no question; its keys are a"),
        ("question,answer\n ,1\n", r"set.csv:2 has no words in its question"),
    ],
)
def test_a_table_that_does_not_hold_is_named(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "set.csv").write_text(text)
    with pytest.raises(InputError, match=said):
        list(load_problems(str(tmp_path / "set.csv")))


def test_parquet_is_known_by_what_is_inside(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow", reason="the extra `data` is not installed")
    from pyarrow import parquet

    rows = [{"question": f"What is {n}?", "answer": n, "options": ["1", "2"] if n == 1 else None} for n in range(2500)]
    path = tmp_path / "set.rows"
    parquet.write_table(pyarrow.Table.from_pylist(rows), path)
    problems = list(load_problems(str(path)))
    assert len(problems) == 2500 and problems[-1].answer == "2499" and problems[1].choices == ["1", "2"]
    data = path.read_bytes()
    path.write_bytes(data[:-20])
    with pytest.raises(InputError, match=r"set.rows is damaged after row 0"):
        list(read_rows(path))


def test_bad_rows_are_handed_over_and_the_rest_is_read(tmp_path: Path) -> None:
    path = tmp_path / "set.jsonl"
    lines = [b'{"text": "a", "id": "x/1"}', b"broken", b"[1]", b'{"text": "\xe9"}', b'{"answer": 1}']
    path.write_bytes(b"\n".join([*lines, b'{"text": "b", "id": "x/1"}', b'{"text": "c"}']))
    bad: list[tuple[str, str]] = []
    assert read(path, bad) == ["a", "c"]
    assert [where for where, _ in bad] == [f"{path}:{line}" for line in (2, 3, 4, 5, 6)]
    reasons = [reason for _, reason in bad]
    assert reasons[0].startswith("is not valid JSON") and reasons[1].startswith("is an array")
    assert reasons[2] == "is not UTF-8: byte 0xe9" and reasons[3].startswith("has no question")
    assert reasons[4].startswith("duplicate id `x/1`, first on line")


def test_elements_and_cells_are_handed_over_too(tmp_path: Path) -> None:
    bad: list[tuple[str, str]] = []
    (tmp_path / "set.json").write_text(json.dumps([{"text": "a"}, 7, {"text": "b"}]))
    assert read(tmp_path / "set.json", bad) == ["a", "b"]
    (tmp_path / "set.csv").write_text("text,answer\na,1\nb\nc,3\n")
    assert read(tmp_path / "set.csv", bad) == ["a", "c"]
    assert [where for where, _ in bad] == [f"{tmp_path}/set.json:2", f"{tmp_path}/set.csv:3"]


@pytest.mark.parametrize("text", ["broken\n", "", '[{"text": "a"}'])
def test_a_file_without_a_row_that_can_be_read_is_an_error_all_the_same(tmp_path: Path, text: str) -> None:
    (tmp_path / "set.jsonl").write_text(text)
    with pytest.raises(InputError):
        read(tmp_path / "set.jsonl", [])


def test_a_file_that_breaks_off_is_an_error_all_the_same(tmp_path: Path) -> None:
    path = tmp_path / "set.jsonl.gz"
    rows = "".join(json.dumps({"text": f"question {number}"}) + "\n" for number in range(2000))
    path.write_bytes(gzip.compress(rows.encode())[:-500])
    with pytest.raises(InputError, match="damaged gzip file"):
        read(path, [])


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        (
            "a.xlsx",
            b"PK\x03\x04\x14\x00",
            "a.xlsx is a workbook of Excel or an archive: save a workbook's sheet as CSV",
        ),
        ("a.xls", b"\xd0\xcf\x11\xe0\xa1", "a.xls is a workbook of Excel: save its sheet as CSV"),
        ("a.csv", b"\xff\xfeq\x00,\x00\xd8", "a.csv begins as UTF-16 and is none after line 0: save it as UTF-8"),
        (
            "a.csv",
            b"question,answer\nCaf\xe9?,1\n",
            "a.csv:2 is not UTF-8: byte 0xe9; save it as UTF-8, one of Windows: iconv",
        ),
        (
            "task.yaml",
            b"task: gsm8k\ndataset_path: gsm8k\n",
            "task.yaml is YAML and no file of rows. If it describes a task of lm-eval",
        ),
    ],
)
def test_a_file_of_another_kind_is_told_what_makes_it_one(tmp_path: Path, name: str, content: bytes, said: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=re.escape(said)):
        list(load_problems(str(tmp_path / name)))


TABLE = 'question;answer\n"One; or, 1?";"1,5"\n\nTwo, or 3?;2\n'


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", TABLE),
        ("a.csv", "sep=;\n" + TABLE),
        ("a.csv", "SEP=;\r\n" + TABLE.replace("\n", "\r\n")),
        ("a.csv", "\ufeffsep=;\n" + TABLE),
        ("a.csv", re.sub(r";(?! )", "\t", TABLE)),
        ("a.csv", re.sub(r";(?! )", "|", TABLE)),
        ("a.tsv", TABLE),
        ("a.tsv", re.sub(r";(?! )", ",", TABLE).replace("Two, or 3?", '"Two, or 3?"')),
        ("a.csv", '"question, in words";answer\n' + TABLE.partition("\n")[2]),
        ("a.csv", TABLE.replace("\nTwo", ";\nTwo") + ";\n ; \n"),
        ("a.csv", TABLE.replace("answer", "answer;;").replace('5"', '5";;')),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_table_as_spreadsheets_write_it(tmp_path: Path, name: str, content: str, encoding: str) -> None:
    (tmp_path / name).write_bytes(content.encode(encoding) if content[0] != "\ufeff" else content.encode())
    rows = [[*row.values.values()] for row in read_rows(tmp_path / name)]
    assert rows == [["One; or, 1?", "1,5"], ["Two, or 3?", "2"]]


def test_the_lines_of_a_table_behind_a_line_of_its_separator_are_counted(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("sep=;\nquestion;answer\n;;\nOne?;1;2\n")
    with pytest.raises(InputError, match=r"a.csv:4 has 3 cells where the header has 2"):
        list(read_rows(tmp_path / "a.csv"))
