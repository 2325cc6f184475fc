"""Rewards for TRL's GRPO and RLOO trainers: `reward_funcs=[slipstick.rewards.trl.reward]`."""

import asyncio
import warnings
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from statistics import fmean
from typing import Any, Literal, NamedTuple, get_args

from slipstick.equivalence import check_profile
from slipstick.equivalence.policies import REWARDS
from slipstick.errors import UserError, did_you_mean
from slipstick.rewards.verdicts import Completion, GradedAnswer, grade_completions
from slipstick.schema import Kind

__all__ = ["accuracy", "async_accuracy", "async_reward", "reward"]

_COLUMNS = ("answer", "ground_truth", "solution", "label", "target", "gold")
_EXCLUDES_NONE = (1, 6)
"""The version of TRL from which a completion whose rewards are all None has no advantage."""
_Undecided = Literal["none", "mean"]
_PASSED = ("prompts", "completion_ids", "trainer_state", "environments")


class _Settings(NamedTuple):
    """Settings of a reward; positional, because a data set may have columns of these names."""

    answer_column: str | None = None
    kind: Kind | None = None
    profile: str = REWARDS
    undecided: _Undecided = "none"

    def checked(self) -> "_Settings":
        """Themselves. Raises UserError if one has a value that does not exist: before a training, not at its end."""
        for name, known in (("kind", get_args(Kind)), ("undecided", get_args(_Undecided))):
            value = getattr(self, name)
            if value is not None and value not in known:
                hint = did_you_mean(str(value), known)
                raise UserError(f"{name} = {value!r} is not known{hint}; known: {', '.join(known)}")
        if self.answer_column is not None and not isinstance(self.answer_column, str):
            raise UserError(f"answer_column = {self.answer_column!r}: give the name of a column of the dataset")
        check_profile(self.profile)
        return self


def reward(completions: Sequence[Completion], **columns: Any) -> list[float | None]:
    """1.0 for each completion whose answer is correct, 0.0 for an incorrect one or none, None if undecided.

    TRL calls it with keywords only: completions (texts, or lists of messages of which the last of the assistant
    counts), and every column of the dataset, repeated for each completion. The expected answer is taken from the
    first column there is of answer, ground_truth, solution, label, target, gold. If this is the only reward, TRL (from
    1.6 on) learns nothing from a completion that got None; for several rewards see `accuracy`. If TRL passes its
    loggers, answers and verdicts go to its table of completions and the share of undecided ones to its metrics.
    Raises UserError if there is no such column.
    """
    return _reward(_Settings(), completions, **columns)


async def async_reward(completions: Sequence[Completion], **columns: Any) -> list[float | None]:
    """`reward` in a thread of its own, so that the event loop, and TRL's other async rewards, go on meanwhile."""
    return await _async_reward(_Settings(), completions, **columns)


def accuracy(
    answer_column: str | None = None,
    *,
    kind: Kind | None = None,
    profile: str = REWARDS,
    undecided: _Undecided = "none",
) -> Callable[..., list[float | None]]:
    """`reward` with your own answer column, kind of answer and profile; TRL logs it as "accuracy".

    undecided: what an undecided completion gets. "none": None, which TRL adds as 0 if other rewards give a number, so
    that it counts as incorrect. "mean": the mean of the decided completions of the same prompt, so that this reward
    neither favours nor punishes it; None if there are none. Raises UserError if a setting has a value that does not
    exist.
    """
    return _named(partial(_reward, _Settings(answer_column, kind, profile, undecided).checked()))


def async_accuracy(
    answer_column: str | None = None,
    *,
    kind: Kind | None = None,
    profile: str = REWARDS,
    undecided: _Undecided = "none",
) -> Callable[..., Awaitable[list[float | None]]]:
    """`async_reward` with the settings of `accuracy`; TRL logs it as "accuracy"."""
    return _named(partial(_async_reward, _Settings(answer_column, kind, profile, undecided).checked()))


def _reward(
    settings: _Settings,
    /,
    completions: Sequence[Completion],
    *,
    log_extra: Callable[[str, list[Any]], None] | None = None,
    log_metric: Callable[[str, float], None] | None = None,
    **columns: Any,
) -> list[float | None]:
    expected = _expected(settings.answer_column, columns)
    prompts = columns.get("prompts")
    graded = grade_completions(completions, expected, prompts=prompts, kind=settings.kind, profile=settings.profile)
    _log(graded, log_extra, log_metric)
    rewards = [each.reward for each in graded]
    if None not in rewards:
        return rewards
    if settings.undecided == "mean" and prompts is not None:
        return _with_means(rewards, [repr(prompt) for prompt in prompts])
    _warn_of_zeros()
    return rewards


def _with_means(rewards: Sequence[float | None], prompts: Sequence[str]) -> list[float | None]:
    """The rewards, each None replaced by the mean of the others of its prompt."""
    decided: dict[str, list[float]] = defaultdict(list)
    for prompt, reward in zip(prompts, rewards, strict=True):
        decided[prompt] += [] if reward is None else [reward]
    means = {prompt: fmean(values) if values else None for prompt, values in decided.items()}
    return [means[prompt] if reward is None else reward for prompt, reward in zip(prompts, rewards, strict=True)]


def _warn_of_zeros() -> None:
    """Warns, once, if the installed TRL counts a completion without any reward as one of reward 0."""
    try:
        installed = version("trl")
    except PackageNotFoundError:
        return
    if tuple(map(int, installed.split(".")[:2])) < _EXCLUDES_NONE:
        warnings.warn(
            f"TRL {installed} counts undecided completions as incorrect; TRL 1.6 leaves them out, and "
            'slipstick.rewards.trl.accuracy(undecided="mean") gives them the mean of their group',
            stacklevel=2,
        )


async def _async_reward(
    settings: _Settings, /, completions: Sequence[Completion], **columns: Any
) -> list[float | None]:
    return await asyncio.to_thread(_reward, settings, completions, **columns)


def _named(function: partial[Any]) -> partial[Any]:
    """A partial, which unlike a closure can be pickled; TRL takes its own name or, from 1.16 on, its function's."""
    function.__name__ = function.func.__name__ = "accuracy"  # type: ignore[attr-defined]
    return function


def _expected(name: str | None, columns: dict[str, Any]) -> Sequence[Any]:
    named = [name] if name else [known for known in _COLUMNS if known in columns]
    if not named or named[0] not in columns:
        wanted = f"no column `{name}`" if name else f"none of the columns {', '.join(_COLUMNS)}"
        there = ", ".join(column for column in columns if column not in _PASSED) or "none"
        raise UserError(
            f"the dataset has {wanted} for the expected answer; its columns: {there}; "
            'slipstick.rewards.trl.accuracy(answer_column="COLUMN") sets it'
        )
    found: Sequence[Any] = columns[named[0]]
    return found


def _log(
    graded: Sequence[GradedAnswer],
    log_extra: Callable[[str, list[Any]], None] | None,
    log_metric: Callable[[str, float], None] | None,
) -> None:
    if log_extra:
        log_extra("found_answer", [each.answer or "" for each in graded])
        log_extra("verdict", [f"{each.verdict.outcome}: {each.verdict.reason}" for each in graded])
    if log_metric and graded:
        log_metric("undecided", sum(each.reward is None for each in graded) / len(graded))
