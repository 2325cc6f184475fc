"""Weights laid out once for oneDNN's matrix products, which else lays them out again in every call.

For wide models on a CPU whose weights no longer change: half again as fast in bfloat16, and twice in float32 where
PyTorch would take another library that is slow on CPUs of other makers.
"""

import platform
from typing import Any

import torch

_ROWS = 32  # the layout is chosen for products of so many rows, and is good for others


class PackedLinear(torch.nn.Module):
    """A linear layer with packed weights; not for training."""

    def __init__(self, linear: torch.nn.Linear) -> None:
        super().__init__()
        self._weight = torch.ops.mkldnn._reorder_linear_weight(linear.weight.detach(), _ROWS)
        self._bias = None if linear.bias is None else linear.bias.detach()

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        """The same as the layer's."""
        product: torch.Tensor = torch.ops.mkldnn._linear_pointwise(rows, self._weight, self._bias, "none", [], "")
        return product


def pack_weights(model: Any) -> None:
    """Replaces a model's linear layers by packed ones, where this CPU has a use for it."""
    if not _usable(model.dtype):
        return
    for module in list(model.modules()):
        for name, child in list(module.named_children()):
            if (
                type(child) is torch.nn.Linear
                and child.weight.device.type == "cpu"
                and child.weight.dtype is model.dtype
            ):
                setattr(module, name, PackedLinear(child))


def _usable(dtype: torch.dtype) -> bool:
    mkldnn: Any = torch.backends.mkldnn
    if platform.machine().lower() not in ("x86_64", "amd64") or not mkldnn.is_available():
        return False
    return dtype is torch.float32 or (dtype is torch.bfloat16 and not too_slow(dtype))


def too_slow(dtype: torch.dtype) -> bool:
    """Whether this CPU has no instructions for products of such numbers, so that float32 is faster."""
    if platform.machine().lower() not in ("x86_64", "amd64"):
        return False
    known: Any = torch.cpu
    return dtype is torch.float16 or (
        dtype is torch.bfloat16 and not (known._is_avx512_bf16_supported() or known._is_amx_tile_supported())
    )
