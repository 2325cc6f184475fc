"""The loop of a value model's training: one pass gives the language model's loss and the value's."""

import random
from collections.abc import Sequence
from typing import Any

import torch

from slipstick.encode.encoding import IGNORED
from slipstick.models.hf.value_head import HeadSettings, ValueHead, hidden_and_logits
from slipstick.train.adapters import add_adapters
from slipstick.train.batches import cut_batches
from slipstick.train.build import device_of
from slipstick.train.optimizers import rate_factor
from slipstick.train.run import Training, run_steps
from slipstick.train.settings import ValueSettings
from slipstick.train.value_examples import ValueExample

_POOL = 2048  # examples that are sorted by length together


class ModelWithValueHead(torch.nn.Module):
    """A language model (with adapters if the settings ask for them) and its value head."""

    def __init__(self, model: Any, settings: ValueSettings) -> None:
        super().__init__()
        torch.manual_seed(settings.seed)
        head = HeadSettings(
            width=model.get_input_embeddings().weight.shape[1],
            squash=settings.squash,
            read_at=settings.read_at,
            dropout=settings.dropout,
        )
        self.head = ValueHead(head)
        self.model = add_adapters(model, settings) if settings.lora_rank else model
        self._has_adapters = bool(settings.lora_rank)
        self.to(device_of(settings))

    def language_model(self) -> Any:
        """The language model as transformers knows it, adapters merged into its weights."""
        return self.model.merge_and_unload() if self._has_adapters else self.model

    def loss(self, batch: Sequence[ValueExample], settings: ValueSettings) -> torch.Tensor:
        """Weighted sum of the mean loss over labels and the mean loss over marked tokens.

        Padding is on the right, which no labelled token attends to, so no mask is needed.
        """
        device = next(self.model.parameters()).device
        width = max(len(example.ids) for example in batch)
        ids = torch.zeros(len(batch), width, dtype=torch.long)
        labels = torch.full((len(batch), width), IGNORED, dtype=torch.long)
        marks = torch.zeros(len(batch), width, dtype=torch.bool)
        for row, example in enumerate(batch):
            ids[row, : len(example.ids)] = torch.tensor(example.ids)
            labels[row, : len(example.ids) - 1] = torch.tensor(example.labels[1:])
            marks[row, example.marks] = True
        correct = torch.tensor([example.correct for example in batch])[:, None].expand(-1, width)
        columns = (labels != IGNORED).any(0).nonzero()[:, 0]
        columns = columns if len(columns) else torch.tensor([0])
        hidden, logits = hidden_and_logits(self.model, ids.to(device), columns.to(device))
        value = value_loss(self.head, hidden[marks.to(device)], correct[marks].to(device), settings)
        labels = labels[:, columns].to(device)
        chosen = labels != IGNORED
        if not settings.lm_weight or not bool(chosen.any()):
            return settings.value_weight * value
        written = torch.nn.functional.cross_entropy(logits[chosen].float(), labels[chosen])
        return settings.value_weight * value + settings.lm_weight * written


def value_loss(head: ValueHead, hidden: torch.Tensor, correct: torch.Tensor, settings: ValueSettings) -> torch.Tensor:
    """Mean loss of the head's numbers; hidden: [tokens, width], correct: [tokens]."""
    numbers, targets = head(hidden), correct.float()
    if settings.value_loss == "bce":
        return torch.nn.functional.binary_cross_entropy_with_logits(numbers, targets)
    targets = 2 * targets - 1 if settings.value_range == "pm1" else targets
    return torch.nn.functional.mse_loss(head.squash(numbers), targets)


def fit_with_head(
    joint: ModelWithValueHead, examples: Sequence[ValueExample], settings: ValueSettings, training: Training
) -> tuple[list[float], int]:
    """Trains in place; gives the loss of every step and the tokens of all. Resumes the training's last checkpoint."""
    lengths = [len(example.ids) for example in examples]
    batches = _batches(lengths, settings)
    sizes = [sum(lengths[i] for i in batch) for batch in batches]
    optimizer, peaks = _optimizer(joint, settings)
    joint.train()

    def take_step(step: int, done: float) -> float:
        torch.manual_seed(settings.seed + step)  # so dropout follows from the step alone, resumed or not
        factor = rate_factor(done, warmup=settings.warmup_ratio)
        for group, peak in zip(optimizer.param_groups, peaks, strict=True):
            group["lr"] = peak * factor
        loss = joint.loss([examples[i] for i in batches[step]], settings)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        return float(loss.detach())

    losses = run_steps(
        take_step,
        sizes,
        parts={"joint": joint, "optimizer": optimizer},
        checkpoint_every=settings.checkpoint_every,
        training=training,
    )
    joint.eval()
    return losses, sum(sizes)


def _batches(lengths: Sequence[int], settings: ValueSettings) -> list[list[int]]:
    """The examples of every step: of similar length, in an order that follows from the seed alone."""
    chance, count, epochs = random.Random(settings.seed), len(lengths), settings.num_train_epochs
    order = [i for _ in range(int(epochs) + 1) for i in chance.sample(range(count), count)]
    order = order[: max(1, round(epochs * count))]
    pools = (order[start : start + _POOL] for start in range(0, len(order), _POOL))
    return [
        batch
        for pool in pools
        for batch in cut_batches(pool, lengths, batch_tokens=settings.batch_tokens, chance=chance)
    ]


def _optimizer(joint: ModelWithValueHead, settings: ValueSettings) -> tuple[torch.optim.AdamW, list[float]]:
    trained, rate = [p for p in joint.model.parameters() if p.requires_grad], settings.learning_rate
    head_rate = settings.head_learning_rate or rate
    groups: list[dict[str, Any]] = [
        {"params": [p for p in trained if p.ndim > 1], "lr": rate, "weight_decay": settings.weight_decay},
        {"params": [p for p in trained if p.ndim < 2], "lr": rate, "weight_decay": 0.0},
        {"params": list(joint.head.parameters()), "lr": head_rate, "weight_decay": 0.0},
    ]
    groups = [group for group in groups if group["params"]]
    return torch.optim.AdamW(groups, betas=(0.9, 0.95)), [group["lr"] for group in groups]
