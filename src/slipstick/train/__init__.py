"""Trains a model on solutions: a small one from scratch on a CPU, or an existing one further."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from slipstick.encode import Encoded, encode
from slipstick.errors import InputError
from slipstick.formats import Format, join, load_format
from slipstick.models.hf.tokens import prompt_pieces
from slipstick.schema import Problem, Record, Solution
from slipstick.store import write_atomically
from slipstick.train.settings import Phase, TrainSettings

__all__ = ["Phase", "TrainSettings", "Trained", "train"]

_FINISHED = "trained.json"


class Trained(Record):
    """What a training run did."""

    examples: int
    """Solutions it could learn from."""
    too_long: int
    """Solutions left out because they exceed `max_length` tokens."""
    parameters: int
    """Numbers in the model."""
    steps: int
    """Updates of the weights."""
    tokens: int
    """Tokens it was trained on, prompts included, padding not."""
    loss: float
    """Mean loss of the last tenth of the steps, in nats per written token."""
    seconds: float
    """Wall-clock seconds of this call."""


def train(
    pairs: Iterable[tuple[Solution, Problem]],
    *,
    settings: TrainSettings,
    out: Path,
    progress: Callable[[int, int, float], None] | None = None,
) -> Trained:
    """Trains on solutions as they are and leaves a Hugging Face folder in `out`, with losses.jsonl beside the weights.

    A training that was killed goes on from its last checkpoint when called again with the same arguments, along the
    same losses; one that came to its end is not done again.
    progress: called after every step with tokens done, tokens in all, and the step's loss.
    Raises InputError where no solution is left to train on, ModelError where `base` is no model.
    """
    # Threads that spin while they wait halve the speed where other processes want the cores; read when torch loads.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    import torch

    from slipstick.train.batches import order_batches
    from slipstick.train.loop import run_loop
    from slipstick.train.weights import save_model

    began = time.monotonic()
    rows = list(pairs)
    layouts = {name: load_format(name) for name in sorted({solution.format for solution, _ in rows})}
    out.mkdir(parents=True, exist_ok=True)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # steps are divided as a whole, see replicas.py
    try:
        model, tokenizer = _start(rows, layouts, settings)
        examples, groups = _encode_all(rows, layouts, tokenizer, settings)
        fingerprint = _fingerprint(settings, examples)
        done = _finished(out, fingerprint)
        if done:
            return done
        batches = list(
            order_batches(
                [len(example.ids) for example in examples],
                groups,
                phases=settings.phases,
                tokens=settings.tokens,
                batch_tokens=settings.batch_tokens,
                seed=settings.seed,
            )
        )
        losses = run_loop(
            model.to(_device(settings)),
            examples,
            batches,
            settings=settings,
            out=out,
            fingerprint=fingerprint,
            progress=progress,
        )
    finally:
        torch.set_num_threads(threads)
    save_model(model, tokenizer, out)
    last = losses[-max(1, len(losses) // 10) :]
    trained = Trained(
        examples=len(examples),
        too_long=len(rows) - len(examples),
        parameters=model.num_parameters(),
        steps=len(losses),
        tokens=sum(len(examples[i].ids) for batch in batches for i in batch),
        loss=sum(last) / len(last),
        seconds=time.monotonic() - began,
    )
    write_atomically(out / _FINISHED, json.dumps({"fingerprint": fingerprint, **trained.model_dump()}, indent=2))
    (out / "checkpoint.pt").unlink(missing_ok=True)
    return trained


def _start(
    rows: list[tuple[Solution, Problem]], layouts: dict[str, Format], settings: TrainSettings
) -> tuple[Any, Any]:
    """Model and tokenizer to start from."""
    from slipstick.models.hf import load_weights
    from slipstick.train.tokenizer import train_tokenizer
    from slipstick.train.weights import new_model

    if settings.base is not None:
        return load_weights(settings.base, dtype="float32")
    texts = (join(prompt_pieces(layouts[solution.format], problem, solution.blocks)) for solution, problem in rows)
    tokenizer = train_tokenizer(texts, layouts.values(), vocab=settings.vocab)
    return new_model(settings, tokenizer), tokenizer


def _encode_all(
    rows: list[tuple[Solution, Problem]], layouts: dict[str, Format], tokenizer: Any, settings: TrainSettings
) -> tuple[list[Encoded], list[str]]:
    """The examples that are not too long, and the format of each. Raises InputError where none is left."""
    examples, groups = [], []
    for solution, problem in rows:
        example = encode(solution, problem, layouts[solution.format], tokenizer)
        if len(example.ids) <= settings.max_length:
            examples.append(example)
            groups.append(solution.format)
    if not examples:
        why = f"all are longer than max_length = {settings.max_length} tokens" if rows else "there are none"
        raise InputError(f"no solution of {len(rows)} can be trained on: {why}")
    for phase in settings.phases:
        if not any(phase.mix.get(group, 0.0) > 0 for group in groups):
            raise InputError(
                f"a phase asks for {', '.join(phase.mix)}, but the solutions are in {', '.join(sorted(set(groups)))}"
            )
    return examples, groups


def _finished(out: Path, fingerprint: str) -> Trained | None:
    """What an earlier call with the same settings and examples did, where it came to its end."""
    if not (out / _FINISHED).is_file():
        return None
    record = json.loads((out / _FINISHED).read_text("utf-8"))
    return Trained.model_validate(record) if record.pop("fingerprint") == fingerprint else None


def _device(settings: TrainSettings) -> str:
    import torch

    if settings.device != "auto":
        return settings.device
    return "cuda" if torch.cuda.is_available() else "cpu"


def _fingerprint(settings: TrainSettings, examples: list[Encoded]) -> str:
    # Threads and checkpoints change no result, and a recipe's own settings are none of training's.
    kept = settings.model_dump_json(include=set(TrainSettings.model_fields) - {"checkpoint_every", "threads"})
    digest = hashlib.sha256(kept.encode())
    for example in examples:
        digest.update(repr(example).encode())
    return digest.hexdigest()
