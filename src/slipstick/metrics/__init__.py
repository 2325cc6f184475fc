"""Turns graded solutions into numbers, each with its 95 % interval and its count.

groups.py      problems -> sets, splits and breakdowns by subject, level, ...
estimators.py  the samples of one problem -> pass@k, maj@k, best@k, weighted@k
intervals.py   one value a problem -> their mean with its 95 % interval
measures.py    the solutions of a run -> metrics, format by format and group by group
labels.py      a metric -> its name for people
paired.py      two runs on the same problems -> difference, p-value, problems needed

Every measure is first one value a problem, then the mean over problems: a problem that was sampled more often does not
weigh more. `undecided` is never counted correct.
"""

from slipstick.metrics.estimators import group_equal_answers, share_correct
from slipstick.metrics.groups import group_problems, set_of
from slipstick.metrics.intervals import Estimate, ProblemValue, average, mean, wilson
from slipstick.metrics.labels import BREAKDOWNS, SHARES, group_label, is_share, metric_label, order_formats
from slipstick.metrics.measures import (
    accuracy,
    best_of_k,
    by_problem,
    curves,
    describe_left_out,
    maj_at_k,
    missing_sets,
    pass_at_k,
    problems_by_set,
    summarize,
    weighted_at_k,
)
from slipstick.metrics.paired import PairedComparison, accuracy_by_problem, compare_paired, power, problems_needed

__all__ = [
    "BREAKDOWNS",
    "SHARES",
    "Estimate",
    "PairedComparison",
    "ProblemValue",
    "accuracy",
    "accuracy_by_problem",
    "average",
    "best_of_k",
    "by_problem",
    "compare_paired",
    "curves",
    "describe_left_out",
    "group_equal_answers",
    "group_label",
    "group_problems",
    "is_share",
    "maj_at_k",
    "mean",
    "metric_label",
    "missing_sets",
    "order_formats",
    "pass_at_k",
    "power",
    "problems_by_set",
    "problems_needed",
    "set_of",
    "share_correct",
    "summarize",
    "weighted_at_k",
    "wilson",
]
