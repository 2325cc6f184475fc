"""What a command is told that got something else in a recipe's place."""

from __future__ import annotations

from pathlib import Path

import pytest

from slipstick.errors import RecipeError, RunFolderError
from slipstick.recipe import find_recipe
from slipstick.shipped import how_to_make, maker_of, shipped_recipes
from slipstick.store import RunFolder

KEYS = ("data", "problems")


@pytest.mark.parametrize(
    ("name", "settings", "said"),
    [
        ("runs/corpus", KEYS, "it is a run's folder, not a recipe: leave it out and write --set data=runs/corpus"),
        ("runs/corpus", ("problems",), "it is a run's folder, not a recipe"),
        ("mine.jsonl", ("problems",), "leave it out and write --set problems=mine.jsonl"),
        ("mine.jsonl", ("data",), "`slipstick import mine.jsonl` makes a run"),
        ("lora", KEYS, "did you mean `lora.toml`?"),
        ("runs", KEYS, "it is a folder without a run.json"),
        ("runs/corpsu", KEYS, "it does not exist (did you mean `corpus`?)"),
        ("runs/value-samples", KEYS, "`slipstick evaluate value-samples` makes it"),
        ("quikstart-data", KEYS, "did you mean `quickstart-data`?"),
    ],
)
def test_what_is_no_recipe_is_named(
    name: str, settings: tuple[str, ...], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("runs/corpus").mkdir(parents=True)
    Path("runs/corpus/run.json").write_text("{}")
    Path("mine.jsonl").touch()
    Path("lora.toml").touch()
    with pytest.raises(RecipeError) as error:
        find_recipe(name, settings)
    assert said in str(error.value)
    assert len(str(error.value)) < 200


def test_a_missing_run_of_a_shipped_recipe_is_told_what_makes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RunFolderError, match="`slipstick quickstart` makes it"):
        RunFolder("runs/quickstart/data")
    assert how_to_make("runs/mine") == how_to_make("elsewhere") == ""
    assert maker_of("/home/me/runs/mathinstruct") == "slipstick synthesize mathinstruct"
    assert all(maker_of(f"runs/{name}").startswith("slipstick ") for name in shipped_recipes())
