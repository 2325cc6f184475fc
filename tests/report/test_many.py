"""Many runs in one table: rows and columns, what is best, trends, files, and what the command takes."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from slipstick.commands import Invocation
from slipstick.commands.report import run_report
from slipstick.errors import InputError, UserError
from slipstick.metrics import summarize
from slipstick.report import write_report
from slipstick.report.many import RunsTable, runs_table
from slipstick.report.many_files import count_of, latex, markdown, terminal_table, write_table
from slipstick.report.reading import find_runs
from slipstick.schema import Verdict
from tests.report.many_runs import write_run


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two models on two sets, one of them in two runs; four checkpoints; a run of other problems."""
    home = tmp_path_factory.mktemp("many")
    good, poor = {"cot": 0.9, "pot": 0.92}, {"cot": 0.2, "pot": 0.3}
    write_report(write_run(home / "models" / "good", model="openai:acme/good", sets={"a": 60, "b": 40}, skills=good))
    write_run(home / "models" / "poor-a", model="openai:acme/poor", sets={"a": 60}, skills=poor)
    write_run(home / "models" / "poor-b", model="openai:acme/poor", sets={"b": 40}, skills=poor)
    for step in (100, 200, 1000):
        model = f"hf:/runs/sft/model/checkpoint-{step}"
        write_run(home / "steps" / f"at-{step}", model=model, sets={"a": 30}, skills={"pot": 0.2 + step / 1500})
    write_run(home / "other", model="openai:acme/good", sets={"a": 25}, skills={"pot": 0.9})
    return home


def table_of(*targets: Path | str, measure: str = "accuracy") -> RunsTable:
    return runs_table(find_runs(map(str, targets)), measure=measure)


def test_runs_of_one_model_share_a_row_and_sets_have_columns(runs: Path) -> None:
    table = table_of(runs / "models")
    assert table.columns == ["a", "b", "average"] and not table.trends
    assert all("of the requests failed" in note for note in table.notes)
    assert [(row.model, row.format, [run.name for run in row.runs]) for row in table.rows] == [
        ("acme/good", "cot", ["good"]),
        ("acme/good", "pot", ["good"]),
        ("acme/poor", "cot", ["poor-a", "poor-b"]),
        ("acme/poor", "pot", ["poor-a", "poor-b"]),
    ]
    poor = [cell.metric for cell in table.rows[2].cells if cell]
    assert poor[2].value == pytest.approx((poor[0].value + poor[1].value) / 2)
    assert poor[2].low < poor[2].value < poor[2].high and [metric.n for metric in poor] == [60, 40, 100]
    assert [count_of(table, column) for column in range(3)] == [60, 40, 100]


def test_runs_of_which_none_has_every_set_have_no_average(runs: Path, tmp_path: Path) -> None:
    write_run(tmp_path / "b", model="openai:acme/else", sets={"b": 20}, skills={"cot": 0.5})
    table = table_of(runs / "models" / "poor-a", tmp_path / "b")
    assert table.columns == ["a", "b"] and len(table.rows) == 3
    page = write_table(table, out=tmp_path / "table")
    assert "verage" not in page.with_suffix(".md").read_text()


def test_the_best_and_what_is_not_shown_to_be_worse_are_marked(runs: Path) -> None:
    table = table_of(runs / "models")
    assert [[bool(cell and cell.best) for cell in row.cells] for row in table.rows] == [[True] * 3] * 2 + [
        [False] * 3
    ] * 2
    fewest = table_of(runs / "models", measure="no_answer")
    cells = [row.cells[2] for row in fewest.rows]
    best = min((cell for cell in cells if cell), key=lambda cell: cell.metric.value)
    assert best.best and best.metric.value < 0.1


def test_an_average_is_starred_unless_the_paired_test_shows_a_difference(tmp_path: Path) -> None:
    incorrect = {"verdict": Verdict(outcome="incorrect", method="number")}
    for name, wrong in (("A", 1), ("B", 3)):  # p = 0.125 over both sets
        folder = write_run(tmp_path / name, model=f"openai:acme/{name}", sets={"a": 20, "b": 20}, skills={"cot": 1.0})
        few = {f"{each}/test/{n}" for each in "ab" for n in range(wrong)}
        solutions = [one.model_copy(update=incorrect) if one.problem_id in few else one for one in folder.solutions()]
        folder.write_verdicts(solutions)
        metrics = summarize(list(folder.problems()), solutions, ks=[], same=str.__eq__)
        folder.finish("finished", counts={}, metrics=metrics)
    assert [[bool(cell and cell.best) for cell in row.cells] for row in table_of(tmp_path).rows] == [[True] * 3] * 2


@pytest.mark.parametrize("size", [20, 19])  # the same problems, and others
def test_what_may_be_as_good_as_the_best_with_its_undecided_solutions_is_marked(tmp_path: Path, size: int) -> None:
    undecided = {"verdict": Verdict(outcome="undecided", method="text")}
    for name, n, changed in (("A", 20, range(0)), ("B", size, range(20)), ("C", size, range(2))):
        skill = {"cot": 0.0 if name == "C" else 1.0}
        folder = write_run(tmp_path / name, model=f"openai:acme/{name}", sets={"a": n}, skills=skill)
        few = {f"a/test/{place}" for place in changed}
        solutions = [one.model_copy(update=undecided) if one.problem_id in few else one for one in folder.solutions()]
        folder.write_verdicts(solutions)
        metrics = summarize(list(folder.problems()), solutions, ks=[], same=str.__eq__)
        folder.finish("finished", counts={}, metrics=metrics)
    table = table_of(tmp_path)
    assert [bool(cell and cell.best) for row in table.rows for cell in row.cells] == [True, True, False]
    (note,) = [note for note in table.notes if "ndecided" in note]
    assert "B 100.0%, C 10" in note and "marked too" in note and note in markdown(table)


def test_other_problems_of_a_set_are_told_and_not_tested_together(runs: Path) -> None:
    table = table_of(runs / "models" / "good", runs / "other")
    assert "a: the runs have different problems (25, 60)" in table.notes[0]
    assert {row.model for row in table.rows} == {"acme/good (good)", "acme/good (other)"}
    assert "n = 25" in markdown(table) and "n = 25" in latex(table)


def test_checkpoints_of_one_training_give_a_trend(runs: Path, tmp_path: Path) -> None:
    table = table_of(f"{runs}/steps/*")
    assert [row.model for row in table.rows] == [f"sft/checkpoint-{step}" for step in (100, 200, 1000)]
    (trend,) = table.trends
    assert (trend.model, trend.column, [step for step, _ in trend.lines["pot"]]) == ("sft", "a", [100, 200, 1000])
    page = write_table(table, out=tmp_path / "t")
    assert (
        "sft over its checkpoints" in page.read_text("utf-8") and (tmp_path / "t" / "table-trend-sft-a.svg").is_file()
    )


def test_markdown_and_latex_have_every_number_and_the_best_in_bold(runs: Path) -> None:
    table = table_of(runs / "models")
    written, set_in_tex = markdown(table), latex(table)
    assert len({line.count("|") for line in written.splitlines() if line.startswith("|")}) == 1
    assert written.count("**") == 2 * set_in_tex.count("\\textbf{") == 12
    assert "| model | format | a (n = 60) | b (n = 40) | average (n = 100) |" in written
    assert set_in_tex.count("&") == 4 * set_in_tex.count("\\\\")


def test_the_page_links_to_the_pages_of_the_runs(runs: Path, tmp_path: Path) -> None:
    page = write_table(table_of(runs / "models"), out=tmp_path / "pages" / "mine.html").read_text("utf-8")
    assert 'models/good/report.html">good</a>' in page and "<script" not in page
    assert page.count("★") == 6 + 1 and page.count('<svg class="mark"') == 3 * 4
    assert sorted(entry.name for entry in (tmp_path / "pages").iterdir()) == ["mine.html", "mine.md", "mine.tex"]


def test_nothing_wraps_on_a_narrow_terminal(runs: Path) -> None:
    for width, numbers in ((60, 12), (80, 4)):
        console = Console(width=width, force_terminal=False)
        with console.capture() as capture:
            console.print(terminal_table(table_of(runs / "models")))
        lines = [line for line in capture.get().splitlines() if "acme/" in line]
        assert len(lines) == numbers and all(line.count("–") in (1, 3) for line in lines)


def test_the_command_takes_runs_folders_and_patterns(
    runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(runs)
    console = Console(record=True, width=150)
    page = run_report(Invocation("models/good", out=tmp_path / "x"), console, more=["models/poor-a", "models/poor-b"])
    assert page == tmp_path / "x" / "table.html" and "acme/poor" in console.export_text()
    assert len(find_runs(["models", "models/*", "models/good"])) == 3
    assert run_report(Invocation("models"), console) == Path("models/table/table.html")
    assert len(find_runs(["models"])) == 3  # the folder of the table is no run
    (runs / "notes.txt").write_text("no run", encoding="utf-8")
    assert len(find_runs(["notes.txt", "other"])) == 1
    for target, words in (("none", "none does not exist"), ("notes.txt", "not a run folder"), ("x*", "no run folder")):
        with pytest.raises(UserError, match=words):
            run_report(Invocation(target), console)
    with pytest.raises(InputError, match="measure pass@9; 3 runs with accuracy"):
        run_report(Invocation("models", ["measure=pass@9"]), console)
    with pytest.raises(UserError, match="against compares one run"):
        run_report(Invocation("models", ["against=other"]), console)


@pytest.mark.parametrize("flag", ["limit", "resume", "overwrite"])
def test_flags_that_a_report_has_no_use_for_are_refused(runs: Path, flag: str) -> None:
    given = Invocation(str(runs / "other"), limit=5 if flag == "limit" else None)
    given = replace(given, resume=flag == "resume", overwrite=flag == "overwrite")
    with pytest.raises(UserError, match=f"report takes no --{flag}"):
        run_report(given, Console())


def test_out_is_a_page_or_a_folder(runs: Path, tmp_path: Path) -> None:
    assert write_report(runs / "other", out=tmp_path / "folder") == tmp_path / "folder" / "report.html"
    assert write_report(runs / "other", out=tmp_path / "page.html") == tmp_path / "page.html"


def test_rows_of_two_files_of_one_name_are_two_sets(tmp_path: Path) -> None:
    for name in ("first", "second"):
        folder = write_run(tmp_path / name, model=f"openai:{name}", sets={"test": 30}, skills={"cot": 0.5})
        if name == "second":
            folder.write_problems(
                problem.model_copy(update={"text": f"Another: {problem.text}"}) for problem in folder.problems()
            )
    for measure in ("accuracy", "no_answer"):
        table = table_of(tmp_path / "first", tmp_path / "second", measure=measure)
        assert table.columns == ["test (first)", "test (second)"]
        assert [[cell is not None for cell in row.cells] for row in table.rows] == [
            [True, False],
            [False, True],
        ]
        assert not any(cell and cell.best for row in table.rows for cell in row.cells)


def test_a_question_that_was_changed_is_told(tmp_path: Path) -> None:
    write_run(tmp_path / "first", model="openai:one", sets={"a": 30}, skills={"cot": 0.5})
    folder = write_run(tmp_path / "second", model="openai:two", sets={"a": 30}, skills={"cot": 0.5})
    changed = [problem.model_copy(update={"answer": "0"}) for problem in folder.problems()][:3]
    folder.write_problems([*changed, *list(folder.problems())[3:]])
    for measure in ("accuracy", "no_answer"):
        assert "different problems (30, 30)" in table_of(tmp_path, measure=measure).notes[0]


def test_runs_sampled_until_a_vote_is_settled_are_tested_by_the_samples_that_count(tmp_path: Path) -> None:
    """Every problem has one sample that counts; the further ones, of hard problems alone, are all correct."""
    for name, sample in (("one", "incorrect"), ("two", "correct")):
        folder = write_run(tmp_path / name, model=f"openai:{name}", sets={"a": 30}, skills={"cot": 1.0}, samples=2)
        outcome = Verdict(outcome="correct" if sample == "correct" else "incorrect", method="number")
        kept = [
            one.model_copy(update={"verdict": outcome} if one.sample == 0 else {})
            for place, one in enumerate(folder.solutions())
            if place != 1
        ]
        folder.rearrange(one.id for one in kept)
        folder.write_verdicts(kept)
        run = folder.note(recipe={**folder.run().recipe, "consistency_threshold": 0.9})
        metrics = summarize(folder.problems(), folder.solutions(), ks=[], same=str.__eq__, settled=True)
        folder.finish("finished", counts=run.counts, metrics=metrics)
    table = table_of(tmp_path)
    assert [[cell.metric.value for cell in row.cells if cell] for row in table.rows] == [[0.0], [1.0]]
    assert [[cell.best for cell in row.cells if cell] for row in table.rows] == [[False], [True]]


@pytest.mark.parametrize(("setting", "rows"), [({"request_timeout": 9.0}, 1), ({"top_k": 3}, 2)])
def test_a_setting_that_changes_no_reply_keeps_no_run_out_of_a_row(
    setting: dict[str, object], rows: int, tmp_path: Path
) -> None:
    write_run(tmp_path / "one", model="openai:m", sets={"a": 30}, skills={"cot": 0.5})
    other = write_run(tmp_path / "two", model="openai:m", sets={"b": 30}, skills={"cot": 0.5})
    other.note(recipe={**other.run().recipe, **setting})
    assert len(table_of(tmp_path).rows) == rows


def test_requests_that_failed_are_told(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "one", model="openai:one", sets={"a": 30}, skills={"cot": 0.1})
    assert any(solution.failed for solution in folder.solutions())
    assert "of the requests failed and count as wrong" in table_of(tmp_path).notes[0]


def test_a_file_of_somebody_else_is_not_replaced(runs: Path, tmp_path: Path) -> None:
    table = table_of(runs / "models")
    write_table(table, out=tmp_path / "paper.html")
    write_table(table, out=tmp_path / "paper.html")
    (tmp_path / "paper.tex").write_text("\\documentclass{article}")
    with pytest.raises(UserError, match=r"paper.tex is no table of ours"):
        write_table(table, out=tmp_path / "paper.html")
    assert (tmp_path / "paper.tex").read_text() == "\\documentclass{article}"


def test_damaged_and_foreign_runs_are_named_and_left_out(tmp_path: Path) -> None:
    write_run(tmp_path / "a" / "good", model="hf:x", sets={"one": 4}, skills={"cot": 1.0})
    for name, text in (("damaged", "{"), ("foreign", '{"a": 1}\n')):
        (tmp_path / "a" / name).mkdir()
        (tmp_path / "a" / name / "run.json").write_text(text)
    (tmp_path / "a" / "loop").symlink_to(tmp_path)
    table = runs_table(find_runs([str(tmp_path)]))
    assert len(table.rows) == 1
    left_out = [note for note in table.notes if note.startswith("Left out: ")]
    assert len(left_out) == 2 and "a/damaged/run.json" in left_out[0] and "a/foreign/run.json" in left_out[1]
    with pytest.raises(UserError, match="damaged"):
        runs_table(find_runs([str(tmp_path / "a" / "damaged")]))


def test_a_folder_is_not_searched_without_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_run(tmp_path / "z" / "run", model="openai:m", sets={"a": 4}, skills={"pot": 0.5})
    for n in range(30):
        (tmp_path / f"folder-{n}").mkdir()
    assert [folder.path.name for folder in find_runs([str(tmp_path)])] == ["run"]
    monkeypatch.setattr(sys.modules["slipstick.report.reading"], "_MOST_LOOKED_AT", 20)
    with pytest.raises(
        InputError, match=r"more than 20 files and folders that are no runs, the last in .*name a folder nearer"
    ):
        find_runs([str(tmp_path)])
    assert len(find_runs([str(tmp_path / "z"), str(tmp_path / "z" / "run")])) == 1
