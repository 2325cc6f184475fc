"""The training loop: one pass over ordered batches, loss only where labels are, checkpoints on the way."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from slipstick.encode import Encoded
from slipstick.train.batches import order_batches
from slipstick.train.build import device_of
from slipstick.train.data_parallel import Replicas
from slipstick.train.examples import Examples
from slipstick.train.optimizers import Optimizers, rate_factor
from slipstick.train.precision import attention_in_float32, is_narrow
from slipstick.train.settings import TrainSettings
from slipstick.train.weights import load_checkpoint, save_checkpoint, save_trained

Progress = Callable[[int, int, float], None]
_CHECKPOINT = "checkpoint.pt"
_CHECKPOINT_TOKENS = 100_000  # between two of them, where the settings leave it open


def fit_with_loop(
    model: Any,
    tokenizer: Any,
    examples: Examples,
    *,
    settings: TrainSettings,
    out: Path,
    fingerprint: str,
    progress: Progress | None,
) -> tuple[list[float], int]:
    """Trains `model` in this process and writes its folder; gives the loss of every step, and the tokens in all."""
    lengths = examples.lengths()
    batches = list(
        order_batches(
            lengths,
            examples.groups,
            phases=settings.phases,
            tokens=tokens_in_all(settings, lengths),
            batch_tokens=settings.batch_tokens,
            seed=settings.seed,
        )
    )
    losses = run_loop(
        model.to(device_of(settings)),
        examples.encoded,
        batches,
        settings=settings,
        out=out,
        fingerprint=fingerprint,
        progress=progress,
    )
    save_trained(model, tokenizer, settings, out)
    (out / _CHECKPOINT).unlink(missing_ok=True)
    return losses, sum(lengths[i] for batch in batches for i in batch)


def tokens_in_all(settings: TrainSettings, lengths: Sequence[int]) -> int:
    """Tokens a run is to see."""
    return (
        settings.max_train_tokens
        if settings.num_train_epochs is None
        else max(1, round(settings.num_train_epochs * sum(lengths)))
    )


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
    losses = _take_up(model, optimizers, out / _CHECKPOINT, fingerprint)
    total, done = sum(sizes), sum(sizes[: len(losses)])
    every = settings.checkpoint_every or _CHECKPOINT_TOKENS
    due = done + every
    narrow = is_narrow(settings.bf16, model.device.type)
    with (
        attention_in_float32(model, where=narrow),
        closing(Replicas(model, processes=processes_for(settings, model.device.type), narrow=narrow)) as replicas,
        (out / "losses.jsonl").open("w", encoding="utf-8") as log,
    ):
        log.writelines(_lines(losses, sizes))
        for step in range(len(losses), len(batches)):
            loss = replicas.gradients([examples[i] for i in batches[step]], seed=settings.seed + step)
            optimizers.step(
                rate_factor(done / total, warmup=settings.warmup_ratio, schedule=settings.lr_scheduler_type), replicas
            )
            done += sizes[step]
            losses.append(loss)
            log.write(line_of(step, done, loss))
            log.flush()
            if progress:
                progress(done, total, loss)
            if done >= due:
                state = {"model": model.state_dict(), "optimizers": optimizers.state(), "losses": losses}
                save_checkpoint({**state, "fingerprint": fingerprint}, out / _CHECKPOINT)
                due = done + every
    model.eval()
    return losses


def _take_up(model: Any, optimizers: Optimizers, checkpoint: Path, fingerprint: str) -> list[float]:
    """Puts weights and optimisers where a checkpoint left them; the losses until then."""
    saved = load_checkpoint(checkpoint)
    if saved is None or saved["fingerprint"] != fingerprint:
        return []
    model.load_state_dict(saved["model"])
    optimizers.load(saved["optimizers"])
    return list(saved["losses"])


def processes_for(settings: TrainSettings, device: str) -> int:
    """How many processes divide a step among them: one on a GPU, else as many as were asked for or as help."""
    if device != "cpu":
        return 1
    return settings.num_processes or min(4, len(os.sched_getaffinity(0)))


def line_of(step: int, tokens: int, loss: float) -> str:
    """A line of losses.jsonl."""
    return json.dumps({"step": step, "tokens": tokens, "loss": round(loss, 7)}) + "\n"


def _lines(losses: Sequence[float], sizes: Sequence[int]) -> Iterator[str]:
    done = 0
    for step, loss in enumerate(losses):
        done += sizes[step]
        yield line_of(step, done, loss)
