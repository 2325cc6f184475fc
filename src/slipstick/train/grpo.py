"""Reinforcement learning from verdicts: TRL's GRPOTrainer on solutions that run their code while they are written.

GRPO (Shao et al. 2024, arXiv 2402.03300, §4.1): several solutions of one problem, each rewarded, each pushed by how
much better it did than its group. TRL asks a rollout function for completions; ours hands the problems to slipstick's
own loop of model and interpreter, takes the token ids as they were generated and masks what the model did not sample.
"""

from __future__ import annotations

import json
import math
import os
import random
import shutil
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, Literal, NamedTuple, Self

from pydantic import Field, model_validator

from slipstick.encode import EncodeSettings, format_name, pieces_of
from slipstick.encode.tokens import eos_id, text_of, token_ids
from slipstick.errors import InputError
from slipstick.formats import load_format
from slipstick.schema import Problem, Record, Solution
from slipstick.store import write_atomically
from slipstick.train.build import device_of, start_tokenizer
from slipstick.train.settings import LoraSettings, TrainSettings

__all__ = ["GrpoResult", "GrpoSettings", "reinforce"]

Rollout = Callable[[Sequence[Problem], Sequence[int], Any, Any], list[Solution]]
"""Problems, a sample number for each, model and tokenizer -> a solution of each problem."""
Reward = Callable[..., list[float | None]]
"""A reward function as TRL calls it (see slipstick.rewards.trl); it is given the answers that were found."""


class GrpoSettings(EncodeSettings, LoraSettings):
    """How a model is reinforced; what is not named here is TRL's default."""

    stage: Literal["grpo"] = "grpo"
    base: str
    """Folder (or hub name) of the model to go on from."""
    seed: int = 0
    """Decides the order of the problems and what is drawn."""
    max_steps: int = Field(default=100, gt=0)
    """Updates of the weights."""
    num_generations: int = Field(default=8, ge=2)
    """Solutions of one problem that are compared with each other."""
    batch_size: int = Field(default=32, gt=0)
    """Solutions of one update, a multiple of `group`."""
    learning_rate: float = Field(default=1e-6, gt=0)
    """AdamW's rate, constant."""
    beta: float = Field(default=0.0, ge=0)
    """Weight of the distance (KL) from the model it began as; 0 needs no second model in memory."""
    epsilon: float = Field(default=0.2, gt=0)
    """How far one update may change a token's probability, as a share."""
    loss_type: Literal["grpo", "dapo", "dr_grpo", "bnpo"] = "dapo"
    """How token losses are averaged, by TRL's names."""
    device: str = "auto"
    """"cpu", "cuda" or "auto"."""
    save_steps: int = Field(default=50, gt=0)
    """Updates between two checkpoints."""

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.batch_size % self.num_generations:
            raise ValueError(
                f"batch_size = {self.batch_size} is no multiple of num_generations = {self.num_generations}"
            )
        if self.template != "format":
            raise ValueError('template: solutions are laid out by their format here; leave it "format"')
        return self

    def as_train(self) -> TrainSettings:
        """The same as a plain training has it, for the checks that training makes."""
        kept = {*EncodeSettings.model_fields, *LoraSettings.model_fields, "base", "device"}
        fixed = {"trainer": "trl", "optimizer": "adamw", "per_device_train_batch_size": self.batch_size}
        settings = TrainSettings.model_validate({**self.model_dump(include=kept), **fixed})
        return settings.model_copy(update={"gradient_checkpointing": device_of(settings) != "cpu"})


class GrpoResult(Record):
    """What a run of GRPO did."""

    problems: int
    """Problems there were to draw from."""
    steps: int
    """Updates of the weights."""
    solutions: int
    """Solutions that were drawn and rewarded."""
    first_reward: float
    """Mean reward of the first tenth of the steps."""
    last_reward: float
    """Mean reward of the last tenth of the steps."""
    seconds: float
    """Wall-clock seconds of this call."""


def reinforce(
    problems: Sequence[Problem],
    *,
    rollout: Rollout,
    reward: Reward,
    settings: GrpoSettings,
    out: Path,
    progress: Callable[[int, float], None] | None = None,
) -> GrpoResult:
    """Trains and leaves a Hugging Face folder in `out`, with steps.jsonl (rewards, lengths) beside the weights.

    progress: called after every step with the steps done and the step's mean reward. Goes on from the last checkpoint
    in `out`. Raises InputError where a problem has no gold or `base` cannot read as long examples as `max_length`
    allows, ModelError where `base` is no model.
    """
    from slipstick.models.hf import few_threads, load_weights, quietly
    from slipstick.train.adapters import add_adapters
    from slipstick.train.weights import last_whole_checkpoint, save_model

    os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # see train/__init__.py
    began = time.monotonic()
    _require_golds(problems)
    tokenizer = start_tokenizer(settings.as_train(), (), ())
    model, _ = load_weights(settings.base, dtype="float32")
    if settings.lora_rank:
        model = add_adapters(model, settings)
    out.mkdir(parents=True, exist_ok=True)
    with warnings.catch_warnings(), quietly(), few_threads(model):
        warnings.simplefilter("ignore", FutureWarning)  # TRL asks transformers for names that are to go
        trainer = _trainer(model, tokenizer, problems, rollout, reward, settings, out)
        trainer.add_callback(_watcher(out, progress))
        trainer.train(resume_from_checkpoint=last_whole_checkpoint(out / "checkpoints"))
    trained = trainer.accelerator.unwrap_model(trainer.model)
    trained = trained.merge_and_unload() if settings.lora_rank else trained
    save_model(trained, tokenizer, out)
    shutil.rmtree(out / "checkpoints", ignore_errors=True)
    rewards = [row["reward"] for row in trainer.state.log_history if "reward" in row]
    tenth = max(1, len(rewards) // 10)
    return GrpoResult(
        problems=len(problems),
        steps=trainer.state.global_step,
        solutions=trainer.state.global_step * settings.batch_size,
        first_reward=sum(rewards[:tenth]) / tenth,
        last_reward=sum(rewards[-tenth:]) / tenth,
        seconds=time.monotonic() - began,
    )


def roll_out(
    solutions: Sequence[Solution], problems: Mapping[str, Problem], tokenizer: Any, *, one_end: bool = True
) -> dict[str, list[Any]]:
    """Solutions as TRL's rollout function has to return them.

    `env_mask` is 1 where the model sampled a token (`turn_ids` has them) and 0 elsewhere, so that nothing is learnt of
    the rest: what the interpreter wrote, the last characters of a turn that was cut inside a token, and the end where
    a model has several (`one_end` is False), as which one it sampled is not kept.
    `said` is the answer each solution came to, as a sentence that the reward reads.
    """
    rows: dict[str, list[Any]] = {"prompt_ids": [], "completion_ids": [], "env_mask": [], "said": []}
    for solution in solutions:
        stretches = _stretches(solution, problems[solution.problem_id], tokenizer)
        rests = token_ids(tokenizer, [stretch.rest for stretch in stretches])
        ids, mask = list(rests[0]), [0] * len(rests[0])
        start = len(ids)
        for stretch, rest in zip(stretches[1:], rests[1:], strict=True):
            ids += [*stretch.sampled, *rest]
            mask += [1] * len(stretch.sampled) + [0] * len(rest)
        if _has_end(solution, stretches):
            ids.append(eos_id(tokenizer))
            mask.append(int(one_end))
        start = min(start, len(ids) - 1)  # TRL wants a token, also of a solution that has none
        rows["prompt_ids"].append(ids[:start])
        rows["completion_ids"].append(ids[start:])
        rows["env_mask"].append(mask[start:])
        rows["said"].append("" if solution.answer is None else f"The answer is {solution.answer}")
    return {**rows, "logprobs": None}  # type: ignore[dict-item]  # TRL computes them itself where there are none


class _Stretch(NamedTuple):
    """The tokens of a turn that the model sampled, and the text behind them that it did not."""

    turn: int | None
    """None for the prompt and what the interpreter wrote."""
    sampled: list[int]
    rest: str


def _stretches(solution: Solution, problem: Problem, tokenizer: Any) -> list[_Stretch]:
    """The prompt, then turns and outputs in order."""
    pieces = pieces_of(solution, problem, load_format(format_name(solution)), tokenizer)
    found = []
    for turn, group in groupby(pieces, key=lambda piece: piece.turn):
        text = "".join(piece.text for piece in group)
        generated = solution.turn_ids[turn] if turn is not None and turn < len(solution.turn_ids) else []
        sampled = generated[: _inside(generated, text, tokenizer)]
        found.append(_Stretch(turn, sampled, text[len(text_of(tokenizer, sampled)) :]))
    return found


def _inside(generated: Sequence[int], text: str, tokenizer: Any) -> int:
    """How many of the ids lie wholly inside the turn's text: all, but where it was cut at a stop string or a fence."""
    return next(n for n in range(len(generated), -1, -1) if text.startswith(text_of(tokenizer, generated[:n])))


def _has_end(solution: Solution, stretches: Sequence[_Stretch]) -> bool:
    """Whether the model ended the last turn itself: of one that was cut, ids are left that its text has not."""
    if solution.finish != "stop" or not solution.turn_ids:
        return False
    last = len(solution.turn_ids) - 1
    kept = next((stretch.sampled for stretch in stretches if stretch.turn == last), [])
    return kept == solution.turn_ids[last]


def _trainer(
    model: Any,
    tokenizer: Any,
    problems: Sequence[Problem],
    rollout: Rollout,
    reward: Reward,
    settings: GrpoSettings,
    out: Path,
) -> Any:
    os.environ.setdefault("TRL_EXPERIMENTAL_SILENCE", "1")  # rollout_func is one; we pin TRL and test it
    from datasets import Dataset
    from transformers import PrinterCallback
    from trl.trainer.grpo_trainer import GRPOTrainer

    known = {problem.id: problem for problem in problems}

    def roll(ids: list[str], trainer: Any) -> dict[str, list[Any]]:
        policy = trainer.accelerator.unwrap_model(trainer.model)
        training = policy.training
        policy.eval()
        # Counted by steps, so that a training that goes on draws as one that never stopped.
        samples = [trainer.state.global_step * len(ids) + place for place in range(len(ids))]
        solutions = rollout([known[name] for name in ids], samples, policy, tokenizer)
        policy.train(training)
        return roll_out(solutions, known, tokenizer, one_end=len(trainer.eos_token_ids) == 1)

    def verdict(said: list[str], **columns: Any) -> list[float | None]:
        return reward(**{**columns, "completions": said})

    rows = [{"prompt": problem.id, "answer": json.dumps(_golds(problem))} for problem in _order(problems, settings)]
    trainer = GRPOTrainer(
        model=model,
        reward_funcs=verdict,
        args=_arguments(settings, out),
        train_dataset=Dataset.from_list(rows),
        processing_class=tokenizer,
        rollout_func=roll,
    )
    trainer.remove_callback(PrinterCallback)
    return trainer


def _order(problems: Sequence[Problem], settings: GrpoSettings) -> list[Problem]:
    """The problems of all steps, each as often as any other; TRL's own shuffling would begin anew when it goes on."""
    draw, count = random.Random(settings.seed), settings.max_steps * (settings.batch_size // settings.num_generations)
    rounds = math.ceil(count / len(problems))
    return [problem for _ in range(rounds) for problem in draw.sample(problems, len(problems))][:count]


def _arguments(settings: GrpoSettings, out: Path) -> Any:
    from trl.trainer.grpo_config import GRPOConfig

    on_gpu = device_of(settings.as_train()) != "cpu"
    arguments = GRPOConfig(
        output_dir=str(out / "checkpoints"),
        max_steps=settings.max_steps,
        per_device_train_batch_size=settings.batch_size,
        num_generations=settings.num_generations,
        learning_rate=settings.learning_rate,
        lr_scheduler_type="constant",
        beta=settings.beta,
        epsilon=settings.epsilon,
        loss_type=settings.loss_type,
        max_completion_length=settings.max_length,
        seed=settings.seed,
        shuffle_dataset=False,  # see _order
        use_cpu=not on_gpu,
        bf16=on_gpu,
        activation_checkpointing=on_gpu,
        dataloader_pin_memory=on_gpu,
        logging_steps=1,
        save_steps=settings.save_steps,
        save_total_limit=2,
        report_to="none",
        disable_tqdm=True,
    )
    # Of several GPUs one is taken: TRL refuses nn.DataParallel, which transformers would divide them by.
    arguments._n_gpu = min(arguments.n_gpu, 1)
    return arguments


def _watcher(out: Path, progress: Callable[[int, float], None] | None) -> Any:
    """Writes what TRL logs into steps.jsonl and tells how far it is."""
    from transformers import TrainerCallback

    class Watcher(TrainerCallback):
        def on_log(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            if "reward" not in state.log_history[-1]:
                return  # a summary, at the end
            rows = [row for row in state.log_history if "reward" in row]
            write_atomically(out / "steps.jsonl", "".join(f"{json.dumps(row)}\n" for row in rows))
            if progress:
                progress(state.global_step, rows[-1]["reward"])

    return Watcher()


def _golds(problem: Problem) -> list[str]:
    return problem.answer if isinstance(problem.answer, list) else [str(problem.answer)]


def _require_golds(problems: Sequence[Problem]) -> None:
    missing = next((problem.id for problem in problems if problem.answer is None), None)
    if missing:
        raise InputError(f"problem {missing} has no answer, so nothing can be rewarded; leave it out")
