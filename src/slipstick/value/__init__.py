"""Value models in use: they score sampled solutions, and the scores choose among them.

scoring.py    a value model and its solutions -> solutions with values
quality.py    do the values rank correct above incorrect, and are they probabilities?
reranking.py  the majority, the best value and the weighted vote side by side, and advice on which to take
display.py    the same as tables for a terminal
"""

from __future__ import annotations

from slipstick.value.quality import (
    Bin,
    brier_score,
    calibration_error,
    judged,
    probability,
    reliability,
    within_problem_auc,
)
from slipstick.value.reranking import (
    RerankResult,
    advice,
    describe_samples,
    require_verdicts,
    rerank,
    rerank_groups,
    same_answer,
)
from slipstick.value.scoring import ValueModel, open_value_model, score

__all__ = [
    "Bin",
    "RerankResult",
    "ValueModel",
    "advice",
    "brier_score",
    "calibration_error",
    "describe_samples",
    "judged",
    "open_value_model",
    "probability",
    "reliability",
    "require_verdicts",
    "rerank",
    "rerank_groups",
    "same_answer",
    "score",
    "within_problem_auc",
]
