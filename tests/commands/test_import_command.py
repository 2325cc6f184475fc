"""`slipstick import`: from the file of somebody else to a run that is curated, exported and trained on."""

from __future__ import annotations

import csv
import gzip
import io
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rich.console import Console

from slipstick.commands import Invocation
from slipstick.commands.curate import run_curate
from slipstick.commands.export import run_export
from slipstick.commands.import_data import run_import
from slipstick.errors import InputError, RunFolderError, UserError
from slipstick.exporters import export
from slipstick.formats import load_format
from slipstick.store import RunFolder
from slipstick.tabular import read_rows
from slipstick.train.sources import TrainRecipe
from slipstick.verbs import import_data

ROWS: list[dict[str, Any]] = [
    {"instruction": "2+2?", "output": "The answer is 4.", "answer": "4", "license": "MIT"},
    {"instruction": "2+3?", "output": "The answer is 6.", "answer": "5"},
    {"instruction": "2+4?", "output": "print(2+4)"},
    {"instruction": "2+5?", "output": "", "answer": "7"},
]


def imported(path: Path, *overrides: str, **flags: Any) -> tuple[RunFolder, str]:
    console = Console(file=io.StringIO(), width=200)
    out = run_import(Invocation(str(path), overrides=list(overrides), out=path.parent / "run", **flags), console)
    assert isinstance(console.file, io.StringIO)
    return RunFolder(out), console.file.getvalue()


@pytest.fixture
def alpaca(tmp_path: Path) -> Path:
    path = tmp_path / "set.json"
    path.write_text(json.dumps(ROWS))
    return path


def test_rows_are_graded_where_they_can_be(alpaca: Path) -> None:
    folder, said = imported(alpaca, "licence=CC0")
    outcomes = {each.problem_id: each.verdict and each.verdict.outcome for each in folder.solutions()}
    assert outcomes == {"set/1": "correct", "set/2": "incorrect", "set/3": None}
    assert [problem.licence for problem in folder.problems()] == ["MIT", "CC0", "CC0"]
    assert folder.run().verb == "import" and folder.run().counts["without a gold"] == 1
    assert said.splitlines() == [
        "3 solutions of 3 problems, read as alpaca: 2 cot, 1 pot",
        "graded, or with a verdict of their own: 2; 1 correct, 1 incorrect",
        "without a gold: 1; nothing checks them, so they have no verdict and are trained on and exported as they are "
        "(--set field_map.answer=KEY names a gold)",
        "programs run, as the file does not hold what they print: 1",
        f"dropped, see dropped.jsonl: 1 row, the first {alpaca}:4: `output` is '', not a text",
        f"train on it: --set data={folder.path}",
    ]


def test_questions_with_several_golds_are_told(tmp_path: Path) -> None:
    path = tmp_path / "set.jsonl"
    rows = [{"question": "2+2?", "solution": f"The answer is {gold}.", "answer": gold} for gold in ("4", "4", "5", "6")]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    folder, said = imported(path)
    assert {problem.id: problem.answer for problem in folder.problems()} == {"set/1": "4", "set/3": "5", "set/4": "6"}
    told = f"questions with several golds: 1, the first `4` in {path}:1, `5` in {path}:3; each row is graded by its own"
    assert told in said.splitlines()


def test_programs_without_outputs_are_run(tmp_path: Path) -> None:
    programs = {"a": ("print(2+2)", "4"), "b": ("print(2+3)", "4"), "c": ("print(1/0)", None), "d": ("print(7)", None)}
    words = "So:\n```python\nprint(9)\n```\nIt is 9."
    rows = [
        {"id": name, "instruction": f"{name}?", "output": code, "answer": gold}
        for name, (code, gold) in programs.items()
    ]
    path = tmp_path / "set.json"
    path.write_text(json.dumps([*rows, {"id": "e", "instruction": "e?", "output": words}]))
    folder, _ = imported(path)
    found = {each.problem_id: each for each in folder.solutions()}
    assert {name: each.verdict and each.verdict.outcome for name, each in found.items()} == {
        "a": "correct", "b": "incorrect", "c": "no_answer", "d": None, "e": None,
    }  # fmt: skip
    assert [block.type for block in found["e"].blocks] == ["text", "code", "text"]
    assert [block.text for block in found["d"].blocks if block.type == "output"] == ["7"]
    folder, _ = imported(path, "run_programs=all", overwrite=True)
    (last,) = [each for each in folder.solutions() if each.problem_id == "e"]
    assert [block.type for block in last.blocks] == ["text", "code", "output", "text"]


def test_what_nothing_could_grade_is_exported_and_curated_as_it_says(alpaca: Path, tmp_path: Path) -> None:
    folder, _ = imported(alpaca)
    console = Console(quiet=True)
    out = run_export(Invocation(str(folder.path)), console)
    assert len((out / "messages.jsonl").read_text().splitlines()) == 2  # the correct one, and the one without a gold
    assert "1 of them came without a gold" in (out / "README.md").read_text()
    kept = {}
    for name, setting in (("checked", "unverified=[]"), ("all", 'unverified=["*"]')):
        recipe = tmp_path / f"{name}.toml"
        recipe.write_text(f'data = "{folder.path}"\n')
        run = run_curate(Invocation(str(recipe), overrides=[setting], out=tmp_path / name), console)
        kept[name] = [solution.problem_id for solution in RunFolder(run).solutions()]
    assert kept == {"checked": ["set/1"], "all": ["set/1", "set/3"]}
    out = run_export(Invocation(str(tmp_path / "all")), console)
    assert len((out / "messages.jsonl").read_text().splitlines()) == 2


def test_a_curated_dialogue_is_exported_with_its_own_system_message(tmp_path: Path) -> None:
    turns = [{"role": "user", "content": "2+2?"}, {"role": "assistant", "content": "Two and two.\n#### 4"}]
    told = [{"role": "system", "content": "Put your final answer after ####."}, *turns]
    (tmp_path / "sys.jsonl").write_text(json.dumps({"messages": told}) + "\n")
    folder, said = imported(tmp_path / "sys.jsonl")
    assert (
        "system messages: 1; kept, and `export` gives them back, while `train` asks in the prompt of the format" in said
    )
    console = Console(file=io.StringIO(), width=200)
    assert isinstance(console.file, io.StringIO)
    settings = [f"data={folder.path}", 'unverified=["*"]', "near_duplicates={}"]
    kept = run_curate(Invocation("", settings, out=tmp_path / "kept"), console)
    out = run_export(Invocation(str(kept)), console)
    assert json.loads((out / "messages.jsonl").read_text())["messages"] == told
    assert "rows of imported dialogues: 1; they ask as there (--set prompts=format:" in console.file.getvalue()
    run_export(Invocation(str(kept), overrides=["prompts=format"]), console)
    first = json.loads((out / "messages.jsonl").read_text())["messages"][0]
    assert first == {"role": "system", "content": load_format("cot").system}


@pytest.mark.parametrize("kind", ["jsonl", "jsonl.gz", "csv", "parquet"])
def test_every_kind_of_file(tmp_path: Path, kind: str) -> None:
    turns = [{"role": "user", "content": "2+2?"}, {"role": "assistant", "content": "It is 4."}]
    path = tmp_path / f"set.{kind}"
    match kind:
        case "jsonl":
            path.write_text(json.dumps({"messages": turns}) + "\n\n")
        case "jsonl.gz":
            with gzip.open(path, "wt") as file:
                file.write(json.dumps({"messages": turns}))
        case "csv":
            with path.open("w", newline="") as file:
                csv.writer(file).writerows([["messages"], [json.dumps(turns)]])
        case _:
            pq.write_table(pa.Table.from_pylist([{"messages": turns}]), path)
    folder, said = imported(path)
    assert "read as messages: 1 cot" in said and said.startswith("1 solution of 1 problem,")
    assert next(folder.problems()).id.startswith("set/")


def test_a_pattern_names_the_parts_of_a_set(tmp_path: Path) -> None:
    for part in range(2):
        rows = [{"instruction": f"{part}+{n}?", "output": f"It is {part + n}."} for n in range(2)]
        pq.write_table(pa.Table.from_pylist(rows), tmp_path / f"train-{part}.parquet")
    folder, _ = imported(tmp_path / "train-*.parquet", limit=1)
    assert [problem.id for problem in folder.problems()] == ["train-0/1", "train-1/1"]
    assert len(folder.run().inputs) == 2


def test_an_import_that_was_interrupted_goes_on(alpaca: Path) -> None:
    folder, _ = imported(alpaca)
    before = [solution.id for solution in folder.solutions()]
    file = folder.path / "solutions.jsonl"
    file.write_text(file.read_text().splitlines(keepends=True)[0])
    folder.note(status="stopped")
    again, _ = imported(alpaca, resume=True)
    assert [solution.id for solution in again.solutions()] == before and again.run().status == "finished"


MISTAKES = {
    "no such file": ("no.json", [], r"no.json does not exist \(did you mean .*set.json"),
    "a wrong shape": ("set.json", ["shape=sharegpt"], r"not one row can be read as `sharegpt` \(--set shape=NAME"),
    "an unknown shape": ("set.json", ["shape=alpacca"], "shape"),
    "an unknown field": ("set.json", ["field_map.question=x"], r"field_map.question is not a field of a row"),
    "a missing key": (
        "set.json",
        ["field_map.text=x", "field_map.response=output"],
        r"has no `x`, which field_map.text",
    ),
    "a profile": ("set.json", ["profile=nobody"], "nobody"),
}


@pytest.mark.parametrize(("file", "overrides", "message"), MISTAKES.values(), ids=MISTAKES)
def test_mistakes_are_one_message_and_leave_nothing(
    alpaca: Path, file: str, overrides: list[str], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        imported(alpaca.parent / file, *overrides)
    assert not (alpaca.parent / "run").exists()


@pytest.mark.parametrize(("name", "content"), [("set.md", b"# Chat 1"), ("set.xlsx", b"PK\x03\x04")])
def test_another_kind_of_file_is_told_before_the_run_that_is_there(alpaca: Path, name: str, content: bytes) -> None:
    imported(alpaca)
    (alpaca.parent / name).write_bytes(content)
    with pytest.raises(InputError, match=r"is no file of rows|is a workbook"):
        imported(alpaca.parent / name)


def test_a_run_is_no_file(alpaca: Path) -> None:
    folder, _ = imported(alpaca)
    with pytest.raises(InputError, match="is a run folder already"):
        imported(folder.path)
    with pytest.raises(RunFolderError, match="already holds a run"):
        imported(alpaca)


def test_files_of_one_name_keep_their_own_questions(tmp_path: Path) -> None:
    rows = {"a": ("What is 1+1?", "2"), "b": ("What is 3*3?", "9"), "c": ("What is 1+1?", "2")}
    for place, (question, answer) in rows.items():
        (tmp_path / place).mkdir()
        row = {"id": 7, "question": question, "response": f"It is \\boxed{{{answer}}}."}
        (tmp_path / place / "train.jsonl").write_text(json.dumps(row) + "\n")
    run, _ = imported(tmp_path / "?" / "train.jsonl")
    problems = {problem.id: problem.text for problem in run.problems()}
    solutions = {solution.id: solution for solution in run.solutions()}
    assert sorted(problems.values()) == ["What is 1+1?", "What is 3*3?"] and len(solutions) == 3
    for solution in solutions.values():
        assert ("9" in solution.blocks[0].text) == (problems[solution.problem_id] == "What is 3*3?")


def rows_with_splits(path: Path, *splits: str | None) -> Path:
    rows = [
        {"problem": f"2+{n}?", "solution": f"The answer is {2 + n}.", "answer": str(2 + n), "split": split}
        for n, split in enumerate(splits)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def trained_on(folder: RunFolder | Path, **settings: Any) -> list[str]:
    path = folder.path if isinstance(folder, RunFolder) else folder
    return [problem.text for _, problem in TrainRecipe(data=[str(path)], **settings).pairs()]


def test_the_rows_own_split_says_what_is_trained_on(tmp_path: Path) -> None:
    folder, said = imported(rows_with_splits(tmp_path / "sp.jsonl", "train", "Validation", "TEST", "dev", "train"))
    assert "splits: train 2, valid 2, test 1" in said.splitlines()
    assert trained_on(folder) == ["2+0?", "2+4?"]
    assert trained_on(folder, split="test") == ["2+2?"]
    assert [one.text for _, one in TrainRecipe(data=[str(folder.path)]).valid_pairs()] == ["2+1?", "2+3?"]
    written = export(folder, "messages", tmp_path / "out")
    assert sorted(written.values()) == [1, 2, 2] and "messages-test.jsonl" in written


def test_splits_of_no_known_name_divide_nothing(tmp_path: Path) -> None:
    folder, said = imported(rows_with_splits(tmp_path / "sp.jsonl", "algebra", "geometry"))
    assert "splits:" not in said and len(trained_on(folder)) == 2
    assert "train, valid and test: `algebra` 1, `geometry` 1; all rows are trained on" in said
    folder, said = imported(rows_with_splits(tmp_path / "sp.jsonl", "train", "holdout", None, ""), overwrite=True)
    assert (
        "`holdout` 1; each is a split of its own, which only --set split=NAME trains on" in said
        and "splits: train 3, holdout 1" in said
    )
    assert trained_on(folder) == ["2+0?", "2+2?", "2+3?"]


def test_a_splits_name_may_have_more_behind_it(tmp_path: Path) -> None:
    names = ("train_sft", "test_sft", "Valid_sft", "validation-2", "train[:80%]", "test2", "dev.clean")
    folder, said = imported(rows_with_splits(tmp_path / "sp.jsonl", *names))
    assert "splits: train 2, valid 3, test 2" in said.splitlines() and "values of `split`" not in said
    assert trained_on(folder) == ["2+0?", "2+4?"]
    folder, said = imported(rows_with_splits(tmp_path / "sp.jsonl", "trained", "testament"), overwrite=True)
    assert "splits:" not in said and "`trained` 1, `testament` 1" in said


def test_what_trainers_call_their_splits_is_known(tmp_path: Path) -> None:
    names = ("training", "eval", "Evaluation", "testing", "development", "eval_sft")
    folder, said = imported(rows_with_splits(tmp_path / "sp.jsonl", *names))
    assert "splits: train 1, valid 4, test 1" in said.splitlines() and "values of `split`" not in said
    assert len(list(TrainRecipe(data=[str(folder.path)]).valid_pairs())) == 4


def test_a_question_of_several_splits_is_held_out(tmp_path: Path) -> None:
    rows_with_splits(tmp_path / "a.jsonl", "train", "train", None)
    rows_with_splits(tmp_path / "b.jsonl", "test")
    folder, said = imported(tmp_path / "[ab].jsonl")
    assert "questions in several splits: 1; held out" in said
    assert trained_on(folder) == ["2+1?", "2+2?"]
    folder, said = imported(rows_with_splits(tmp_path / "c.jsonl", "test"), overwrite=True)
    assert "no row is of the split train" in said
    with pytest.raises(InputError, match=r"has no split `train`; it was divided into test"):
        trained_on(folder)


def test_curation_keeps_the_splits_of_rows_unless_it_divides_them_again(tmp_path: Path) -> None:
    folder, _ = imported(rows_with_splits(tmp_path / "sp.jsonl", *["train"] * 3, "val", "test"))
    console = Console(file=io.StringIO(), width=200)
    assert isinstance(console.file, io.StringIO)
    settings = [f"data={folder.path}", "near_duplicates={}"]
    kept = run_curate(Invocation("", settings, out=tmp_path / "kept"), console)
    assert "splits: train 3, valid 1, test 1" in console.file.getvalue()
    assert trained_on(kept) == ["2+0?", "2+1?", "2+2?"]
    again = run_curate(Invocation("", [*settings, "splits={train=1}"], out=tmp_path / "again"), console)
    assert "the rows were divided already (train 3, valid 1, test 1): `splits` divided" in console.file.getvalue()
    assert len(trained_on(again)) == 5
    assert [one.metadata.get("origin_split") for one in RunFolder(again).problems()][-2:] == ["valid", "test"]


def test_a_saved_dataset_is_a_file_and_the_splits_of_a_saved_dict_are_splits(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    rows = [{"problem": f"2+{n}?", "solution": f"The answer is {2 + n}."} for n in range(3)]
    parts = {"train": datasets.Dataset.from_list(rows[:2]), "test": datasets.Dataset.from_list(rows[2:])}
    parts["train"].save_to_disk(str(tmp_path / "one"))
    folder, said = imported(tmp_path / "one")
    assert [one.id for one in folder.problems()] == ["one/1", "one/2"] and "splits:" not in said
    assert next(iter(folder.run().inputs)).endswith(".arrow")
    datasets.DatasetDict(parts).save_to_disk(str(tmp_path / "all"))
    folder, said = imported(tmp_path / "all", overwrite=True)
    assert "splits: train 2, test 1" in said and trained_on(folder) == ["2+0?", "2+1?"]
    with pytest.raises(InputError, match="holds several splits: name one of"):
        read_rows(tmp_path / "all")


def test_rows_are_imported_as_objects(tmp_path: Path) -> None:
    rows = [{"problem": f"2+{n}?", "solution": f"The answer is {2 + n}."} for n in range(3)]
    made = import_data(rows, out=tmp_path / "dicts", quiet=True)
    assert len(list(RunFolder(made.path).problems())) == 3
    pandas, datasets = pytest.importorskip("pandas"), pytest.importorskip("datasets")
    parts = {"train": datasets.Dataset.from_list(rows), "test": datasets.Dataset.from_list(rows[:1])}
    import_data(pandas.DataFrame(rows), out=tmp_path / "frame", quiet=True)
    import_data(parts["train"], out=tmp_path / "dataset", quiet=True)
    divided = import_data(datasets.DatasetDict(parts), out=tmp_path / "dict", quiet=True)
    assert trained_on(divided.path) == ["2+1?", "2+2?"]  # the first is of the test set too
    with pytest.raises(InputError, match="name one file or a pattern"):
        import_data(["a.jsonl", "b.jsonl"], quiet=True)
