"""The loss of a trained model on solutions that it was not trained on."""

from collections.abc import Sequence
from pathlib import Path

from slipstick.encode.encoding import IGNORED, Encoded
from slipstick.models.hf import load_weights
from slipstick.train.build import device_of
from slipstick.train.data_parallel import summed_loss
from slipstick.train.settings import TrainSettings


def validation_loss(folder: Path, encoded: Sequence[Encoded], settings: TrainSettings) -> float:
    """Mean loss of the model in a folder over all labels of the examples, in nats per labelled token."""
    import torch

    device = device_of(settings)
    model = load_weights(str(folder), dtype="float32")[0].to(device)
    model.eval()
    total, labels = 0.0, 0
    with torch.inference_mode():
        for batch in _batches(encoded, settings.batch_tokens):
            total += float(summed_loss(model, batch, bf16=settings.uses_bf16(device)))
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
