"""What a training run will need, estimated before it starts: memory, time and money.

shapes.py    sizes of a model: from its config.json, or from a table
memory.py    a model and the work of a device -> bytes of memory by part, operations per token
fit.py       a training's settings -> the work of a device; whether it fits into this machine
dry_run.py   the first steps, run to measure speed and memory
estimate.py  the settings of a plan -> a GPU, the tokens to train on, the changes that make it fit
"""

from __future__ import annotations

from slipstick.plan.estimate import PlanSettings, changes_that_fit, gpu_for, training_tokens
from slipstick.plan.fit import check_memory, on_this_machine, remedies, shape_for, workload_for
from slipstick.plan.memory import GIB, Gpu, MemoryPart, Workload, flops_per_token, gpu_type, memory_parts, total
from slipstick.plan.shapes import MODEL_TYPES, ModelShape, shape_of

__all__ = [
    "GIB",
    "MODEL_TYPES",
    "Gpu",
    "MemoryPart",
    "ModelShape",
    "PlanSettings",
    "Workload",
    "changes_that_fit",
    "check_memory",
    "flops_per_token",
    "gpu_for",
    "gpu_type",
    "memory_parts",
    "on_this_machine",
    "remedies",
    "shape_for",
    "shape_of",
    "total",
    "training_tokens",
    "workload_for",
]
