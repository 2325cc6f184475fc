"""What the page says beside its metrics: errors, cost, disagreements, rounds, and how much of a run there is."""

from __future__ import annotations

import json
from pathlib import Path

from rich.console import Console

from slipstick.agreement import Disagreement
from slipstick.commands import Invocation
from slipstick.commands.report import run_report
from slipstick.report import read_run, write_report
from slipstick.report.content import format_styles
from slipstick.report.facts import error_kinds, errors_table, spending_table
from slipstick.report.page_data import useful_first
from slipstick.schema import Code, Drop, Output, Solution, Text, Verdict
from slipstick.store import RunFolder, write_records
from tests.report.many_runs import write_run
from tests.report.runs_to_report import make_run


def make(**changes: object) -> Solution:
    verdict = Verdict(outcome="correct", method="text")
    fields = {"id": "p/0#pot#0", "problem_id": "p/0", "format": "pot", "blocks": [Text(text="4")], "verdict": verdict}
    return Solution.model_validate({**fields, **changes})


def test_errors_are_named_by_kind() -> None:
    crashed = [Code(text="x"), Output(text="Traceback ...\nNameError: x", status="error", seconds=0.1)]
    refused = [Code(text=""), Output(text="this call names no tool", status="error")]
    slow = [Code(text="x"), Output(text="", status="timeout", seconds=10)]
    failed = {"finish": "error", "error": "Error code: 429 - too busy; request 123456789 of 7"}
    none = Verdict(outcome="no_answer", method="text")
    assert [error_kinds(one) for one in (make(), make(blocks=crashed), make(blocks=refused), make(blocks=slow))] == [
        [],
        ["program: NameError"],
        ["call refused"],
        ["program: timeout"],
    ]
    assert error_kinds(make(finish="length", verdict=none)) == ["cut off by length (max_tokens)", "no answer"]
    assert error_kinds(make(**failed)) == ["request failed: Error code: 429 - too busy"]
    assert error_kinds(make(finish="turns")) == ["out of turns (max_turns)"]


def test_errors_have_counts_and_links_and_cost_has_totals() -> None:
    solutions = [make(id=f"p/{i}#pot#0", problem_id=f"p/{i}", finish="length", tokens=10, cost=0.5) for i in range(5)]
    solutions += [make(id=f"p/{i}#cot#0", problem_id=f"p/{i}", format="cot", tokens=20) for i in range(5)]
    styles = format_styles(["cot", "pot"])
    table = errors_table(solutions, styles)
    assert table and table.rows[0][:3] == ["cut off by length (max_tokens)", "·", "5 (100.0 %)"]
    assert table.rows[0][3][0] == ("p/0#pot#0", "#problem=p%2F0&outcome=all&format=pot")
    spent = spending_table(make_run(), solutions, styles)
    assert spent and spent.rows[0] == ["tokens generated", "100", "50", "150"]
    assert spent.rows[-1] == ["US dollars", "0.0000", "2.5000", "2.5000"]
    assert "4 min 13 s" in spent.lead and errors_table([make()], styles[1:]) is None


def test_the_page_shows_errors_drops_rounds_and_disagreements(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run", model="openai:m", sets={"a": 90}, skills={"cot": 0.4, "pot": 0.4})
    folder.write_dropped([Drop(row={"id": "a/test/1"}, rule="cap", reason="one too many")])
    row = {"id": "a/test/1#pot#0", "where": "out.jsonl:2", "task": "a", "verdict": "exact_match", "theirs": True}
    row |= {"ours": "incorrect", "reason": "7 is not 2", "expected": "2", "answer": "7", "recorded_answer": "7"}
    write_records(
        tmp_path / "run" / "disagreements.jsonl", [Disagreement.model_validate({**row, "cause": "comparison"})]
    )
    held_out = [{"measure": "accuracy", "format": "pot", "value": 0.5, "low": 0.4, "high": 0.6, "n": 9}]
    rounds = [{"name": "round 1", "examples": 7, "trained_tokens": 90, "held_out": held_out, "seconds": 3.0}]
    (tmp_path / "run" / "rounds.json").write_text(json.dumps(rounds), encoding="utf-8")
    page = write_report(folder).read_text("utf-8")
    for words in ("Errors by kind", "program: NameError", "Cost and time", "Dropped rows", "one too many"):
        assert words in page
    assert "Disagreements with the recorded verdicts" in page and "correct (exact_match)" in page
    assert "What each round added" in page and "50.0 [40.0, 60.0]" in page
    for width in (130, 60):
        console = Console(record=True, width=width)
        run_report(Invocation(str(tmp_path / "run")), console)
        shown = console.export_text()
        assert "What each round added" in shown and "50.0 (40.0-60.0)" in shown and "…" not in shown


def test_a_stopped_run_shows_what_there_is(tmp_path: Path) -> None:
    whole = write_run(tmp_path / "whole", model="openai:m", sets={"a": 10}, skills={"cot": 0.9, "pot": 0.9})
    run = whole.run().model_copy(update={"status": "stopped", "name": "part", "metrics": [], "counts": {}})
    part = RunFolder.start(tmp_path / "part", run, recipe_text="seed = 1\n")
    part.write_problems(whole.problems())
    for solution in list(whole.solutions())[:6]:
        part.append(solution.model_copy(update={"verdict": None}))
    part.close()
    content = read_run(part)
    assert content.partial == "partial: 6 of 20 planned solutions (30%)" and content.graded_here
    assert {metric.n for metric in content.metrics if metric.measure == "accuracy" and not metric.group} == {3}
    console = Console(record=True, width=120)
    run_report(Invocation(str(tmp_path / "part")), console)
    shown = console.export_text()
    assert (
        "all problems" in shown and "is stopped, partial: 6 of 20 planned solutions (30%); --resume continues" in shown
    )
    assert f"slipstick grade {tmp_path / 'part'} keeps them" in shown.replace("\n", "")
    assert "<b>stopped</b>, partial: 6 of 20" in (tmp_path / "part" / "report.html").read_text("utf-8")
    assert not (tmp_path / "part" / "metrics.json").exists() and not (tmp_path / "part" / "verdicts.jsonl").exists()


def test_what_a_problem_is_about_comes_before_hashes() -> None:
    metadata = {"origin_commit": "0123456789abcdef", "steps": 3, "digest": "9f2c" * 4, "level": 2, "split": "test"}
    assert useful_first({**metadata, "nested": {}}) == ["split", "level", "steps", "origin_commit", "digest"]
