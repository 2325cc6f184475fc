"""The stage "grpo": TRL's GRPOTrainer on solutions that run their code while they are written, verdicts as rewards.

GRPO (Shao et al. 2024, arXiv 2402.03300, section 4.1): several solutions of one problem, each rewarded, each
weighted by how much better it did than its group.
"""

import json
import math
import os
import random
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from statistics import fmean
from typing import Any

from slipstick.errors import InputError, InterpreterError
from slipstick.formats import load_format
from slipstick.metrics.conduct import conduct_of
from slipstick.schema import Problem, Solution
from slipstick.store import write_atomically
from slipstick.trackers import Track, names_for_trl
from slipstick.train.build import base_tokenizer, device_of
from slipstick.train.card import CardText
from slipstick.train.checkpoints import FOLDER, last_checkpoint
from slipstick.train.result import GrpoResult, mean_of_each_pass, mean_of_first_tenth, mean_of_last_tenth
from slipstick.train.rollouts import Rollout, has_void_turn, is_faulty, rows_for_trl
from slipstick.train.run import Training, digest_of, numbers_of, run_stage
from slipstick.train.settings import GrpoSettings

Reward = Callable[..., list[float | None]]
"""A reward function as TRL calls it (see slipstick.rewards.trl); it is given the answers that were found."""
OnUpdate = Callable[[int, float], None]
"""Called after every update with the updates done and its mean reward."""


def train_grpo(
    problems: Sequence[Problem],
    *,
    rollout: Rollout,
    reward: Reward,
    settings: GrpoSettings,
    out: Path,
    progress: OnUpdate | None = None,
    track: Track | None = None,
) -> GrpoResult:
    """Trains and writes a Hugging Face folder to `out`, with steps.jsonl (rewards, lengths, `conduct_of`).

    Resumes the last checkpoint in `out`. Raises InputError if a problem has no answer or `base` cannot read as long
    examples as `max_length` allows, ModelError if `base` is not a model.
    """
    from slipstick.models.hf import few_threads, load_weights, quietly
    from slipstick.train.adapters import add_adapters
    from slipstick.train.weights import save_model

    os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # see sft.py
    began = time.monotonic()
    _require_answers(problems)
    tokenizer = base_tokenizer(settings)

    def fit(training: Training) -> GrpoResult:
        model, _ = load_weights(settings.base, dtype="float32")
        model = add_adapters(model, settings) if settings.lora_rank else model
        with warnings.catch_warnings(), quietly(), few_threads(model):
            warnings.simplefilter("ignore", FutureWarning)  # TRL asks transformers for names that are to go
            trainer = _trainer(model, tokenizer, problems, rollout, reward, settings, out)
            trainer.add_callback(_watcher(out, progress, track))
            trainer.train(resume_from_checkpoint=last_checkpoint(out, fingerprint=training.fingerprint))
        trained = trainer.accelerator.unwrap_model(trainer.model)
        trained = trained.merge_and_unload() if settings.lora_rank else trained
        save_model(trained, tokenizer, settings, out)
        rewards = _rewards(trainer.state.log_history)
        return GrpoResult(
            problems=len(problems),
            steps=trainer.state.global_step,
            solutions=trainer.state.global_step * settings.batch_size,
            first_reward=mean_of_first_tenth(rewards),
            last_reward=mean_of_last_tenth(rewards),
            pass_rewards=mean_of_each_pass(rewards, steps=Fraction(len(problems), _problems_a_step(settings)))
            if len(rewards) == trainer.state.global_step
            else [],
            seconds=time.monotonic() - began,
        )

    return run_stage(
        fit,
        settings,
        digest=digest_of(problems),
        result=GrpoResult,
        describe=_card_text,
        out=out,
        formats=[load_format(settings.format)],
    )


def _card_text(result: GrpoResult) -> CardText:
    return CardText(
        trained_on=f"{result.steps:,} updates by GRPO, {result.solutions:,} solutions of {result.problems:,} problems",
        numbers=[(f"mean reward of {what}", f"{mean:.3f}") for what, mean in result.numbers()],
        closing="Every update: `steps.jsonl`. Accuracy is measured by `slipstick evaluate`, not by rewards.",
    )


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
        was_training = policy.training
        policy.eval()
        # Counted by steps, so that a resumed training samples as one that never stopped.
        samples = [trainer.state.global_step * len(ids) + place for place in range(len(ids))]
        solutions = rollout([known[name] for name in ids], samples, policy, tokenizer)
        policy.train(was_training)
        rows, figures = _rows(solutions, known, tokenizer, settings, one_end=len(trainer.eos_token_ids) == 1)
        for name, mean in figures.items():
            trainer._metrics["train"][name].append(mean)  # what TRL's own figures are in, until they are logged
        return rows

    def verdict(found: list[str], answer: list[str], faulty: list[bool], **columns: Any) -> list[float | None]:
        """The rewards; their name in TRL's figures is this function's."""
        asked = [known[name].text for name in columns.pop("prompts")]
        golds = [json.loads(answers) for answers in answer]
        rewards = reward(**{**columns, "prompts": asked, "completions": found, "answer": golds})
        return [None if ours else each for ours, each in zip(faulty, rewards, strict=True)]

    rows = [{"prompt": problem.id, "answer": json.dumps(_answers(problem))} for problem in _order(problems, settings)]
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


def _rows(
    solutions: Sequence[Solution],
    known: Mapping[str, Problem],
    tokenizer: Any,
    settings: GrpoSettings,
    *,
    one_end: bool,
) -> tuple[dict[str, list[Any]], dict[str, float]]:
    """What TRL learns from an update's solutions, and how they were made.

    `faulty` is True for those of a group in which every call failed by the sandbox's fault: they get no reward, so that
    the group has no gradient.
    """
    format, size = load_format(settings.format), settings.num_generations
    faulty = [is_faulty(solutions[first : first + size]) for first in range(0, len(solutions), size)]
    void = [has_void_turn(each, format, kind=known[each.problem_id].kind) for each in solutions]
    rows = rows_for_trl(
        solutions,
        known,
        tokenizer,
        one_end=one_end,
        profile=settings.profile,
        load=lambda _: format,
        template=settings.template,
        mask_void_turns=settings.mask_void_turns,
    )
    rows["faulty"] = [each for each in faulty for _ in range(size)]
    return rows, {**conduct_of(solutions), "void_turns": fmean(void), "faulty_groups": fmean(faulty)}


def _order(problems: Sequence[Problem], settings: GrpoSettings) -> list[Problem]:
    """The problems of all steps, each as often as any other; TRL's own shuffling would start over in a resumed run."""
    draw, count = random.Random(settings.seed), settings.max_steps * _problems_a_step(settings)
    rounds = math.ceil(count / len(problems))
    return [problem for _ in range(rounds) for problem in draw.sample(problems, len(problems))][:count]


def _problems_a_step(settings: GrpoSettings) -> int:
    return settings.batch_size // settings.num_generations


def _arguments(settings: GrpoSettings, out: Path) -> Any:
    from trl.trainer.grpo_config import GRPOConfig

    on_gpu = device_of(settings) != "cpu"
    arguments = GRPOConfig(
        output_dir=str(out / FOLDER),
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
        report_to=names_for_trl(settings.report_to) or "none",
        disable_tqdm=True,
    )
    # Only one GPU is used: TRL refuses nn.DataParallel, which transformers would divide them by.
    arguments._n_gpu = min(arguments.n_gpu, 1)
    return arguments


def _watcher(out: Path, progress: OnUpdate | None, track: Track | None) -> Any:
    """A callback that writes what TRL logs into steps.jsonl and calls `progress` and `track`."""
    from transformers import TrainerCallback

    class Watcher(TrainerCallback):
        def on_log(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            if "reward" not in state.log_history[-1]:
                return  # a summary, at the end
            rows = [row for row in state.log_history if "reward" in row]
            write_atomically(out / "steps.jsonl", "".join(f"{json.dumps(row)}\n" for row in rows))
            if progress:
                mean = rows[-1]["reward"]
                progress(state.global_step, math.nan if mean is None else mean)
            if track:
                track(state.global_step, numbers_of(rows[-1]))

    return Watcher()


def _rewards(log: Sequence[dict[str, Any]]) -> list[float]:
    """The mean reward of each update in which a solution got one. Raises InterpreterError if there is none."""
    rewards = [row["reward"] for row in log if row.get("reward") is not None]  # transformers logs NaN as None
    if not rewards:
        raise InterpreterError(
            "no solution got a reward: every call failed by the sandbox's fault, or every verdict was undecided "
            "(steps.jsonl: faulty_groups); `slipstick doctor` checks the sandbox"
        )
    return rewards


def _answers(problem: Problem) -> list[str]:
    return problem.answer if isinstance(problem.answer, list) else [str(problem.answer)]


def _require_answers(problems: Sequence[Problem]) -> None:
    missing = next((problem.id for problem in problems if problem.answer is None), None)
    if missing:
        raise InputError(f"problem {missing} has no answer to compare with; remove it from `problems`")
