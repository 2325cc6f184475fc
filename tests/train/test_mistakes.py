"""Mistakes are one message that names the remedy, before any step."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest

from slipstick.errors import InputError, ModelError, RecipeError, UserError
from slipstick.plan import fit
from slipstick.recipe import check_settings
from slipstick.schema import Output, Problem, Solution
from slipstick.train import TrainSettings, train
from slipstick.train.build import attention

pytest.importorskip("torch", reason="the extra `train` is not installed")
Pairs = list[tuple[Solution, Problem]]


def no_step(done: int, total: int, loss: float) -> None:
    pytest.fail("a step was made")


def trying(pairs: Pairs, out: Path, **settings: object) -> None:
    made = TrainSettings.model_validate({"max_train_tokens": 500, "num_processes": 1, "optimizer": "adamw", **settings})
    train(pairs, settings=made, out=out, progress=no_step)


def test_a_base_without_a_chat_template(sums: Pairs, tiny_model: Path, tmp_path: Path) -> None:
    import shutil

    bare = tmp_path / "bare"
    shutil.copytree(tiny_model, bare)
    (bare / "chat_template.jinja").unlink()
    with pytest.raises(InputError, match=r'no chat template.*chat_template = "FILE", or set template = "format"'):
        trying(sums, tmp_path / "out", base=str(bare), template="chat")


def test_examples_without_any_label(sums: Pairs, tmp_path: Path) -> None:
    solution, problem = sums[2]
    outputs = [Output(text="42")]
    silent = [(solution.model_copy(update={"blocks": outputs, "finish": "length"}), problem)]
    with pytest.raises(InputError, match=r"not one of their tokens is a label.*train_on_outputs = true"):
        trying(silent, tmp_path)


@pytest.mark.parametrize(
    ("mix", "says"),
    [
        ({"tir": 1, "pot": 2}, "a phase asks for pot, but the solutions are in cot, tir: take it out of `mix`, or"),
        ({"cott": 1, "tir": 1}, r"asks for cott \(did you mean `cot`\?\), but the solutions are in cot, tir"),
        ({"react": 1, "pot": 1}, "asks for react, pot, but"),
    ],
)
def test_a_phase_that_asks_for_what_is_not_there(sums: Pairs, mix: dict[str, float], says: str, tmp_path: Path) -> None:
    """Else it would train on another mix than its card says."""
    there = [pair for pair in sums[:30] if pair[0].format != "pot"]
    with pytest.raises(InputError, match=says):
        trying(there, tmp_path, phases=[{"share": 1, "mix": {"tir": 1}}, {"share": 1, "mix": mix}])


def test_a_phase_whose_solutions_are_all_too_long(sums: Pairs, tmp_path: Path) -> None:
    solution, problem = next(pair for pair in sums if pair[0].format == "tir")
    long = (solution, problem.model_copy(update={"text": "nuts " * 2000}))
    words = [pair for pair in sums[:30] if pair[0].format == "cot"]
    with pytest.raises(InputError, match=r"asks for tir, but all solutions in it are left out, as longer than max_l"):
        trying([long, *words], tmp_path, phases=[{"share": 1, "mix": {"tir": 1, "cot": 1}}])


def test_held_out_solutions_need_not_be_in_all_formats_of_a_phase(sums: Pairs, tmp_path: Path) -> None:
    words = [pair for pair in sums[30:] if pair[0].format == "cot"][:3]
    phases = [{"share": 1, "mix": {"tir": 1, "pot": 1, "cot": 0}}]
    made = TrainSettings.model_validate({"max_train_tokens": 300, "num_processes": 1, "phases": phases})
    assert train(sums[:30], valid=words, settings=made, out=tmp_path).valid_examples == 3


def test_longer_than_the_model_reads(sums: Pairs, tiny_model: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"max_length = 5000 is more than the 1024 tokens.*set max_length = 1024"):
        trying(sums, tmp_path, base=str(tiny_model), max_length=5000)


def test_an_adapter_that_fits_nowhere(sums: Pairs, tiny_model: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"`query` matches no matrix.*q_proj"):
        trying(sums, tmp_path, base=str(tiny_model), lora_rank=2, lora_target_modules=["query"])


def test_too_little_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fit, "available_bytes", lambda: 2.0**30)
    with pytest.raises(UserError, match=r"needs about \d+\.\d GiB of memory and 1\.0 are free.*smaller batch_tokens"):
        fit.check_memory(TrainSettings(d_model=4096, num_layers=32, num_heads=32, d_ff=11008, vocab_size=32000))
    fit.check_memory(TrainSettings())
    many = {"trainer": "trl", "optimizer": "adamw", "parallel": "zero3", "num_gpus": 64, "num_nodes": 8}
    elsewhere = TrainSettings.model_validate({"base": "meta-llama/Llama-2-70b-hf", **many})
    fit.check_memory(elsewhere)  # what is free here says nothing of the machines that train


@pytest.mark.skipif(bool(find_spec("liger_kernel") or find_spec("bitsandbytes")), reason="they are installed here")
def test_packages_that_are_missing(sums: Pairs, tiny_model: Path, tmp_path: Path) -> None:
    asked = {"trainer": "trl", "optimizer": "adamw_8bit", "use_liger_kernel": True}
    with pytest.raises(
        UserError, match=r"pip install liger-kernel, or set use_liger_kernel = false; .*pip install bitsandbytes"
    ):
        trying(sums, tmp_path / "out", base=str(tiny_model), **asked)
    assert not (tmp_path / "out").exists()


def test_flash_attention_is_for_16_bits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "flash_attn.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path))
    trl: dict[str, object] = {"trainer": "trl", "optimizer": "adamw", "device": "cuda"}
    narrow: list[dict[str, object]] = [{}, {"bf16": True}, {"param_dtype": "bfloat16", "bf16": False}]
    wide: list[dict[str, object]] = [{"bf16": False}, {"trainer": "loop"}, {"device": "cpu"}]
    assert [attention(TrainSettings.model_validate(trl | more)) for more in narrow] == ["flash_attention_2"] * 3
    assert [attention(TrainSettings.model_validate(trl | more)) for more in wide] == [None] * 3


@pytest.mark.parametrize("base", ["no/such/folder/at/all", "", "tests"])
def test_a_base_that_is_none(sums: Pairs, base: str, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no model at"):
        trying(sums, tmp_path, base=base)


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ({"lora_rank": 8}, "lora_rank = 8 needs a `base`"),
        ({"trainer": "trl"}, 'with "trl" use "adamw"'),
        ({"parallel": "fsdp2", "optimizer": "adamw"}, 'needs trainer = "trl"'),
        ({"template": "chat"}, "needs a `base` that has a chat template"),
        ({"num_gpus": 6, "num_nodes": 4}, "num_gpus = 6 is not a multiple of num_nodes = 4"),
        ({"num_gpus": 8, "trainer": "trl", "optimizer": "adamw"}, 'num_gpus = 8 needs parallel = "fsdp2" or "zero3"'),
        ({"packing": "bfd", "phases": [{"share": 1, "mix": {"cot": 1}}]}, 'phases need packing = "none"'),
        ({"phases": [{"share": 1, "mix": {"tir": 0}}]}, "no format has a weight above 0 (tir = 0)"),
        ({"phases": [{"share": 1, "mix": {}}]}, "no format has a weight above 0 (empty)"),
        ({"phases": [{"share": 1, "mix": {"tir": -1, "cot": 2}}]}, "greater than or equal to 0"),
        ({"too_long": "crop"}, "too_long = 'crop'"),
    ],
)
def test_settings_that_do_not_go_together(table: dict[str, object], says: str) -> None:
    with pytest.raises(RecipeError) as caught:
        check_settings(table, TrainSettings, where="r.toml")
    assert says in str(caught.value)


def test_the_alpaca_wordings_are_for_formats_that_have_them(sums: Pairs, tmp_path: Path) -> None:
    solution, problem = sums[2]
    with pytest.raises(InputError, match="format `mario` has a prompt of its own"):
        trying([(solution.model_copy(update={"format": "mario"}), problem)], tmp_path, template="alpaca")
