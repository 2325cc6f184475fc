"""Logs of inspect, read and graded."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from slipstick.commands import Invocation
from slipstick.commands.grade import run_grade
from slipstick.errors import InputError
from slipstick.importers import find_outputs, read_outputs
from slipstick.metrics.labels import metric_label
from slipstick.store import RunFolder


def log(**changes: Any) -> dict[str, Any]:
    """A log of inspect with three problems in two epochs, one of them solved by a tool call."""
    samples = []
    for epoch in (1, 2):
        for n in range(3):
            answer = str(n + 1 + (n == 2))
            call = {"id": "c", "function": "python", "arguments": {"code": f"print({answer})"}}
            messages: list[dict[str, Any]] = [{"role": "user", "content": f"What is {n} + 1?"}]
            if n == 1:
                messages += [{"role": "assistant", "content": "I compute.", "tool_calls": [call]}]
                messages += [{"role": "tool", "content": f"{answer}\n"}]
            messages += [{"role": "assistant", "content": [{"type": "text", "text": f"ANSWER: {answer}"}]}]
            samples.append(
                {
                    "id": n,
                    "epoch": epoch,
                    "input": [{"role": "user", "content": f"What is {n} + 1?"}],
                    "target": str(n + 1),
                    "messages": messages,
                    "output": {"completion": f"ANSWER: {answer}", "usage": {"output_tokens": 7}},
                    "scores": {"match": {"value": "I" if n == 2 else "C", "answer": answer}},
                }
            )
    return {"version": 2, "status": "success", "eval": {"task": "me/sums", "model": "m"}, "samples": samples, **changes}


def test_a_log_of_inspect_is_graded_with_its_verdicts(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "2026_sums.json").write_text(json.dumps(log(), indent=2))
    (tmp_path / "logs" / "other.json").write_text('{"results": {}}')
    console = Console(record=True, width=160, file=io.StringIO())
    folder = RunFolder(run_grade(Invocation(str(tmp_path / "logs"), ["ks=[2]"], out=tmp_path / "run"), console))
    metrics = {metric_label(metric): metric for metric in folder.metrics()}
    assert metrics["accuracy, tir"].value == pytest.approx(2 / 3) and metrics["maj@2, tir"].value == pytest.approx(
        2 / 3
    )
    assert [solution.sample for solution in folder.solutions()] == [0, 0, 0, 1, 1, 1] or len(
        list(folder.solutions())
    ) == 6
    tool = next(solution for solution in folder.solutions() if solution.problem_id.endswith("/1"))
    assert [block.type for block in tool.blocks] == ["text", "code", "output", "text"]
    assert "0 disagreements" in console.export_text()


def test_a_sample_with_an_error_is_dropped_and_named(tmp_path: Path) -> None:
    broken = log()
    broken["samples"][1]["error"] = {"message": "a timeout", "traceback": "..."}
    broken["samples"][2]["messages"][-1]["content"] = "ANSWER: 4 \ud83d"
    (tmp_path / "log.json").write_text(json.dumps(broken))
    console = Console(record=True, width=160, file=io.StringIO())
    folder = RunFolder(run_grade(Invocation(str(tmp_path / "log.json"), [], out=tmp_path / "run"), console))
    assert len(list(folder.solutions())) == 5
    (drop,) = folder.dropped()
    assert "sample 1, epoch 1 ended in an error: a timeout" in drop.reason
    assert f"dropped 1 of 6 samples: {drop.reason}" in console.export_text().replace("\n", "")


def test_results_of_parallel_calls_stand_behind_their_calls(tmp_path: Path) -> None:
    parallel = log()
    calls = [{"id": name, "function": "python", "arguments": {"code": f"print({name!r})"}} for name in "ab"]
    results = [{"role": "tool", "tool_call_id": name, "content": name} for name in "ba"]
    turns = parallel["samples"][1]["messages"]
    turns[1:3] = [{"role": "assistant", "content": "Both.", "tool_calls": calls}, *results]
    (tmp_path / "log.json").write_text(json.dumps(parallel))
    folder = RunFolder(run_grade(Invocation(str(tmp_path / "log.json"), [], out=tmp_path / "run"), Console(quiet=True)))
    tool = next(solution for solution in folder.solutions() if solution.problem_id.endswith("/1"))
    said = [block.text.strip() for block in tool.blocks if block.type != "text"]
    assert said == ["print('a')", "a", "print('b')", "b"]


def test_an_early_log_has_one_score(tmp_path: Path) -> None:
    early = log()
    for sample in early["samples"]:
        sample["score"] = sample.pop("scores")["match"]
    (tmp_path / "log.json").write_text(json.dumps(early))
    attempts = list(read_outputs(find_outputs(tmp_path / "log.json")[0]))
    assert [attempt.recorded[0].verdicts["score"] for attempt in attempts[:3]] == [True, True, True]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (json.dumps(log())[:400], "is not valid JSON, so it is damaged or truncated"),
        (json.dumps(log(samples=[])), "has no samples: run inspect without log_samples"),
        (json.dumps(log(status="cancelled")), "has the status 'cancelled'"),
    ],
)
def test_broken_logs_get_one_message(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "log.json").write_text(text)
    with pytest.raises(InputError, match=message):
        find_outputs(tmp_path / "log.json")
