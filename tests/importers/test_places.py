"""Which files of another tool are one run, of which model, and what their tasks are called."""

import json
from pathlib import Path

import pytest

import slipstick
from slipstick.errors import InputError
from slipstick.importers import find_outputs, read_outputs


def write(folder: Path, *tasks: str, stamp: str = "2031-01-01T00-00-00.5", model: str = "") -> None:
    """A folder as lm-eval writes one; model: what its results_*.json names."""
    folder.mkdir(parents=True, exist_ok=True)
    for task in tasks:
        row = {"doc_id": 0, "doc": {"question": f"{task}?"}, "target": "5", "resps": [["It is 5."]], "filter": "none"}
        (folder / f"samples_{task}_{stamp}.jsonl").write_text(json.dumps(row | {"exact_match": 1.0}) + "\n")
    if model:
        (folder / f"results_{stamp}.json").write_text(json.dumps({"model_name": model}))


def found(root: Path) -> list[tuple[str, str, str]]:
    return sorted((source.run, source.model, source.label) for source in find_outputs(root)[0])


def test_each_model_is_a_run_in_which_tasks_have_their_names(tmp_path: Path) -> None:
    write(tmp_path / "org__a", "gsm8k", "svamp")
    write(tmp_path / "org__b", "gsm8k")
    assert found(tmp_path) == [
        ("org__a", "org/a", "gsm8k"),
        ("org__a", "org/a", "svamp"),
        ("org__b", "org/b", "gsm8k"),
    ]
    solution = next(read_outputs(find_outputs(tmp_path)[0])).solution
    assert (solution.id, solution.model) == ("gsm8k/0#cot#0", "org/a")


def test_the_results_beside_a_file_name_the_model(tmp_path: Path) -> None:
    write(tmp_path / "org__a", "gsm8k", model="org/a_real")
    write(tmp_path / "x", "gsm8k", model="org/b")
    assert found(tmp_path) == [("org__a_real", "org/a_real", "gsm8k"), ("org__b", "org/b", "gsm8k")]
    assert found(tmp_path / "x") == [("", "org/b", "gsm8k")]
    (tmp_path / "x" / "results_2031-01-01T00-00-00.5.json").write_text("[broken")
    assert found(tmp_path / "x") == [("", "", "gsm8k")]


def test_folders_by_task_are_one_run_and_by_model_two(tmp_path: Path) -> None:
    write(tmp_path / "tasks" / "one", "gsm8k")
    write(tmp_path / "tasks" / "two", "svamp")
    assert found(tmp_path / "tasks") == [("", "", "gsm8k"), ("", "", "svamp")]
    write(tmp_path / "models" / "gpt2", "gsm8k")
    write(tmp_path / "models" / "pythia", "gsm8k", "svamp")
    assert found(tmp_path / "models") == [
        ("gpt2", "gpt2", "gsm8k"),
        ("pythia", "pythia", "gsm8k"),
        ("pythia", "pythia", "svamp"),
    ]


def test_a_model_that_was_evaluated_twice(tmp_path: Path) -> None:
    write(tmp_path / "few" / "org__a", "gsm8k")
    write(tmp_path / "zero" / "org__a", "gsm8k")
    assert found(tmp_path) == [("few-org__a", "org/a", "gsm8k"), ("zero-org__a", "org/a", "gsm8k")]
    write(tmp_path / "zero" / "org__a", "gsm8k", stamp="2031-01-02T00-00-00")
    write(tmp_path / "zero" / "org__a", "svamp")
    sources, left = find_outputs(tmp_path / "zero")
    assert [(source.label, source.path.name[-25:]) for source in sources] == [
        ("gsm8k", "2031-01-02T00-00-00.jsonl"),
        ("svamp", "31-01-01T00-00-00.5.jsonl"),
    ]
    old = tmp_path / "zero" / "org__a" / "samples_gsm8k_2031-01-01T00-00-00.5.jsonl"
    assert left == {old: "of an earlier evaluation of the same task"}
    assert len(find_outputs(old)[0]) == 1


def test_models_of_one_folder_are_told_by_the_dates_of_their_results(tmp_path: Path) -> None:
    write(tmp_path, "gsm8k", "svamp", stamp="2031-01-01T00-00-00.5", model="org/a")
    write(tmp_path, "gsm8k", stamp="2031-01-02T00-00-00.5", model="org/b")
    write(tmp_path, "aime", stamp="2031-01-01T09-00-00")  # its own results are lost: the last before it
    assert found(tmp_path) == [
        ("org__a", "org/a", "aime"),
        ("org__a", "org/a", "gsm8k"),
        ("org__a", "org/a", "svamp"),
        ("org__b", "org/b", "gsm8k"),
    ]
    (tmp_path / "samples_amc.jsonl").write_text((tmp_path / "samples_aime_2031-01-01T09-00-00.jsonl").read_text())
    assert [source.model for source in find_outputs(tmp_path / "samples_amc.jsonl")[0]] == [""]


def test_a_task_of_log_likelihoods_is_left_out_of_a_folder(tmp_path: Path) -> None:
    write(tmp_path / "org__a", "gsm8k")
    row = {"doc_id": 0, "doc": {}, "target": "0", "resps": [[["-1.5", "False"]], [["-0.5", "True"]]], "filter": "none"}
    arc = tmp_path / "org__a" / "samples_arc_easy_2031-01-01T00-00-00.5.jsonl"
    arc.write_text(json.dumps(row) + "\n")
    sources, left = find_outputs(tmp_path)
    assert [source.label for source in sources] == ["gsm8k"]
    assert left == {arc: "with log-likelihoods, no text to grade"}
    with pytest.raises(InputError, match="holds log-likelihoods"):
        list(read_outputs(find_outputs(arc)[0]))


def test_a_call_from_python_gives_one_run(tmp_path: Path) -> None:
    for model in ("org__a", "org__b"):
        write(tmp_path / model, "gsm8k")
    with pytest.raises(InputError, match=r"has files of several models: grade \S+/org__a, \S+/org__b one by one"):
        slipstick.grade_run(tmp_path, out=tmp_path / "out", quiet=True)
    assert not (tmp_path / "out").exists()
    run = slipstick.grade_run(tmp_path / "org__a", out=tmp_path / "out", quiet=True)
    assert {solution.model for solution in run.solutions} == {"org/a"}


def test_rows_of_several_models_are_a_run_for_each(tmp_path: Path) -> None:
    file = tmp_path / "long.csv"
    rows = [f"{model},{n}+1?,{n + 1},{n + wrong}" for n in (1, 2) for model, wrong in (("org/a", 1), ("b", 2))]
    file.write_text("\n".join(["model,question,answer,response", *rows]))
    sources, _ = find_outputs(file)
    assert [(source.run, source.model) for source in sources] == [("b", "b"), ("org__a", "org/a")]
    found = {source.model: list(read_outputs([source])) for source in sources}
    assert {model: [attempt.problem.id for attempt in attempts] for model, attempts in found.items()} == {
        "org/a": ["long/2", "long/4"],
        "b": ["long/2", "long/4"],
    }
    texts = {attempt.solution.model + str(attempt.solution.blocks[0]) for attempt in found["org/a"]}
    assert all("org/a" in text and ("2" in text or "3" in text) for text in texts) and len(texts) == 2
    file.write_text(file.read_text() + "\n,9+1?,10,10")
    with pytest.raises(InputError, match="has no `model`"):
        list(read_outputs(find_outputs(file)[0]))
