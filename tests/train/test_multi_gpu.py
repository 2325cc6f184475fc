"""Training on several GPUs: what is written for accelerate, and two processes on a CPU."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from slipstick.errors import UserError
from slipstick.train import TrainSettings, encoded_examples, train
from tests.train.small_trainings import TRL, Pairs, losses_in, opened

pytest.importorskip("torch", reason="the extra `train` is not installed")


def test_a_run_for_more_gpus_than_there_are_says_what_to_run(sums: Pairs, tiny_model: Path, tmp_path: Path) -> None:
    from slipstick.train.trl import read_rows, rows_of

    settings = TrainSettings(base=str(tiny_model), parallel="zero3", num_gpus=16, num_nodes=2, **TRL)
    with pytest.raises(UserError, match=r"16 GPUs in 2 machine\(s\).*launch\.sh.*--resume"):
        train(sums, settings=settings, out=tmp_path)
    config = json.loads((tmp_path / "accelerate.json").read_text())
    assert (config["num_processes"], config["num_machines"]) == (16, 2)
    assert config["distributed_type"] == "DEEPSPEED" and config["deepspeed_config"]["zero_stage"] == 3
    assert config["deepspeed_config"]["deepspeed_multinode_launcher"] == "standard", "the other, pdsh, wants ssh"
    assert not config["use_cpu"] and config["mixed_precision"] == "bf16", "the machines that train have GPUs"
    read, there = read_rows(tmp_path / "job"), rows_of(encoded_examples(sums, settings)[0], settings)
    assert read.tokens == there.tokens and read.dataset[:] == there.dataset[:]
    assert read.dataset.cache_files, "it lies on disk"
    script = (tmp_path / "launch.sh").read_text()
    assert "--machine_rank" in script and f"slipstick.train.worker_main {tmp_path}" in script


@pytest.mark.slow
def test_two_processes_by_accelerate_train_one_model(sums: Pairs, tiny_model: Path, tmp_path: Path) -> None:
    settings = TrainSettings(
        base=str(tiny_model), device="cpu", parallel="fsdp2", num_gpus=2, max_train_tokens=3000, **TRL
    )
    trained = train(sums, settings=settings, out=tmp_path)
    assert trained.steps == len(losses_in(tmp_path)) and trained.loss < losses_in(tmp_path)[0]
    opened(tmp_path)
    config = json.loads((tmp_path / "accelerate.json").read_text())
    assert config["fsdp_config"]["fsdp_version"] == 2 and config["num_processes"] == 2
