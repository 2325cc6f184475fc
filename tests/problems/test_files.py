"""Problems from files of many shapes, and what is said of files and rows that hold none."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

import slipstick
from slipstick.errors import InputError
from slipstick.metrics.groups import set_of
from slipstick.metrics.measures import summarize
from slipstick.problems import load_problems
from slipstick.schema import Problem
from tests.metrics.graded import attempt, by_label, equal

SHARED = Path(__file__).parents[3] / "shared" / "data"


def write(path: Path, *rows: Any) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return str(path)


def one(tmp_path: Path, row: dict[str, Any], **fields: str) -> Problem:
    return next(load_problems(write(tmp_path / "set.jsonl", row), field_map=fields))


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"question": "6*7?"}, {"id": "set/1", "text": "6*7?", "answer": None}),
        ({"problem": "6*7?", "gold": 42}, {"answer": "42"}),
        ({"instruction": "6*7?", "target": 4.5}, {"answer": "4.5"}),
        ({"instruction": "Multiply.", "input": "6 and 7"}, {"text": "Multiply.\n6 and 7"}),
        ({"prompt": "6*7?", "expected_answer": True}, {"answer": "True"}),
        ({"text": "6*7?", "answer": ["42", 42.0, ""]}, {"answer": ["42", "42.0"]}),
        ({"text": "6*7?", "answer": ""}, {"answer": None}),
        ({"text": "6*7?", "answer": "6*7 is 42.\n#### 42"}, {"answer": "42", "rationale": "6*7 is 42."}),
        ({"text": "6*7?", "idx": 7}, {"id": "set/7"}),
        ({"text": "6*7?", "id": "7"}, {"id": "set/7"}),
        ({"text": "6*7?", "id": "mul/test/7"}, {"id": "mul/test/7"}),
        ({"text": "6*7?", "solution": "It is 42.", "license": "MIT"}, {"rationale": "It is 42.", "licence": "MIT"}),
        ({"text": "6*7?", "answer_type": "Number"}, {"kind": "number"}),
        ({"text": "6*7?", "answer_type": "float"}, {"kind": None, "metadata": {"answer_type": "float"}}),
        ({"text": "6*7?", "kind": "school", "answer_type": "text"}, {"kind": "text", "metadata": {"kind": "school"}}),
        ({"text": "6*7?", "metadata": {"a": {"b": 1}}, "level": 3}, {"metadata": {"a": {"b": 1}, "level": 3}}),
        ({"text": "6*7?", "split": "test", "steps": [1], "x": None}, {"metadata": {"split": "test"}}),
        (
            {"question": "6*7?", "problem": "Six times seven"},
            {"text": "6*7?", "metadata": {"problem": "Six times seven"}},
        ),
    ],
)
def test_well_known_keys_are_recognised(tmp_path: Path, row: dict[str, Any], expected: dict[str, Any]) -> None:
    problem = one(tmp_path, row).model_dump()
    assert {key: problem[key] for key in expected} == expected


OPTIONS = "Which?\nAnswer Choices: (A) web (B) tree"


@pytest.mark.parametrize(
    ("row", "text", "choices", "answer"),
    [
        ({"question": "Which?", "choices": ["web", "tree"], "answer": "B"}, OPTIONS, ["web", "tree"], "B"),
        ({"question": "Which?", "options": ["A)web", "B)tree"], "answer": "B"}, OPTIONS, ["web", "tree"], "B"),
        ({"question": "Which?", "options": {"A": "web", "B": "tree"}, "answer": "A"}, OPTIONS, ["web", "tree"], "A"),
        (
            {"question": "Which?", "choices": {"text": ["web", "tree"], "label": ["A", "B"]}, "answer": "A"},
            OPTIONS,
            ["web", "tree"],
            "A",
        ),
        ({"question": OPTIONS, "choices": ["web", "tree"], "answer": "B"}, OPTIONS, ["web", "tree"], "B"),
        (
            {"question": "Which?\nA. web\nB. tree", "choices": ["web", "tree"]},
            "Which?\nA. web\nB. tree",
            ["web", "tree"],
            None,
        ),
        ({"question": "Which?", "choices": ["web", "tree"], "answer": 1}, OPTIONS, ["web", "tree"], "B"),
        (
            {"question": "How many?", "choices": [2, 1], "answer": 1},
            "How many?\nAnswer Choices: (A) 2 (B) 1",
            ["2", "1"],
            "B",
        ),
        ({"question": "Which?", "choices": [], "answer": "web"}, "Which?", None, "web"),
    ],
)
def test_a_question_shows_its_options(
    tmp_path: Path, row: dict[str, Any], text: str, choices: list[str] | None, answer: str | None
) -> None:
    problem = one(tmp_path, row)
    assert (problem.text, problem.choices, problem.answer) == (text, choices, answer)


def test_fields_beat_recognition_and_reach_into_objects(tmp_path: Path) -> None:
    row = {"question": "no", "task": {"words": "6*7?", "truth": {"value": 42}}, "answer": "no", "a.b": "x/1"}
    problem = one(tmp_path, row, text="task.words", answer="task.truth.value", id="a.b")
    assert (problem.text, problem.answer, problem.id) == ("6*7?", "42", "x/1")
    assert problem.metadata == {"question": "no", "answer": "no"}


def test_a_mapped_object_becomes_the_metadata(tmp_path: Path) -> None:
    assert one(tmp_path, {"text": "?", "extra_info": {"split": "test"}}, metadata="extra_info").metadata == {
        "split": "test"
    }


def test_our_own_rows_load_as_they_are(tmp_path: Path) -> None:
    problem = Problem(
        id="7", text="Which?", answer=["A", "B"], kind="choice", choices=["a", "b"], metadata={"x": [1, {}]}
    )
    assert one(tmp_path, problem.model_dump()) == problem


@pytest.mark.parametrize("zipped", [False, True], ids=["plain", "gzip"])
@pytest.mark.parametrize(
    "content",
    [
        '{"text": "a"}\n\n{"text": "b"}\n',
        '\ufeff{"text": "a"}\r\n{"text": "b"}',
        '[{"text": "a"}, {"text": "b"}]',
        '\n[\n  {"text": "a"},\n  {"text": "b"}\n]\n',
    ],
    ids=["lines", "bom, crlf, no last newline", "array", "array over lines"],
)
def test_lines_and_arrays_gzipped_or_not_are_read(tmp_path: Path, content: str, zipped: bool) -> None:
    path = tmp_path / "odd name.jsonl"  # what is inside decides, not the name
    path.write_bytes(gzip.compress(content.encode()) if zipped else content.encode())
    assert [problem.text for problem in load_problems(str(path))] == ["a", "b"]


def test_an_id_from_a_file_with_several_suffixes_names_the_file(tmp_path: Path) -> None:
    path = tmp_path / "set.v2.test.jsonl.gz"
    path.write_bytes(gzip.compress(b'{"text": "a"}'))
    assert next(load_problems(str(path))).id == "set.v2.test/1"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "set.jsonl has no rows"),
        (" \n\n", "set.jsonl has no rows"),
        ("[]", "set.jsonl has no rows"),
        ('{"text": "a"}\n{"text": "b"\n', r"set.jsonl:2 is not valid JSON: .*column \d+: Expecting"),
        ('{\n  "text": "a"\n}\n', "set.jsonl:1 is not valid JSON.*one JSON object on a line"),
        ('[{"text": "a"}\n{"text": "b"}]', "set.jsonl is not valid JSON: line 2 column 1"),
        ('"text"\n', 'set.jsonl:1 is a string, not a JSON object: "text"'),
        ('[{"text": "a"}, 7]', "set.jsonl:2 is a number, not a JSON object: 7"),
        ('{"text": "a"}\nnull\n', "set.jsonl:2 is null, not a JSON object"),
        (
            '{"questoin": "a", "answer": "1"}',
            "set.jsonl:1 has no question; its keys are questoin, answer; .*field_map.text=KEY",
        ),
        ('{"text": " "}', "set.jsonl:1 has no words in its question, ' '"),
        (
            '{"text": "a", "id": "x/1"}\n{"text": "b", "id": "x/1"}',
            r"set.jsonl:2: duplicate id `x/1`, first on line 1",
        ),
        ('{"text": "a", "answer": {"low": 1, "high": 2}}', "set.jsonl:1: the answer is .*field_map.answer=KEY"),
        ('{"text": "a", "answer": [[1]]}', "set.jsonl:1: the answer is"),
        ('{"text": "a", "id": [1]}', r"set.jsonl:1: the id is \[1\]"),
        ('{"text": "a", "choices": [["b"]]}', "set.jsonl:1: choices is"),
        (
            '{"text": "a", "choices": ["b", "c"], "answer": 3}',
            r"set.jsonl:1: the answer is option 3 \(counted from 0\) of only 2",
        ),
        ('{"text": ' + "[" * 100_000, "set.jsonl:1 is"),
        ('{"text": "a", "x": ' + "9" * 5000 + "}", "set.jsonl:1 is JSON that cannot be read"),
    ],
)
def test_a_file_or_row_that_holds_no_problem_is_named(tmp_path: Path, content: str, said: str) -> None:
    (tmp_path / "set.jsonl").write_text(content)
    with pytest.raises(InputError, match=said):
        list(load_problems(str(tmp_path / "set.jsonl")))


def test_a_bad_row_raises_only_when_it_is_reached(tmp_path: Path) -> None:
    (tmp_path / "set.jsonl").write_text('{"text": "a"}\nbroken\n')
    problems = load_problems(str(tmp_path / "set.jsonl"))
    assert next(problems).text == "a"
    with pytest.raises(InputError, match=r"set.jsonl:2"):
        next(problems)


def test_a_gzip_file_cut_short_is_named_when_its_end_is_reached(tmp_path: Path) -> None:
    rows = "".join(json.dumps({"text": f"question {number} of many"}) + "\n" for number in range(2000))
    path = tmp_path / "set.jsonl.gz"
    path.write_bytes(gzip.compress(rows.encode())[:-2000])
    problems = load_problems(str(path))
    assert next(problems).text == "question 0 of many"
    with pytest.raises(InputError, match=r"set.jsonl.gz is a damaged gzip file, cut or altered after line \d+"):
        list(problems)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (rb'{"text": "2+2 \ud83d?"}', "2+2 \ufffd?"),
        (rb'{"text": "\uDE00\ud83d"}', "\ufffd\ufffd"),
        (rb'{"text": "\ud83d\ude00 2+2?"}', "\U0001f600 2+2?"),
        (rb'{"text": "\\ud83d is no escape"}', "\\ud83d is no escape"),
        (b'{"text": "2+2 \xed\xa0\xbd?"}', "2+2 \ufffd?"),
        (b'{"text": "\xed\xa0\xbd\xed\xb8\x80 2+2?"}', "\U0001f600 2+2?"),
        (rb'[{"text": "a \udfff"}]', "a \ufffd"),
        (b'{\n"1": {"text": "a \\udfff"}\n}', "a \ufffd"),
        (rb'{"messages": "[{\"role\": \"user\", \"content\": \"a \\udfff\"}]"}', "a \ufffd"),
    ],
)
def test_half_a_surrogate_pair_is_replaced(tmp_path: Path, content: bytes, text: str) -> None:
    (tmp_path / "set.jsonl").write_bytes(content)
    assert [problem.text for problem in load_problems(str(tmp_path / "set.jsonl"))] == [text]


def test_bytes_that_are_no_utf8_are_named(tmp_path: Path) -> None:
    (tmp_path / "set.jsonl").write_bytes(b'{"text": "a"}\n{"text": "\xe9"}\n')
    with pytest.raises(InputError, match=r"set.jsonl:2 is not UTF-8: byte 0xe9"):
        list(load_problems(str(tmp_path / "set.jsonl")))


def test_a_missing_file_raises_at_once_and_names_its_neighbour(tmp_path: Path) -> None:
    write(tmp_path / "problems.jsonl", {"text": "a"})
    with pytest.raises(InputError, match=r"problem.jsonl does not exist \(did you mean `.*problems.jsonl`\?\)"):
        load_problems(str(tmp_path / "problem.jsonl"))
    with pytest.raises(InputError, match=r"is a folder, not a file of rows; name one of its files: problems.jsonl"):
        load_problems(str(tmp_path))


def test_a_mapping_that_does_not_hold_names_what_is_there(tmp_path: Path) -> None:
    path = write(tmp_path / "set.jsonl", {"question": "a", "gold_answer": "1"})
    with pytest.raises(InputError, match=r"field_map.answr is not a problem's field \(did you mean `answer`\?\)"):
        load_problems(path, field_map={"answr": "gold_answer"})
    with pytest.raises(InputError, match=r"set.jsonl:1 has no `gold_anser`.*did you mean `gold_answer`.*its keys are"):
        list(load_problems(path, field_map={"answer": "gold_anser"}))


@pytest.mark.no_cover  # many rows, the same lines
@pytest.mark.parametrize("folder", ["eval", "train"])
def test_every_published_set_loads_whole(folder: str) -> None:
    files = sorted((SHARED / folder).glob("*.jsonl*"))
    if not files:
        pytest.skip("the published sets are not here (../shared/data)")
    for file in files:
        data = file.read_bytes()
        rows = (gzip.decompress(data) if file.suffix == ".gz" else data).decode().strip().split("\n")
        problems = list(load_problems(str(file)))
        assert len(problems) == len(rows)
        for row, problem in zip(map(json.loads, rows), problems, strict=True):
            assert problem.id == row["id"]
            assert (problem.answer or "-") == (row["answer"].strip() or "-")  # one gold of ASDiv lost all but its minus
            assert problem.kind == row["answer_type"]
            assert problem.metadata["split"] == row["split"]
            assert problem.text.startswith(row["question"])


def test_a_limit_takes_so_many_of_each_set(tmp_path: Path) -> None:
    for name in ("a", "b"):
        rows = (f'{{"id": "{name}/{n}", "question": "{n}?", "answer": "{n}"}}\n' for n in range(5))
        (tmp_path / f"{name}.jsonl").write_text("".join(rows))
    sources = [str(tmp_path / "a.jsonl"), str(tmp_path / "b.jsonl")]
    assert [problem.id for problem in load_problems(sources, limit=2)] == ["a/0", "a/1", "b/0", "b/1"]


def test_a_question_that_lists_its_options_asks_for_a_letter(tmp_path: Path) -> None:
    file = tmp_path / "quiz.csv"
    file.write_text("question,answer\nWhat is 3*7? (A) 21 (B) 20,A\nWho is B?,A\nWhat is 2*7? (A) 14 (B) 15,14\n")
    assert [problem.kind for problem in load_problems(str(file))][:2] == ["choice", None]
    asked = next(iter(load_problems(str(file))))
    verdicts = [slipstick.grade(reply, asked).outcome for reply in ("(A) 21", "A", "So it is A.", "(B) 20", "20")]
    assert verdicts[:4] == ["correct", "correct", "correct", "incorrect"] and verdicts[4] != "correct"


def test_of_several_files_each_is_a_set_of_its_own(tmp_path: Path) -> None:
    files = [tmp_path / "easy.jsonl", tmp_path / "hard.jsonl"]
    files[0].write_text('{"question": "1+1?", "answer": "2"}\n{"id": "mine", "question": "1+2?", "answer": "3"}\n')
    files[1].write_text(
        '{"id": "gsm8k/test/7", "question": "2+2?", "answer": "4"}\n{"question": "2+3?", "answer": "5"}\n'
    )
    together = list(load_problems([str(path) for path in files]))
    assert [set_of(problem) for problem in together] == ["easy", "easy", "gsm8k", "hard"]
    assert [problem.id for problem in together] == ["easy/1", "mine", "gsm8k/test/7", "hard/2"]
    alone = [problem for path in files for problem in load_problems(str(path))]
    assert [problem.id for problem in alone] == [problem.id for problem in together]
    assert not any("dataset" in problem.metadata for problem in alone)
    rows = [attempt(problem.id) for problem in together]
    found = by_label(summarize(together, rows, ks=[], same=equal))
    assert {"accuracy, pot, easy", "accuracy, pot, hard", "accuracy, pot, average, all sets"} <= found.keys()


UNMARKED = [
    "We have 28 * 83 = 2324.",
    "Adding up, we get 69.",
    "So 68+71 equals 139",
    "First 12. Then 12+3=15, so we get 15.",
]


@pytest.mark.parametrize("solution", UNMARKED)
@pytest.mark.parametrize("key", ["solution", "gold_solution"])
def test_a_worked_solution_without_a_mark_is_no_gold_whoever_names_its_column(
    tmp_path: Path, solution: str, key: str
) -> None:
    rows = [{"question": "1?", key: solution}, {"question": "2?", key: "So it is 2.\n#### 2"}]
    notices: list[str] = []
    source = write(tmp_path / "set.jsonl", *rows)
    for fields in [{"answer": key}] + ([{}] if key == "solution" else []):
        problems = list(load_problems(source, field_map=fields, on_notice=notices.append))
        assert [problem.answer for problem in problems] == [None, "2"]
        assert f"1 of 2 problems have no gold: `{key}` marks no answer, line 1 first" in notices[-1]


@pytest.mark.parametrize("key", ["answer", "target"])
def test_a_derivation_is_no_gold_in_any_column(tmp_path: Path, key: str) -> None:
    assert one(tmp_path, {"question": "28*83?", key: "We have 28 * 83 = 2324."}).answer is None
    row = {"question": "28*83?", key: "We have 28 * 83 = 2324.", "kind": "text"}
    assert one(tmp_path, row).answer == "We have 28 * 83 = 2324."


@pytest.mark.parametrize(
    "gold",
    [
        *("Yes, since 4 > 3", "Ann Lee", "First", "twice as many", "12 square metres", "x = 3 or y = 4", "x = 2 + 1"),
        *(
            "The vectors are linearly dependent.",
            "Therefore, it takes 2 hours.",
            "no real solution",
            "p(1) = 1/2 = 0.5",
        ),
    ],
)
def test_golds_in_words_stay_golds(tmp_path: Path, gold: str) -> None:
    assert one(tmp_path, {"question": "Which?", "answer": gold}).answer == gold


@pytest.mark.parametrize("gold", ["12 square metres", "Ann Lee", "$x=3$", "x = 3 or y = 4", "42"])
def test_a_column_named_solution_may_hold_answers(tmp_path: Path, gold: str) -> None:
    assert one(tmp_path, {"question": "Which?", "solution": gold}, answer="solution").answer == gold


def test_letters_without_options_beside_a_list_are_told(tmp_path: Path) -> None:
    rows = [{"stem": f"{n} + 1?", "key": "B", "alternatives": [str(n), str(n + 1)]} for n in range(3)]
    source, notices = write(tmp_path / "mc.jsonl", *rows), list[str]()
    fields = {"text": "stem", "answer": "key"}
    list(load_problems(source, field_map=fields, on_notice=notices.append))
    assert len(notices) == 1 and "3 golds are letters" in notices[0]
    assert notices[0].endswith("are they the options? --set field_map.choices=alternatives")
    list(load_problems(source, field_map=fields | {"choices": "alternatives"}, on_notice=notices.append))
    assert len(notices) == 1
