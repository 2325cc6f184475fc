"""The loop of a value model's training: one pass gives the language model's loss and the value's."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from slipstick.encode import IGNORED
from slipstick.models.hf.value_head import HeadSettings, ValueHead, hidden_and_logits
from slipstick.train.adapters import add_adapters
from slipstick.train.optimizers import rate_factor
from slipstick.train.value_examples import Outcome
from slipstick.train.weights import load_checkpoint, save_checkpoint

if TYPE_CHECKING:
    from slipstick.train.value_head import ValueSettings


class ModelWithValueHead(torch.nn.Module):
    """A language model (with adapters where the settings ask for them) and its value head."""

    def __init__(self, model: Any, settings: ValueSettings) -> None:
        super().__init__()
        torch.manual_seed(settings.seed)
        head = HeadSettings(
            width=model.get_input_embeddings().weight.shape[1],
            squash=settings.squash,
            read_at=settings.read_at,
            dropout=settings.dropout,
        )
        self.head = ValueHead(head, start=model.get_output_embeddings().weight)
        self.model = add_adapters(model, settings) if settings.lora_rank else model
        device = settings.device
        if device == "auto":
            device = "cuda" if torch.cuda.is_available() else "cpu"
        self.to(device)

    def written(self) -> Any:
        """The language model as transformers knows it, adapters merged into its weights."""
        return self.model.merge_and_unload() if hasattr(self.model, "merge_and_unload") else self.model

    def loss(self, batch: Sequence[Outcome], settings: ValueSettings) -> torch.Tensor:
        """Weighted sum of the mean loss over labels and the mean loss over marked tokens.

        Padding is on the right, where no token that counts can look, so no mask is needed.
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
        right = torch.tensor([example.right for example in batch])[:, None].expand(-1, width)
        columns = (labels != IGNORED).any(0).nonzero()[:, 0]
        columns = columns if len(columns) else torch.tensor([0])
        hidden, logits = hidden_and_logits(self.model, ids.to(device), columns.to(device))
        value = value_loss(self.head, hidden[marks.to(device)], right[marks].to(device), settings)
        labels = labels[:, columns].to(device)
        chosen = labels != IGNORED
        if not settings.lm_weight or not bool(chosen.any()):
            return settings.value_weight * value
        said = torch.nn.functional.cross_entropy(logits[chosen].float(), labels[chosen])
        return settings.value_weight * value + settings.lm_weight * said


def value_loss(head: ValueHead, hidden: torch.Tensor, right: torch.Tensor, settings: ValueSettings) -> torch.Tensor:
    """Mean loss of the head's numbers; hidden: [tokens, width], right: [tokens]."""
    numbers, targets = head(hidden), right.float()
    if settings.value_loss == "bce":
        return torch.nn.functional.binary_cross_entropy_with_logits(numbers, targets)
    targets = 2 * targets - 1 if settings.value_range == "pm1" else targets
    return torch.nn.functional.mse_loss(head.squash(numbers), targets)


def run_joint(
    joint: ModelWithValueHead,
    examples: Sequence[Outcome],
    settings: ValueSettings,
    *,
    out: Path,
    fingerprint: str,
    progress: Callable[[int, int, float], None] | None,
) -> tuple[list[float], int]:
    """Trains in place; gives the loss of every step and the tokens of all. Goes on from out/checkpoint.pt."""
    batches = deal(examples, settings)
    sizes = [sum(len(examples[i].ids) for i in batch) for batch in batches]
    total = sum(sizes)
    optimizer, peaks = _optimizer(joint, settings)
    losses: list[float] = []
    saved = load_checkpoint(out / "checkpoint.pt")
    if saved is not None and saved["fingerprint"] == fingerprint:
        joint.load_state_dict(saved["joint"])
        optimizer.load_state_dict(saved["optimizer"])
        losses = list(saved["losses"])
    done = sum(sizes[: len(losses)])
    due = done + settings.checkpoint_every
    joint.train()
    with (out / "losses.jsonl").open("w", encoding="utf-8") as log:
        for step, loss in enumerate(losses):
            log.write(_line(step, sum(sizes[: step + 1]), loss))
        for step in range(len(losses), len(batches)):
            torch.manual_seed(settings.seed + step)  # so dropout follows from the step alone, resumed or not
            factor = rate_factor(done / total, warmup=settings.warmup_ratio)
            for group, peak in zip(optimizer.param_groups, peaks, strict=True):
                group["lr"] = peak * factor
            losses.append(_step(joint, [examples[i] for i in batches[step]], optimizer, settings))
            done += sizes[step]
            log.write(_line(step, done, losses[-1]))
            log.flush()
            if progress:
                progress(done, total, losses[-1])
            if done >= due:
                state = {"joint": joint.state_dict(), "optimizer": optimizer.state_dict(), "losses": losses}
                save_checkpoint({**state, "fingerprint": fingerprint}, out / "checkpoint.pt")
                due = done + settings.checkpoint_every
    joint.eval()
    return losses, total


def _step(
    joint: ModelWithValueHead, batch: Sequence[Outcome], optimizer: torch.optim.Optimizer, settings: ValueSettings
) -> float:
    loss = joint.loss(batch, settings)
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return float(loss.detach())


def _line(step: int, tokens: int, loss: float) -> str:
    return json.dumps({"step": step, "tokens": tokens, "loss": round(loss, 6)}) + "\n"


def deal(examples: Sequence[Outcome], settings: ValueSettings) -> list[list[int]]:
    """The examples of every step: of similar length, in an order that follows from the seed alone."""
    draw = random.Random(settings.seed)
    count = len(examples)
    cards = [card for _ in range(int(settings.num_train_epochs) + 1) for card in draw.sample(range(count), count)]
    cards = cards[: max(1, round(settings.num_train_epochs * count))]
    batches: list[list[int]] = []
    for start in range(0, len(cards), 2048):
        cut: list[list[int]] = [[]]
        for card in sorted(cards[start : start + 2048], key=lambda card: len(examples[card].ids)):
            if cut[-1] and (len(cut[-1]) + 1) * len(examples[card].ids) > settings.batch_tokens:
                cut.append([])
            cut[-1].append(card)
        draw.shuffle(cut)
        batches += cut
    return batches


def _optimizer(joint: ModelWithValueHead, settings: ValueSettings) -> tuple[torch.optim.AdamW, list[float]]:
    trained = [p for p in joint.model.parameters() if p.requires_grad]
    rate, head_rate = settings.learning_rate, settings.head_learning_rate or settings.learning_rate
    groups: list[dict[str, Any]] = [
        {"params": [p for p in trained if p.ndim > 1], "lr": rate, "weight_decay": settings.weight_decay},
        {"params": [p for p in trained if p.ndim < 2], "lr": rate, "weight_decay": 0.0},
        {"params": list(joint.head.parameters()), "lr": head_rate, "weight_decay": 0.0},
    ]
    groups = [group for group in groups if group["params"]]
    return torch.optim.AdamW(groups, betas=(0.9, 0.95)), [group["lr"] for group in groups]
