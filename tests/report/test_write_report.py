"""The files of a report."""

from __future__ import annotations

from pathlib import Path

from slipstick.metrics import summarize
from slipstick.report import write_report
from slipstick.report.content import number
from slipstick.store import RunFolder
from tests.report.runs_to_report import make_rows, make_run


def test_report_of_a_run_folder(tmp_path: Path) -> None:
    problems, solutions = make_rows()
    folder = RunFolder.start(tmp_path / "demo", make_run(status="running", finished=None), recipe_text="seed = 1\n")
    folder.write_problems(problems)
    for solution in solutions:
        folder.append(solution.model_copy(update={"verdict": None}))
    folder.write_verdicts(solutions)
    metrics = summarize(problems, solutions, ks=[], same=str.__eq__)
    folder.finish("finished", counts={"problems": 8}, metrics=metrics)
    path = write_report(tmp_path / "demo")
    assert path == tmp_path / "demo" / "report.html"
    assert f"<b>{number(metrics[0])}</b>" in path.read_text("utf-8")
    elsewhere = write_report(folder, out=tmp_path / "pages" / "one.html")
    assert elsewhere.read_text("utf-8") == path.read_text("utf-8")
    assert sorted(entry.name for entry in elsewhere.parent.iterdir()) == ["figures", "one.html"]
