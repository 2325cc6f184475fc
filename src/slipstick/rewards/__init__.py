"""The grader's verdict as a reward for reinforcement learning: one module for each trainer's signature.

`slipstick.rewards.trl`, `.verl` and `.openrlhf` use no signals and no `multiprocessing`, and so work in threads, in
event loops and in worker processes, forked, spawned or daemonic.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from slipstick.rewards import openrlhf, trl, verl

__all__ = ["openrlhf", "trl", "verl"]


def __getattr__(name: str) -> Any:
    """`slipstick.rewards.trl` and the others, loaded when first used."""
    if name in __all__:
        return import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
