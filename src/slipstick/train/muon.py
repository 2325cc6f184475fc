"""Muon in float32, for processors that have no instructions for bfloat16.

torch.optim.Muon makes its updates orthogonal by products in bfloat16, whatever the weights are. Where such products are
emulated a step of a tiny model takes twenty times as long as in float32.
"""

import math
from collections.abc import Callable
from typing import Any

import torch


class Float32Muon(torch.optim.Muon):
    """torch.optim.Muon with `adjust_lr_fn="match_rms_adamw"`, its products in float32; states are interchangeable.

    Source: K. Jordan et al., Muon (2024); the rate's adjustment from Liu et al., arXiv 2502.16982, section 2.2.
    """

    # mypy wants the overloads of Optimizer.step here too, which torch's own Muon does not have.
    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """Updates the weights that have a gradient; gives what `closure`, called first, gives."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is not None:
                    self._update(weight, group)
        return loss

    def _update(self, weight: torch.Tensor, group: dict[str, Any]) -> None:
        gradient, state = weight.grad, self.state[weight]
        assert gradient is not None
        momentum = state.setdefault("momentum_buffer", torch.zeros_like(gradient))
        momentum.lerp_(gradient, 1 - group["momentum"])
        direction = gradient.lerp(momentum, group["momentum"]) if group["nesterov"] else momentum
        rate = group["lr"] * 0.2 * math.sqrt(max(weight.shape))
        weight.mul_(1 - group["lr"] * group["weight_decay"])
        weight.add_(_orthogonal(direction, group), alpha=-rate)


def _orthogonal(matrix: torch.Tensor, group: dict[str, Any]) -> torch.Tensor:
    """Nearly the closest matrix with orthogonal rows or columns, by Newton and Schulz's iteration."""
    a, b, c = group["ns_coefficients"]
    tall = matrix.size(0) > matrix.size(1)
    found = matrix.T if tall else matrix
    found = found / found.norm().clamp(min=group["eps"])
    for _ in range(group["ns_steps"]):
        gram = found @ found.T
        found = torch.addmm(found, torch.addmm(gram, gram, gram, beta=b, alpha=c), found, beta=a)
    return found.T if tall else found
