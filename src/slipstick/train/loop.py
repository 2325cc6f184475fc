"""Our own training loop: ordered batches, loss only where labels are, one schedule of learning rates."""

import os
import time
from collections.abc import Callable
from contextlib import closing
from functools import partial
from typing import Any

from slipstick.train.batches import batches_of
from slipstick.train.build import count_parameters, device_of
from slipstick.train.data_parallel import Replicas
from slipstick.train.examples import Examples
from slipstick.train.optimizers import Optimizers, rate_factor
from slipstick.train.precision import TrainedWeights, arithmetic_for, computing
from slipstick.train.result import FitResult, mean_of_last_tenth
from slipstick.train.run import Training, Watch, run_steps
from slipstick.train.settings import TrainSettings
from slipstick.train.validation import Validation
from slipstick.train.weights import save_trained


def fit_with_loop(
    start: Callable[[], Any],
    tokenizer: Any,
    examples: Examples,
    *,
    settings: TrainSettings,
    training: Training,
    validation: Validation | None = None,
) -> FitResult:
    """Trains the model that `start` gives, in this process, and writes its folder; resumes the last checkpoint."""
    began = time.monotonic()
    batches = batches_of(examples, settings, batch_tokens=settings.batch_tokens)
    encoded, lengths = examples.encoded, examples.lengths()
    sizes = [sum(lengths[i] for i in batch) for batch in batches]
    device = device_of(settings)
    model = start().to(device)
    model.train()
    parameters, arithmetic = count_parameters(model), arithmetic_for(model, settings, device)
    processes = processes_for(settings, device)
    with (
        computing(model, arithmetic),
        closing(Replicas(model, processes=processes, arithmetic=arithmetic)) as replicas,
    ):
        optimizers = Optimizers(model, settings)

        def take_step(step: int, done: float) -> float:
            loss = replicas.gradients([encoded[i] for i in batches[step]], seed=settings.seed + step)
            factor = rate_factor(done, warmup=settings.warmup_ratio, schedule=settings.lr_scheduler_type)
            optimizers.step(factor, replicas)
            return loss

        def measure(step: int, tokens: int) -> None:
            assert validation is not None
            validation.measure(model, step=step, tokens=tokens, arithmetic=arithmetic)

        losses = run_steps(
            take_step,
            sizes,
            parts={"model": TrainedWeights(model), "optimizers": optimizers},
            checkpoint_every=settings.checkpoint_every,
            training=training,
            watch=Watch(validation.every(sum(sizes)), validation.resume, measure) if validation else None,
        )
    model.eval()
    save = partial(save_trained, model, tokenizer, settings)
    validation.save(model, save) if validation else save(training.out)
    return FitResult(
        parameters=parameters,
        steps=len(losses),
        tokens=sum(sizes),
        loss=mean_of_last_tenth(losses),
        seconds=time.monotonic() - began,
    )


def processes_for(settings: TrainSettings, device: str) -> int:
    """How many processes divide a step among them: one on a GPU, else `num_processes`, or one per core up to four."""
    if device != "cpu":
        return 1
    return settings.num_processes or min(4, len(os.sched_getaffinity(0)))
