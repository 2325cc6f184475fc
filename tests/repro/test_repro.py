"""Published rows: the data file, our figures beside them, and how a run differs."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from pathlib import Path

import pytest
from rich.console import Console

from slipstick.commands import Invocation
from slipstick.commands.repro import run_repro
from slipstick.errors import InputError, RecipeError
from slipstick.problems.catalogue import datasets
from slipstick.repro import compare_with_published, find_row, published_rows
from slipstick.repro.differences import differences
from slipstick.schema import Problem, Run, Solution
from slipstick.shipped import shipped_recipes
from slipstick.store import RunFolder


def solved(sets: tuple[str, ...] = ("gsm8k", "svamp"), format: str = "tir") -> tuple[list[Problem], list[Solution]]:
    """Of each set 20 problems, 12 of them solved."""
    problems, solutions = [], []
    for name in sets:
        for place in range(20):
            problem = Problem(id=f"{name}/test/{place}", text="?", answer=str(place), kind="number")
            answer = str(place) if place < 12 else "-1"
            problems.append(problem)
            solutions.append(
                Solution(id=f"{problem.id}#{format}#0", problem_id=problem.id, format=format, blocks=[], answer=answer)
            )
    return problems, solutions


def folder_of(path: Path, recipe: dict[str, object]) -> RunFolder:
    problems, solutions = solved()
    run = Run(name=path.name, verb="evaluate", status="running", started=datetime.now(UTC), recipe=recipe)
    folder = RunFolder.start(path, run)
    folder.write_problems(problems)
    for solution in solutions:
        folder.append(solution)
    folder.finish("finished", counts={}, metrics=[])
    return folder


def test_every_row_names_sets_a_recipe_and_figures_that_exist() -> None:
    rows = published_rows()
    assert len(rows) >= 35 and {"mammoth-7b-hybrid", "mario-7b", "mathcoder-l-7b"} <= rows.keys()
    for row in rows.values():
        assert row.percent and all(0 < value < 100 for value in row.percent.values())
        assert row.paper.recipe in shipped_recipes()
        assert row.percent.keys() <= datasets().keys()


@pytest.mark.parametrize("name", [name for name, row in published_rows().items() if row.average])
def test_printed_averages_are_those_of_the_printed_figures(name: str) -> None:
    row = published_rows()[name]
    assert row.average == pytest.approx(sum(row.percent.values()) / len(row.percent), abs=0.51)


def test_a_run_is_compared_with_a_row_by_both_profiles() -> None:
    problems, solutions = solved()
    cells = {cell.set: cell for cell in compare_with_published(find_row("mathcoder-l-7b"), problems, solutions)}
    assert cells["gsm8k"].ours and cells["gsm8k"].ours.value == 0.6 and cells["gsm8k"].by_paper_profile
    assert cells["gsm8k"].gap == pytest.approx(-4.2) and cells["gsm8k"].within
    assert cells["simuleq"].ours is None and cells["simuleq"].gap is None


def test_runs_that_do_not_fit_a_row_are_refused() -> None:
    with pytest.raises(InputError, match="in format hybrid, but the run's solutions are in tir"):
        compare_with_published(find_row("mammoth-7b-hybrid"), *solved())
    with pytest.raises(InputError, match="figures for gsm8k, but the run's problems are of aqua"):
        compare_with_published(find_row("tora-7b"), *solved(("aqua",)))
    with pytest.raises(InputError, match="best@20: k = 20, but a problem has 1 samples"):
        problems, solutions = solved(("gsm8k",), "mario")
        compare_with_published(
            find_row("mario-7b-ovm20"), problems, [s.model_copy(update={"value": 0.5}) for s in solutions]
        )
    with pytest.raises(InputError, match="did you mean `tora-70b`"):
        find_row("tora-70")


def test_differences_from_the_paper_are_listed(tmp_path: Path) -> None:
    recipe = {
        "temperature": 0.6,
        "top_p": 1.0,
        "max_tokens": 1500,
        "num_fewshot": 0,
        "profile": "slipstick",
        "stop": [],
    }
    folder = folder_of(tmp_path / "run", recipe | {"model": "openai:TIGER-Lab/MAmmoTH-Coder-7B"})
    found = {row.what: row for row in differences(find_row("mammoth-coder-7b-pot"), folder.run())}
    assert found["temperature"][1:] == ("0.0", "0.6") and found["profile"][1:] == ("mammoth", "slipstick")
    assert found["rope_theta"][1:] == ("1000000", "not recorded") and "'USER'" in found["stop"].published
    assert not {"max_tokens", "top_p", "num_fewshot", "model"} & found.keys()


def test_the_verb_shows_the_row_beside_the_run(tmp_path: Path) -> None:
    console = Console(record=True, width=160, file=io.StringIO())
    folder_of(tmp_path / "run", {"model": "replay:x", "temperature": 0.0})
    assert run_repro(Invocation("mathcoder-l-7b", [f"run={tmp_path / 'run'}"]), console) == tmp_path / "run"
    shown = console.export_text()
    assert "60.0 (38.7–78.1)" in shown and "not measured" in shown and "MathLLMs/MathCoder-L-7B" in shown
    run_repro(Invocation("list"), console)
    assert "mario-ovm-7b-ovm20" in console.export_text()
    with pytest.raises(RecipeError, match="names a finished run, so no other setting applies: remove it"):
        run_repro(Invocation("tora-7b", [f"run={tmp_path / 'run'}", "limit=3"]), console)
