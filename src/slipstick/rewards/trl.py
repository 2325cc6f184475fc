"""Rewards for TRL's GRPO and RLOO trainers: `reward_funcs=[slipstick.rewards.trl.reward]`."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

from slipstick.equivalence.policies import REWARDS
from slipstick.errors import UserError
from slipstick.rewards.verdicts import Completion, Judged, judge
from slipstick.schema import Kind

__all__ = ["accuracy", "async_accuracy", "async_reward", "reward"]

_COLUMNS = ("answer", "ground_truth", "solution", "label", "target", "gold")
_PASSED = ("prompts", "completion_ids", "trainer_state", "environments")


class _Settings(NamedTuple):
    """Settings of a reward; positional, because a data set may have columns of these names."""

    answer_column: str | None = None
    kind: Kind | None = None
    profile: str = REWARDS


def reward(completions: Sequence[Completion], **columns: Any) -> list[float | None]:
    """1.0 for each completion whose answer is correct, 0.0 for an incorrect one or none, None if undecided.

    TRL calls it with keywords only: completions (texts, or lists of messages of which the last of the assistant
    counts), and every column of the dataset, repeated for each completion. The expected answer is taken from the
    first column there is of answer, ground_truth, solution, label, target, gold. TRL leaves a None out of a
    completion's reward. If TRL passes its loggers, answers and verdicts go to its table of completions and the share of
    undecided ones to its metrics. Raises UserError if there is no such column.
    """
    return _reward(_Settings(), completions, **columns)


async def async_reward(completions: Sequence[Completion], **columns: Any) -> list[float | None]:
    """`reward` in a thread of its own, so that the event loop, and TRL's other async rewards, go on meanwhile."""
    return await _async_reward(_Settings(), completions, **columns)


def accuracy(
    answer_column: str | None = None, *, kind: Kind | None = None, profile: str = REWARDS
) -> Callable[..., list[float | None]]:
    """`reward` with your own answer column, kind of answer and profile; TRL logs it as "accuracy"."""
    return _named(partial(_reward, _Settings(answer_column, kind, profile)))


def async_accuracy(
    answer_column: str | None = None, *, kind: Kind | None = None, profile: str = REWARDS
) -> Callable[..., Awaitable[list[float | None]]]:
    """`async_reward` with your own answer column, kind of answer and profile; TRL logs it as "accuracy"."""
    return _named(partial(_async_reward, _Settings(answer_column, kind, profile)))


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
    judged = judge(completions, expected, prompts=prompts, kind=settings.kind, profile=settings.profile)
    _log(judged, log_extra, log_metric)
    return [each.reward for each in judged]


async def _async_reward(
    settings: _Settings, /, completions: Sequence[Completion], **columns: Any
) -> list[float | None]:
    return await asyncio.to_thread(_reward, settings, completions, **columns)


def _named(function: partial[Any]) -> partial[Any]:
    function.__name__ = "accuracy"  # type: ignore[attr-defined]  # a partial, unlike a closure, can be pickled
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
    judged: Sequence[Judged],
    log_extra: Callable[[str, list[Any]], None] | None,
    log_metric: Callable[[str, float], None] | None,
) -> None:
    if log_extra:
        log_extra("found_answer", [each.answer or "" for each in judged])
        log_extra("verdict", [f"{each.verdict.outcome}: {each.verdict.reason}" for each in judged])
    if log_metric and judged:
        log_metric("undecided", sum(each.reward is None for each in judged) / len(judged))
