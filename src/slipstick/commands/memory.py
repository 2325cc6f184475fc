"""How much memory a training recipe needs, and whether this machine has it: asked before anything starts."""

from __future__ import annotations

import sys
from pathlib import Path

from slipstick.errors import UserError
from slipstick.plan import GIB, Load, Part, Shape, memory_parts, shape_of, total
from slipstick.train.settings import GrpoSettings, StageSettings, TrainSettings, ValueSettings


def shape_for(settings: StageSettings) -> Shape | None:
    """The model's sizes; None for a base that is neither a folder of a known kind nor in our table."""
    if not isinstance(settings, TrainSettings) or settings.base is not None:
        return shape_of(settings.base or "")
    return Shape(
        d_model=settings.d_model,
        num_layers=settings.num_layers,
        num_heads=settings.num_heads,
        kv_heads=settings.num_heads,
        head_dim=settings.d_model // settings.num_heads,
        d_ff=settings.d_ff,
        vocab_size=settings.vocab_size,
        tied=True,
    )


def load_for(settings: TrainSettings, *, trl: bool, on_cpu: bool, processes: int) -> Load:
    """What the recipe asks of one device. processes: CPU processes of our own loop."""
    tokens = settings.per_device_train_batch_size * settings.max_length if trl else settings.batch_tokens // processes
    bf16 = settings.bf16 if settings.bf16 is not None else not on_cpu
    alone = settings.parallel == "none"  # else trained weights are kept in 32 bits, whatever they are loaded in
    return Load(
        tokens=max(1, tokens),
        length=settings.max_length,
        weight_bytes=2 if trl and settings.param_dtype == "bfloat16" and (alone or settings.lora_rank) else 4,
        bf16=bf16,
        optimizer=settings.optimizer,
        lora_rank=settings.lora_rank,
        gradient_checkpointing=trl and settings.gradient_checkpointing,
        shards=1 if alone else settings.num_gpus,
        processes=processes,
        fused_head=trl,
        on_cpu=on_cpu,
    )


def check_memory(settings: StageSettings) -> None:
    """Raises UserError if a run cannot fit into what is free now.

    Says nothing of models it does not know, nor of runs that are launched on other machines.
    """
    from slipstick.train.multi_gpu import is_elsewhere

    shape = shape_for(settings)
    if shape is None or (isinstance(settings, TrainSettings) and is_elsewhere(settings)):
        return
    free, load = here(settings)
    parts = memory_parts(shape, load)
    if total(parts) > free:
        smaller = None
        if isinstance(settings, GrpoSettings):
            smaller = f"set a smaller batch_size (a multiple of num_generations = {settings.num_generations})"
        raise UserError(
            f"training needs about {total(parts) / GIB:.1f} GiB of memory and {free / GIB:.1f} are free "
            f"({listed(parts)}): {'; '.join(ways_out(load, smaller=smaller))}. `slipstick plan` counts beforehand"
        )


def listed(parts: list[Part]) -> str:
    """The parts in one line, largest first."""
    return ", ".join(f"{p.name} {p.bytes / GIB:.1f}" for p in sorted(parts, key=lambda p: -p.bytes) if p.bytes > 0)


def ways_out(load: Load, *, smaller: str | None = None) -> list[str]:
    """What makes a run smaller, in the recipe's words; `smaller` says it of a step."""
    ways = ["free some" if load.on_cpu else "take a GPU with more memory, or more of them (num_gpus, parallel)"]
    if smaller:
        ways.append(smaller)
    elif not load.fused_head:
        ways.append("set a smaller batch_tokens" + (", or num_processes = 1" if load.processes > 1 else ""))
    else:
        ways.append(
            "set per_device_train_batch_size = 1 and a higher gradient_accumulation_steps"
            + ("" if load.gradient_checkpointing else ", and gradient_checkpointing = true")
        )
    if not load.lora_rank:
        ways.append("train adapters only (lora_rank = 16), or take a smaller base")
    return ways


def here(settings: StageSettings) -> tuple[float, Load]:
    """Bytes that are free on the device the run would take, and what the run asks of it."""
    from slipstick.train.build import device_of, free_on_gpu, trainer_of
    from slipstick.train.loop import processes_for

    device = device_of(settings)
    on_cpu = device == "cpu"
    if isinstance(settings, TrainSettings):
        trl = trainer_of(settings) == "trl"
        processes = 1 if trl else processes_for(settings, device)
        load = load_for(settings, trl=trl, on_cpu=on_cpu, processes=processes)
    elif isinstance(settings, GrpoSettings):
        # Solutions are seldom as long as `max_length` allows; one full turn of each is what it takes in any case.
        length = max(2, min(settings.max_tokens, settings.max_length))
        load = _adamw(settings, tokens=settings.batch_size * length, length=length, on_cpu=on_cpu)
        load = load.model_copy(update={"gradient_checkpointing": not on_cpu, "fused_head": True})
    else:
        assert isinstance(settings, ValueSettings)
        load = _adamw(settings, tokens=settings.batch_tokens, length=settings.max_length, on_cpu=on_cpu)
    return available_bytes() if on_cpu else free_on_gpu(), load


def _adamw(settings: StageSettings, *, tokens: int, length: int, on_cpu: bool) -> Load:
    """What AdamW on weights in 32 bits asks of a device, for stages that have no other way."""
    return Load(tokens=tokens, length=length, bf16=not on_cpu, lora_rank=settings.lora_rank, on_cpu=on_cpu)


def available_bytes() -> float:
    """Memory that programs can still have on this machine, its container's limit minded."""
    if not sys.platform.startswith("linux"):
        return float("inf")
    lines = Path("/proc/meminfo").read_text("ascii").splitlines()
    free = next(1024.0 * int(line.split()[1]) for line in lines if line.startswith("MemAvailable"))
    limit, used = (Path("/sys/fs/cgroup") / name for name in ("memory.max", "memory.current"))
    if limit.is_file() and used.is_file() and (most := limit.read_text("ascii").strip()) != "max":
        free = min(free, float(int(most) - int(used.read_text("ascii"))))
    return free
