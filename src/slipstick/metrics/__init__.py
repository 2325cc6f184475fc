"""Turns graded solutions into numbers, each with its 95 % interval and its count.

groups.py      problems -> sets, splits and breakdowns by subject, level, ...
estimators.py  the samples of one problem -> pass@k, maj@k, best@k, weighted@k
intervals.py   one value a problem -> their mean with its 95 % interval
measures.py    the solutions of a run -> metrics, format by format and group by group
labels.py      a metric -> its name for people
misclassification.py  an accuracy corrected for the error rates of a judge
paired.py      two runs on the same problems -> difference, p-value, problems needed

Every measure is first one value a problem, then the mean over problems: a problem that was sampled more often does not
weigh more. `undecided` is never counted correct.
"""

from slipstick.metrics.measures import accuracy, best_of_k, curves, maj_at_k, pass_at_k, summarize, weighted_at_k
from slipstick.metrics.paired import accuracy_by_problem, compare_paired

__all__ = [
    "accuracy",
    "accuracy_by_problem",
    "best_of_k",
    "compare_paired",
    "curves",
    "maj_at_k",
    "pass_at_k",
    "summarize",
    "weighted_at_k",
]
