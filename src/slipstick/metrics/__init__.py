"""Turns graded solutions into numbers, each with its 95 % interval and its count.

Every measure is first one value a problem, then the mean over problems: a problem that was sampled more often does not
weigh more.
`undecided` is never counted correct.
"""

from slipstick.metrics.groups import Groups, group_problems, set_of, size_of
from slipstick.metrics.intervals import Z95, Estimate, Value, average, mean, wilson
from slipstick.metrics.labels import BREAKDOWNS, SHARES, group_label, is_share, metric_label, order_formats
from slipstick.metrics.measures import (
    accuracy,
    best_of_k,
    by_problem,
    curves,
    error_class,
    maj_at_k,
    missing_sets,
    pass_at_k,
    ran,
    sets_of,
    summarize,
    unserved,
    weighted_at_k,
)
from slipstick.metrics.paired import Paired, mcnemar, paired, power, problems_needed, shares
from slipstick.metrics.samples import group_equal_answers, share_correct

__all__ = [
    "BREAKDOWNS",
    "SHARES",
    "Z95",
    "Estimate",
    "Groups",
    "Paired",
    "Value",
    "accuracy",
    "average",
    "best_of_k",
    "by_problem",
    "curves",
    "error_class",
    "group_equal_answers",
    "group_label",
    "group_problems",
    "is_share",
    "maj_at_k",
    "mcnemar",
    "mean",
    "metric_label",
    "missing_sets",
    "order_formats",
    "paired",
    "pass_at_k",
    "power",
    "problems_needed",
    "ran",
    "set_of",
    "sets_of",
    "share_correct",
    "shares",
    "size_of",
    "summarize",
    "unserved",
    "weighted_at_k",
    "wilson",
]
