"""Plans: sizes of models, memory that a run needs, what fits, and what it costs."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from slipstick.commands.plan import run_plan
from slipstick.errors import UserError
from slipstick.plan.fit import workload_for
from slipstick.plan.shapes import MODEL_TYPES, shape_of
from slipstick.recipe import load_recipe
from slipstick.train.sources import TrainRecipe


def test_sharded_weights_are_kept_in_32_bits() -> None:
    recipe, _ = load_recipe("qwen3-8b", TrainRecipe)
    full = recipe.model_copy(update={"lora_rank": 0, "parallel": "fsdp2", "num_gpus": 4})
    loads = [workload_for(each, trl=True, on_cpu=False, processes=1) for each in (recipe, full)]
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


@pytest.mark.parametrize("kind", MODEL_TYPES)
def test_the_parameters_of_known_model_types_are_counted(kind: str, tmp_path: Path) -> None:
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
def test_other_model_types_have_no_estimate(kind: str, tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers", reason="the extra `train` is not installed")
    transformers.AutoConfig.for_model(kind).save_pretrained(tmp_path)
    assert shape_of(str(tmp_path)) is None
    with pytest.raises(UserError, match=r"known model_type \(llama, "):
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
    assert "set the number of examples" in alone


def test_a_plan_for_this_machine_measures_nothing_without_data(tmp_path: Path) -> None:
    recipe = tmp_path / "r.toml"
    recipe.write_text(f'data = "{tmp_path}/none"\nd_model = 64\n')
    said = planned(target=str(recipe))
    assert "speed: not measured" in said and "fits" in said
