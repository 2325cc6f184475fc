"""Settings of a plan, and what follows from them: the GPU, the tokens to train on, the changes that make it fit."""

from collections.abc import Iterator
from typing import Any

from pydantic import Field

from slipstick.plan.fit import workload_for
from slipstick.plan.memory import GIB, Gpu, gpu_type, memory_parts, total
from slipstick.plan.shapes import ModelShape
from slipstick.store import is_run
from slipstick.train.sources import TrainRecipe

_CHARACTERS_PER_TOKEN = 3.0  # of mathematical English and Python with today's tokenizers, about
_PROMPT_CHARACTERS = 160  # of a format's own text


class PlanSettings(TrainRecipe):
    """Settings of `slipstick plan`, in addition to those of the planned recipe."""

    gpu: str = "cpu"
    """The type of GPU ("h100", "a100-80gb", ...), or "cpu" for this machine, on the `device` of the training."""
    price: float | None = Field(default=None, ge=0)
    """US dollars per hour of one GPU; None uses the round figure of our table."""
    memory_gib: float | None = Field(default=None, gt=0)
    """Memory of one GPU; None uses our table's."""
    tflops: float | None = Field(default=None, gt=0)
    """Dense bfloat16 matrix rate of one GPU; None uses our table's."""
    utilisation: float = Field(default=0.4, gt=0, le=1)
    """Share of that rate that training reaches: an assumption until it is measured."""
    examples: int | None = Field(default=None, gt=0)
    """Examples of the data; None counts them if the data exist."""
    example_tokens: float | None = Field(default=None, gt=0)
    """Tokens of an example; None estimates them from the data, at three characters per token."""
    dry_run_seconds: float = Field(default=8.0, ge=0)
    """How long a plan for this machine trains to measure speed and memory; 0 estimates only."""


def gpu_for(settings: PlanSettings) -> Gpu:
    """The GPU that is planned for. Raises UserError for an unknown type."""
    known = gpu_type(settings.gpu)
    return Gpu(
        memory_gib=settings.memory_gib or known.memory_gib,
        tflops=settings.tflops or known.tflops,
        price=known.price if settings.price is None else settings.price,
    )


def changes_that_fit(settings: TrainRecipe, shape: ModelShape, gpu: Gpu) -> Iterator[str]:
    """Changes of the recipe that make it fit, from the smallest on; more GPUs come last."""
    smaller: dict[str, Any] = {
        "per_device_train_batch_size": 1,
        "gradient_accumulation_steps": settings.gradient_accumulation_steps * settings.per_device_train_batch_size,
        "gradient_checkpointing": True,
    }
    more = [count for count in (2, 4, 8, 16, 32, 64) if count > settings.num_gpus]
    changes: list[dict[str, Any]] = [
        {"gradient_checkpointing": True},
        smaller,
        {**smaller, "optimizer": "adamw_8bit"},
        {**smaller, "lora_rank": 16, "param_dtype": "bfloat16"},
        *({**smaller, "parallel": "fsdp2", "num_gpus": count} for count in more),
    ]
    for change in changes:
        work = workload_for(settings.model_copy(update=change), trl=True, on_cpu=False, processes=1)
        if total(memory_parts(shape, work)) <= gpu.memory_gib * GIB:
            yield ", ".join(f"{key} = {str(value).lower()}" for key, value in change.items())
            if "num_gpus" in change:
                return


def training_tokens(settings: PlanSettings) -> float | None:
    """Tokens that the run trains on; None if the number of examples is not known."""
    if settings.num_train_epochs is None:
        return settings.max_train_tokens
    if settings.examples and settings.example_tokens:
        return settings.num_train_epochs * settings.examples * settings.example_tokens
    if settings.stage == "cpt" or not all(is_run(source) for source in settings.data):
        return None
    characters = sum(
        len(problem.text) + sum(len(block.text) for block in solution.blocks) + _PROMPT_CHARACTERS
        for solution, problem in settings.pairs()
    )
    return settings.num_train_epochs * characters / _CHARACTERS_PER_TOKEN
