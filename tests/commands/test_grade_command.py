"""`slipstick grade FILE`: the run, its table, its disagreements, and mistakes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from slipstick.metrics.labels import metric_label
from slipstick.store import RunFolder
from tests.invoked import Invoke


@pytest.fixture
def invoke(invoke: Invoke) -> Invoke:
    """Runs a command line in a folder with an lm-eval file, two filters a document."""
    rows = [
        row(n, rule, found)
        for rule in ("strict-match", "flexible-extract")
        for n, found in enumerate(["2", "[invalid]" if rule == "strict-match" else "4", "7"])
    ]
    Path("samples_sums_2031-01-01T00-00-00.jsonl").write_text("".join(json.dumps(each) + "\n" for each in rows))

    return invoke


def row(doc_id: int, rule: str, found: str) -> dict[str, object]:
    gold = str(2 * (doc_id + 1))
    response = f"We double. The answer is {gold if doc_id < 2 else 7}."
    fields = {"doc_id": doc_id, "doc": {"question": f"Double {doc_id + 1}?"}, "target": gold, "filter": rule}
    return fields | {"resps": [[response]], "filtered_resps": [found], "exact_match": int(found == gold)}


FILE = "samples_sums_2031-01-01T00-00-00.jsonl"


def test_a_file_becomes_a_run_with_a_diff(invoke: Invoke) -> None:
    before = Path(FILE).read_bytes()
    code, out, err = invoke("grade", FILE)
    assert (code, err) == (0, "") and Path(FILE).read_bytes() == before
    run = RunFolder("runs/samples_sums_2031-01-01T00-00-00")
    accuracy = next(metric for metric in run.metrics() if metric_label(metric) == "accuracy, cot")
    assert (round(accuracy.value, 3), accuracy.n) == (0.667, 3) and "66.7" in out and "Undecided" in out
    assert run.run().verb == "grade" and list(run.run().inputs) == [FILE] and run.run().status == "finished"
    lines = [line.split() for line in out.splitlines() if "exact_match," in line]
    assert lines == [
        ["sums", "exact_match,strict-match", "1", "1", "1", "0", "0", "0"],
        ["sums", "exact_match,flexible-extract", "2", "1", "0", "0", "0", "0"],
    ]
    (only,) = [json.loads(line) for line in (run.path / "disagreements.jsonl").read_text().splitlines()]
    assert (only["id"], only["answer"], only["recorded_answer"]) == ("sums/1#cot#0", "4", "")
    assert (only["cause"], only["where"]) == ("extraction", f"{FILE}:2")
    page = (run.path / "report.html").read_text("utf-8")
    assert "1 verdict differs from those in the file" in page and "correct (exact_match,strict-match)" in page


def test_a_verb_without_a_recipe_writes_none_and_its_page_has_the_command(invoke: Invoke) -> None:
    invoke("grade", FILE, "--set", "profile=mammoth", "--out", "graded")
    folder = RunFolder("graded")
    assert not (folder.path / "recipe.toml").exists()
    page = (folder.path / "report.html").read_text()
    assert f"slipstick grade {FILE} --set profile=mammoth --out graded</pre>" in page
    assert "<h3>Settings</h3>" in page and "profile = &#34;mammoth&#34;" in page and "recipe.toml" not in page
    assert invoke("grade", "graded", "--set", "profile=tora").code == 0
    assert not (folder.path / "recipe.toml").exists()
    first = next(folder.solutions()).id
    assert f"slipstick grade {FILE} --set" in " ".join(invoke("trace", first, "--set", "runs_dir=.").out.split())


def test_the_run_can_be_reported_and_graded_again(invoke: Invoke) -> None:
    assert invoke("grade", FILE, "--out", "run").code == 0
    assert invoke("report", "run").code == 0 and Path("run/report.html").is_file()
    verdicts = Path("run/verdicts.jsonl").read_bytes()
    code, out, _ = invoke("grade", "run", "--set", "print_top=0")
    assert code == 0 and "exact_match,strict-match" in out and Path("run/verdicts.jsonl").read_bytes() == verdicts
    code, _, err = invoke("grade", FILE, "--out", "run")
    assert code == 2 and "add --resume" in err
    assert invoke("grade", FILE, "--out", "run", "--resume").code == 0
    assert invoke("grade", FILE, "--out", "run", "--overwrite").code == 0
    assert len(list(RunFolder("run").solutions())) == 3


def test_a_run_graded_into_another_folder_stays_as_it_is(invoke: Invoke) -> None:
    assert invoke("grade", FILE, "--out", "run").code == 0
    before = {path: path.read_bytes() for path in Path("run").iterdir() if path.is_file()}
    code, _, err = invoke("grade", "run", "--out", "part", "--limit", "2", "--set", "profile=mammoth")
    assert code == 0, err
    assert {path: path.read_bytes() for path in Path("run").iterdir() if path.is_file()} == before
    part = RunFolder("part")
    assert len(list(part.problems())) == len(list(part.solutions())) == 2 and part.run().recipe["profile"] == "mammoth"
    assert len((part.path / "recorded.jsonl").read_text().splitlines()) == 4
    code, _, err = invoke("grade", "run", "--out", "part")
    assert code == 2 and "already holds a run" in err
    code, _, err = invoke("grade", "run", "--limit", "2")
    assert code == 2 and "choose a folder for the part with --out" in err


def test_a_limit_is_of_each_set(invoke: Invoke) -> None:
    Path("outputs").mkdir()
    for name in (FILE, FILE.replace("sums", "products")):
        Path("outputs", name).write_bytes(Path(FILE).read_bytes())
    assert invoke("grade", "outputs", "--limit", "2", "--out", "both")[0] == 0
    assert invoke("grade", "both", "--limit", "1", "--out", "part")[0] == 0
    found = [sorted(problem.id for problem in RunFolder(name).problems()) for name in ("both", "part")]
    assert found == [["products/0", "products/1", "sums/0", "sums/1"], ["products/0", "sums/0"]]


def test_a_run_records_the_profile_it_was_last_graded_by(invoke: Invoke) -> None:
    assert invoke("grade", FILE, "--out", "run").code == invoke("grade", FILE, "--out", "other").code == 0
    assert invoke("grade", "run", "--set", "profile=mammoth").code == 0
    assert RunFolder("run").run().recipe["profile"] == "mammoth"
    code, out, _ = invoke("report", "run", "--set", "against=other")
    assert code == 0 and "graded by different profiles, slipstick and mammoth" in out


def test_recorded_answers_have_a_column_for_each_rule(invoke: Invoke) -> None:
    assert invoke("grade", FILE, "--out", "run", "--set", "answers=recorded").code == 0
    outcomes = {s.id: s.verdict.outcome for s in RunFolder("run").solutions() if s.verdict}
    assert outcomes["sums/1#cot:strict-match#0"] == "no_answer"
    assert outcomes["sums/1#cot:flexible-extract#0"] == "correct"
    assert Path("run/disagreements.jsonl").read_text() == ""


def test_an_answer_for_all_repeats_is_graded_once_for_each_filter(invoke: Invoke) -> None:
    responses = ["The answer is 2.", "The answer is 3.", "The answer is 3."]
    rows = [
        row(0, rule, found) | {"resps": [responses], "filtered_resps": [found]}
        for rule, found in (("score-first", "2"), ("maj@3", "3"))
    ]
    Path("samples_votes.jsonl").write_text("".join(json.dumps(each) + "\n" for each in rows))
    code, out, _ = invoke("grade", "samples_votes.jsonl", "--out", "run", "--set", "answers=recorded")
    outcomes = {s.id: s.verdict.outcome for s in RunFolder("run").solutions() if s.verdict}
    assert outcomes == {"votes/0#cot:score-first#0": "correct", "votes/0#cot:maj@3#0": "incorrect"}
    lines = [line.split() for line in out.splitlines() if "exact_match," in line]
    assert code == 0 and [line[1:4] for line in lines] == [
        ["exact_match,score-first", "1", "0"],
        ["exact_match,maj@3", "0", "1"],
    ]
    assert invoke("grade", "samples_votes.jsonl", "--out", "found").code == 0
    recorded = [json.loads(line) for line in Path("found/recorded.jsonl").read_text().splitlines()]
    assert {(each["rule"], each["answer"], each["scope"]) for each in recorded} == {
        ("score-first", "2", "all"),
        ("maj@3", "3", "all"),
    }
    assert Path("found/disagreements.jsonl").read_text() == ""


def test_limit_takes_the_first_problems(invoke: Invoke) -> None:
    assert invoke("grade", FILE, "--out", "run", "--limit", "2").code == 0
    assert [problem.id for problem in RunFolder("run").problems()] == ["sums/0", "sums/1"]


def test_files_of_unknown_formats_are_skipped_and_named(invoke: Invoke) -> None:
    Path("log.jsonl").write_text('{"time": 1}\n')
    code, out, _ = invoke("grade", ".", "--out", "runs/all")
    assert code == 0 and "skipped 1 of no known format: log.jsonl" in out
    Path("samples_sums_2030-12-31T00-00-00.jsonl").write_text(Path(FILE).read_text())
    code, out, _ = invoke("grade", ".", "--out", "runs/newest")
    said = "skipped 1 of an earlier evaluation of the same task: samples_sums_2030-12-31T00-00-00.jsonl"
    assert code == 0 and said in out and len(list(RunFolder("runs/newest").problems())) == 3


MISTAKES = {
    "a cut line": (["grade", "cut.jsonl"], "cut.jsonl:2 is not valid JSON"),
    "the wrong format": (["grade", FILE, "--set", "file_format=tora"], f"{FILE}:1 is not a row of tora"),
    "no such format": (["grade", FILE, "--set", "file_format=lmeval"], "file_format = 'lmeval'"),
    "no such key": (["grade", FILE, "--set", "answer=found"], "did you mean `answers`?"),
    "no such profile": (["grade", FILE, "--set", "profile=slipstik"], "did you mean `slipstick`?"),
    "no such file": (["grade", "sample.jsonl"], "sample.jsonl does not exist"),
    "an empty folder": (["grade", "empty"], "not a run folder and has no .jsonl file"),
}


@pytest.mark.parametrize(("arguments", "message"), MISTAKES.values(), ids=MISTAKES)
def test_mistakes_are_one_message_and_touch_nothing(invoke: Invoke, arguments: list[str], message: str) -> None:
    Path("cut.jsonl").write_text(Path(FILE).read_text().splitlines()[0] + '\n{"doc_id": 1, "tar')
    Path("empty").mkdir()
    code, out, err = invoke(*arguments)
    assert code == 2 and out == "" and message in err and "Traceback" not in err
    assert not Path("runs").exists()


def test_a_pattern_names_several_files(invoke: Invoke) -> None:
    text = Path(FILE).read_text()
    for name in ("samples_more_2031-01-01T00-00-00.jsonl", "other.jsonl"):
        Path(name).write_text(text)
    code, out, err = invoke("grade", "samples_*.jsonl")
    assert (code, err) == (0, "") and "skipped" not in out
    run = RunFolder("runs/samples")
    assert {problem.id.partition("/")[0] for problem in run.problems()} == {"sums", "more"}
    code, _, err = invoke("grade", FILE, "other.jsonl")  # a shell has expanded the pattern
    remedy = "a pattern of files goes in quotes, 'DIR/*.jsonl'"
    assert (code, err) == (2, f"slipstick: grade takes one target, not 2 ({FILE}, other.jsonl): {remedy}\n")
    code, _, err = invoke("evaluate", "a.jsonl", "model=openai:x", "b")
    assert (code, err.rpartition(": ")[2]) == (2, "a setting is written --set model=openai:x\n")
    code, _, err = invoke("grade", "nothing_*.jsonl")
    assert code == 2 and "no file fits the pattern nothing_*.jsonl" in err


def test_a_loop_of_links_is_no_folder(invoke: Invoke) -> None:
    assert invoke("grade", FILE, "--out", "run").code == 0
    Path("one").symlink_to("two")
    Path("two").symlink_to("one")
    code, out, err = invoke("grade", "run", "--out", "one")
    assert code == 2 and "one" in err and "Traceback" not in out + err and len(err.splitlines()) == 1


def test_a_solution_that_two_filters_reject_is_printed_once(invoke: Invoke) -> None:
    rows = [row(1, rule, found) for rule, found in (("strict-match", "[invalid]"), ("flexible-extract", "7"))]
    Path("samples_two.jsonl").write_text("".join(json.dumps(each) + "\n" for each in rows))
    code, out, _ = invoke("grade", "samples_two.jsonl", "--out", "run")
    (line,) = [line for line in out.splitlines() if "two/1#cot#0" in line]
    assert code == 0 and "incorrect, 7 incorrect" in line and "2 disagreements" in out
