"""Scores solutions with a value model: one pass over each, the value read at its last token."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from slipstick.encode import IGNORED, EncodeSettings, PromptSettings, encode_within, format_name
from slipstick.formats import load_format
from slipstick.schema import Problem, Solution

if TYPE_CHECKING:
    import torch

_AHEAD = 512
"""Solutions that are read and sorted by length together."""
WORST = 0.0


class ValueModel(NamedTuple):
    """A language model, its tokenizer and its value head, ready to score."""

    model: Any
    tokenizer: Any
    head: Any
    prompts: PromptSettings = PromptSettings()
    """How the prompts were laid out that it was trained on."""


def open_value_model(folder: Path, *, device: str = "auto") -> ValueModel:
    """The value model in a folder. Raises ModelError where there is no model, no head, or no such device."""
    import torch

    from slipstick.encode.settings import load_prompt_config
    from slipstick.errors import ModelError
    from slipstick.models.hf import load_weights
    from slipstick.models.hf.value_head import load_head

    head = load_head(folder)
    model, tokenizer = load_weights(str(folder), dtype="float32")
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        return ValueModel(model.to(device).eval(), tokenizer, head.to(device), load_prompt_config(str(folder)))
    except (RuntimeError, AssertionError, ValueError) as error:
        raise ModelError(f"{folder} cannot be put on device = {device!r}: {error}") from error


def score(
    solutions: Iterable[Solution],
    problems: Mapping[str, Problem],
    *,
    with_model: ValueModel,
    batch_tokens: int = 8192,
) -> Iterator[Solution]:
    """The solutions, in their order, each with its `value`: higher is better.

    A value between -1 and 1 is handed over as (value + 1) / 2, so that it lies between 0 and 1 as the other kinds do.
    A solution without an answer, which nobody could take, gets no more than 0. One that is longer than the model's
    window is read up to the last whole block that fits.
    """
    most = getattr(with_model.model.config, "max_position_embeddings", None) or 1 << 20
    settings = EncodeSettings(template=with_model.prompts.template, max_length=most, too_long="cut")
    for group in _groups(solutions, _AHEAD):
        rows = [_ids(solution, problems[solution.problem_id], with_model.tokenizer, settings) for solution in group]
        values = _values(rows, with_model, batch_tokens=batch_tokens)
        for solution, value in zip(group, values, strict=True):
            yield solution.model_copy(update={"value": min(value, WORST) if solution.answer is None else value})


def _ids(solution: Solution, problem: Problem, tokenizer: Any, settings: EncodeSettings) -> list[int]:
    """The token ids up to the last one the model wrote; empty where not even one block fits."""
    format = load_format(format_name(solution))
    example, _ = encode_within(solution, problem, format, tokenizer, settings=settings, seed=0)
    if example is None:
        return []
    last = max((place for place, label in enumerate(example.labels) if label != IGNORED), default=-1)
    return example.ids[: last + 1]


def _values(rows: Sequence[list[int]], scorer: ValueModel, *, batch_tokens: int) -> list[float]:
    values = [WORST] * len(rows)
    batch: list[int] = []
    for place in sorted((place for place, row in enumerate(rows) if row), key=lambda place: len(rows[place])):
        if batch and (len(batch) + 1) * len(rows[place]) > batch_tokens:
            _score_batch(batch, rows, values, scorer)
            batch = []
        batch.append(place)
    if batch:
        _score_batch(batch, rows, values, scorer)
    return values


def _score_batch(batch: Sequence[int], rows: Sequence[list[int]], values: list[float], scorer: ValueModel) -> None:
    import torch

    from slipstick.models.hf import few_threads
    from slipstick.models.hf.value_head import hidden_and_logits

    width = max(len(rows[place]) for place in batch)
    ids = torch.zeros(len(batch), width, dtype=torch.long)  # padding is on the right, where no token that counts looks
    for line, place in enumerate(batch):
        ids[line, : len(rows[place])] = torch.tensor(rows[place])
    device = scorer.model.device
    with torch.inference_mode(), few_threads(scorer.model):
        hidden, _ = hidden_and_logits(scorer.model, ids.to(device), torch.tensor([0], device=device))
        ends = torch.tensor([len(rows[place]) - 1 for place in batch], device=device)
        found: torch.Tensor = scorer.head.squash(scorer.head(hidden[torch.arange(len(batch), device=device), ends]))
    if scorer.head.settings.squash == "tanh":
        found = (found + 1) / 2
    for place, value in zip(batch, found.tolist(), strict=True):
        values[place] = round(value, 6)


def _groups(solutions: Iterable[Solution], size: int) -> Iterator[list[Solution]]:
    group: list[Solution] = []
    for solution in solutions:
        group.append(solution)
        if len(group) == size:
            yield group
            group = []
    if group:
        yield group
