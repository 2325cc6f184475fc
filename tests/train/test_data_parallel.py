"""A step that is divided among CPU processes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from slipstick.train import train
from tests.train.small_trainings import SMALL, Pairs, losses_in, opened

pytest.importorskip("torch", reason="the extra `train` is not installed")


def test_two_processes_learn_what_one_learns(sums: Pairs, tmp_path: Path) -> None:
    short = SMALL.model_copy(update={"max_train_tokens": 4000})
    for threads in (1, 2):
        train(sums, settings=short.model_copy(update={"num_processes": threads}), out=tmp_path / str(threads))
    assert losses_in(tmp_path / "1") == pytest.approx(losses_in(tmp_path / "2"), rel=1e-3)
    assert opened(tmp_path / "2").num_parameters() == opened(tmp_path / "1").num_parameters()


STOPPED = """
import os, signal, sys
from pathlib import Path
from slipstick.commands.interrupts import stop_as_by_ctrl_c
from slipstick.encode.encoding import Encoded
from slipstick.models.hf import load_weights
from slipstick.train.data_parallel import Replicas

stop_as_by_ctrl_c()
replicas = Replicas(load_weights(sys.argv[1], dtype="float32")[0], processes=2)
try:
    replicas.gradients([Encoded([5] * 8, [5] * 8)] * 2, seed=0)
    os.kill(os.getpid(), signal.SIGTERM)
except KeyboardInterrupt:
    print("stopped")
"""


def test_a_training_that_is_stopped_ends_its_processes_quietly(tiny_model: Path) -> None:
    command = [sys.executable, "-c", STOPPED, str(tiny_model)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stdout) == (0, "stopped\n")
    assert "Traceback" not in done.stderr and "KeyboardInterrupt" not in done.stderr


def test_a_step_that_fails_is_reported_once(sums: Pairs, tiny_model: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Nobody waits for what a child computed meanwhile, and the child says nothing of that."""
    from slipstick.encode.encoding import Encoded
    from slipstick.train.data_parallel import Replicas

    replicas = Replicas(opened(tiny_model), processes=2)
    bad, good = Encoded([0, 10**6, 0], [0, 0, 0]), Encoded([5] * 800, [5] * 800)
    with pytest.raises(IndexError):
        replicas.gradients([bad, good, bad, good], seed=0)
    capfd.readouterr()
    replicas.close()
    assert capfd.readouterr().err == ""
