"""From a training's settings to the memory it needs, and whether this machine has it: checked before it starts."""

import sys
from pathlib import Path

from slipstick.errors import UserError
from slipstick.plan.memory import GIB, Workload, memory_parts, total
from slipstick.plan.shapes import ModelShape, shape_of
from slipstick.train.settings import GrpoSettings, StageSettings, TrainSettings, ValueSettings


def shape_for(settings: StageSettings) -> ModelShape | None:
    """The model's sizes; None for a base that is neither a folder of a known kind nor in our table."""
    if not isinstance(settings, TrainSettings) or settings.base is not None:
        return shape_of(settings.base or "")
    return ModelShape(
        d_model=settings.d_model,
        num_layers=settings.num_layers,
        num_heads=settings.num_heads,
        kv_heads=settings.num_heads,
        head_dim=settings.d_model // settings.num_heads,
        d_ff=settings.d_ff,
        vocab_size=settings.vocab_size,
        tied=True,
    )


def workload_for(settings: TrainSettings, *, trl: bool, on_cpu: bool, processes: int) -> Workload:
    """The work of one device. trl: whether TRL trains, else our own loop with so many CPU processes."""
    tokens = settings.per_device_train_batch_size * settings.max_length if trl else settings.batch_tokens // processes
    fused, fast = fuses(settings) if on_cpu and not trl else (False, False)
    alone = settings.parallel == "none"  # else trained weights are kept in 32 bits, whatever they are loaded in
    return Workload(
        tokens=max(1, tokens),
        length=settings.max_length,
        weight_bytes=2 if trl and settings.param_dtype == "bfloat16" and (alone or settings.lora_rank) else 4,
        bf16=settings.uses_bf16("cpu" if on_cpu else "cuda", fast=fast),
        optimizer=settings.optimizer,
        lora_rank=settings.lora_rank,
        gradient_checkpointing=trl and settings.gradient_checkpointing,
        shards=1 if alone else settings.num_gpus,
        processes=processes,
        fused_head=trl,
        fused=fused,
        on_cpu=on_cpu,
    )


def fuses(settings: TrainSettings) -> tuple[bool, bool]:
    """Whether our loop has operations of its own for such a model on this CPU, and whether they are in bfloat16."""
    from slipstick.train.precision import is_wide, multiplies_bf16

    shape = shape_for(settings)
    fused = shape is not None and is_wide(shape.d_model)
    return fused, fused and multiplies_bf16()


def check_memory(settings: StageSettings) -> None:
    """Raises UserError if a run needs more memory than is free now.

    Unknown models, and runs that are launched on other machines, are not checked.
    """
    from slipstick.train.multi_gpu import is_elsewhere

    shape = shape_for(settings)
    if shape is None or (isinstance(settings, TrainSettings) and is_elsewhere(settings)):
        return
    free, work = on_this_machine(settings)
    parts = memory_parts(shape, work)
    if total(parts) > free:
        largest_first = sorted(parts, key=lambda part: -part.bytes)
        listed = ", ".join(f"{part.name} {part.bytes / GIB:.1f}" for part in largest_first if part.bytes)
        smaller = None
        if isinstance(settings, GrpoSettings):
            smaller = f"set a smaller batch_size (a multiple of num_generations = {settings.num_generations})"
        raise UserError(
            f"training needs about {total(parts) / GIB:.1f} GiB of memory and {free / GIB:.1f} are free "
            f"({listed}): {'; '.join(remedies(work, smaller_step=smaller))}. See `slipstick plan`"
        )


def remedies(work: Workload, *, smaller_step: str | None = None) -> list[str]:
    """What makes a run smaller, in the recipe's keys; smaller_step: what does so for a step, if not a TrainSettings."""
    found = [
        "free some memory (end other programs)"
        if work.on_cpu
        else "use a GPU with more memory, or more of them (num_gpus, parallel)"
    ]
    if smaller_step:
        found.append(smaller_step)
    elif not work.fused_head:
        found.append("set a smaller batch_tokens" + (", or num_processes = 1" if work.processes > 1 else ""))
    else:
        found.append(
            "set per_device_train_batch_size = 1 and a higher gradient_accumulation_steps"
            + ("" if work.gradient_checkpointing else ", and gradient_checkpointing = true")
        )
    if not work.lora_rank:
        found.append("train adapters only (lora_rank = 16), or use a smaller base")
    return found


def on_this_machine(settings: StageSettings) -> tuple[float, Workload]:
    """Free bytes of the device that the run would use, and the run's work there."""
    from slipstick.train.build import device_of, free_on_gpu, trainer_of
    from slipstick.train.loop import processes_for

    device = device_of(settings)
    on_cpu = device == "cpu"
    if isinstance(settings, TrainSettings):
        trl = trainer_of(settings) == "trl"
        processes = 1 if trl else processes_for(settings, device)
        work = workload_for(settings, trl=trl, on_cpu=on_cpu, processes=processes)
    elif isinstance(settings, GrpoSettings):
        # Solutions are seldom as long as `max_length` allows; each needs at least one full turn.
        length = max(2, min(settings.max_tokens, settings.max_length))
        work = _adamw(settings, tokens=settings.batch_size * length, length=length, on_cpu=on_cpu)
        work = work.model_copy(update={"gradient_checkpointing": not on_cpu, "fused_head": True})
    else:
        assert isinstance(settings, ValueSettings)
        work = _adamw(settings, tokens=settings.batch_tokens, length=settings.max_length, on_cpu=on_cpu)
    return available_bytes() if on_cpu else free_on_gpu(), work


def _adamw(settings: StageSettings, *, tokens: int, length: int, on_cpu: bool) -> Workload:
    """The work of AdamW on weights in 32 bits, for stages that have no other optimiser."""
    return Workload(tokens=tokens, length=length, bf16=not on_cpu, lora_rank=settings.lora_rank, on_cpu=on_cpu)


def available_bytes() -> float:
    """Memory that is still available on this machine, within its container's limit."""
    if not sys.platform.startswith("linux"):
        return float("inf")
    lines = Path("/proc/meminfo").read_text("ascii").splitlines()
    free = next(1024.0 * int(line.split()[1]) for line in lines if line.startswith("MemAvailable"))
    limit, used = (Path("/sys/fs/cgroup") / name for name in ("memory.max", "memory.current"))
    if limit.is_file() and used.is_file() and (most := limit.read_text("ascii").strip()) != "max":
        free = min(free, float(int(most) - int(used.read_text("ascii"))))
    return free
