"""Training by TRL's trainer: packing, low precision, the same loss as our loop's."""

from __future__ import annotations

from pathlib import Path

import pytest

from slipstick.train import TrainSettings, encoded_examples, train
from tests.train.small_trainings import TRL, Pairs, losses_in, opened

pytest.importorskip("torch", reason="the extra `train` is not installed")

VARIANTS = {
    "plain": {},
    "fitted rows": {"packing": "bfd"},
    "wrapped rows, recomputed": {"packing": "wrapped", "gradient_checkpointing": True},
    "bfloat16": {"param_dtype": "bfloat16", "bf16": True, "optimizer": "adafactor"},
    "phases": {"phases": [{"share": 1, "mix": {"pot": 1}}, {"share": 1, "mix": {"cot": 1}}]},
}


@pytest.mark.parametrize("variant", VARIANTS.values(), ids=VARIANTS)
def test_trls_trainer_learns_from_our_labels(
    sums: Pairs, tiny_model: Path, tmp_path: Path, variant: dict[str, object]
) -> None:
    settings = TrainSettings.model_validate({"base": str(tiny_model), "max_train_tokens": 2500, **TRL, **variant})
    seen: list[tuple[int, int, float]] = []
    trained = train(sums, settings=settings, out=tmp_path, progress=lambda *now: seen.append(now))
    assert trained.steps == len(losses_in(tmp_path)) == len(seen) > 2
    assert losses_in(tmp_path)[-1] < losses_in(tmp_path)[0]
    opened(tmp_path)
    assert not (tmp_path / "checkpoints").exists()


def test_fitted_rows_keep_examples_apart(sums: Pairs, tiny_model: Path, tmp_path: Path) -> None:
    """All of them in one step: packed or not, its loss is the mean over the same labels."""
    whole = {"base": str(tiny_model), "num_train_epochs": 1, "bf16": False, **TRL, "per_device_train_batch_size": 64}
    for packing in ("none", "bfd"):
        train(sums[:24], settings=TrainSettings(packing=packing, **whole), out=tmp_path / packing)
    assert losses_in(tmp_path / "bfd") == pytest.approx(losses_in(tmp_path / "none"), abs=1e-4)


def test_both_trainers_begin_at_the_same_loss(sums: Pairs, tiny_model: Path, tmp_path: Path) -> None:
    short = {"base": str(tiny_model), "max_train_tokens": 50, "optimizer": "adamw", "max_length": 128, "bf16": False}
    train(sums[:1], settings=TrainSettings(**short, num_processes=1), out=tmp_path / "loop")
    train(sums[:1], settings=TrainSettings(**short, trainer="trl", per_device_train_batch_size=1), out=tmp_path / "trl")
    assert losses_in(tmp_path / "loop")[0] == pytest.approx(losses_in(tmp_path / "trl")[0], abs=1e-4)


def test_trls_arguments_are_there_before_the_model_is_opened(sums: Pairs, tiny_model: Path, tmp_path: Path) -> None:
    """They tell transformers of ZeRO-3 and FSDP2, by which it loads a part of the model alone."""
    from accelerate.state import AcceleratorState, PartialState  # type: ignore[import-untyped]

    from slipstick.train.run import Training
    from slipstick.train.trl import fit_with_trl, rows_of

    class OpenedError(Exception):
        pass

    def start() -> None:
        assert PartialState._shared_state
        raise OpenedError

    settings = TrainSettings(base=str(tiny_model), max_train_tokens=500, **TRL)
    examples, tokenizer = encoded_examples(sums, settings)
    AcceleratorState._reset_state(reset_partial_state=True)
    rows, training = rows_of(examples, settings), Training(tmp_path, "")
    with pytest.raises(OpenedError):
        fit_with_trl(start, tokenizer, rows, settings=settings, training=training)
    assert not any(tmp_path.iterdir()), "a base that does not open leaves nothing behind"
