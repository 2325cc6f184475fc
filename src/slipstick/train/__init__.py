"""Trains a model on solutions or raw text: a small one from scratch on a CPU, or an existing one further."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from slipstick.encode import format_name
from slipstick.formats import Format, join, load_format, render_example
from slipstick.schema import Problem, Record, Solution
from slipstick.store import write_atomically
from slipstick.train.examples import Examples, Pair, encode_solutions, pack_texts
from slipstick.train.settings import Phase, TrainSettings
from slipstick.train.word_dropout import hide_words

__all__ = ["Phase", "TrainResult", "TrainSettings", "encoded_examples", "packed_examples", "train", "train_on_texts"]

Progress = Callable[[int, int, float], None]
_FINISHED = "trained.json"
NO_PART = frozenset({"checkpoint_every", "num_processes", "report_to", "num_nodes", "device"})
"""Settings that change no number, or the last bits at most: where it is computed, by how many, and who is told."""


class FitResult(Record):
    """What the steps of a training run did."""

    parameters: int
    """Numbers in the model."""
    steps: int
    """Updates of the weights."""
    tokens: int
    """Tokens it was trained on, prompts included, padding not."""
    loss: float
    """Mean loss of the last tenth of the steps, in nats per labelled token."""
    seconds: float
    """Wall-clock seconds of this call."""


class TrainResult(FitResult):
    """What a training run did."""

    examples: int
    """Solutions (or rows of text) it could learn from."""
    too_long: int
    """Solutions left out because they exceed `max_length` tokens."""
    unlabelled: int = 0
    """Solutions left out because none of their tokens is a label: the model wrote nothing in them."""
    cut: int = 0
    """Solutions that lost blocks at their end so as to fit."""


def train(
    pairs: Iterable[tuple[Solution, Problem]],
    *,
    settings: TrainSettings,
    out: Path,
    progress: Progress | None = None,
) -> TrainResult:
    """Trains on solutions as they are and leaves a Hugging Face folder in `out`, with losses.jsonl beside the weights.

    A training that was killed goes on from its last checkpoint when called again with the same arguments, along the
    same losses; one that came to its end is not done again.
    progress: called after every step with tokens done, tokens in all, and the step's loss.
    Raises InputError where no solution is left to train on, or where base, template or adapters do not go together;
    ModelError where `base` is no model; UserError where a package that a setting needs is not installed.
    """
    with _one_thread():
        _check_packages(settings)
        examples, tokenizer = encoded_examples(pairs, settings)
        return fit(examples, tokenizer, settings=settings, out=out, progress=progress)


def train_on_texts(
    texts: Iterable[str], *, settings: TrainSettings, out: Path, progress: Progress | None = None
) -> TrainResult:
    """The same on raw texts, packed into rows of `max_length`, every token a label: continued pre-training.

    Raises InputError where there is no text, and as `train` does.
    """
    with _one_thread():
        _check_packages(settings)
        examples, tokenizer = packed_examples(texts, settings)
        return fit(examples, tokenizer, settings=settings, out=out, progress=progress)


def encoded_examples(pairs: Iterable[Pair], settings: TrainSettings) -> tuple[Examples, Any]:
    """What a training run with these settings learns from, and its tokenizer. Raises as `train` does."""
    from slipstick.train.build import start_tokenizer

    rows = list(pairs)
    formats = {name: load_format(name) for name in sorted({format_name(solution) for solution, _ in rows})}
    tokenizer = start_tokenizer(settings, _texts(rows, formats), list(formats.values()))
    examples = encode_solutions(rows, formats, tokenizer, settings)
    if settings.word_dropout:
        hidden = hide_words(examples.encoded, tokenizer, share=settings.word_dropout, seed=settings.seed)
        examples = examples._replace(encoded=hidden)
    return examples, tokenizer


def packed_examples(texts: Iterable[str], settings: TrainSettings) -> tuple[Examples, Any]:
    """The same for raw texts. Raises as `train_on_texts` does."""
    from slipstick.train.build import start_tokenizer

    documents = list(texts)
    tokenizer = start_tokenizer(settings, documents, ())
    return pack_texts(documents, tokenizer, settings), tokenizer


def fit(
    examples: Examples, tokenizer: Any, *, settings: TrainSettings, out: Path, progress: Progress | None = None
) -> TrainResult:
    """Trains on encoded examples; see `train`."""
    from slipstick.train.card import write_card
    from slipstick.train.parallel import is_apart, run_apart

    out.mkdir(parents=True, exist_ok=True)
    fingerprint = _fingerprint(settings, examples)
    done = _finished(out, fingerprint)
    if done:
        return done
    if is_apart(settings):
        fitted = run_apart(examples, tokenizer, settings=settings, out=out, fingerprint=fingerprint)
    else:
        fitted = _fit_here(examples, tokenizer, settings=settings, out=out, fingerprint=fingerprint, progress=progress)
    trained = TrainResult(
        **fitted.model_dump(),
        examples=len(examples.encoded),
        too_long=examples.too_long,
        unlabelled=examples.unlabelled,
        cut=examples.cut,
    )
    write_card(out, settings, trained, groups=examples.groups)
    write_atomically(out / _FINISHED, json.dumps({"fingerprint": fingerprint, **trained.model_dump()}, indent=2))
    return trained


def sum_up(losses: Sequence[float], *, tokens: int, parameters: int, began: float) -> FitResult:
    """What the steps with these losses did. began: when, on time.monotonic's clock."""
    last = losses[-max(1, len(losses) // 10) :]
    seconds = time.monotonic() - began
    return FitResult(
        parameters=parameters, steps=len(losses), tokens=tokens, loss=sum(last) / len(last), seconds=seconds
    )


def _fit_here(
    examples: Examples,
    tokenizer: Any,
    *,
    settings: TrainSettings,
    out: Path,
    fingerprint: str,
    progress: Progress | None,
) -> FitResult:
    """Trains in this process and writes the weights."""
    from slipstick.train.build import count_parameters, start_model, trainer_of

    told: dict[str, Any] = {"settings": settings, "out": out, "fingerprint": fingerprint, "progress": progress}
    if trainer_of(settings) == "trl":
        from slipstick.train.trl import fit_with_trl, rows_of

        return fit_with_trl(partial(start_model, settings, tokenizer), tokenizer, rows_of(examples, settings), **told)
    from slipstick.train.loop import fit_with_loop

    began = time.monotonic()
    model = start_model(settings, tokenizer)
    losses, tokens = fit_with_loop(model, tokenizer, examples, **told)
    return sum_up(losses, tokens=tokens, parameters=count_parameters(model), began=began)


def _check_packages(settings: TrainSettings) -> None:
    from slipstick.train.build import check_packages
    from slipstick.train.parallel import is_elsewhere

    if not is_elsewhere(settings):
        check_packages(settings)


def _texts(pairs: list[Pair], formats: dict[str, Format]) -> Iterator[str]:
    for solution, problem in pairs:
        yield join(render_example(formats[format_name(solution)], problem, solution.blocks))


@contextmanager
def _one_thread() -> Iterator[None]:
    """Keeps torch from dividing single operations among threads: steps are divided as a whole, see replicas.py."""
    # Threads that spin while they wait halve the speed where other processes want the cores; read when torch loads.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _finished(out: Path, fingerprint: str) -> TrainResult | None:
    """What an earlier call with the same settings and examples did, where it came to its end."""
    if not (out / _FINISHED).is_file():
        return None
    record = json.loads((out / _FINISHED).read_text("utf-8"))
    return TrainResult.model_validate(record) if record.pop("fingerprint") == fingerprint else None


def _fingerprint(settings: TrainSettings, examples: Examples) -> str:
    # A recipe's own settings are none of training's.
    kept = settings.model_dump_json(include=set(TrainSettings.model_fields) - NO_PART)
    return hashlib.sha256(f"{kept}{examples.digest()}".encode()).hexdigest()
