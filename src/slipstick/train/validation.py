"""How good a model is on what it is not trained on: its loss, and the share of problems it solves, while it is trained.

evaluations.jsonl has a line for each time that was measured. The best weights so far wait in best-STEP.pt; a checkpoint
follows every line, so that a training that was killed resumes with the lines and the weights that belong together.
"""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from slipstick.encode.encoding import IGNORED, Encoded
from slipstick.encode.settings import PromptConfig
from slipstick.errors import InputError
from slipstick.formats import Format
from slipstick.grade import grade_solutions
from slipstick.metrics.intervals import wilson
from slipstick.models.hf import load_weights
from slipstick.parts import replacing
from slipstick.schema import Metric, Problem, Solution
from slipstick.solve import SolveSettings
from slipstick.store import read_records, write_records
from slipstick.train.build import device_of
from slipstick.train.data_parallel import summed_loss
from slipstick.train.precision import Arithmetic, TrainedWeights, arithmetic_for, computing
from slipstick.train.result import LAST, Evaluation
from slipstick.train.rollouts import Sampler, open_sampler
from slipstick.train.run import Training
from slipstick.train.settings import TrainSettings

_FILE = "evaluations.jsonl"
_TIMES = 10  # in a training, unless the settings say


class Validation:
    """Measures the model of a training from time to time and keeps the best weights."""

    def __init__(
        self,
        settings: TrainSettings,
        training: Training,
        tokenizer: Any,
        *,
        held_out: Sequence[Encoded],
        problems: Sequence[Problem],
        formats: Sequence[Format],
    ) -> None:
        """held_out: examples to measure the loss on. problems: to solve in each of the formats."""
        self._settings, self._training, self._tokenizer = settings, training, tokenizer
        self._held_out, self._problems, self._formats = held_out, problems, formats
        self._rows: list[Evaluation] = []
        self._stack = ExitStack()
        self._sampler: Sampler | None = None

    def every(self, total: int) -> float:
        """Tokens between two evaluations, of a training of so many."""
        return self._settings.eval_every or total / _TIMES

    def resume(self, step: int) -> None:
        """Keeps what an earlier call measured until this step."""
        rows = read_records(self._training.out / _FILE, Evaluation, missing_ok=True)
        self._rows = [row for row in rows if row.step <= step]

    def measure(self, model: Any, *, step: int, tokens: int, arithmetic: Arithmetic) -> None:
        """Measures the model after a step. The caller saves a checkpoint of this step before it goes on."""
        self.remove_weights(except_for=self.best())
        was_training = model.training
        model.eval()
        loss = loss_on(model, self._held_out, self._settings, arithmetic) if self._held_out else None
        row = Evaluation(step=step, tokens=tokens, valid_loss=loss, accuracy=self._accuracy(model))
        model.train(was_training)
        self._rows.append(row)
        if self._settings.load_best_model_at_end and self.best() == row:
            _save_weights(model, self._weights(row))
        write_records(self._training.out / _FILE, self._rows)
        if self._training.observers.on_evaluation:
            self._training.observers.on_evaluation(row)
        if self._training.observers.track:
            self._training.observers.track(step, row.numbers())

    def best(self) -> Evaluation | None:
        """The best so far by `metric_for_best_model`, the earliest of equals; None if nothing was measured."""
        by_loss = self._settings.metric_for_best_model == "loss"
        return min(
            self._rows,
            key=lambda row: (row.valid_loss or 0.0) if by_loss else -row.accuracy[0].value,
            default=None,
        )

    def kept(self) -> Evaluation | None:
        """What was measured of the weights that the training ends with."""
        return self.best() if self._settings.load_best_model_at_end else next(iter(self._rows[-1:]), None)

    def save(self, model: Any, save: Callable[[Path], None]) -> None:
        """Writes the training's weights by `save`: the last, or the best and the last in a folder beside them."""
        out, kept = self._training.out, self.kept()
        if kept and self._settings.load_best_model_at_end and kept != self._rows[-1]:
            (out / LAST).mkdir(exist_ok=True)
            save(out / LAST)
            _load_weights(model, self._weights(kept))
        save(out)

    def close(self) -> None:
        """Ends the interpreter."""
        self._stack.close()

    def remove_weights(self, *, except_for: Evaluation | None = None) -> None:
        """Removes the weights that were put aside."""
        kept = self._weights(except_for) if except_for else None
        for path in self._training.out.glob("best-*.pt*"):
            if path != kept:
                path.unlink()

    def _accuracy(self, model: Any) -> list[Metric]:
        """The share of the problems that the model solves: in all formats together, then in each."""
        if not self._problems:
            return []
        settings = self._settings
        if self._sampler is None:  # not before: processes that divide the steps would inherit its pipes
            sampling = SolveSettings(
                temperature=0.0,
                max_tokens=settings.max_tokens,
                max_turns=settings.max_turns,
                seed=settings.seed,
            )
            self._sampler = self._stack.enter_context(open_sampler(settings, sampling))
        asked = [(problem, format, 0) for format in self._formats for problem in self._problems]
        config = PromptConfig(template=settings.template, prompt_variant=settings.prompt_variant, seed=settings.seed)
        solved = list(grade_solutions(self._sampler(asked, model, self._tokenizer, config), self._problems))
        names = [format.name for format in self._formats]
        formats = [_accuracy_of([row for row in solved if row.format == name], name) for name in names]
        return [_accuracy_of(solved, ""), *formats]

    def _weights(self, row: Evaluation) -> Path:
        return self._training.out / f"best-{row.step}.pt"


def require_something_to_measure(
    settings: TrainSettings, held_out: Sequence[Encoded], problems: Sequence[Problem]
) -> None:
    """Raises InputError if settings ask for what there are no examples or problems for."""
    by_loss = settings.load_best_model_at_end and settings.metric_for_best_model == "loss"
    if not held_out and (by_loss or (settings.eval_every and not problems)):
        what = "load_best_model_at_end = true" if by_loss else f"eval_every = {settings.eval_every}"
        raise InputError(
            f"{what} needs solutions that are not trained on, to measure the loss on: divide the data with "
            "`slipstick curate` and splits = {train = 0.95, valid = 0.05}"
        )
    if settings.eval_accuracy_problems and not problems:
        raise InputError(
            f"eval_accuracy_problems = {settings.eval_accuracy_problems} needs problems with answers that are not "
            'trained on: name them (eval_problems = "mine.jsonl"), or divide the data with `slipstick curate` and '
            "splits = {train = 0.95, valid = 0.05}"
        )


def validation_loss(folder: Path, encoded: Sequence[Encoded], settings: TrainSettings) -> float:
    """Mean loss of the model in a folder over all labels of the examples, in nats per labelled token."""
    device = device_of(settings)
    model = load_weights(str(folder), dtype="float32")[0].to(device)
    model.eval()
    arithmetic = arithmetic_for(model, settings, device)
    with computing(model, arithmetic):
        return loss_on(model, encoded, settings, arithmetic)


def loss_on(model: Any, encoded: Sequence[Encoded], settings: TrainSettings, arithmetic: Arithmetic) -> float:
    """The same of a model in memory, which is in evaluation mode."""
    import torch

    total, labels = 0.0, 0
    with torch.inference_mode():
        for batch in _batches(encoded, settings.batch_tokens):
            total += float(summed_loss(model, batch, arithmetic))
            labels += sum(label != IGNORED for example in batch for label in example.labels[1:])
    return total / labels


def _batches(encoded: Sequence[Encoded], tokens: int) -> list[list[Encoded]]:
    """The examples by length, in batches of at most so many tokens, padding included, one example at least."""
    batches: list[list[Encoded]] = []
    for example in sorted(encoded, key=lambda each: len(each.ids)):
        if batches and (len(batches[-1]) + 1) * len(example.ids) <= tokens:
            batches[-1].append(example)
        else:
            batches.append([example])
    return batches


def _accuracy_of(solutions: Sequence[Solution], format: str) -> Metric:
    correct = sum(each.verdict is not None and each.verdict.outcome == "correct" for each in solutions)
    low, high = wilson(correct, len(solutions))
    value = correct / len(solutions)
    return Metric(measure="accuracy", format=format, value=value, low=low, high=high, n=len(solutions))


def _save_weights(model: Any, path: Path) -> None:
    """The weights that are trained, so that a kill leaves the whole file or none."""
    import torch

    state = {name: weight.cpu() for name, weight in TrainedWeights(model).state_dict().items()}
    with replacing(path) as new:
        torch.save(state, new)


def _load_weights(model: Any, path: Path) -> None:
    import torch

    TrainedWeights(model).load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
