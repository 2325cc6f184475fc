"""Reinforcement learning from verdicts: TRL's GRPOTrainer on solutions that run their code while they are written.

GRPO (Shao et al. 2024, arXiv 2402.03300, §4.1): several solutions of one problem, each rewarded, each pushed by how
much better it did than its group. TRL asks a rollout function for completions; ours hands the problems to slipstick's
own loop of model and interpreter, takes the token ids as they were generated and masks what the interpreter wrote.
"""

from __future__ import annotations

import json
import os
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from slipstick.encode import IGNORED, EncodeSettings, encode, layout_name
from slipstick.errors import InputError
from slipstick.formats import load_format
from slipstick.schema import Problem, Record, Solution
from slipstick.store import write_atomically
from slipstick.train.settings import LoraSettings

__all__ = ["GrpoSettings", "Reinforced", "reinforce"]

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
    steps: int = Field(default=100, gt=0)
    """Updates of the weights."""
    group: int = Field(default=8, ge=2)
    """Solutions of one problem that are compared with each other."""
    batch: int = Field(default=32, gt=0)
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
    checkpoint_steps: int = Field(default=50, gt=0)
    """Updates between two checkpoints."""

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.batch % self.group:
            raise ValueError(f"batch = {self.batch} is no multiple of group = {self.group}")
        if self.template != "format":
            raise ValueError('template: solutions are laid out by their format here; leave it "format"')
        return self


class Reinforced(Record):
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
) -> Reinforced:
    """Trains and leaves a Hugging Face folder in `out`, with steps.jsonl (rewards, lengths) beside the weights.

    progress: called after every step with the steps done and the step's mean reward. Goes on from the last checkpoint
    in `out`. Raises InputError where a problem has no gold, ModelError where `base` is no model.
    """
    from slipstick.models.hf import load_weights
    from slipstick.models.hf.threads import few_threads
    from slipstick.train.adapters import add_adapters
    from slipstick.train.weights import save_model

    os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # see train/__init__.py
    began = time.monotonic()
    _require_golds(problems)
    model, tokenizer = load_weights(settings.base, dtype="float32")
    if settings.lora_rank:
        model = add_adapters(model, settings)
    out.mkdir(parents=True, exist_ok=True)
    with warnings.catch_warnings(), few_threads(model):
        warnings.simplefilter("ignore", FutureWarning)  # TRL asks transformers for names that are to go
        trainer = _trainer(model, tokenizer, problems, rollout, reward, settings, out)
        trainer.add_callback(_watcher(out, progress))
        trainer.train(resume_from_checkpoint=_last_checkpoint(out))
    trained = trainer.accelerator.unwrap_model(trainer.model)
    trained = trained.merge_and_unload() if settings.lora_rank else trained
    save_model(trained, tokenizer, out)
    rewards = [row["reward"] for row in trainer.state.log_history if "reward" in row]
    tenth = max(1, len(rewards) // 10)
    return Reinforced(
        problems=len(problems),
        steps=trainer.state.global_step,
        solutions=trainer.state.global_step * settings.batch,
        first_reward=sum(rewards[:tenth]) / tenth,
        last_reward=sum(rewards[-tenth:]) / tenth,
        seconds=time.monotonic() - began,
    )


def roll_out(
    solutions: Sequence[Solution], problems: Mapping[str, Problem], tokenizer: Any, *, settings: EncodeSettings
) -> dict[str, list[Any]]:
    """Solutions as TRL's rollout function has to return them.

    `env_mask` is 1 where the model wrote a token and 0 where the interpreter did, so that nothing is learnt of outputs;
    `said` is the answer each solution came to, as a sentence that the reward reads.
    """
    rows: dict[str, list[Any]] = {"prompt_ids": [], "completion_ids": [], "env_mask": [], "said": []}
    for solution in solutions:
        layout = load_format(layout_name(solution))
        example = encode(solution, problems[solution.problem_id], layout, tokenizer, settings=settings)
        start = next((i for i, label in enumerate(example.labels) if label != IGNORED), len(example.ids) - 1)
        rows["prompt_ids"].append(example.ids[:start])
        rows["completion_ids"].append(example.ids[start:])
        rows["env_mask"].append([int(label != IGNORED) for label in example.labels[start:]])
        rows["said"].append("" if solution.answer is None else f"The answer is {solution.answer}")
    return {**rows, "logprobs": None}  # type: ignore[dict-item]  # TRL computes them itself where there are none


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
    asked = 0

    def roll(ids: list[str], trainer: Any) -> dict[str, list[Any]]:
        nonlocal asked
        policy = trainer.accelerator.unwrap_model(trainer.model)
        training = policy.training
        policy.eval()
        samples = [asked + place for place in range(len(ids))]
        asked += len(ids)
        solutions = rollout([known[name] for name in ids], samples, policy, tokenizer)
        policy.train(training)
        return roll_out(solutions, known, tokenizer, settings=settings)

    def verdict(said: list[str], **columns: Any) -> list[float | None]:
        return reward(**{**columns, "completions": said})

    rows = [{"prompt": problem.id, "answer": json.dumps(_golds(problem))} for problem in problems]
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


def _arguments(settings: GrpoSettings, out: Path) -> Any:
    import torch
    from trl.trainer.grpo_config import GRPOConfig

    on_gpu = settings.device == "cuda" or (settings.device == "auto" and torch.cuda.is_available())
    return GRPOConfig(
        output_dir=str(out / "checkpoints"),
        max_steps=settings.steps,
        per_device_train_batch_size=settings.batch,
        num_generations=settings.group,
        learning_rate=settings.learning_rate,
        lr_scheduler_type="constant",
        beta=settings.beta,
        epsilon=settings.epsilon,
        loss_type=settings.loss_type,
        max_completion_length=settings.max_length,
        seed=settings.seed,
        use_cpu=not on_gpu,
        bf16=on_gpu,
        activation_checkpointing=on_gpu,
        dataloader_pin_memory=on_gpu,
        logging_steps=1,
        save_steps=settings.checkpoint_steps,
        save_total_limit=1,
        report_to="none",
        disable_tqdm=True,
    )


def _watcher(out: Path, progress: Callable[[int, float], None] | None) -> Any:
    """Writes what TRL logs into steps.jsonl and tells how far it is."""
    from transformers import TrainerCallback

    class Watcher(TrainerCallback):
        def on_log(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            rows = [row for row in state.log_history if "reward" in row]
            write_atomically(out / "steps.jsonl", "".join(f"{json.dumps(row)}\n" for row in rows))
            if progress and rows:
                progress(state.global_step, rows[-1]["reward"])

    return Watcher()


def _last_checkpoint(out: Path) -> str | None:
    found = sorted((out / "checkpoints").glob("checkpoint-*"), key=lambda path: int(path.name.rpartition("-")[2]))
    return str(found[-1]) if found else None


def _golds(problem: Problem) -> list[str]:
    return problem.answer if isinstance(problem.answer, list) else [str(problem.answer)]


def _require_golds(problems: Sequence[Problem]) -> None:
    missing = next((problem.id for problem in problems if problem.answer is None), None)
    if missing:
        raise InputError(f"problem {missing} has no answer, so nothing can be rewarded; leave it out")
