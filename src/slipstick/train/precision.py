"""Our loop's precision: matrices multiplied in bfloat16 with `bf16`; weights, sums and losses stay float32.

Not the default on a CPU: at a million parameters nearly every step has matrices of a new shape, for each of which the
library first compiles a kernel, which costs what AVX512-BF16 gains.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

_WIDE = "slipstick_sdpa_in_float32"


@contextmanager
def attention_in_float32(model: Any, *, enabled: bool) -> Iterator[None]:
    """If enabled, PyTorch's attention on a CPU stays in float32 under autocast; other kernels are left alone.

    Its backward pass on a CPU is several times slower in bfloat16.
    """
    plain = model.get_base_model() if hasattr(model, "get_base_model") else model  # adapters are wrapped around it
    if not enabled or model.device.type != "cpu" or plain.config._attn_implementation != "sdpa":
        yield
        return
    from transformers import AttentionInterface, AttentionMaskInterface
    from transformers.masking_utils import sdpa_mask

    AttentionInterface.register(_WIDE, _sdpa_in_float32)
    AttentionMaskInterface.register(_WIDE, sdpa_mask)
    plain.set_attn_implementation(_WIDE)
    try:
        yield
    finally:
        plain.set_attn_implementation("sdpa")


def _sdpa_in_float32(module: Any, query: Any, key: Any, value: Any, mask: Any, **options: Any) -> Any:
    from transformers.integrations.sdpa_attention import sdpa_attention_forward

    with torch.autocast("cpu", enabled=False):
        return sdpa_attention_forward(module, query.float(), key.float(), value.float(), mask, **options)
