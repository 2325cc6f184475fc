"""Metrics as people read them: which are percentages, their labels, the order of formats."""

from collections.abc import Iterable

from slipstick.schema import Metric

SHARES = (
    "accuracy",
    "pass@",
    "maj@",
    "best@",
    "weighted@",
    "executed",
    "failed",
    "no_answer",
    "undecided",
    "request_failed",
    "sandbox_fault",
    "tool_use",
    "truncated",
    "unfinished_thoughts",
    "outputs_equal",
    "rerun_equal",
    "judge_agreement",
    "judge_sensitivity",
    "judge_specificity",
)
"""How the measures begin that are shares between 0 and 1."""
BREAKDOWNS = ("topic", "subject", "level", "kind", "size")
"""The values of `Metric.group_by` that divide problems by what they are about rather than by where they come from."""


def is_share(metric: Metric) -> bool:
    """Whether a metric is a share between 0 and 1, which people read in percent."""
    return metric.measure.startswith(SHARES)


def metric_label(metric: Metric) -> str:
    """What was measured, in words: "accuracy, pot, subject algebra"."""
    return ", ".join(part for part in (metric.measure, metric.format, group_label(metric)) if part)


def group_label(metric: Metric) -> str:
    """A metric's group in words: "gsm8k", "subject algebra", "average, in-domain"; "" for all problems."""
    if metric.group_by == "average":
        return f"average, {metric.group}"
    return f"{metric.group_by} {metric.group}" if metric.group_by in BREAKDOWNS else metric.group


def order_formats(formats: Iterable[str]) -> list[str]:
    """Formats in the order tables show them: alphabetical, the combination of all others last."""
    return sorted(set(formats), key=lambda format: (format == "hybrid", format))
