"""The suites: recipes that hold, sets that exist, and a run of the nine sets in four formats."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from slipstick.commands import Invocation, load_settings
from slipstick.commands.evaluate import EvaluateRecipe, run_evaluate
from slipstick.metrics.labels import metric_label
from slipstick.problems.catalogue import datasets, datasets_of, lists
from slipstick.shipped import shipped_recipes
from slipstick.store import RunFolder

SUITES = ("mammoth-nine", "mario-four", "modern", "olympiad-2026", "gsm-robust")
DATA = Path(__file__).parents[2] / "shared" / "data"


@pytest.mark.parametrize("name", SUITES)
def test_suites_are_whole_recipes_of_sets_that_exist(name: str) -> None:
    recipe, _ = load_settings(Invocation(name), EvaluateRecipe)
    assert {"cot", "pot", "tir", "hybrid"} <= set(recipe.formats)
    assert recipe.problems == [f"suite:{name}"], "the list of that name is the only place that says which sets"
    for source in datasets_of(name):
        dataset, _, split = source.partition(":")
        assert datasets()[dataset].splits[split].role == "eval"
    sets = {source.partition(":")[0] for source in datasets_of(name)}
    assert all(set(members) <= sets for members in recipe.averages.values())
    assert shipped_recipes()[name].read_text().startswith(f"# slipstick evaluate {name}")


def test_a_list_and_a_recipe_of_one_name_are_the_same_sets() -> None:
    assert lists().keys() & shipped_recipes().keys() == set(SUITES)


@pytest.mark.skipif(not DATA.is_dir(), reason=f"needs evaluation sets in {DATA}")
def test_the_nine_sets_side_by_side_with_their_averages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two problems of each set, from files; the script answers 1 in every format."""
    files, script = [], []
    for source in datasets_of("mammoth-nine"):
        name = source.partition(":")[0].replace("-", "_")
        rows = (DATA / "eval" / f"{name}.jsonl").read_text().splitlines()[:2]
        (tmp_path / f"{name}.jsonl").write_text("\n".join(rows) + "\n")
        files.append(str(tmp_path / f"{name}.jsonl"))
        script += [{"problem_id": json.loads(row)["id"], "text": "print(1)\n# The answer is 1."} for row in rows]
    (tmp_path / "script.jsonl").write_text("".join(json.dumps(row) + "\n" for row in script))
    overrides = [f"problems={files}", f"model=fake:{tmp_path}/script.jsonl", "sandbox_workers=1"]
    console = Console(record=True, width=160, file=io.StringIO())
    run = RunFolder(run_evaluate(Invocation("mammoth-nine", overrides, out=tmp_path / "run"), console))
    names = {metric_label(metric) for metric in run.metrics()}
    for format in ("cot", "pot", "tir", "hybrid"):
        assert {f"accuracy, {format}, average, {name}" for name in ("all sets", "in-domain", "out-of-domain")} <= names
    assert run.run().counts["solutions"] == 9 * 2 * 4
    assert "average, in-domain" in console.export_text()
