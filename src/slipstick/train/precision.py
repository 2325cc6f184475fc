"""How our loop computes: its operations, and the precision of weights and products.

On a CPU whose cores multiply bfloat16 a wide model's matrices are kept in bfloat16 while it is trained. Of those that
are trained a float32 copy, the master, takes the optimiser's updates, which are too small for bfloat16; it is what is
saved. What layers add up (the residual stream), softmax, norms and losses stay float32. A model of a million parameters
is trained in float32: its matrices are so small that nothing is gained.
"""

import mmap
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any, NamedTuple

import torch

from slipstick.train import kernels
from slipstick.train.settings import TrainSettings

_FLOAT32_SDPA = "slipstick_sdpa_in_float32"
_WIDE = 512  # from this hidden width on


class Arithmetic(NamedTuple):
    """How a model is computed in our loop."""

    bf16: bool = False
    """Whether matrices are multiplied in bfloat16."""
    fused: bool = False
    """Whether by the operations of kernels.py."""


def arithmetic_for(model: Any, settings: TrainSettings, device: str) -> Arithmetic:
    """What is fastest for this model on this device; `bf16` is as the settings say, if they do."""
    width = model.config.get_text_config().hidden_size
    fused = device == "cpu" and is_wide(width) and kernels.is_plain(model)
    return Arithmetic(settings.uses_bf16(device, fast=fused and multiplies_bf16()), fused)


def is_wide(hidden_size: int) -> bool:
    """Whether a model is wide enough that the fastest operations are others than those of a tiny one."""
    return hidden_size >= _WIDE


def multiplies_bf16() -> bool:
    """Whether this CPU has instructions for products of bfloat16 numbers."""
    cpu: Any = torch.cpu
    return bool(cpu._is_avx512_bf16_supported() or cpu._is_amx_tile_supported())


@contextmanager
def computing(model: Any, arithmetic: Arithmetic) -> Iterator[None]:
    """Prepares a model to be computed so; at the end its weights are float32 again, as they were trained."""
    with ExitStack() as stack:
        if arithmetic.fused:
            stack.enter_context(kernels.fused(model, attention=arithmetic.bf16))
            if arithmetic.bf16:
                stack.enter_context(_matrices_in_bf16(model))
        elif arithmetic.bf16:
            stack.enter_context(attention_in_float32(model))
        yield


def master_of(parameter: Any) -> torch.nn.Parameter:
    """The float32 weights that updates are added to: the parameter itself, or the master of one in bfloat16."""
    master: torch.nn.Parameter = getattr(parameter, "master", parameter)
    return master


def shared_numbers(count: int, dtype: torch.dtype) -> torch.Tensor:
    """Zeros in memory that processes forked later share."""
    return torch.frombuffer(mmap.mmap(-1, count * dtype.itemsize), dtype=dtype)


class TrainedWeights:
    """The trained weights of a model by name, in float32: what a checkpoint holds of it."""

    def __init__(self, model: Any) -> None:
        self._trained = {name: weight for name, weight in model.named_parameters() if weight.requires_grad}

    def state_dict(self) -> dict[str, torch.Tensor]:
        """The weights."""
        return {name: master_of(weight).detach() for name, weight in self._trained.items()}

    def load_state_dict(self, state: Mapping[str, torch.Tensor]) -> None:
        """Puts weights of the same names into the model."""
        with torch.no_grad():
            for name, weight in self._trained.items():
                master_of(weight).copy_(state[name])
                weight.copy_(state[name])


@contextmanager
def _matrices_in_bf16(model: Any) -> Iterator[None]:
    matrices: list[Any] = [
        parameter
        for module in model.modules()
        if isinstance(module, torch.nn.Linear | torch.nn.Embedding)
        for parameter in module.parameters(recurse=False)
    ]
    matrices = list({id(parameter): parameter for parameter in matrices}.values())
    for parameter in matrices:
        if parameter.requires_grad:
            master = shared_numbers(parameter.numel(), torch.float32).view(parameter.shape).copy_(parameter.data)
            parameter.master = torch.nn.Parameter(master)
        parameter.data = parameter.data.bfloat16()
    try:
        yield
    finally:
        for parameter in matrices:
            parameter.data = master_of(parameter).data.float()
            if parameter.requires_grad:
                del parameter.master


@contextmanager
def attention_in_float32(model: Any) -> Iterator[None]:
    """PyTorch's attention on a CPU stays in float32 under autocast; other kernels are left alone.

    Its backward pass on a CPU is several times slower in bfloat16.
    """
    plain = model.get_base_model() if hasattr(model, "get_base_model") else model  # adapters are wrapped around it
    if model.device.type != "cpu" or plain.config._attn_implementation != "sdpa":
        yield
        return
    from transformers import AttentionInterface, AttentionMaskInterface
    from transformers.masking_utils import sdpa_mask

    AttentionInterface.register(_FLOAT32_SDPA, _sdpa_in_float32)
    AttentionMaskInterface.register(_FLOAT32_SDPA, sdpa_mask)
    plain.set_attn_implementation(_FLOAT32_SDPA)
    try:
        yield
    finally:
        plain.set_attn_implementation("sdpa")


def _sdpa_in_float32(module: Any, query: Any, key: Any, value: Any, mask: Any, **options: Any) -> Any:
    from transformers.integrations.sdpa_attention import sdpa_attention_forward

    with torch.autocast("cpu", enabled=False):
        return sdpa_attention_forward(module, query.float(), key.float(), value.float(), mask, **options)
