"""What the training stages report: one result class for each."""

from collections.abc import Sequence
from fractions import Fraction
from math import ceil, floor

from pydantic import Field

from slipstick.errors import counted
from slipstick.schema import Metric, Record

LAST = "last"
"""Folder in a model's of the last step's weights, if the best ones are another step's."""


class StageResult(Record):
    """What every training stage reports."""

    steps: int
    """Updates of the weights."""
    seconds: float
    """Wall-clock seconds of this call."""


class Evaluation(Record):
    """What was measured of a model while it was trained: a line of evaluations.jsonl."""

    step: int
    """Updates of the weights before it."""
    tokens: int
    """Tokens it was trained on before it."""
    valid_loss: float | None = None
    """Mean loss on held-out solutions, in nats per labelled token; None if none are held out."""
    accuracy: list[Metric]
    """Share of problems that the model solves: in all formats together, then in each; [] if none were asked."""

    def numbers(self) -> dict[str, float]:
        """What trackers are told."""
        told = {} if self.valid_loss is None else {"eval/loss": self.valid_loss}
        for metric in self.accuracy:
            name = "/".join(filter(None, ("eval/accuracy", metric.format)))
            told |= {name: metric.value, f"{name}/low": metric.low, f"{name}/high": metric.high}
        return told

    def says(self) -> str:
        """The same in words: "loss 0.5123, 53.1 % (36.4-69.1) of 32 solutions correct"."""
        said = [] if self.valid_loss is None else [f"held-out loss {self.valid_loss:.4f}"]
        for metric in self.accuracy[:1]:
            share = f"{100 * metric.value:.1f} % ({100 * metric.low:.1f}-{100 * metric.high:.1f})"
            said.append(f"{share} of {metric.n:,} solutions correct")
        return ", ".join(said)


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
    """Solutions held out from training, and measured with."""
    valid_too_long: int = 0
    """Held-out solutions left out because they exceed `max_length` tokens."""
    valid_unlabelled: int = 0
    """Held-out solutions left out because none of their tokens is a label."""
    valid_cut: int = 0
    """Held-out solutions that lost blocks at their end to fit."""
    valid_loss: float | None = None
    """Mean loss of the finished model on them, in nats per labelled token; None if none are held out."""
    kept_step: int | None = None
    """Step whose weights `model` has, the best of the evaluations; None: the last step's."""
    accuracy: list[Metric] = Field(default_factory=list)
    """Share of problems that these weights solve, if the training measured it."""

    def says_held_out(self) -> str:
        """How many solutions were held out, in words: "45 held-out examples (11 more too long)"."""
        counts = {"too long": self.valid_too_long, "with nothing to learn": self.valid_unlabelled}
        left_out = ", ".join(f"{count:,} more {why}" for why, count in counts.items() if count)
        return counted(self.valid_examples, "held-out example") + (f" ({left_out})" if left_out else "")


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
    pass_rewards: list[float] = Field(default_factory=list)
    """Mean reward of each whole pass through the problems, which can be compared: a tenth has problems of its own."""

    def numbers(self) -> list[tuple[str, float]]:
        """The mean rewards to look at, by what they are means of: of passes if there are several, else of tenths."""
        if len(self.pass_rewards) > 1:
            last = f"the last of {len(self.pass_rewards):,}"
            return [("the first pass through the problems", self.pass_rewards[0]), (last, self.pass_rewards[-1])]
        return [("the first tenth of the updates", self.first_reward), ("the last, other problems", self.last_reward)]


def mean_of_each_pass(values: Sequence[float], *, steps: Fraction) -> list[float]:
    """Mean over each whole pass of so many steps; a step that two passes share counts for both by its share."""
    means = []
    for number in range(int(len(values) / steps)):
        begin, end = number * steps, (number + 1) * steps
        total = 0.0
        for step in range(floor(begin), ceil(end)):
            share = min(Fraction(step + 1), end) - max(Fraction(step), begin)
            total += float(share) * values[step]
        means.append(total / float(steps))
    return means


def mean_of_first_tenth(values: Sequence[float]) -> float:
    """Mean over the first tenth of the steps, one step at least."""
    first = values[: max(1, len(values) // 10)]
    return sum(first) / len(first)


def mean_of_last_tenth(values: Sequence[float]) -> float:
    """Mean over the last tenth of the steps, one step at least."""
    last = values[-max(1, len(values) // 10) :]
    return sum(last) / len(last)
