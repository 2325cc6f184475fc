"""A run as lm-eval writes its own, and its problems as tasks of lm-eval."""

from __future__ import annotations

import io
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from slipstick.commands import Invocation
from slipstick.commands.evaluate import run_evaluate
from slipstick.exporters.lm_eval import write_lm_eval
from slipstick.exporters.tasks import TaskSettings, write_task
from slipstick.importers import find_outputs, read_outputs
from slipstick.schema import Problem
from slipstick.store import RunFolder


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """Twelve problems of two sets, in words and by program, with two samples of each; every third is wrong."""
    folder = tmp_path_factory.mktemp("lm_eval")
    problems = [
        {"id": f"{('sums', 'more')[n % 2]}/test/{n}", "question": f"What is {n} + {n}?", "answer": str(2 * n)}
        for n in range(12)
    ]
    script = []
    for n, problem in enumerate(problems):
        said = 2 * n + (n % 3 == 0)
        script.append({"problem_id": problem["id"], "format": "cot", "text": f"We add. The answer is {said}."})
        script.append({"problem_id": problem["id"], "format": "pot", "text": f"print({said})"})
    for name, rows in (("problems", problems), ("script", script)):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "r.toml").write_text(
        f'problems = "{folder}/problems.jsonl"\nmodel = "fake:{folder}/script.jsonl"\nformats = ["cot", "pot"]\n'
        "num_samples = 2\nks = [2]\nsandbox_workers = 1\n"
    )
    return RunFolder(run_evaluate(Invocation(str(folder / "r.toml"), out=folder / "run"), Console(file=io.StringIO())))


def test_results_have_lm_evals_keys_and_our_numbers(run: RunFolder, tmp_path: Path) -> None:
    written = write_lm_eval(run, tmp_path)
    (results,) = [json.loads((tmp_path / name).read_text()) for name in written if "/results_" in name]
    keys = {"results", "group_subtasks", "configs", "versions", "n-shot", "higher_is_better", "n-samples", "config"}
    assert keys | {"git_hash", "date", "pretty_env_info", "transformers_version", "lm_eval_version"} <= results.keys()
    assert set(results["results"]) == {
        f"slipstick_{name}_{format}" for name in ("sums", "more") for format in ("cot", "pot")
    }
    task = results["results"]["slipstick_sums_pot"]
    assert task["exact_match,none"] == pytest.approx(4 / 6) and task["exact_match,maj@2"] == pytest.approx(4 / 6)
    assert task["exact_match_stderr,none"] == pytest.approx((4 / 6 * 2 / 6 / 5) ** 0.5)
    assert results["n-samples"]["slipstick_sums_pot"] == {"original": 6, "effective": 6}


def test_samples_are_read_back_as_what_they_were(run: RunFolder, tmp_path: Path) -> None:
    write_lm_eval(run, tmp_path)
    sources, passed_over = find_outputs(tmp_path)
    assert {source.file_format for source in sources} == {"lm-eval"} and not passed_over
    attempts = list(read_outputs(sources))
    assert len(attempts) == 12 * 2 * 2
    row = json.loads(next(tmp_path.rglob("samples_slipstick_sums_cot_*.jsonl")).read_text().splitlines()[0])
    keys = {"doc_id", "doc", "target", "arguments", "resps", "filtered_resps", "filter", "metrics", "exact_match"}
    assert keys | {"doc_hash", "prompt_hash", "target_hash"} == row.keys()
    assert row["resps"] == [["We add. The answer is 1."] * 2] and row["exact_match"] == 0.0


def read_yaml(path: Path) -> Any:
    """lm-eval's YAML, in which the tag `!function` names a function."""
    yaml = pytest.importorskip("yaml", reason="lm-eval's tasks are YAML")
    return yaml.safe_load(path.read_text().replace("!function ", ""))


def load_verdict(place: Path) -> dict[str, Any]:
    """The names of verdict.py, which lm-eval imports."""
    scope: dict[str, Any] = {}
    exec((place / "verdict.py").read_text(), scope)  # noqa: S102  the file that lm-eval imports
    return scope


def test_tasks_are_lm_evals_yaml_with_majority_filters_and_our_verdict(run: RunFolder, tmp_path: Path) -> None:
    written = write_task("lm_eval_tasks", run.problems(), tmp_path, name="run", settings=TaskSettings(ks=[4]))
    assert written == {"lm_eval_tasks/sums.jsonl": 6, "lm_eval_tasks/more.jsonl": 6}
    place = tmp_path / "lm_eval_tasks"
    task = read_yaml(place / "slipstick_sums.yaml")
    assert task["repeats"] == 4 and task["process_results"] == "verdict.process_results"
    assert [metric["metric"] for metric in task["metric_list"]] == ["exact_match", "undecided"]
    majority = task["filter_list"][1]
    assert majority["name"] == "maj@4"
    steps = [step["function"] for step in majority["filter"]]
    assert steps == ["take_first_k", "custom", "majority_vote", "take_first"]
    assert Path(task["dataset_kwargs"]["data_files"]["test"]).is_file()
    group = read_yaml(place / "slipstick_run_group.yaml")
    assert group["task"] == ["slipstick_sums", "slipstick_more"]
    verdict = load_verdict(place)
    doc = json.loads((place / "sums.jsonl").read_text().splitlines()[1])
    assert verdict["process_results"](doc, ["We add.\nThe answer is 4.0."]) == {"exact_match": 1.0, "undecided": 0.0}
    assert verdict["process_results"](doc, [""]) == {"exact_match": 0.0, "undecided": 0.0}
    said = ["So 3.\nThe answer is 12.\n\n", r"It is $\boxed{12}$.", "I do not know."]
    votes = verdict["answers"]([said], [doc])
    assert votes == [["The answer is 12.", "The answer is 12.", ""]]


def test_an_undecided_response_is_not_counted_as_incorrect(tmp_path: Path) -> None:
    problem = Problem(id="q/1", text="What comes after it?", answer="2^{10^{10}}")
    write_task("lm_eval_tasks", [problem], tmp_path, name="q", settings=TaskSettings())
    verdict = load_verdict(tmp_path / "lm_eval_tasks")
    (doc,) = [json.loads(line) for line in (tmp_path / "lm_eval_tasks" / "q.jsonl").read_text().splitlines()]
    assert verdict["process_results"](doc, ["The answer is $2^{10^{10}} + 1$."]) == {"undecided": 1.0}


def test_a_tasks_verdict_knows_the_options(tmp_path: Path) -> None:
    problem = Problem(
        id="q/1", text="Capital? (A) Rome (B) Paris", answer="B", kind="choice", choices=["Rome", "Paris"]
    )
    write_task("lm_eval_tasks", [problem], tmp_path, name="q", settings=TaskSettings())
    verdict = load_verdict(tmp_path / "lm_eval_tasks")
    (doc,) = [json.loads(line) for line in (tmp_path / "lm_eval_tasks" / "q.jsonl").read_text().splitlines()]
    said = {"B": 1.0, "The answer is (B).": 1.0, "Paris": 1.0, "A": 0.0, "The answer is Rome.": 0.0}
    assert {each: verdict["process_results"](doc, [each])["exact_match"] for each in said} == said


AWKWARD = ("openai/gsm8k", "openai gsm8k", "my set: a", "数学", "../up")


def test_any_name_of_a_set_is_one_of_a_task_and_a_file(tmp_path: Path) -> None:
    problems = [Problem(id=f"{n}", text="?", answer="4", metadata={"dataset": name}) for n, name in enumerate(AWKWARD)]
    written = write_task("lm_eval_tasks", problems, tmp_path, name="My run", settings=TaskSettings())
    names = ["openai_gsm8k", "openai_gsm8k_2", "my_set_a", "problems", "up"]
    assert written == {f"lm_eval_tasks/{name}.jsonl": 1 for name in names}
    place = tmp_path / "lm_eval_tasks"
    tasks = [read_yaml(place / f"slipstick_{name}.yaml")["task"] for name in names]
    assert read_yaml(place / "slipstick_my_run_group.yaml")["task"] == tasks == [f"slipstick_{name}" for name in names]


def test_samples_of_sets_of_any_name_are_files_beside_one_another(run: RunFolder, tmp_path: Path) -> None:
    shutil.copytree(run.path, tmp_path / "run")
    folder = RunFolder(tmp_path / "run")
    names = {"sums": "openai/sums", "more": "openai sums"}
    folder.write_problems(
        problem.model_copy(update={"metadata": {"dataset": names[problem.id.partition("/")[0]]}})
        for problem in list(folder.problems())
    )
    written = write_lm_eval(folder, tmp_path / "out")
    assert all((tmp_path / "out" / name).is_file() and "/" not in name.partition("/")[2] for name in written)
    assert len(written) == 5, "samples of two sets by two formats, and the results"
    sources, _ = find_outputs(tmp_path / "out")
    assert len({source.label for source in sources}) == 4
