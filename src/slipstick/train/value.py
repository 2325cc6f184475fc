"""The stage "value": trains a value head and its language model together, so that one checkpoint writes and scores.

The outcome value model of OVM (Yu et al. 2023, arXiv 2311.09724), which MARIO's third stage follows: at every token
of a sampled solution the target is whether the solution is correct, while the language model's own loss goes on.
AlphaMath's variant (arXiv 2405.03553) has targets between -1 and 1, at the ends of steps only.
"""

import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from slipstick.encode.encoding import format_name
from slipstick.errors import InputError
from slipstick.formats import FormatLoader, load_format
from slipstick.metrics.labels import metric_label
from slipstick.schema import Problem, Solution
from slipstick.trackers import Track
from slipstick.train.card import CardText, write_card
from slipstick.train.result import ValueResult, mean_of_last_tenth
from slipstick.train.run import Observers, Progress, Training, digest_of, run_stage
from slipstick.train.settings import ValueSettings
from slipstick.train.value_examples import ValueExample, balance, encode_sample
from slipstick.value import open_value_model, score
from slipstick.value.reranking import RerankResult, advice, rerank_groups


def train_value(
    pairs: Sequence[tuple[Solution, Problem]],
    *,
    settings: ValueSettings,
    out: Path,
    progress: Progress | None = None,
    track: Track | None = None,
    load: FormatLoader = load_format,
) -> ValueResult:
    """Trains on graded samples and writes a Hugging Face folder with the value head to `out`.

    Resumes its last checkpoint when called again with the same arguments. progress: tokens done, tokens in all, loss.
    track: called with the numbers of a step, for experiment trackers. load: gives the formats of the samples.
    Raises InputError if no problem has both correct and incorrect samples, or if `base` cannot read as long examples as
    `max_length` allows; ModelError if `base` is not a model.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # see sft.py
    from slipstick.models.hf import few_threads, load_weights
    from slipstick.models.hf.value_head import save_head
    from slipstick.train.build import base_tokenizer
    from slipstick.train.value_loop import ModelWithValueHead, fit_with_head
    from slipstick.train.weights import save_model

    began = time.monotonic()
    chosen = balance((solution for solution, _ in pairs), most=settings.per_problem, seed=settings.seed)
    tokenizer = base_tokenizer(settings)
    examples = _encode(chosen, {problem.id: problem for _, problem in pairs}, tokenizer, settings, load)
    if not examples:
        raise InputError(_why_none(len(pairs), len(chosen), settings))

    def fit(training: Training) -> ValueResult:
        model, _ = load_weights(settings.base, dtype="float32")
        joint = ModelWithValueHead(model, settings)
        with few_threads(model):
            losses, tokens = fit_with_head(joint, examples, settings, training)
        save_model(joint.language_model(), tokenizer, settings, out)
        save_head(joint.head, out)
        return ValueResult(
            examples=len(examples),
            problems=len({solution.problem_id for solution in chosen}),
            too_long=len(chosen) - len(examples),
            steps=len(losses),
            tokens=tokens,
            loss=mean_of_last_tenth(losses),
            seconds=time.monotonic() - began,
        )

    def describe(result: ValueResult) -> CardText:
        return _card_text(result, [], "No problem was held out, so nothing says how good the values are.")

    return run_stage(
        fit,
        settings,
        digest=digest_of(examples),
        result=ValueResult,
        describe=describe,
        out=out,
        observers=Observers(progress, track=track),
        formats=[load(name) for name in sorted({format_name(solution) for solution in chosen})],
    )


def _encode(
    chosen: Sequence[Solution],
    problems: Mapping[str, Problem],
    tokenizer: Any,
    settings: ValueSettings,
    load: FormatLoader,
) -> list[ValueExample]:
    """The samples that are not too long, as they are trained on."""
    encoded = (
        encode_sample(
            solution,
            problems[solution.problem_id],
            tokenizer,
            settings=settings,
            steps_only=settings.read_at == "steps",
            lm_on_incorrect=settings.lm_on == "all",
            load=load,
        )
        for solution in chosen
    )
    return [example for example in encoded if example is not None]


def judge(
    out: Path,
    held_out: Sequence[Solution],
    problems: Mapping[str, Problem],
    *,
    settings: ValueSettings,
    result: ValueResult,
    load: FormatLoader = load_format,
) -> list[tuple[RerankResult, list[Solution]]]:
    """For every format, what choosing by value does to samples that were not trained on; the card says so too."""
    value_model = open_value_model(out, device=settings.device)
    scored = list(score(held_out, problems, with_model=value_model, load=load))
    known = [problems[name] for name in dict.fromkeys(solution.problem_id for solution in scored)]
    judged = [(found, rows) for found, rows in rerank_groups(known, scored) if not found.group]
    numbers = [
        (f"{metric_label(m)} (n = {m.n:,})", f"{m.value:.3f} ({m.low:.3f}-{m.high:.3f})")
        for found, _ in judged
        for m in found.named_metrics()
        if m.n
    ]
    words = " ".join(f"{found.format}: {advice(found)}" for found, _ in judged)
    write_card(out, settings, _card_text(result, numbers, f"On the problems held out. {words}"))
    return judged


def _card_text(result: ValueResult, numbers: Sequence[tuple[str, str]], judgement: str) -> CardText:
    return CardText(
        trained_on=f"{result.examples:,} graded solutions of {result.problems:,} problems, half of them correct",
        numbers=numbers,
        closing=f"{judgement} `value_head.json` says how the head is read.",
    )


def _why_none(given: int, chosen: int, settings: ValueSettings) -> str:
    if chosen:
        return f"all {chosen} solutions are longer than max_length = {settings.max_length} tokens; raise it"
    return (
        f"of {given} graded solutions no problem has both a correct and an incorrect one, so there is nothing to "
        "compare: sample more solutions of each problem (num_samples = 20, temperature = 0.7), or solve harder problems"
    )
