"""Training through TRL's SFTTrainer, with our ids and labels as they are: GPUs, packing, low precision, adapters."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import accumulate
from math import ceil
from pathlib import Path
from typing import Any, NamedTuple

from slipstick.models.hf import quietly
from slipstick.store import write_atomically
from slipstick.trackers import names_for_trl
from slipstick.train.adapters import ADAPTER, merged
from slipstick.train.batches import batches_of
from slipstick.train.build import attention, count_parameters, device_of
from slipstick.train.checkpoints import FOLDER, last_checkpoint
from slipstick.train.examples import Examples
from slipstick.train.precision import Arithmetic
from slipstick.train.result import FitResult, mean_of_last_tenth
from slipstick.train.run import Training, loss_line, numbers_of
from slipstick.train.settings import TrainSettings
from slipstick.train.validation import Validation
from slipstick.train.weights import publish, save_model, save_trained

_OPTIMIZERS = {"adamw_8bit": "adamw_8bit", "adafactor": "adafactor"}
_CHECKPOINTS = 10  # in a training, unless the settings say: those of large models are large


TokensDone = Callable[[int, int], int]
"""Number of a step, from 1, and of all steps -> tokens done after it."""


class Rows(NamedTuple):
    """What a training learns from, in order."""

    dataset: Any
    """A `datasets.Dataset` of `input_ids` and `labels`."""
    lengths: list[int]
    """Tokens of each row."""

    @property
    def tokens(self) -> int:
        """Tokens of all of them."""
        return sum(self.lengths)


def rows_of(examples: Examples, settings: TrainSettings) -> Rows:
    """The examples as TRL takes them."""
    order, lengths = _order(examples, settings)
    return Rows(_dataset(examples).select(order), lengths)


def write_rows(examples: Examples, settings: TrainSettings, folder: Path) -> None:
    """Writes what `read_rows` reads: every example once, and their order."""
    order, lengths = _order(examples, settings)
    with _only_errors():
        _dataset(examples).save_to_disk(folder / "examples")
    write_atomically(folder / "order.json", json.dumps({"order": order, "lengths": lengths}))


def read_rows(folder: Path) -> Rows:
    """The rows that `write_rows` wrote; they stay on disk, and several processes share them."""
    from datasets import load_from_disk

    dealt = json.loads((folder / "order.json").read_text("utf-8"))
    return Rows(load_from_disk(folder / "examples").select(dealt["order"]), dealt["lengths"])


def fit_with_trl(
    start: Callable[[], Any],
    tokenizer: Any,
    rows: Rows,
    *,
    settings: TrainSettings,
    training: Training,
    validation: Validation | None = None,
) -> FitResult:
    """Trains the model that `start` gives and writes its folder; resumes the training's last complete checkpoint."""
    from transformers import PrinterCallback
    from trl.trainer.sft_trainer import SFTTrainer

    began, out = time.monotonic(), training.out
    every = settings.checkpoint_every or rows.tokens / _CHECKPOINTS
    steps, done = _steps(settings, len(rows.dataset), rows.tokens), _tokens_done(rows, settings)
    with quietly(), _only_errors():
        # Before the model: only then does ZeRO-3 or FSDP2 let each process load a part of it alone.
        arguments = _arguments(settings, out / FOLDER, max(1, round(steps * every / rows.tokens)))
        model = start()
        parameters = count_parameters(model)
        last = last_checkpoint(out, fingerprint=training.fingerprint)
        trainer = SFTTrainer(
            model=model,
            args=arguments,
            train_dataset=rows.dataset,
            processing_class=tokenizer,
            callbacks=[_reporter(training, rows.tokens, done)],
        )
        if validation:
            trainer.add_callback(_watcher(validation, rows.tokens, done))
        trainer.remove_callback(PrinterCallback)
        trainer.train(resume_from_checkpoint=last)
        losses = [row["loss"] for row in _with_loss(trainer.state)]
        _save(trainer, tokenizer, settings, out, validation)
    return FitResult(
        parameters=parameters,
        steps=len(losses),
        tokens=rows.tokens,
        loss=mean_of_last_tenth(losses),
        seconds=time.monotonic() - began,
    )


def _order(examples: Examples, settings: TrainSettings) -> tuple[list[int], list[int]]:
    """The examples in the order they are dealt, as for our own loop, one a step; and the tokens of each."""
    lengths = examples.lengths()
    order = [i for batch in batches_of(examples, settings, batch_tokens=1) for i in batch]
    return order, [lengths[i] for i in order]


def _dataset(examples: Examples) -> Any:
    from datasets import Dataset

    return Dataset.from_dict(
        {
            "input_ids": [example.ids for example in examples.encoded],
            "labels": [example.labels for example in examples.encoded],
        }
    )


def _steps(settings: TrainSettings, rows: int, tokens: int) -> int:
    """Updates of the weights, about: packing may need a row more or less."""
    rows = ceil(tokens / settings.max_length) if settings.packing != "none" else rows
    return max(1, ceil(rows / _rows_of_a_step(settings)))


def _rows_of_a_step(settings: TrainSettings) -> int:
    return settings.per_device_train_batch_size * settings.gradient_accumulation_steps * settings.num_gpus


def _tokens_done(rows: Rows, settings: TrainSettings) -> TokensDone:
    """Packed rows are made by TRL, and about equally long; others are trained on in their order."""
    if settings.packing != "none":
        return lambda step, steps: rows.tokens * step // steps
    ends, each = [0, *accumulate(rows.lengths)], _rows_of_a_step(settings)
    return lambda step, steps: ends[min(step * each, len(rows.lengths))]


def _arguments(settings: TrainSettings, folder: Path, save_steps: int) -> Any:
    from transformers.utils.import_utils import is_torch_tf32_available
    from trl.trainer.sft_config import SFTConfig

    on_cpu = device_of(settings) == "cpu"
    batch = settings.per_device_train_batch_size
    # Without FlashAttention TRL lays fitted rows end to end under one mask, whose size is the square of their length.
    together = 1 if settings.packing == "bfd" and "flash" not in (attention(settings) or "") else batch
    arguments = SFTConfig(
        output_dir=str(folder),
        seed=settings.seed,
        num_train_epochs=1,  # the order has every repetition in it
        train_sampling_strategy="sequential" if settings.packing == "none" else "random",
        per_device_train_batch_size=together,
        gradient_accumulation_steps=settings.gradient_accumulation_steps * batch // together,
        max_length=settings.max_length if settings.packing != "none" else None,
        packing=settings.packing != "none",
        packing_strategy=settings.packing if settings.packing != "none" else "bfd",
        learning_rate=settings.learning_rate,
        lr_scheduler_type=settings.lr_scheduler_type,
        warmup_steps=settings.warmup_ratio,
        weight_decay=settings.weight_decay,
        adam_beta2=settings.adam_beta2,
        max_grad_norm=settings.max_grad_norm,
        optim=_OPTIMIZERS.get(settings.optimizer, "adamw_torch" if on_cpu else "adamw_torch_fused"),
        bf16=settings.uses_bf16(device_of(settings)),
        tf32=True if not on_cpu and is_torch_tf32_available() else None,
        activation_checkpointing=settings.gradient_checkpointing,
        use_liger_kernel=settings.use_liger_kernel,
        use_cpu=on_cpu,
        dataloader_pin_memory=not on_cpu,
        logging_steps=1,
        save_steps=save_steps,
        save_total_limit=2,
        report_to=(settings.report_to if settings.parallel != "none" else names_for_trl(settings.report_to)) or "none",
        disable_tqdm=True,
    )
    arguments._n_gpu = min(1, arguments.n_gpu)  # a process takes one GPU, even if it sees several
    return arguments


def _reporter(training: Training, total: int, done: TokensDone) -> Any:
    """A callback that writes losses.jsonl and calls the training's progress."""
    from transformers import TrainerCallback

    class Reporter(TrainerCallback):
        def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            if state.is_world_process_zero:  # what an interrupted run had done until its checkpoint
                write_atomically(training.out / "losses.jsonl", [_line(row, state, done) for row in _with_loss(state)])

        def on_log(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            row = state.log_history[-1]
            if not state.is_world_process_zero or "loss" not in row:
                return
            with (training.out / "losses.jsonl").open("a", encoding="utf-8") as log:
                log.write(_line(row, state, done))
            if training.observers.progress:
                training.observers.progress(done(row["step"], state.max_steps), total, row["loss"])
            if training.observers.track:
                training.observers.track(state.global_step, numbers_of(row))

    return Reporter()


def _watcher(validation: Validation, total: int, done: TokensDone) -> Any:
    """A callback that has the model measured between steps, and a checkpoint saved after it."""
    from transformers import TrainerCallback

    every = validation.every(total)

    class Watcher(TrainerCallback):
        def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            validation.resume(state.global_step)

        def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            step = state.global_step
            before, now = (done(number, state.max_steps) for number in (step - 1, step))
            if now // every > before // every or step == state.max_steps:
                validation.measure(kwargs["model"], step=step, tokens=now, arithmetic=Arithmetic(bf16=args.bf16))
                control.should_save = True

    return Watcher()


def _with_loss(state: Any) -> list[dict[str, Any]]:
    return [row for row in state.log_history if "loss" in row]


def _line(row: dict[str, Any], state: Any, done: TokensDone) -> str:
    return loss_line(row["step"] - 1, done(row["step"], state.max_steps), row["loss"])


@contextmanager
def _only_errors() -> Iterator[None]:
    """Keeps the libraries' bars and remarks off the terminal, which shows our own bar."""
    from datasets.utils import logging as bars
    from transformers.utils import logging as transformers_logging

    logging: Any = transformers_logging

    verbosity = logging.get_verbosity()
    logging.set_verbosity_error()
    bars.disable_progress_bar()
    try:
        yield
    finally:
        bars.enable_progress_bar()
        logging.set_verbosity(verbosity)


def _save(trainer: Any, tokenizer: Any, settings: TrainSettings, out: Path, validation: Validation | None) -> None:
    """Gathers the weights in the first process, which writes the folder."""
    if not (trainer.is_fsdp_enabled or trainer.is_deepspeed_enabled):
        if trainer.is_world_process_zero():
            model = trainer.accelerator.unwrap_model(trainer.model)
            save = partial(save_trained, model, tokenizer, settings)
            validation.save(model, save) if validation else save(out)
        return
    from transformers.integrations.deepspeed import unset_hf_deepspeed_config

    gathered = out / (ADAPTER if settings.lora_rank else "gathered")
    trainer.save_model(str(gathered))
    if not trainer.is_world_process_zero():
        return
    if settings.lora_rank:
        assert settings.base is not None
        unset_hf_deepspeed_config()  # type: ignore[no-untyped-call]  # else it opens the base together with the others
        save_model(merged(out, settings.base), tokenizer, settings, out)
    else:
        publish(gathered, tokenizer, settings, out)
