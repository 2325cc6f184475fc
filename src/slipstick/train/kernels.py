"""Operations of a Llama-like model in a training on a CPU: transformers' values in fewer passes over memory.

`fused` puts them in the places of transformers' own: norms that round once, attention by plain matrix products in
blocks of queries (PyTorch's kernel for CPUs takes three times as long, backwards most of all), rotations in one pass,
embeddings whose gradients are summed in float32. `loss_of_labels` makes no logits but those of labels, and never all.
"""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import torch

_ATTENTION = "slipstick_blocks"
_QUERIES = 64  # of a block; keys that lie behind all of them are left out
_ROWS = 128  # whose logits are in float32 together: 25 MB with a vocabulary of 50,000


def is_plain(model: Any) -> bool:
    """Whether `fused` knows every operation of the model: Llama's, Mistral's, Qwen's, with or without adapters."""
    plain = _without_adapters(model)
    config = plain.config.get_text_config()
    scaled = ("final_logit_softcapping", "logits_scaling", "logit_scale", "attn_logit_softcapping")
    head = plain.get_output_embeddings()
    return (
        plain.config._attn_implementation == "sdpa"
        and type(head) is torch.nn.Linear
        and head.bias is None
        and not any(getattr(config, name, None) for name in scaled)
        and not getattr(config, "attention_dropout", 0.0)
        and _rotation(plain) is not None
        and all(_is_known(module) for module in model.modules() if any(True for _ in module.parameters(recurse=False)))
    )


@contextmanager
def fused(model: Any, *, attention: bool) -> Iterator[None]:
    """Puts the operations of this module into a model for which `is_plain`; at the end they are as they were.

    attention: whether that too; it pays in bfloat16 alone.
    """
    plain = _without_adapters(model)
    with ExitStack() as stack:
        for module in plain.modules():
            if _is_norm(module):
                stack.enter_context(_replaced(module, "forward", _norm_of(module)))
        table = plain.get_input_embeddings()
        if type(table) is torch.nn.Embedding:
            stack.enter_context(_replaced(table, "forward", _embedding_of(table)))
        stack.enter_context(_replaced(_rotation(plain), "apply_rotary_pos_emb", rotated))
        if attention:
            stack.enter_context(_block_attention(plain))
        yield


def loss_of_labels(model: Any, ids: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """The summed loss of a model for which `is_plain`; labels: those of the tokens that follow, negative for none."""
    plain = _without_adapters(model)
    hidden = plain.get_decoder()(input_ids=ids, use_cache=False).last_hidden_state
    chosen = labels >= 0
    return _applied(LabelLoss, hidden[chosen], plain.get_output_embeddings().weight, labels[chosen])


class LabelLoss(torch.autograd.Function):
    """Cross-entropy of a linear head, summed over rows; logits are made, used and thrown away a few rows at a time."""

    @staticmethod
    def forward(ctx: Any, hidden: torch.Tensor, weight: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """hidden: [rows, width]; weight: [vocabulary, width]; labels: [rows]."""
        rows, learns = len(hidden), ctx.needs_input_grad[1]
        total = torch.zeros((), dtype=torch.float32)
        hidden = hidden.to(weight.dtype)
        # Gradients of the logits are kept for one product with all rows; if the head is frozen nobody needs them.
        slopes = hidden.new_empty(rows, len(weight)) if learns else None
        back = torch.empty_like(hidden) if ctx.needs_input_grad[0] else None
        with torch.autocast("cpu", enabled=False):
            for a in range(0, rows, _ROWS):
                part, wanted = slice(a, a + _ROWS), labels[a : a + _ROWS, None]
                logs = torch.log_softmax(hidden[part] @ weight.t(), -1, dtype=torch.float32)
                total -= logs.gather(1, wanted).sum()
                if back is None:
                    continue
                slope = logs.exp_().scatter_add_(1, wanted, torch.full_like(wanted, -1, dtype=torch.float32))
                slope = slopes[part].copy_(slope) if slopes is not None else slope.to(weight.dtype)
                torch.mm(slope, weight, out=back[part])
        ctx.save_for_backward(hidden, slopes, back)
        return total

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor | None, torch.Tensor | None, None]:
        """Gradients of hidden and weight."""
        hidden, slopes, back = ctx.saved_tensors
        of_weight = slopes.t() @ (hidden * grads[0]).to(slopes.dtype) if slopes is not None else None
        return (back * grads[0] if back is not None else None), of_weight, None


class _Norm(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, weight: torch.Tensor, epsilon: float, dtype: torch.dtype) -> torch.Tensor:
        wide = x.float()
        root = wide.square().mean(-1, keepdim=True).add_(epsilon).rsqrt_()
        normed = (wide * root).to(dtype)
        ctx.save_for_backward(normed, root, weight)
        return (normed * weight).to(dtype)

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor | None, None, None]:
        normed, root, weight = ctx.saved_tensors
        grad = grads[0].float()
        of_weight = (grad * normed).flatten(0, -2).sum(0) if ctx.needs_input_grad[1] else None
        grad = grad * weight
        mean = (grad * normed).mean(-1, keepdim=True)
        return grad.addcmul_(normed.float(), mean, value=-1).mul_(root), of_weight, None, None


class _Embedding(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, ids: torch.Tensor, weight: torch.Tensor, dtype: torch.dtype, padding: int | None
    ) -> torch.Tensor:
        ctx.save_for_backward(ids)
        ctx.shape, ctx.dtype, ctx.padding = weight.shape, weight.dtype, padding
        return weight[ids].to(dtype)

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[None, torch.Tensor, None, None]:
        """Sums the gradients of a token's places in float32: a bfloat16 sum of many is far off."""
        (ids,) = ctx.saved_tensors
        seen, places = torch.unique(ids, return_inverse=True)
        sums = torch.zeros(len(seen), ctx.shape[1])
        sums.index_add_(0, places.flatten(), grads[0].float().flatten(0, -2))
        of_weight = torch.zeros(ctx.shape, dtype=ctx.dtype)
        of_weight[seen] = sums.to(ctx.dtype)
        if ctx.padding is not None:
            of_weight[ctx.padding] = 0.0
        return None, of_weight, None, None


class _Rotation(torch.autograd.Function):
    """Rotary position embedding; its gradient is the rotation back."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(cos, sin)
        return _rotate(x, cos, sin)

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor, None, None]:
        cos, sin = ctx.saved_tensors
        return _rotate(grads[0], cos, -sin), None, None


def rotated(
    q: torch.Tensor, k: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor, unsqueeze_dim: int = 1
) -> tuple[torch.Tensor, torch.Tensor]:
    """transformers' `apply_rotary_pos_emb`."""
    cos, sin = (part.unsqueeze(unsqueeze_dim).to(q.dtype) for part in (cos, sin))
    return _applied(_Rotation, q, cos, sin), _applied(_Rotation, k, cos, sin)


def _rotate(x: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
    half = x.shape[-1] // 2
    out = x * cos
    out[..., :half].addcmul_(x[..., half:], sin[..., :half], value=-1)
    out[..., half:].addcmul_(x[..., :half], sin[..., half:])
    return out


class BlockAttention(torch.autograd.Function):
    """Causal attention of grouped queries; what is saved for the backward pass are the weights of every block."""

    @staticmethod
    def forward(ctx: Any, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, scale: float) -> torch.Tensor:
        """query: [batch, heads, tokens, width]; key, value: the same with fewer heads. Gives the query's shape."""
        batch, heads, tokens, width = query.shape
        groups = key.shape[1]
        q = (query * scale).reshape(batch * groups, heads // groups, tokens, width)
        k, v = (part.reshape(batch * groups, tokens, width) for part in (key, value))
        out, weights = torch.empty_like(q), list[torch.Tensor]()
        with torch.autocast("cpu", enabled=False):
            for a, b in _blocks(tokens):
                scores = torch.bmm(q[:, :, a:b].flatten(1, 2), k[:, :b].mT)
                later = torch.ones(b - a, b - a, dtype=torch.bool).triu_(1)
                scores.view(*q.shape[:2], b - a, b)[..., a:].masked_fill_(later, -torch.inf)
                weights.append(torch.softmax(scores, -1, dtype=torch.float32).to(q.dtype))
                out[:, :, a:b] = torch.bmm(weights[-1], v[:, :b]).view(*q.shape[:2], b - a, width)
        ctx.save_for_backward(q, k, v, out, *weights)
        ctx.shapes, ctx.scale = (query.shape, key.shape), scale
        return out.view(query.shape)

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, None]:
        """Gradients of query, key and value; those of keys and values are summed over blocks in float32."""
        q, k, v, out, *weights = ctx.saved_tensors
        grad = grads[0].reshape(q.shape)
        carried = (grad * out).sum(-1, keepdim=True, dtype=torch.float32)
        of_q, of_k, of_v = torch.empty_like(q), *(torch.zeros(k.shape) for _ in "kv")
        for (a, b), weight in zip(_blocks(q.shape[2]), weights, strict=True):
            block, queries = grad[:, :, a:b].flatten(1, 2), q[:, :, a:b].flatten(1, 2)
            of_v[:, :b] += torch.bmm(weight.mT, block)
            slopes = torch.bmm(block, v[:, :b].mT).sub_(carried[:, :, a:b].flatten(1, 2)).mul_(weight)
            of_q[:, :, a:b] = torch.bmm(slopes, k[:, :b]).view(*q.shape[:2], b - a, q.shape[-1])
            of_k[:, :b] += torch.bmm(slopes.mT, queries)
        whole, fewer = ctx.shapes
        key, value = (part.to(q.dtype).view(fewer) for part in (of_k, of_v))
        return of_q.mul_(ctx.scale).view(whole), key, value, None


def _applied(function: Any, *operands: Any) -> torch.Tensor:
    result: torch.Tensor = function.apply(*operands)
    return result


def _blocks(tokens: int) -> Sequence[tuple[int, int]]:
    return [(a, min(tokens, a + _QUERIES)) for a in range(0, tokens, _QUERIES)]


def _attend(module: Any, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, mask: Any, **options: Any) -> Any:
    """transformers' attention interface: gives [batch, tokens, heads, width] and no weights."""
    from transformers.integrations.sdpa_attention import sdpa_attention_forward

    if mask is not None or query.shape[2] != key.shape[2] or options.get("is_causal") is False:
        return sdpa_attention_forward(module, query, key, value, mask, **options)
    scale = options.get("scaling") or query.shape[-1] ** -0.5
    return _applied(BlockAttention, query, key, value, scale).transpose(1, 2).contiguous(), None


@contextmanager
def _block_attention(plain: Any) -> Iterator[None]:
    from transformers import AttentionInterface, AttentionMaskInterface
    from transformers.masking_utils import sdpa_mask

    AttentionInterface.register(_ATTENTION, _attend)
    AttentionMaskInterface.register(_ATTENTION, sdpa_mask)
    before = plain.config._attn_implementation
    plain.set_attn_implementation(_ATTENTION)
    try:
        yield
    finally:
        plain.set_attn_implementation(before)


def _norm_of(module: Any) -> Callable[[torch.Tensor], torch.Tensor]:
    return lambda x: _applied(_Norm, x, module.weight, module.variance_epsilon, _narrow_or(x.dtype))


def _embedding_of(module: Any) -> Callable[[torch.Tensor], torch.Tensor]:
    """Under autocast what is looked up is float32, in which the layers' outputs are summed."""

    def looked_up(ids: torch.Tensor) -> torch.Tensor:
        dtype = torch.float32 if torch.is_autocast_enabled("cpu") else module.weight.dtype
        return _applied(_Embedding, ids, module.weight, dtype, module.padding_idx)

    return looked_up


def _narrow_or(dtype: torch.dtype) -> torch.dtype:
    return torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else dtype


@contextmanager
def _replaced(owner: Any, name: str, function: Callable[..., Any]) -> Iterator[None]:
    """An attribute that is another one for a while."""
    own = vars(owner).get(name)
    setattr(owner, name, function)
    try:
        yield
    finally:
        if own is None:
            delattr(owner, name)
        else:
            setattr(owner, name, own)


def _is_known(module: Any) -> bool:
    """Whether parameters of this module are used by what is fused, or by a product of matrices."""
    return type(module) is torch.nn.Linear or isinstance(module, torch.nn.Embedding) or _is_norm(module)


def _is_norm(module: Any) -> bool:
    return type(module).__name__ in ("LlamaRMSNorm", "MistralRMSNorm", "Qwen2RMSNorm", "Qwen3RMSNorm")


def _rotation(plain: Any) -> Any:
    """The module of transformers whose `apply_rotary_pos_emb` the model calls; None if it has none we know."""
    known = ("LlamaForCausalLM", "MistralForCausalLM", "Qwen2ForCausalLM", "Qwen3ForCausalLM")
    return sys.modules[type(plain).__module__] if type(plain).__name__ in known else None


def _without_adapters(model: Any) -> Any:
    return model.get_base_model() if hasattr(model, "get_base_model") else model
