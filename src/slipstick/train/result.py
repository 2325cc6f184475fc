"""What the training stages report: one result class for each."""

from collections.abc import Sequence

from slipstick.schema import Record


class StageResult(Record):
    """What every training stage reports."""

    steps: int
    """Updates of the weights."""
    seconds: float
    """Wall-clock seconds of this call."""


class FitResult(StageResult):
    """What the steps of the stages "sft" and "cpt" did."""

    parameters: int
    """Parameters of the model."""
    tokens: int
    """Tokens it was trained on, prompts included, padding not."""
    loss: float
    """Mean loss of the last tenth of the steps, in nats per labelled token."""


class TrainResult(FitResult):
    """What a training of stage "sft" or "cpt" did."""

    examples: int
    """Solutions (or rows of text) it was trained on."""
    too_long: int
    """Solutions left out because they exceed `max_length` tokens."""
    unlabelled: int = 0
    """Solutions left out because none of their tokens is a label: the model wrote nothing in them."""
    cut: int = 0
    """Solutions that lost blocks at their end to fit."""
    valid_examples: int = 0
    """Solutions held out from training."""
    valid_loss: float | None = None
    """Mean loss of the finished model on them, in nats per labelled token; None if none are held out."""


class ValueResult(StageResult):
    """What a training of stage "value" did."""

    examples: int
    """Solutions it was trained on, half of them correct."""
    problems: int
    """Problems they belong to."""
    too_long: int
    """Solutions left out because they exceed `max_length` tokens."""
    tokens: int
    """Tokens it was trained on, prompts included."""
    loss: float
    """Mean loss of the last tenth of the steps."""


class GrpoResult(StageResult):
    """What a training of stage "grpo" did."""

    problems: int
    """Problems it sampled from."""
    solutions: int
    """Solutions that were sampled and rewarded."""
    first_reward: float
    """Mean reward of the first tenth of the steps."""
    last_reward: float
    """Mean reward of the last tenth of the steps."""


def mean_of_first_tenth(values: Sequence[float]) -> float:
    """Mean over the first tenth of the steps, one step at least."""
    first = values[: max(1, len(values) // 10)]
    return sum(first) / len(first)


def mean_of_last_tenth(values: Sequence[float]) -> float:
    """Mean over the last tenth of the steps, one step at least."""
    last = values[-max(1, len(values) // 10) :]
    return sum(last) / len(last)
