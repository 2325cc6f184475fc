"""Counts what a training step needs: bytes of memory by part, and operations per token.

Counts of the numbers that lie in memory at once (as Rajbhandari et al. 2019, ZeRO, section 3, and Korthikanti et al.
2022, section 4, count them), and of the multiplications per token (Kaplan et al. 2020, section 2.1).
"""

import tomllib
from collections.abc import Iterable
from importlib.resources import files

from pydantic import Field

from slipstick.errors import UserError, did_you_mean
from slipstick.plan.shapes import ModelShape
from slipstick.schema import Record

GIB = 2**30
_CHUNK = 1024  # tokens whose logits TRL's fused head holds at once, about
_ROWS = 128  # tokens whose logits our own head holds at once
_CPU_PROCESS, _CPU_CHILD = 0.46 * GIB, 0.05 * GIB  # Python with torch and transformers, and a fork of it; measured
_GPU_PROCESS = 1.2 * GIB  # CUDA's context and what its allocator cannot use


class Workload(Record):
    """What a run has one device do."""

    tokens: int = Field(gt=0)
    """Tokens in one pass of one process, padding included."""
    length: int = Field(gt=0)
    """Tokens of a sequence."""
    weight_bytes: int = 4
    """Bytes of one number of the weights."""
    bf16: bool = False
    """Whether matrices are multiplied in bfloat16 copies."""
    optimizer: str = "adamw"
    """The recipe's `optimizer`."""
    lora_rank: int = 0
    """Rank of adapters on every matrix; 0: all weights are trained."""
    gradient_checkpointing: bool = False
    """Whether activations are computed again instead of kept."""
    shards: int = 1
    """GPUs over which weights, gradients and optimiser are sharded."""
    processes: int = 1
    """CPU processes that divide a step; they share weights, each has gradients and activations of its own."""
    fused_head: bool = False
    """Whether logits are made piece by piece."""
    fused: bool = False
    """Whether our loop computes by operations of its own (train/kernels.py)."""
    on_cpu: bool = False
    """Whether the device is a CPU."""


class MemoryPart(Record):
    """MemoryPart of the memory that a device, or a machine's processes together, need."""

    name: str
    """What it holds."""
    bytes: float
    """Its size."""


class Gpu(Record):
    """A type of GPU."""

    memory_gib: float
    """Memory that programs can have, GiB."""
    tflops: float
    """Dense bfloat16 matrix rate, 10^12 operations a second."""
    price: float
    """US dollars per hour."""


def gpu_type(name: str) -> Gpu:
    """The GPU type of that name. Raises UserError if there is none."""
    table = tomllib.loads(files(__package__).joinpath("gpus.toml").read_text("utf-8"))
    known = {key: Gpu.model_validate(row) for key, row in table.items()}
    if name not in known:
        raise UserError(f"gpu = {name!r} is not known{did_you_mean(name, known)}; known: {', '.join(known)}")
    return known[name]


def memory_parts(shape: ModelShape, work: Workload) -> list[MemoryPart]:
    """What is in memory at the same time, for one GPU, or for all processes of a CPU run together."""
    whole, trained = shape.parameters(), _trained(shape, work.lora_rank)
    width = work.weight_bytes
    weights = whole * width / work.shards
    if work.fused and work.bf16 and work.lora_rank:
        weights = whole * 2  # frozen ones are in bfloat16 alone
    elif work.bf16 and width > 2:
        # bfloat16 copies, layer by layer or all
        weights += whole / shape.num_layers * 4 if work.shards > 1 else whole * 2
    elif work.shards > 1:
        weights += 2 * whole / shape.num_layers * width  # the layers gathered at the time
    parts = {
        "weights": weights,
        "gradients": trained * _gradient_bytes(work) * work.processes / work.shards,
        "optimizer": trained * _optimizer_bytes(shape, work) / work.shards,
        "activations": _activations(shape, work) * work.processes,
        "logits": _logits(shape, work) * work.processes,
        "process": _CPU_PROCESS + _CPU_CHILD * (work.processes - 1) if work.on_cpu else _GPU_PROCESS,
    }
    return [MemoryPart(name=name, bytes=size) for name, size in parts.items()]


def total(parts: Iterable[MemoryPart]) -> float:
    """Bytes of all parts."""
    return sum(part.bytes for part in parts)


def flops_per_token(shape: ModelShape, work: Workload) -> float:
    """Floating-point operations of training on one token, forward and backward.

    Two a weight forward, four backward (two with adapters, whose base has no gradient), two more if activations are
    computed again; and attention over half the sequence on average.
    """
    passes = 6 - 2 * bool(work.lora_rank) + 2 * work.gradient_checkpointing
    attention = 2 * shape.num_layers * shape.num_heads * shape.head_dim * work.length
    return passes * (shape.in_layers() + shape.table()) + (passes / 2) * attention


def _trained(shape: ModelShape, rank: int) -> int:
    if not rank:
        return shape.parameters()
    return shape.num_layers * sum(rank * (inputs + outputs) for inputs, outputs in shape.matrices())


def _optimizer_bytes(shape: ModelShape, work: Workload) -> float:
    """Bytes of the optimiser's memory per trained number."""
    width = 4 if work.lora_rank else work.weight_bytes
    in_layers = shape.in_layers() / shape.parameters()
    moments = {"adamw": 2 * width, "adamw_8bit": 2.0, "adafactor": 0.05, "muon": width * (2 - in_layers)}
    return moments[work.optimizer]


def _gradient_bytes(work: Workload) -> int:
    """Bytes of a gradient: as the weights that it is of; our own operations keep those in bfloat16."""
    if work.fused and work.bf16:
        return 2
    return 4 if work.lora_rank else work.weight_bytes


def _activations(shape: ModelShape, work: Workload) -> float:
    """What the backward pass needs of one forward pass: of every layer, or of one layer and the others' inputs."""
    half = 2 if work.bf16 or work.weight_bytes == 2 else 4
    queries, keys = shape.num_heads * shape.head_dim, shape.kv_heads * shape.head_dim
    # Norms keep their input in 32 bits; then the normed input twice, queries, keys and values before and after the
    # rotation, the attention's output, and four of the feed-forward layer.
    layer: float = 4 * 4 * shape.d_model + half * (2 * shape.d_model + 3 * queries + 3 * keys + 4 * shape.d_ff)
    if work.fused and work.bf16:
        layer += half * shape.num_heads * work.length / 2
    if work.gradient_checkpointing:
        return work.tokens * (layer + shape.num_layers * 4 * shape.d_model)
    return work.tokens * shape.num_layers * layer


def _logits(shape: ModelShape, work: Workload) -> float:
    """Logits in 32 bits, their logarithms, and the gradients of both; ours keep gradients alone, if all are labels."""
    if work.fused:
        rows = min(work.tokens, _ROWS)
        return shape.vocab_size * ((2 if work.bf16 else 4) * work.tokens + 12 * rows)
    return min(work.tokens, _CHUNK if work.fused_head else work.tokens) * shape.vocab_size * 4 * 4
