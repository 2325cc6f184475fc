"""Trains a value head and its language model together, so that one checkpoint writes and scores.

The outcome value model of OVM (Yu et al. 2023, arXiv 2311.09724), which MARIO's third stage follows: every token of a
sampled solution is told whether the solution came out right, while the language model's own loss goes on. AlphaMath's
variant (arXiv 2405.03553) tells it at the ends of steps, between -1 and 1.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from slipstick.encode import EncodeSettings
from slipstick.errors import InputError
from slipstick.schema import Problem, Record, Solution
from slipstick.store import write_atomically
from slipstick.train.settings import LoraSettings, TrainSettings
from slipstick.train.value_examples import Outcome, balance, encode_outcome

__all__ = ["ValueSettings", "ValueTrained", "train_value"]

_FINISHED = "value_trained.json"
Progress = Callable[[int, int, float], None]


class ValueSettings(EncodeSettings, LoraSettings):
    """How a value model is trained; the defaults are OVM's objective with the language model kept on what is right."""

    stage: Literal["value"] = "value"
    base: str
    """Folder (or hub name) of the model that wrote the solutions, or of another."""
    seed: int = 0
    """Draws which solutions are taken, and their order."""
    per_problem: int = Field(default=8, ge=1)
    """Most right and most wrong solutions taken of one problem; of both the same number."""
    holdout: float = Field(default=0.1, ge=0, lt=1)
    """Share of the problems kept from training, on which the value is judged at the end."""
    read_at: Literal["tokens", "steps"] = "tokens"
    """Train the value at every written token (OVM), or where a line ends and at the last token (AlphaMath)."""
    value_loss: Literal["bce", "mse"] = "bce"
    """Cross-entropy of a probability, or squared distance from the outcome (OVM's and AlphaMath's)."""
    value_range: Literal["01", "pm1"] = "01"
    """What wrong and right are told as: 0 and 1, or (with "mse", through tanh) -1 and 1."""
    value_weight: float = Field(default=1.0, gt=0)
    """Weight of the value's loss; AlphaMath took 0.1."""
    lm_weight: float = Field(default=1.0, ge=0)
    """Weight of the language model's loss; 0 lets the model forget how to write."""
    lm_on: Literal["correct", "all"] = "correct"
    """Solutions whose tokens are in the language model's loss; OVM's code took all."""
    dropout: float = Field(default=0.0, ge=0, lt=1)
    """Share of the hidden state dropped before the head; OVM took 0.2."""
    num_train_epochs: float = Field(default=1.0, gt=0)
    """Times every solution is seen."""
    batch_tokens: int = Field(default=2048, gt=0)
    """Most tokens of one step, padding included."""
    learning_rate: float = Field(default=1e-5, gt=0)
    """AdamW's peak rate (OVM's); it falls in a straight line."""
    head_learning_rate: float | None = Field(default=None, gt=0)
    """Peak rate of the head; None takes `learning_rate`."""
    warmup_ratio: float = Field(default=0.02, ge=0, lt=1)
    """Part of the steps over which the rates rise."""
    weight_decay: float = Field(default=0.0, ge=0)
    """Decoupled weight decay of matrices."""
    device: str = "auto"
    """"cpu", "cuda" or "auto"."""
    checkpoint_every: int = Field(default=100_000, gt=0)
    """Tokens between two checkpoints."""

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.value_range == "pm1" and self.value_loss == "bce":
            raise ValueError('value_range = "pm1" is told by distance: set value_loss = "mse"')
        if self.prompt_variant != "one":
            raise ValueError(
                f'prompt_variant = "{self.prompt_variant}": solutions are scored with one prompt; set it to "one"'
            )
        return self

    def as_train(self) -> TrainSettings:
        """The same as a plain training has it, for the checks that training makes."""
        kept = {*EncodeSettings.model_fields, *LoraSettings.model_fields, "base", "batch_tokens", "device"}
        fixed = {"trainer": "loop", "optimizer": "adamw", "num_processes": 1}
        return TrainSettings.model_validate({**self.model_dump(include=kept), **fixed})

    @property
    def squash(self) -> Literal["none", "sigmoid", "tanh"]:
        """What the head's number goes through."""
        return "tanh" if self.value_range == "pm1" else "sigmoid" if self.value_loss == "bce" else "none"


class ValueTrained(Record):
    """What a training of a value model did."""

    examples: int
    """Solutions it learnt from, half of them right."""
    problems: int
    """Problems they are of."""
    too_long: int
    """Solutions left out because they exceed `max_length` tokens."""
    steps: int
    """Updates of the weights."""
    tokens: int
    """Tokens it was trained on, prompts included."""
    loss: float
    """Mean loss of the last tenth of the steps."""
    seconds: float
    """Wall-clock seconds of this call."""


def train_value(
    pairs: Sequence[tuple[Solution, Problem]],
    *,
    settings: ValueSettings,
    out: Path,
    progress: Progress | None = None,
) -> ValueTrained:
    """Trains on graded samples and leaves in `out` a Hugging Face folder with the value head beside the weights.

    Takes up its last checkpoint when called again with the same arguments. progress: tokens done, tokens in all, loss.
    Raises InputError where no problem has both right and wrong samples, or where `base` cannot read as long examples as
    `max_length` allows; ModelError where `base` is no model.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # see train/__init__.py
    from slipstick.models.hf import few_threads, load_weights
    from slipstick.models.hf.value_head import save_head
    from slipstick.train.build import start_tokenizer
    from slipstick.train.value_loop import ModelWithValueHead, run_joint
    from slipstick.train.weights import save_model, taught_by

    began = time.monotonic()
    problems = {problem.id: problem for _, problem in pairs}
    chosen = balance((solution for solution, _ in pairs), most=settings.per_problem, seed=settings.seed)
    tokenizer = start_tokenizer(settings.as_train(), (), ())
    out.mkdir(parents=True, exist_ok=True)
    encoded = [_encode(solution, problems[solution.problem_id], tokenizer, settings) for solution in chosen]
    examples = [example for example in encoded if example is not None]
    if not examples:
        raise InputError(_nothing(len(pairs), len(chosen), settings))
    fingerprint = _fingerprint(settings, examples)
    if done := _finished(out, fingerprint):
        return done
    model, _ = load_weights(settings.base, dtype="float32")
    joint = ModelWithValueHead(model, settings)
    with few_threads(model):
        losses, tokens = run_joint(joint, examples, settings, out=out, fingerprint=fingerprint, progress=progress)
    save_model(joint.written(), tokenizer, out, taught=taught_by(settings.as_train()))
    save_head(joint.head, out)
    last = losses[-max(1, len(losses) // 10) :]
    trained = ValueTrained(
        examples=len(examples),
        problems=len({solution.problem_id for solution in chosen}),
        too_long=len(chosen) - len(examples),
        steps=len(losses),
        tokens=tokens,
        loss=sum(last) / len(last),
        seconds=time.monotonic() - began,
    )
    write_atomically(out / _FINISHED, json.dumps({"fingerprint": fingerprint, **trained.model_dump()}, indent=2))
    (out / "checkpoint.pt").unlink(missing_ok=True)
    return trained


def _encode(solution: Solution, problem: Problem, tokenizer: Any, settings: ValueSettings) -> Outcome | None:
    return encode_outcome(
        solution,
        problem,
        tokenizer,
        settings=settings,
        steps_only=settings.read_at == "steps",
        lm_on_wrong=settings.lm_on == "all",
    )


def _nothing(given: int, chosen: int, settings: ValueSettings) -> str:
    if chosen:
        return f"all {chosen} solutions are longer than max_length = {settings.max_length} tokens; raise it"
    return (
        f"of {given} graded solutions no problem has both a right and a wrong one, so there is nothing to tell apart: "
        "draw more samples a problem (num_samples = 20, temperature = 0.7), or harder problems"
    )


def _finished(out: Path, fingerprint: str) -> ValueTrained | None:
    if not (out / _FINISHED).is_file():
        return None
    record = json.loads((out / _FINISHED).read_text("utf-8"))
    return ValueTrained.model_validate(record) if record.pop("fingerprint") == fingerprint else None


def _fingerprint(settings: ValueSettings, examples: Sequence[Outcome]) -> str:
    kept = settings.model_dump_json(include=set(ValueSettings.model_fields) - {"checkpoint_every", "device"})
    digest = hashlib.sha256(kept.encode())
    for example in examples:
        digest.update(repr(example).encode())
    return digest.hexdigest()
