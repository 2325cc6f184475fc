"""Training through TRL's SFTTrainer, with our ids and labels as they are: GPUs, packing, low precision, adapters."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import ceil
from pathlib import Path
from typing import Any, NamedTuple

from slipstick.models.hf import quietly
from slipstick.store import write_atomically
from slipstick.train import FitResult, sum_up
from slipstick.train.batches import order_batches
from slipstick.train.build import attention, count_parameters, device_of
from slipstick.train.examples import Examples
from slipstick.train.loop import line_of, tokens_in_all
from slipstick.train.settings import TrainSettings
from slipstick.train.weights import last_whole_checkpoint, save_trained

Progress = Callable[[int, int, float], None]
_OPTIMIZERS = {"adamw_8bit": "adamw_8bit", "adafactor": "adafactor"}
_CHECKPOINTS = 10  # in a run, where the settings leave it open: those of large models are large


class Rows(NamedTuple):
    """What a run learns from, in the order it is dealt."""

    dataset: Any
    """A `datasets.Dataset` of `input_ids` and `labels`."""
    tokens: int
    """Tokens of all of it."""


def rows_of(examples: Examples, settings: TrainSettings) -> Rows:
    """The examples as TRL takes them."""
    order, tokens = _order(examples, settings)
    return Rows(_dataset(examples).select(order), tokens)


def write_rows(examples: Examples, settings: TrainSettings, folder: Path) -> None:
    """Writes what `read_rows` reads: every example once, and the order they are dealt in."""
    order, tokens = _order(examples, settings)
    with _only_errors():
        _dataset(examples).save_to_disk(folder / "examples")
    write_atomically(folder / "order.json", json.dumps({"order": order, "tokens": tokens}))


def read_rows(folder: Path) -> Rows:
    """The rows that were written; they stay on disk, where several processes share them."""
    from datasets import load_from_disk

    told = json.loads((folder / "order.json").read_text("utf-8"))
    return Rows(load_from_disk(folder / "examples").select(told["order"]), told["tokens"])


def fit_with_trl(
    start: Callable[[], Any],
    tokenizer: Any,
    rows: Rows,
    *,
    settings: TrainSettings,
    out: Path,
    fingerprint: str,
    progress: Progress | None,
) -> FitResult:
    """Trains the model that `start` gives and writes its folder.

    Goes on from the last of out/checkpoints where it was made with the same settings and examples.
    """
    from transformers import PrinterCallback
    from trl.trainer.sft_trainer import SFTTrainer

    began = time.monotonic()
    every = settings.checkpoint_every or rows.tokens / _CHECKPOINTS
    steps = _steps(settings, len(rows.dataset), rows.tokens)
    with quietly(), _only_errors():
        # Before the model: only where these are there does ZeRO-3 or FSDP2 let each process load a part of it alone.
        arguments = _arguments(settings, out / "checkpoints", max(1, round(steps * every / rows.tokens)))
        model = start()
        parameters = count_parameters(model)
        last = _last_checkpoint(out / "checkpoints", fingerprint)
        trainer = SFTTrainer(
            model=model,
            args=arguments,
            train_dataset=rows.dataset,
            processing_class=tokenizer,
            callbacks=[_reporter(out, rows.tokens, progress)],
        )
        trainer.remove_callback(PrinterCallback)
        trainer.train(resume_from_checkpoint=last)
        losses = [row["loss"] for row in _with_loss(trainer.state)]
        _save(trainer, tokenizer, settings, out)
    return sum_up(losses, tokens=rows.tokens, parameters=parameters, began=began)


def _order(examples: Examples, settings: TrainSettings) -> tuple[list[int], int]:
    """The examples in the order they are dealt, as for our own loop, one a step; and the tokens of all of them."""
    lengths = examples.lengths()
    tokens = tokens_in_all(settings, lengths)
    dealt = order_batches(
        lengths, examples.groups, phases=settings.phases, tokens=tokens, batch_tokens=1, seed=settings.seed
    )
    order = [i for batch in dealt for i in batch]
    return order, sum(lengths[i] for i in order)


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
    return max(
        1,
        ceil(rows / (settings.per_device_train_batch_size * settings.gradient_accumulation_steps * settings.num_gpus)),
    )


def _arguments(settings: TrainSettings, folder: Path, save_steps: int) -> Any:
    from transformers.utils.import_utils import is_torch_tf32_available
    from trl.trainer.sft_config import SFTConfig

    on_cpu = device_of(settings) == "cpu"
    # Without FlashAttention TRL lays fitted rows end to end under one mask, whose size is the square of their length.
    together = (
        1
        if settings.packing == "bfd" and "flash" not in (attention(settings) or "")
        else settings.per_device_train_batch_size
    )
    arguments = SFTConfig(
        output_dir=str(folder),
        seed=settings.seed,
        num_train_epochs=1,  # the order has every repetition in it
        train_sampling_strategy="sequential" if settings.packing == "none" else "random",
        per_device_train_batch_size=together,
        gradient_accumulation_steps=settings.gradient_accumulation_steps
        * settings.per_device_train_batch_size
        // together,
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
        bf16=settings.bf16 if settings.bf16 is not None else not on_cpu,
        tf32=True if not on_cpu and is_torch_tf32_available() else None,
        activation_checkpointing=settings.gradient_checkpointing,
        use_liger_kernel=settings.use_liger_kernel,
        use_cpu=on_cpu,
        dataloader_pin_memory=not on_cpu,
        logging_steps=1,
        save_steps=save_steps,
        save_total_limit=2,
        report_to=settings.report_to or "none",
        disable_tqdm=True,
    )
    arguments._n_gpu = min(1, arguments.n_gpu)  # a process takes one GPU, also where it sees several
    return arguments


def _reporter(out: Path, total: int, progress: Progress | None) -> Any:
    """A callback that writes losses.jsonl and tells `progress`."""
    from transformers import TrainerCallback

    class Reporter(TrainerCallback):
        def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            if state.is_world_process_zero:  # what an interrupted run had done until its checkpoint
                write_atomically(out / "losses.jsonl", [_line(row, state, total) for row in _with_loss(state)])

        def on_log(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            row = state.log_history[-1]
            if not state.is_world_process_zero or "loss" not in row:
                return
            with (out / "losses.jsonl").open("a", encoding="utf-8") as log:
                log.write(_line(row, state, total))
            if progress:
                progress(_done(row, state, total), total, row["loss"])

    return Reporter()


def _with_loss(state: Any) -> list[dict[str, Any]]:
    return [row for row in state.log_history if "loss" in row]


def _line(row: dict[str, Any], state: Any, total: int) -> str:
    return line_of(row["step"] - 1, _done(row, state, total), row["loss"])


def _done(row: dict[str, Any], state: Any, total: int) -> int:
    """Tokens done after a step, as steps are about equally long."""
    return int(total * row["step"] / state.max_steps)


def _last_checkpoint(folder: Path, fingerprint: str) -> str | None:
    """The last whole checkpoint of a run with these settings and examples; those of another run are removed."""
    mark = folder / "fingerprint"
    if not mark.is_file() or mark.read_text("utf-8") != fingerprint:
        if "RANK" not in os.environ:  # of several processes the first to come would remove what another just wrote
            shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True, exist_ok=True)
        write_atomically(mark, fingerprint)
    return last_whole_checkpoint(folder)


@contextmanager
def _only_errors() -> Iterator[None]:
    """Keeps the libraries' bars and remarks off the terminal, where our own bar is drawn."""
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


def _save(trainer: Any, tokenizer: Any, settings: TrainSettings, out: Path) -> None:
    """Gathers the weights, in the first process, and writes the folder; the checkpoints have had their day."""
    if trainer.is_fsdp_enabled or trainer.is_deepspeed_enabled:
        _save_gathered(trainer, tokenizer, settings, out)
    elif trainer.is_world_process_zero():
        save_trained(trainer.accelerator.unwrap_model(trainer.model), tokenizer, settings, out)
    if trainer.is_world_process_zero():
        shutil.rmtree(out / "checkpoints")


def _save_gathered(trainer: Any, tokenizer: Any, settings: TrainSettings, out: Path) -> None:
    """The same where each process has a part of the weights."""
    from transformers.integrations.deepspeed import unset_hf_deepspeed_config

    from slipstick.encode.settings import save_prompt_config
    from slipstick.train.adapters import ADAPTER, merged
    from slipstick.train.weights import save_model, taught_by

    gathered = out / (ADAPTER if settings.lora_rank else "gathered")
    trainer.save_model(str(gathered))
    if not trainer.is_world_process_zero():
        return
    if settings.lora_rank:
        assert settings.base is not None
        unset_hf_deepspeed_config()  # type: ignore[no-untyped-call]  # else it opens the base together with the others
        save_model(merged(out, settings.base), tokenizer, out, taught=taught_by(settings))
        return
    tokenizer.save_pretrained(gathered)
    save_prompt_config(taught_by(settings), gathered)
    for file in sorted(gathered.iterdir(), key=lambda file: file.name == "config.json"):
        if file.name != "training_args.bin":
            file.replace(out / file.name)
    shutil.rmtree(gathered)
