"""The stages "sft" and "cpt": training on solutions, loss on what a model writes, or on packed raw text."""

import logging
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from slipstick.curate.contamination import alphanumeric, question
from slipstick.encode.encoding import format_name
from slipstick.errors import InputError, counted
from slipstick.formats import Format, FormatLoader, join, load_format, render_example
from slipstick.schema import Problem
from slipstick.trackers import Track
from slipstick.train.card import CardText
from slipstick.train.examples import Examples, Pair, check_phases, encode_solutions, hide_words, pack_texts
from slipstick.train.result import LAST, Evaluation, FitResult, TrainResult
from slipstick.train.run import Observers, Progress, Training, digest_of, run_stage
from slipstick.train.settings import TrainSettings

_LOGGER = logging.getLogger(__name__)
_MANY_EPOCHS = 20


def train(
    pairs: Iterable[Pair],
    *,
    valid: Iterable[Pair] = (),
    eval_problems: Sequence[Problem] = (),
    settings: TrainSettings,
    out: Path,
    progress: Progress | None = None,
    on_evaluation: Callable[[Evaluation], None] | None = None,
    track: Track | None = None,
    load: FormatLoader = load_format,
) -> TrainResult:
    """Trains on all of the solutions and writes a Hugging Face folder with losses.jsonl to `out`.

    valid: solutions that are not trained on; the result has the finished model's loss on them, and evaluations.jsonl
    the loss while it was trained, if the settings ask for that. eval_problems: the model solves the first
    `eval_accuracy_problems` of these then; none: those of `valid`.

    A killed training resumes its last checkpoint when called again with the same arguments, along the same losses;
    one that has finished is not repeated.
    progress: called after every step with tokens done, tokens in all, and the step's loss. on_evaluation: called with
    what is measured while the model is trained. track: called with the numbers of a step, for experiment trackers.
    load: gives the formats of the solutions; those of files (`formats_of`) are written into the model's folder.
    Raises InputError if no solution is left to train on, or if base, template or adapters do not go together;
    ModelError if `base` is not a model; UserError if a package that a setting needs is not installed.
    """
    with _one_thread():
        _check_packages(settings)
        rows = list(pairs)
        examples, tokenizer = encoded_examples(rows, settings, load)
        kept = list(valid)
        asked = [problem for problem in eval_problems or (each for _, each in kept) if problem.answer]
        if eval_problems and not asked:
            raise InputError(f"none of the {len(eval_problems):,} eval_problems has a gold, so nothing can be graded")
        _say_seen(rows, asked)
        held_out = HeldOut(
            _held_out(kept, tokenizer, settings, load),
            list({problem.id: problem for problem in asked}.values())[: settings.eval_accuracy_problems],
            [load(name) for name in sorted(set(examples.groups))],
        )
        observers = Observers(progress, on_evaluation, track)
        return _run(examples, tokenizer, settings, out, observers, held_out)


def train_on_texts(
    texts: Iterable[str],
    *,
    settings: TrainSettings,
    out: Path,
    progress: Progress | None = None,
    on_evaluation: Callable[[Evaluation], None] | None = None,
    track: Track | None = None,
) -> TrainResult:
    """The same on raw texts, packed into rows of `max_length`, every token a label: continued pre-training.

    Raises InputError if there is no text, and as `train` does.
    """
    with _one_thread():
        _check_packages(settings)
        examples, tokenizer = packed_examples(texts, settings)
        observers = Observers(progress, on_evaluation, track)
        return _run(examples, tokenizer, settings, out, observers, HeldOut())


def encoded_examples(
    pairs: Iterable[Pair], settings: TrainSettings, load: FormatLoader = load_format
) -> tuple[Examples, Any]:
    """What a training with these settings learns from, and its tokenizer. Raises as `train` does."""
    from slipstick.train.build import start_tokenizer

    rows = list(pairs)
    formats = _formats(rows, load)
    check_phases(settings, formats, formats)
    tokenizer = start_tokenizer(settings, _texts(rows, formats), list(formats.values()))
    examples = encode_solutions(rows, formats, tokenizer, settings)
    check_phases(settings, formats, set(examples.groups))
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


def _held_out(pairs: list[Pair], tokenizer: Any, settings: TrainSettings, load: FormatLoader) -> Examples:
    """Held-out solutions as the model would have been trained on them; no examples if there are none."""
    if not pairs:
        return Examples([], [])
    try:
        return encode_solutions(pairs, _formats(pairs, load), tokenizer, settings)
    except InputError as error:
        raise InputError(f"of what is held out, {error}") from error


def _formats(pairs: list[Pair], load: FormatLoader) -> dict[str, Format]:
    return {name: load(name) for name in sorted({format_name(solution) for solution, _ in pairs})}


def _texts(pairs: list[Pair], formats: dict[str, Format]) -> Iterator[str]:
    for solution, problem in pairs:
        yield join(render_example(formats[format_name(solution)], problem, solution.blocks))


class HeldOut(NamedTuple):
    """What a model is not trained on but measured with."""

    examples: Examples = Examples([], [])
    """Solutions, for the loss."""
    problems: Sequence[Problem] = ()
    """Problems to solve."""
    formats: Sequence[Format] = ()
    """Formats to solve them in: those that the model is trained on."""


def _say_repeated(examples: Examples, settings: TrainSettings) -> None:
    """A line if the default length, which is meant for thousands of examples, repeats few of them many times."""
    times = settings.max_train_tokens / max(1, sum(examples.lengths()))
    if times > _MANY_EPOCHS and not settings.model_fields_set & {"max_train_tokens", "num_train_epochs"}:
        _LOGGER.warning(
            "%s will be seen about %s times each: max_train_tokens = %s by default; set it, or num_train_epochs",
            counted(len(examples.encoded), "example"),
            f"{times:,.0f}",
            f"{settings.max_train_tokens:,}",
        )


def _say_seen(rows: Sequence[Pair], asked: Sequence[Problem]) -> None:
    """A line if questions that measure accuracy are trained on, letter for letter but for case and punctuation."""
    trained_on = {alphanumeric(question(problem)) for problem in {id(each): each for _, each in rows}.values()}
    seen = [problem.id for problem in asked if alphanumeric(question(problem)) in trained_on]
    if seen:
        _LOGGER.warning(
            "%s of the %s problems that measure accuracy are trained on too (the first: %s), so the accuracy is too "
            "high: curate with decontaminate_against, or name other eval_problems",
            f"{len(seen):,}",
            f"{len(asked):,}",
            seen[0],
        )


def _run(
    examples: Examples, tokenizer: Any, settings: TrainSettings, out: Path, observers: Observers, held_out: HeldOut
) -> TrainResult:
    from slipstick.train.validation import require_something_to_measure

    require_something_to_measure(settings, held_out.examples.encoded, held_out.problems)
    _say_repeated(examples, settings)
    counts = {"too_long": examples.too_long, "unlabelled": examples.unlabelled, "cut": examples.cut}
    counts |= {f"valid_{name}": getattr(held_out.examples, name) for name in counts}

    def fit(training: Training) -> TrainResult:
        from slipstick.train.validation import validation_loss

        fitted, kept = _fit(examples, tokenizer, settings, training, held_out)
        loss = validation_loss(out, held_out.examples.encoded, settings) if held_out.examples.encoded else None
        return TrainResult(
            **fitted.model_dump(),
            **counts,
            examples=len(examples.encoded),
            valid_examples=len(held_out.examples.encoded),
            valid_loss=loss,
            kept_step=kept.step if kept and kept.step < fitted.steps else None,
            accuracy=kept.accuracy if kept else [],
        )

    return run_stage(
        fit,
        settings,
        digest=digest_of([*examples.encoded, *held_out.examples.encoded, *held_out.problems]),
        result=TrainResult,
        describe=lambda result: _card_text(result, examples, settings),
        out=out,
        observers=observers,
        formats=held_out.formats,
    )


def _card_text(result: TrainResult, examples: Examples, settings: TrainSettings) -> CardText:
    mix = ", ".join(f"{count:,} {name}" for name, count in Counter(examples.groups).most_common())
    numbers = [
        ("parameters", f"{result.parameters:,}"),
        ("loss of the last tenth of the steps, nats per labelled token", f"{result.loss:.4f}"),
        (f"examples left out as longer than {settings.max_length} tokens", f"{result.too_long:,}"),
        ("examples left out as none of their tokens is a label", f"{result.unlabelled:,}"),
        ("examples cut to fit", f"{result.cut:,}"),
    ]
    if result.valid_loss is not None:
        numbers.append((f"loss on {result.says_held_out()}", f"{result.valid_loss:.4f}"))
    for metric in result.accuracy:
        share = f"{100 * metric.value:.1f} % ({100 * metric.low:.1f}-{100 * metric.high:.1f})"
        where = f" in `{metric.format}`" if metric.format else ""
        numbers.append((f"of {metric.n:,} solutions to held-out problems{where}, correct", share))
    return CardText(
        trained_on=f"{result.examples:,} examples ({mix}), {result.tokens:,} tokens, {result.steps:,} steps",
        numbers=numbers,
        closing=f"{which_weights(result, settings)} Losses of every step: `losses.jsonl`. "
        "Accuracy is measured by `slipstick evaluate`, not by training.",
    )


def which_weights(result: TrainResult, settings: TrainSettings) -> str:
    """A sentence on which step's weights a model's folder has."""
    if result.kept_step is None:
        best = ", which were the best" if settings.load_best_model_at_end else ""
        return f"The weights are those of the last step{best}."
    return (
        f"The weights are those of step {result.kept_step:,} of {result.steps:,}, the best by "
        f"{settings.metric_for_best_model}; `{LAST}` has the last step's."
    )


def _fit(
    examples: Examples, tokenizer: Any, settings: TrainSettings, training: Training, held_out: HeldOut
) -> tuple[FitResult, Evaluation | None]:
    """Trains by our loop or TRL's trainer, in this process or by several of its own.

    Gives what was done, and what was measured of the weights that are kept.
    """
    from slipstick.train.build import start_model, trainer_of
    from slipstick.train.loop import fit_with_loop
    from slipstick.train.multi_gpu import fit_with_processes, is_launched
    from slipstick.train.trl import fit_with_trl, rows_of
    from slipstick.train.validation import Validation

    start = partial(start_model, settings, tokenizer)
    if is_launched(settings):
        return fit_with_processes(examples, tokenizer, settings=settings, training=training), None
    validation = (
        Validation(
            settings,
            training,
            tokenizer,
            held_out=held_out.examples.encoded,
            problems=held_out.problems,
            formats=held_out.formats,
        )
        if settings.evaluates
        else None
    )
    together: dict[str, Any] = {"settings": settings, "training": training, "validation": validation}
    with closing(validation) if validation else nullcontext():
        if trainer_of(settings) == "trl":
            fitted = fit_with_trl(start, tokenizer, rows_of(examples, settings), **together)
        else:
            fitted = fit_with_loop(start, tokenizer, examples, **together)
    if validation:
        validation.remove_weights()
    return fitted, validation.kept() if validation else None


def _check_packages(settings: TrainSettings) -> None:
    from slipstick.train.build import check_packages
    from slipstick.train.multi_gpu import is_elsewhere

    if not is_elsewhere(settings):
        check_packages(settings)


@contextmanager
def _one_thread() -> Iterator[None]:
    """Keeps torch from dividing single operations among threads: steps are divided as a whole, see data_parallel.py."""
    # Threads that spin while they wait halve the speed if other processes want the cores; read when torch loads.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    import torch

    from slipstick.models.hf.heap import keep_freed_memory

    keep_freed_memory()
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
