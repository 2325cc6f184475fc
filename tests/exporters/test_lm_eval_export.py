"""A run as lm-eval writes its own, and its problems as tasks of lm-eval."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from slipstick.commands import Invocation
from slipstick.commands.evaluate import run_evaluate
from slipstick.exporters.lm_eval import write_lm_eval
from slipstick.exporters.lm_eval_tasks import write_lm_eval_tasks
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


def test_tasks_are_lm_evals_yaml_with_majority_filters_and_our_verdict(run: RunFolder, tmp_path: Path) -> None:
    written = write_lm_eval_tasks(run, tmp_path, ks=[4])
    assert written == {"lm_eval_tasks/sums.jsonl": 6, "lm_eval_tasks/more.jsonl": 6}
    place = tmp_path / "lm_eval_tasks"
    task = read_yaml(place / "slipstick_sums.yaml")
    assert task["repeats"] == 4 and task["process_results"] == "verdict.process_results"
    majority = task["filter_list"][1]
    assert majority["name"] == "maj@4"
    assert [step["function"] for step in majority["filter"]] == ["take_first_k", "regex", "majority_vote", "take_first"]
    pattern = majority["filter"][1]["regex_pattern"]
    taken = {
        "So 3.\nThe answer is 12.\n\n": "12",
        r"The answer is \boxed{\frac12}.": r"\frac12",
        r"The answer is $\boxed{\frac{1}{2}}$": r"\frac{1}{2}",
        r"The answer is \frac{1}{2}.": r"\frac{1}{2}",
        "The answer is x^{2}": "x^{2}",
        "The answer is {1, 2}.": "{1, 2}",
        "The answer is $5$.": "5",
    }
    for said, value in taken.items():
        assert [group for group in re.findall(pattern, said)[-1] if group] == [value], said
    assert Path(task["dataset_kwargs"]["data_files"]["test"]).is_file()
    group = read_yaml(place / "slipstick_run_group.yaml")
    assert group["task"] == ["slipstick_sums", "slipstick_more"]
    scope: dict[str, Any] = {}
    exec((place / "verdict.py").read_text(), scope)  # noqa: S102  the file that lm-eval imports
    doc = json.loads((place / "sums.jsonl").read_text().splitlines()[1])
    assert scope["process_results"](doc, ["4.0"]) == {"exact_match": 1.0}
    assert scope["process_results"](doc, ["[invalid]"]) == {"exact_match": 0.0}


def test_a_tasks_verdict_knows_the_options(run: RunFolder, tmp_path: Path) -> None:
    problem = Problem(
        id="q/1", text="Capital? (A) Rome (B) Paris", answer="B", kind="choice", choices=["Rome", "Paris"]
    )
    asked = RunFolder.start(tmp_path / "asked", run.run())
    asked.write_problems([problem])
    asked.close()
    write_lm_eval_tasks(asked, tmp_path / "out")
    place = tmp_path / "out" / "lm_eval_tasks"
    scope: dict[str, Any] = {}
    exec((place / "verdict.py").read_text(), scope)  # noqa: S102  the file that lm-eval imports
    (doc,) = [json.loads(line) for path in place.glob("*.jsonl") for line in path.read_text().splitlines()]
    said = {"B": 1.0, "(B)": 1.0, "Paris": 1.0, "A": 0.0, "Rome": 0.0}
    assert {each: scope["process_results"](doc, [each])["exact_match"] for each in said} == said
