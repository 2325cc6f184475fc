"""Recipes: every mistake at once, in words that lead out."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, Field

from slipstick.commands.curate import CurateRecipe
from slipstick.commands.evaluate import EvaluateRecipe
from slipstick.errors import RecipeError
from slipstick.recipe import check_settings, find_recipe, load_recipe, parse_value, to_toml
from slipstick.schema import Record
from slipstick.shipped import shipped_recipes
from slipstick.train.sources import TrainRecipe


class Settings(Record):
    model: str
    samples: int = Field(default=1, ge=1)
    formats: list[str] = Field(default_factory=list)
    field_map: dict[str, str] = Field(default_factory=dict)
    temperature: float = 0.0


def write(folder: Path, text: str) -> str:
    path = folder / "r.toml"
    path.write_text(text)
    return str(path)


def test_a_recipe_and_its_overrides(tmp_path: Path) -> None:
    recipe, text = load_recipe(
        write(tmp_path, 'model = "m"\nfield_map = {text = "question"}\n'),
        Settings,
        overrides=["samples=4", "formats=['cot', 'pot']", "field_map.answer=gold", "model=hf:runs/model"],
    )
    assert recipe == Settings(
        model="hf:runs/model", samples=4, formats=["cot", "pot"], field_map={"text": "question", "answer": "gold"}
    )
    assert tomllib.loads(text) == recipe.model_dump()


def test_the_recipe_that_is_kept_gives_the_same_settings_from_any_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "cot").mkdir()
    (tmp_path / "runs" / "model").mkdir(parents=True)
    (tmp_path / "mine.jsonl").touch()
    recipe, text = load_recipe(
        write(tmp_path, 'model = "hf:runs/model"\nformats = ["cot", "a/b", "mine.jsonl"]\n'), Settings
    )
    monkeypatch.chdir("/")
    kept = check_settings(tomllib.loads(text), Settings)
    assert kept == recipe.model_copy(
        update={"model": f"hf:{tmp_path}/runs/model", "formats": ["cot", "a/b", f"{tmp_path}/mine.jsonl"]}
    )


def test_a_whole_table_replaces_and_a_key_of_it_adds(tmp_path: Path) -> None:
    path = write(tmp_path, 'model = "m"\nfield_map = {text = "question"}\n')
    found = {
        overrides: load_recipe(path, Settings, overrides=list(overrides))[0].field_map
        for overrides in [("field_map={}",), ("field_map.answer=gold",), ("field_map={}", "field_map.answer=gold")]
    }
    assert list(found.values()) == [{}, {"text": "question", "answer": "gold"}, {"answer": "gold"}]
    with pytest.raises(RecipeError, match=r"--set model\.name=x: `model` is no table"):
        load_recipe(path, Settings, overrides=["model.name=x"])


def test_all_mistakes_are_reported_at_once(tmp_path: Path) -> None:
    path = write(tmp_path, 'modle = "m"\nsamples = 0\ntemperature = "hot"\n')
    with pytest.raises(RecipeError) as caught:
        load_recipe(path, Settings, overrides=["nonsense"])
    message = str(caught.value)
    assert len(caught.value.mistakes) == 5 and "5 mistakes" in message and path in message
    assert "modle: no such setting (did you mean `model`?)" in message
    assert "model: is missing; add `model = ...` or --set model=..." in message
    assert "samples = 0: input should be greater than or equal to 1" in message
    assert "temperature = 'hot': input should be a valid number" in message
    assert "--set nonsense: write it as --set KEY=VALUE" in message


def test_broken_toml_names_the_line(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="line 2"):
        load_recipe(write(tmp_path, 'model = "m"\nsamples ==\n'), Settings)


def test_unknown_recipe_names_the_near_one() -> None:
    with pytest.raises(RecipeError, match="did you mean `quickstart-data`"):
        find_recipe("quikstart-data")


def test_shipped_recipes_begin_with_their_command() -> None:
    recipes = shipped_recipes()
    assert "quickstart-evaluate" in recipes
    for name, path in recipes.items():
        assert path.read_text().startswith("# slipstick "), f"{name}: its first comment is the command that runs it"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("4", 4),
        ("true", True),
        ("0.6", 0.6),
        ("['a']", ["a"]),
        ("synthetic:mix", "synthetic:mix"),
        ("", ""),
        ('"4"', "4"),
    ],
)
def test_values_of_the_command_line(text: str, value: object) -> None:
    assert parse_value(text) == value


def test_settings_without_a_file() -> None:
    assert check_settings({"model": "m"}, Settings, overrides=["samples=2"]).samples == 2
    with pytest.raises(RecipeError, match="the command line has a mistake"):
        check_settings({"model": "m"}, Settings, overrides=["sample=2"])


class Walk(BaseModel):
    way: Literal["walk"] = "walk"
    shoes: int = 2


class Ride(BaseModel):
    way: Literal["bus", "train"]
    ticket: str


Trip = Annotated[Walk | Ride, Field(discriminator="way")]


def test_one_key_says_which_settings_are_meant() -> None:
    assert check_settings({}, Trip) == Walk()
    assert check_settings({"ticket": "day"}, Trip, overrides=["way=bus"]) == Ride(way="bus", ticket="day")
    with pytest.raises(RecipeError) as refused:
        check_settings({"way": "train", "shoes": 1}, Trip)
    for says in ("shoes: no such setting", "ticket: is missing"):
        assert says in str(refused.value)
    with pytest.raises(RecipeError) as refused:
        check_settings({"way": "trian", "tiket": "day"}, Trip)
    for says in (
        "way = 'trian' is not known (did you mean `train`?); known: walk, bus, train",
        "did you mean `ticket`?",
    ):
        assert says in str(refused.value)


def test_a_table_as_toml_reads_back() -> None:
    table = {
        "name": 'a "quoted" \\ path\nand é',
        "rate": 1e-05,
        "on": True,
        "many": ["a", 1, 0.5],
        "phases": [{"share": 1, "mix": {"pot": 1, "near-by key": 0.2}}],
    }
    assert tomllib.loads(to_toml(table)) == table


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("max_steps", "a training's length is max_train_tokens, or num_train_epochs"),
        ("use_peft", "lora_rank = 16 trains adapters"),
        ("assistant_only_loss", "the loss is always on what the model writes"),
        ("logging_steps", "the loss of every step is in losses.jsonl"),
        ("optim", "it is named `optimizer`"),
        ("lora_r", "it is named `lora_rank`"),
    ],
)
def test_a_key_of_trl_is_told_what_there_is(key: str, said: str) -> None:
    with pytest.raises(RecipeError, match=f"- {key}: no such setting; {said}"):
        check_settings({key: True}, TrainRecipe)


@pytest.mark.parametrize(
    ("old", "name", "settings"),
    [
        ("pasted", "allow_hardcoded_answers", CurateRecipe),
        ("fields", "field_map", EvaluateRecipe),
        ("in_flight", "max_concurrent_solutions", EvaluateRecipe),
        ("concurrency", "max_concurrent_requests", EvaluateRecipe),
        ("shots", "num_fewshot", EvaluateRecipe),
    ],
)
def test_a_key_of_early_recipes_is_told_its_name(old: str, name: str, settings: type[BaseModel]) -> None:
    with pytest.raises(RecipeError, match=f"- {old}: no such setting; it is named `{name}`"):
        check_settings({old: True}, settings)
    with pytest.raises(RecipeError, match=f"- {old}: no such setting($|\n| \\()"):
        check_settings({old: True}, Lists)


@pytest.mark.parametrize(
    "count",
    [
        *("sandbox_workers", "num_samples", "max_concurrent_solutions", "max_concurrent_requests", "max_turns"),
        "num_fewshot",
    ],
)
def test_a_count_that_would_freeze_a_machine_is_refused(count: str) -> None:
    with pytest.raises(RecipeError, match=rf"- {count} = 1000000000: .*(less than or equal to|from 1 to) [\d,]+"):
        check_settings(
            {"problems": ["synthetic:known"], "model": "fake:x"}, EvaluateRecipe, overrides=[f"{count}=1000000000"]
        )


class Lists(Record):
    formats: list[str] = Field(default_factory=list, min_length=1)
    ks: list[int] = Field(default_factory=list)
    allow: list[str] | None = None
    either: str | list[str] = ""


def test_a_single_value_is_taken_for_every_setting_that_is_a_list() -> None:
    found = check_settings({}, Lists, overrides=["formats=cot", "ks=1", "allow=mit", "either=x"])
    assert found == Lists(formats=["cot"], ks=[1], allow=["mit"], either="x")


@pytest.mark.parametrize("written", ["ks=[a, b]", "ks={a=1}", "ks=[1, 2"])
def test_a_wrong_list_is_told_how_one_is_written(written: str) -> None:
    with pytest.raises(RecipeError) as caught:
        check_settings({"formats": ["cot"]}, Lists, overrides=[written])
    assert "a list is written ks = ['a', 'b'], on the command line --set \"ks=['a', 'b']\"" in str(caught.value)


@pytest.mark.parametrize("name", ["x" * 5_000, "x" * 5_000 + ".toml", "cot\0.toml"])
@pytest.mark.parametrize("model", ["hf:models/mine", "openai:m"])
def test_a_format_whose_name_can_be_no_path_is_one_mistake(name: str, model: str) -> None:
    given = {"problems": "synthetic:known,n=3", "model": model, "formats": [name]}
    with pytest.raises(RecipeError) as caught:
        check_settings(given, EvaluateRecipe, overrides=[])
    assert [mistake.partition(" ")[0].rstrip(":") for mistake in caught.value.mistakes] == ["formats"]
