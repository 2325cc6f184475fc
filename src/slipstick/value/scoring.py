"""Scores solutions with a value model: one forward pass over each, the value taken at its last token."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from slipstick.encode.encoding import encode_within, format_name, trained_positions
from slipstick.encode.settings import EncodeSettings, PromptSettings
from slipstick.formats import FormatLoader, load_format
from slipstick.schema import Problem, Solution

if TYPE_CHECKING:
    import torch

_GROUP = 512  # solutions that are read and sorted by length together
_WORST = 0.0


class ValueModel(NamedTuple):
    """A language model, its tokenizer and its value head, ready to score."""

    model: Any
    """A Hugging Face causal language model."""
    tokenizer: Any
    """Its tokenizer."""
    head: Any
    """Its ValueHead."""
    prompts: PromptSettings = PromptSettings()
    """How the prompts were laid out that it was trained on."""


def open_value_model(folder: Path, *, device: str = "auto") -> ValueModel:
    """The value model in a folder. Raises ModelError if there is no model, no head, or no such device."""
    import torch

    from slipstick.encode.settings import PromptConfig, load_prompt_config
    from slipstick.errors import ModelError
    from slipstick.models.hf import load_weights
    from slipstick.models.hf.value_head import load_head

    head = load_head(folder)
    model, tokenizer = load_weights(str(folder), dtype="float32")
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        return ValueModel(
            model.to(device).eval(), tokenizer, head.to(device), load_prompt_config(str(folder)) or PromptConfig()
        )
    except (RuntimeError, AssertionError, ValueError) as error:
        raise ModelError(f"{folder} cannot be moved to device = {device!r}: {error}") from error


def score(
    solutions: Iterable[Solution],
    problems: Mapping[str, Problem],
    *,
    with_model: ValueModel,
    batch_tokens: int = 8192,
    load: FormatLoader = load_format,
) -> Iterator[Solution]:
    """The solutions, in their order, each with its `value`: higher is better.

    A value v between -1 and 1 becomes (v + 1) / 2, so that it lies between 0 and 1 as other kinds of values do. A
    solution without an answer, which could not be chosen, gets at most 0. One that is longer than the model's context
    is read up to the last whole block that fits. load: gives the formats of the solutions, see `formats_of`.
    """
    most = getattr(with_model.model.config, "max_position_embeddings", None) or 1 << 20
    settings = EncodeSettings(template=with_model.prompts.template, max_length=most, too_long="cut")
    rest = iter(solutions)
    while group := list(islice(rest, _GROUP)):
        rows = [
            _ids(solution, problems[solution.problem_id], load, with_model.tokenizer, settings) for solution in group
        ]
        values = _values(rows, with_model, batch_tokens=batch_tokens)
        for solution, value in zip(group, values, strict=True):
            yield solution.model_copy(update={"value": min(value, _WORST) if solution.answer is None else value})


def _ids(
    solution: Solution, problem: Problem, load: FormatLoader, tokenizer: Any, settings: EncodeSettings
) -> list[int]:
    """The token ids up to the last one the model wrote; empty if not even one block fits."""
    example, _ = encode_within(solution, problem, load(format_name(solution)), tokenizer, settings=settings, seed=0)
    trained = trained_positions(example, tokenizer) if example else []
    return example.ids[: trained[-1] + 1] if example and trained else []


def _values(rows: Sequence[list[int]], scorer: ValueModel, *, batch_tokens: int) -> list[float]:
    values = [_WORST] * len(rows)
    batch: list[int] = []
    for number in sorted((number for number, row in enumerate(rows) if row), key=lambda number: len(rows[number])):
        if batch and (len(batch) + 1) * len(rows[number]) > batch_tokens:
            _score_batch(batch, rows, values, scorer)
            batch = []
        batch.append(number)
    if batch:
        _score_batch(batch, rows, values, scorer)
    return values


def _score_batch(batch: Sequence[int], rows: Sequence[list[int]], values: list[float], scorer: ValueModel) -> None:
    import torch

    from slipstick.models.hf import few_threads
    from slipstick.models.hf.value_head import hidden_and_logits

    width = max(len(rows[number]) for number in batch)
    ids = torch.zeros(len(batch), width, dtype=torch.long)  # padding is on the right, which no token attends to
    for line, number in enumerate(batch):
        ids[line, : len(rows[number])] = torch.tensor(rows[number])
    device = scorer.model.device
    with torch.inference_mode(), few_threads(scorer.model):
        hidden, _ = hidden_and_logits(scorer.model, ids.to(device), torch.tensor([0], device=device))
        ends = torch.tensor([len(rows[number]) - 1 for number in batch], device=device)
        squashed: torch.Tensor = scorer.head.squash(scorer.head(hidden[torch.arange(len(batch), device=device), ends]))
    if scorer.head.settings.squash == "tanh":
        squashed = (squashed + 1) / 2
    for number, value in zip(batch, squashed.tolist(), strict=True):
        values[number] = round(value, 6)
