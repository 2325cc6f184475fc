"""Every shipped training recipe holds, says where its values come from, and can be planned without a download."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from slipstick.commands.memory import load_for, shape_for
from slipstick.commands.plan import run_plan
from slipstick.commands.train import TrainRecipe
from slipstick.errors import UserError
from slipstick.plan import KINDS, shape_of
from slipstick.recipe import load_recipe, shipped_recipes

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
    recipe, text = load_recipe(name, TrainRecipe)
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


def test_what_is_spread_over_gpus_is_kept_in_32_bits() -> None:
    recipe, _ = load_recipe("qwen3-8b", TrainRecipe)
    full = recipe.model_copy(update={"lora_rank": 0, "parallel": "fsdp2", "num_gpus": 4})
    loads = [load_for(each, trl=True, on_cpu=False, processes=1) for each in (recipe, full)]
    assert [load.weight_bytes for load in loads] == [2, 4]


SMALL = {
    "hidden_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 24,
    "intermediate_size": 96,
    "vocab_size": 500,
}


@pytest.mark.parametrize("kind", KINDS)
def test_kinds_that_are_counted_have_as_many_numbers_as_counted(kind: str, tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers", reason="the extra `train` is not installed")
    config = transformers.AutoConfig.for_model(kind, **SMALL)
    published = config.to_dict()
    del published["tie_word_embeddings"]  # as on the Hub, where it is the kind's default
    (tmp_path / "config.json").write_text(json.dumps(published, default=str))
    shape = shape_of(str(tmp_path))
    model = transformers.AutoModelForCausalLM.from_config(config)
    assert shape is not None
    assert shape.parameters() == pytest.approx(model.num_parameters(), rel=0.02), "but for norms and biases"


@pytest.mark.parametrize("kind", ["mixtral", "qwen2_moe", "qwen3_moe", "starcoder2", "gpt_neox", "phi3"])
def test_of_other_kinds_nothing_is_said(kind: str, tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers", reason="the extra `train` is not installed")
    transformers.AutoConfig.for_model(kind).save_pretrained(tmp_path)
    assert shape_of(str(tmp_path)) is None
    with pytest.raises(UserError, match="kinds that are counted: llama, "):
        planned(f"base={tmp_path}", "gpu=h100")


def planned(*overrides: str, target: str = "mammoth-7b") -> str:
    console = Console(file=io.StringIO(), width=200)
    run_plan(target, list(overrides), console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_a_plan_says_whether_it_fits_and_what_to_change() -> None:
    said = planned("gpu=h100", "examples=262039", "example_tokens=250")
    assert "each of 8 x h100" in said and "GiB of 79.0: fits" in said and "tokens/s" in said and "$" in said
    alone = planned("gpu=a100-40gb", "num_gpus=1", "parallel=none")
    assert "does not fit" in alone and "fits with" in alone and "num_gpus = " in alone
    assert "say how many examples" in alone


def test_a_plan_for_this_machine_rehearses_nothing_without_data(tmp_path: Path) -> None:
    recipe = tmp_path / "r.toml"
    recipe.write_text(f'data = "{tmp_path}/none"\nd_model = 64\n')
    said = planned(target=str(recipe))
    assert "not rehearsed" in said and "fits" in said


def test_no_recipe_is_left_out() -> None:
    assert set(NAMES) <= set(shipped_recipes())
