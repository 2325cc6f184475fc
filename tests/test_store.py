"""Run folders: what is written is read back, kills cost nothing, and nothing is touched that was not to be."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from slipstick.errors import InputError, RunFolderError
from slipstick.schema import Drop, Metric, Problem, Run, Solution, Text, Verdict
from slipstick.store import RunFolder, read_records


def a_run(**recipe: object) -> Run:
    return Run(name="r", verb="solve", status="running", started=datetime.now(UTC), recipe=recipe)


def a_solution(number: int) -> Solution:
    return Solution(id=f"p/{number}#cot#0", problem_id=f"p/{number}", format="cot", blocks=[Text(text="é\n1")])


def test_half_a_surrogate_pair_is_written_readable(tmp_path: Path) -> None:
    folder = RunFolder.start(tmp_path / "run", a_run(model="m"))
    folder.append(a_solution(1).model_copy(update={"blocks": [Text(text="4 \ud83d")]}))
    folder.append(Drop(row={"text": "\udc00"}, rule="r", reason="because of \ud83d"))
    folder.write_problems([Problem(id="p/1", text="\ud83d\ude00 or \ud83d?")])
    folder.close()
    assert folder.index()["p/1#cot#0"].blocks == [Text(text="4 \ufffd")]
    assert [drop.row for drop in folder.dropped()] == [{"text": "\ufffd"}]
    assert [problem.text for problem in folder.problems()] == ["\U0001f600 or \ufffd?"]


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    folder = RunFolder.start(tmp_path / "run", a_run(model="m"), recipe_text="model = 'm'\n")
    problems = [Problem(id=f"p/{n}", text="?", answer="1") for n in range(3)]
    folder.write_problems(problems)
    folder.append(a_solution(0))
    folder.append(Drop(row={"a": 1}, rule="wrong", reason="because"))
    verdict = Verdict(outcome="correct", method="number", expected="1")
    folder.write_verdicts([a_solution(0).model_copy(update={"answer": "1", "verdict": verdict})])
    metric = Metric(measure="accuracy", format="cot", value=1, low=0.2, high=1, n=1)
    folder.finish("finished", counts={"solutions": 1}, metrics=[metric])
    again = RunFolder(tmp_path / "run")
    assert list(again.problems()) == problems
    assert [(s.answer, s.verdict) for s in again.solutions()] == [("1", verdict)]
    assert [d.rule for d in again.dropped()] == ["wrong"]
    assert again.metrics() == [metric]
    assert again.run().status == "finished" and again.run().counts == {"solutions": 1}
    assert (tmp_path / "run" / "recipe.toml").read_text() == "model = 'm'\n"


def test_a_torn_last_line_is_ignored_and_removed_on_resume(tmp_path: Path) -> None:
    folder = RunFolder.start(tmp_path / "run", a_run())
    folder.append(a_solution(0))
    folder.close()
    file = tmp_path / "run" / "solutions.jsonl"
    whole = file.read_bytes()
    file.write_bytes(whole + a_solution(1).model_dump_json().encode()[:-5])
    assert len(list(RunFolder(tmp_path / "run").solutions())) == 1
    resumed = RunFolder.start(tmp_path / "run", a_run(), resume=True)
    assert file.read_bytes() == whole
    resumed.append(a_solution(2))
    resumed.close()
    assert [s.id for s in RunFolder(tmp_path / "run").solutions()] == ["p/0#cot#0", "p/2#cot#0"]


def test_a_file_with_nothing_but_a_torn_line_is_emptied(tmp_path: Path) -> None:
    RunFolder.start(tmp_path / "run", a_run()).close()
    file = tmp_path / "run" / "solutions.jsonl"
    file.write_text('{"id": "x' * 40_000)
    RunFolder.start(tmp_path / "run", a_run(), resume=True).close()
    assert file.read_bytes() == b""


def test_a_full_folder_is_refused_and_left_untouched(tmp_path: Path) -> None:
    RunFolder.start(tmp_path / "run", a_run(seed=1)).close()
    before = {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir()}
    with pytest.raises(RunFolderError, match=r"--resume .*--overwrite"):
        RunFolder.start(tmp_path / "run", a_run(seed=1))
    with pytest.raises(RunFolderError, match="seed: 1 then, 2 now"):
        RunFolder.start(tmp_path / "run", a_run(seed=2), resume=True)
    assert {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir()} == before


def test_a_run_whose_inputs_changed_is_not_resumed(tmp_path: Path) -> None:
    RunFolder.start(tmp_path / "run", a_run().model_copy(update={"inputs": {"p.jsonl": "aa"}})).close()
    with pytest.raises(RunFolderError, match=r"other contents of p\.jsonl"):
        changed = a_run().model_copy(update={"inputs": {"p.jsonl": "bb"}})
        RunFolder.start(tmp_path / "run", changed, resume=True)


def test_overwrite_removes_only_files_of_a_run(tmp_path: Path) -> None:
    folder = RunFolder.start(tmp_path / "run", a_run(seed=1))
    folder.append(a_solution(0))
    folder.close()
    (tmp_path / "run" / "notes.txt").write_text("mine")
    (tmp_path / "run" / "model").mkdir()
    (tmp_path / "run" / "model" / "config.json").write_text("{}")
    again = RunFolder.start(tmp_path / "run", a_run(seed=2), overwrite=True)
    assert list(again.solutions()) == [] and again.run().recipe == {"seed": 2}
    assert (tmp_path / "run" / "notes.txt").read_text() == "mine"
    assert not (tmp_path / "run" / "model").exists()
    again.close()


def test_overwrite_removes_what_the_earlier_verb_wrote_and_leaves_files_it_did_not_name(tmp_path: Path) -> None:
    audit = a_run().model_copy(update={"verb": "audit", "files": ["suspects.jsonl"]})
    RunFolder.start(tmp_path / "run", audit).close()
    for name in ("suspects.jsonl", "reviews.jsonl", ".suspects.jsonl.part"):
        (tmp_path / "run" / name).write_text("{}\n")
    RunFolder.start(tmp_path / "run", a_run(), overwrite=True).close()
    assert not (tmp_path / "run" / "suspects.jsonl").exists()
    assert not (tmp_path / "run" / ".suspects.jsonl.part").exists(), "a kill left it half written"
    assert (tmp_path / "run" / "reviews.jsonl").exists()


def test_a_damaged_run_is_overwritten(tmp_path: Path) -> None:
    RunFolder.start(tmp_path / "run", a_run(seed=1)).close()
    (tmp_path / "run" / "run.json").write_text("{")
    folder = RunFolder.start(tmp_path / "run", a_run(seed=2), overwrite=True)
    assert folder.run().recipe == {"seed": 2}
    folder.close()


@pytest.mark.parametrize("flag", ["resume", "overwrite"])
def test_a_folder_of_something_else_is_never_written_to(tmp_path: Path, flag: str) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(RunFolderError, match="not empty and not a run folder"):
        RunFolder.start(tmp_path, a_run(), resume=flag == "resume", overwrite=flag == "overwrite")
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_two_processes_cannot_write_to_one_run(tmp_path: Path) -> None:
    folder = RunFolder.start(tmp_path / "run", a_run())
    code = (
        "import sys; from slipstick.store import RunFolder; f = RunFolder(sys.argv[1]);"
        "RunFolder.start(sys.argv[1], f.run(), resume=True)"
    )
    second = [sys.executable, "-c", code, str(tmp_path / "run")]
    refused = subprocess.run(second, capture_output=True, text=True, check=False)
    assert refused.returncode == 1 and "in use by another process" in refused.stderr
    folder.close()
    assert subprocess.run(second, capture_output=True, check=False).returncode == 0


def test_rows_survive_kill_9(tmp_path: Path) -> None:
    code = (
        "import os, signal, sys; from datetime import UTC, datetime\n"
        "from slipstick.schema import Run, Solution; from slipstick.store import RunFolder\n"
        "run = Run(name='r', verb='solve', status='running', started=datetime.now(UTC), recipe={})\n"
        "folder = RunFolder.start(sys.argv[1], run)\n"
        "for n in range(50): folder.append(Solution(id=str(n), problem_id='p', format='cot', blocks=[]))\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "run")], check=False)
    folder = RunFolder.start(tmp_path / "run", a_run(), resume=True)
    assert [solution.id for solution in folder.solutions()] == [str(n) for n in range(50)]
    folder.close()


def test_a_damaged_row_names_file_and_line(tmp_path: Path) -> None:
    file = tmp_path / "solutions.jsonl"
    file.write_text(a_solution(0).model_dump_json() + '\n{"id": "x"}\n')
    with pytest.raises(InputError, match=r"solutions\.jsonl:2 is not a valid Solution: problem_id"):
        list(read_records(file, Solution))


def test_no_run_folder(tmp_path: Path) -> None:
    with pytest.raises(RunFolderError, match=r"it has no run\.json"):
        RunFolder(tmp_path)


def test_discard_leaves_nothing(tmp_path: Path) -> None:
    RunFolder.start(tmp_path / "run", a_run()).discard()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["run.json", "metrics.json"])
def test_a_file_of_another_version_is_a_users_mistake(tmp_path: Path, name: str) -> None:
    (tmp_path / "run.json").write_text("{}")
    folder = RunFolder(tmp_path)
    (tmp_path / name).write_text('[{"name": "accuracy/cot"}]' if name == "metrics.json" else "{}")
    with pytest.raises(RunFolderError, match=rf"{name} (is damaged|was written by another version)"):
        if name == "run.json":
            folder.run()
        else:
            folder.metrics()


def test_a_run_that_is_replaced_comes_back_if_the_new_one_makes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "run"
    first = RunFolder.start(path, a_run(seed=1), recipe_text="seed = 1\n")
    first.append(a_solution(0))
    first.finish("finished", counts={"solutions": 1}, metrics=[])
    first.close()
    (path / "model").mkdir()
    (path / "model" / "config.json").write_text("{}")
    before = {file.relative_to(path): file.read_bytes() for file in path.rglob("*") if file.is_file()}
    for _ in range(2):
        RunFolder.start(path, a_run(seed=2), recipe_text="seed = 2\n", overwrite=True).discard()
        after = {file.relative_to(path): file.read_bytes() for file in path.rglob("*") if file.is_file()}
        assert {name: data for name, data in after.items() if name.name != ".lock"} == {
            name: data for name, data in before.items() if name.name != ".lock"
        }
    killed = RunFolder.start(path, a_run(seed=3), overwrite=True)
    killed._lock.close()  # type: ignore[union-attr]  # what the system does for a process that is killed
    assert not list(RunFolder(path).solutions()) and not RunFolder(path).has_rows()
    RunFolder.start(path, a_run(seed=4), overwrite=True).discard()
    assert len(list(RunFolder(path).solutions())) == 1 and RunFolder(path).run().recipe == {"seed": 1}
    again = RunFolder.start(path, a_run(seed=5), overwrite=True)
    again.append(a_solution(1))
    again.close()
    assert [solution.id for solution in RunFolder(path).solutions()] == [a_solution(1).id]
    assert not (path / ".replaced").exists()


def test_a_run_of_another_verb_is_named(tmp_path: Path) -> None:
    RunFolder.start(tmp_path / "run", a_run()).close()
    other = a_run().model_copy(update={"verb": "import"})
    with pytest.raises(RunFolderError, match=r"already holds a run of `slipstick \w+`: add --overwrite to replace it"):
        RunFolder.start(tmp_path / "run", other)
