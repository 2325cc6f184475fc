"""Muon in float32 makes the updates of torch's, which computes in bfloat16, but for rounding."""

import pytest

pytest.importorskip("torch", reason="the extra `train` is not installed")

import torch

from slipstick.train.muon import Float32Muon

SHAPES = [(24, 16), (16, 24), (8, 8)]


def weights() -> list[torch.nn.Parameter]:
    generator = torch.Generator().manual_seed(0)
    return [torch.nn.Parameter(torch.randn(shape, generator=generator)) for shape in SHAPES]


def stepped(
    muon: type[torch.optim.Muon], parameters: list[torch.nn.Parameter], steps: int = 3
) -> torch.optim.Optimizer:
    optimizer: torch.optim.Optimizer = muon(parameters, lr=0.02, weight_decay=0.1, adjust_lr_fn="match_rms_adamw")
    generator = torch.Generator().manual_seed(1)
    for _ in range(steps):
        for parameter in parameters:
            parameter.grad = torch.randn(parameter.shape, generator=generator)
        optimizer.step()
    return optimizer


def test_weights_and_momentum_follow_those_of_torch() -> None:
    before, ours, theirs = weights(), weights(), weights()
    states = [stepped(muon, p).state_dict() for muon, p in ((Float32Muon, ours), (torch.optim.Muon, theirs))]
    for old, our, their in zip(before, ours, theirs, strict=True):
        moved = (their - old).norm()
        assert float(((our - their).norm() / moved).detach()) < 0.02
    for name, state in states[1]["state"].items():
        assert torch.allclose(states[0]["state"][name]["momentum_buffer"], state["momentum_buffer"])


def test_a_state_of_torch_is_taken_up() -> None:
    parameters = weights()
    optimizer = stepped(torch.optim.Muon, parameters)
    ours = Float32Muon(parameters, lr=0.02, weight_decay=0.1, adjust_lr_fn="match_rms_adamw")
    ours.load_state_dict(optimizer.state_dict())
    kept = [optimizer.state[p]["momentum_buffer"] for p in parameters]
    assert all(torch.equal(ours.state[p]["momentum_buffer"], k) for p, k in zip(parameters, kept, strict=True))


def test_a_weight_without_gradient_stays() -> None:
    still, moved = weights()[:2]
    before = still.detach().clone()
    moved.grad = torch.ones_like(moved)
    Float32Muon([still, moved], lr=0.02, adjust_lr_fn="match_rms_adamw").step()
    assert torch.equal(still, before)
