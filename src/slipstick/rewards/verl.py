"""Rewards for verl: `custom_reward_function.path` is this file, `custom_reward_function.name` is compute_score."""

from collections.abc import Sequence
from typing import Any

from slipstick.equivalence.policies import REWARDS
from slipstick.rewards.verdicts import GradedAnswer, grade_completions, last_turn
from slipstick.schema import Kind

__all__ = ["compute_score", "compute_scores"]

_QUESTIONS = ("question", "problem", "prompt", "raw_prompt")


def compute_score(
    data_source: str,
    solution_str: str,
    ground_truth: Any,
    extra_info: dict[str, Any] | None = None,
    *,
    kind: Kind | None = None,
    profile: str = REWARDS,
    **unused: Any,
) -> dict[str, float | str]:
    """The score of one decoded response, of whose dialogue the last message of the assistant counts.

    Returns, always with the same keys, which verl puts in columns: score and acc, 1.0 or 0.0; pred, the answer, "" for
    none, which verl's majority vote reads; undecided, 1.0 if we cannot decide, and then score is 0.0, as verl knows
    no missing reward. kind and profile come from `custom_reward_function.reward_kwargs`; of extra_info the
    question is read, if it has one, data_source is not. Raises UserError for a profile that does not exist.
    """
    asked = [_question(extra_info)]
    return _score(
        grade_completions([last_turn(solution_str)], [ground_truth], prompts=asked, kind=kind, profile=profile)[0]
    )


def compute_scores(
    data_sources: Sequence[str],
    solution_strs: Sequence[str],
    ground_truths: Sequence[Any],
    extra_infos: Sequence[Any] | None = None,
    *,
    kind: Kind | None = None,
    profile: str = REWARDS,
    **unused: Any,
) -> list[dict[str, float | str]]:
    """`compute_score` for a whole batch, as verl's reward manager `batch` asks."""
    asked = None if extra_infos is None else [_question(info) for info in extra_infos]
    responses = [last_turn(text) for text in solution_strs]
    graded = grade_completions(responses, ground_truths, prompts=asked, kind=kind, profile=profile)
    return [_score(each) for each in graded]


def _question(extra_info: Any) -> Any:
    """The question, which verl's preparation of GSM8K and MATH keeps in the extra information."""
    found = (extra_info.get(key) for key in _QUESTIONS) if isinstance(extra_info, dict) else ()
    return next((each for each in found if isinstance(each, str | list)), None)


def _score(graded: GradedAnswer) -> dict[str, float | str]:
    score = graded.reward or 0.0
    return {"score": score, "acc": score, "pred": graded.answer or "", "undecided": float(graded.reward is None)}
