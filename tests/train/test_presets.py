"""Every shipped training recipe holds, says where its values come from, and can be planned without a download."""

from __future__ import annotations

from typing import Any

import pytest

from slipstick.plan.fit import shape_for
from slipstick.recipe import find_recipe, load_recipe
from slipstick.shipped import shipped_recipes
from slipstick.train import TrainSettings
from slipstick.train.sources import TrainRecipe

NAMES = [
    *(f"mammoth-{size}" for size in ("7b", "13b", "34b", "70b")),
    *(f"mammoth-coder-{size}" for size in ("7b", "13b", "34b")),
    "mario-7b",
    "mario-34b",
    "qwen3-4b",
    "qwen3-8b",
    "llama3-8b",
]


@pytest.mark.parametrize("name", NAMES)
def test_a_preset_holds_and_names_its_sources(name: str) -> None:
    recipe, _ = load_recipe(name, TrainRecipe)
    text = find_recipe(name).read_text("utf-8")
    shape = shape_for(recipe)
    assert shape is not None
    size = float(name.rpartition("-")[2].removesuffix("b"))
    assert shape.parameters() / 1e9 == pytest.approx(size, rel=0.12)
    assert text.startswith(f"# slipstick train {name}")
    values = [line for line in text.splitlines() if line and not line.startswith("#")]
    assert all(" # " in line for line in values if not line.startswith("stage")), "every value says where it is from"


@pytest.mark.parametrize("name", ["mammoth-7b", "mammoth-70b"])
def test_the_papers_values_are_the_papers(name: str) -> None:
    recipe, _ = load_recipe(name, TrainRecipe)
    assert recipe.learning_rate == (2e-5 if name == "mammoth-7b" else 1e-5)
    assert (recipe.num_train_epochs, recipe.lr_scheduler_type, recipe.warmup_ratio, recipe.weight_decay) == (
        3,
        "cosine",
        0.03,
        0,
    )
    assert recipe.per_device_train_batch_size * recipe.gradient_accumulation_steps * recipe.num_gpus == 128
    assert (recipe.template, recipe.prompt_variant, recipe.max_length) == ("alpaca", "run", 2048)
    assert recipe.checkpoint_every is not None
    saves = 3 * 262_039 * 250 / recipe.checkpoint_every
    assert 3 <= saves < 3.5, "every 2000 steps of 128, or every epoch: both are about a third of the run"


@pytest.mark.parametrize("name", NAMES)
def test_no_preset_rounds_its_updates_away(name: str) -> None:
    recipe, _ = load_recipe(name, TrainRecipe)
    assert recipe.param_dtype == "float32" or recipe.lora_rank, "small updates vanish in weights of 16 bits"


def test_no_recipe_is_left_out() -> None:
    assert set(NAMES) <= set(shipped_recipes())


def test_further_training_is_gentler_than_that_of_a_new_model() -> None:
    def chosen(**given: Any) -> tuple[str, float, float, float | None]:
        made = TrainSettings.model_validate(given)
        assert TrainSettings.model_validate(made.model_dump()) == made, "what a run has written down stays as it is"
        return made.optimizer, made.learning_rate, made.max_grad_norm, made.num_train_epochs

    assert chosen() == ("muon", 3e-3, 0.0, None)
    assert chosen(base="some/model") == ("adamw", 2e-5, 1.0, 3.0)
    assert chosen(base="some/model", lora_rank=16) == ("adamw", 2e-4, 1.0, 3.0)
    assert chosen(base="some/model", stage="cpt", max_grad_norm=0) == ("adamw", 2e-5, 0.0, 1.0)
    assert chosen(base="some/model", max_train_tokens=5000) == ("adamw", 2e-5, 1.0, None)
    assert chosen(base="some/model", optimizer="muon", learning_rate=1e-3) == ("muon", 1e-3, 1.0, 3.0)
