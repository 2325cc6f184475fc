"""The names of metrics: "measure/format/group"."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

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
    "outputs_equal",
    "rerun_equal",
)
BREAKDOWNS = ("topic", "subject", "level", "kind", "size")
"""What problems are broken down by; a group of one is "subject=…"."""
AVERAGE = "average="
"""How the group of a mean over sets begins: "average=in-domain"."""


class Name(NamedTuple):
    """What a metric's name says: "accuracy/pot/known" is ("accuracy", "pot", "known")."""

    measure: str
    format: str
    group: str
    """A set or split, "average=…" for a mean over sets, "subject=…" for a part, "" for all problems."""


def parse_name(name: str) -> Name:
    """The parts of a metric's name, "" for those it does not have."""
    measure, _, rest = name.partition("/")
    format, _, group = rest.partition("/")
    return Name(measure, format, group)


def order_formats(formats: Iterable[str]) -> list[str]:
    """Formats in the order tables show them: alphabetical, the combination of all others last."""
    return sorted(set(formats), key=lambda format: (format == "hybrid", format))


def is_share(name: str) -> bool:
    """Whether a metric is a share between 0 and 1, which people read in percent."""
    return parse_name(name).measure.startswith(SHARES)


def is_breakdown(group: str) -> bool:
    """Whether a group is a part of the problems by topic, subject, level, kind of answer or size of numbers."""
    return group.partition("=")[0] in BREAKDOWNS and "=" in group


def group_label(group: str) -> str:
    """A group as people read it: "average=in-domain" is "average, in-domain", "topic=gcd" is "gcd"."""
    return group.removeprefix("topic=").replace(AVERAGE, "average, ") if "=" in group else group


def is_average(group: str) -> bool:
    """Whether a group is a mean over sets, in which each set weighs the same."""
    return group.startswith(AVERAGE)
