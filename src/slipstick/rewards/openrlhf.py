"""Rewards for OpenRLHF: `--reward.remote_url` (`--remote_rm_url` in earlier versions) is the path of this file."""

from collections.abc import Sequence
from typing import Any

from slipstick.rewards.verdicts import grade_completions, last_turn

__all__ = ["reward_func"]


def reward_func(queries: Sequence[str], prompts: Sequence[str], labels: Sequence[Any], **unused: Any) -> dict[str, Any]:
    """Tensors of rewards and scores, 1.0 or 0.0 for each query, a prompt followed by its response.

    labels: the expected answers, of the data's `--data.label_key`. What cannot be decided counts 0.0; `extra_logs`
    has its share, and that of responses without an answer. Needs torch.
    """
    import torch

    responses = [_response(query, prompt) for query, prompt in zip(queries, prompts, strict=True)]
    graded = grade_completions(responses, labels, prompts=prompts)
    rewards = torch.tensor([each.reward or 0.0 for each in graded])
    undecided = torch.tensor([float(each.reward is None) for each in graded])
    no_answer = torch.tensor([float(each.verdict.outcome == "no_answer") for each in graded])
    logs = {"accuracy": rewards.clone(), "undecided": undecided, "no_answer": no_answer}
    return {"rewards": rewards, "scores": rewards.clone(), "extra_logs": logs}


def _response(query: str, prompt: str) -> str:
    """What was answered: the query without its prompt, which decoding may have put tokens before."""
    prompt = prompt.strip()
    start = query.find(prompt)
    return last_turn(query[start + len(prompt) :] if start >= 0 else query)
