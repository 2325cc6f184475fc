"""The training loop: one pass over ordered batches, loss only where labels are, checkpoints on the way."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from slipstick.encode import Encoded
from slipstick.train.optimizers import Optimizers, rate_factor
from slipstick.train.replicas import Replicas
from slipstick.train.settings import TrainSettings
from slipstick.train.weights import load_checkpoint, save_checkpoint

Progress = Callable[[int, int, float], None]


def run_loop(
    model: Any,
    examples: Sequence[Encoded],
    batches: Sequence[list[int]],
    *,
    settings: TrainSettings,
    out: Path,
    fingerprint: str,
    progress: Progress | None,
) -> list[float]:
    """Trains `model` in place and gives the loss of every step; goes on from out/checkpoint.pt where there is one.

    fingerprint: of settings and examples; a checkpoint of another one is not taken up.
    """
    model.train()
    optimizers = Optimizers(model, settings)
    sizes = [sum(len(examples[i].ids) for i in batch) for batch in batches]
    total, done, losses = sum(sizes), 0, []
    saved = load_checkpoint(out / "checkpoint.pt")
    if saved is not None and saved["fingerprint"] == fingerprint:
        model.load_state_dict(saved["model"])
        optimizers.load(saved["optimizers"])
        losses = list(saved["losses"])
        done = sum(sizes[: len(losses)])
    due = done + settings.checkpoint_every
    replicas = Replicas(model, threads=threads_for(settings, model))
    with closing(replicas), (out / "losses.jsonl").open("w", encoding="utf-8") as log:
        for step, loss in enumerate(losses):
            log.write(_line(step, sum(sizes[: step + 1]), loss))
        for step in range(len(losses), len(batches)):
            loss = replicas.gradients([examples[i] for i in batches[step]])
            optimizers.step(rate_factor(done / total, warmup=settings.warmup), replicas)
            done += sizes[step]
            losses.append(loss)
            log.write(_line(step, done, loss))
            log.flush()
            if progress:
                progress(done, total, loss)
            if done >= due:
                state = {"model": model.state_dict(), "optimizers": optimizers.state(), "losses": losses}
                save_checkpoint({**state, "fingerprint": fingerprint}, out / "checkpoint.pt")
                due = done + settings.checkpoint_every
    model.eval()
    return losses


def threads_for(settings: TrainSettings, model: Any) -> int:
    """How many threads divide a step among them: one on a GPU, else as many as were asked for or as help."""
    if model.device.type != "cpu":
        return 1
    return settings.threads or min(4, len(os.sched_getaffinity(0)))


def _line(step: int, tokens: int, loss: float) -> str:
    return json.dumps({"step": step, "tokens": tokens, "loss": round(loss, 6)}) + "\n"
