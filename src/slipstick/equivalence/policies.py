"""Decisions on which graders may differ, as data: a `Policy` has a value for each; our profiles are policies by name.

A profile is one string everywhere, in recipes, run records and rewards: a name, or a name with settings,
`slipstick:percent=value,rounding=none`. docs/grade.md has the table of fields with reasons and examples.
"""

import functools
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from types import MappingProxyType
from typing import Literal, get_args, get_type_hints

from slipstick.errors import UserError, did_you_mean


@dataclass(frozen=True, slots=True)
class Policy:
    """What is decided by convention and not by mathematics; the values given here are those of `slipstick`."""

    equation: Literal["incorrect", "correct"] = "incorrect"
    """An equation or inequality that still has to be solved, for a gold that is solved: `2x+1=7` for `x=3`."""
    unevaluated: Literal["operators", "arithmetic", "correct"] = "operators"
    r"""Operations left in an answer whose gold has none. operators: \\int, \\sum, \\prod, \\lim, \\bmod, \\gcd, \\det,
    d/dx are incorrect; arithmetic: also arithmetic and functions of plain numbers and surds that can be simplified, for
    a gold that is a plain evaluated value; correct: what has the same value is the same."""
    rounding: Literal["nonterminating", "any", "none"] = "nonterminating"
    """Which answers a decimal gold of three or more digits may be the rounded value of. nonterminating: those that are
    no terminating decimal or fraction themselves, if the gold is not exact in binary (12.5); any: all, also decimals of
    two or more places more (66.6667 for 66.67); none: none."""
    percent: Literal["either", "value"] = "either"
    """either: 50% is 0.5, and 50 is 50%; value: 50% is 0.5, and the sign may be missing only beside a gold that has
    it."""
    interval: Literal["list", "interval"] = "list"
    """What the gold `[0,1]` or `(1,2)` is beside `0,1` and `\\{1,2\\}`: list, these two values; interval, an
    interval or a point, which has brackets of its own."""
    approximate: Literal["correct", "incorrect"] = "correct"
    """"about 6", "maybe 6", "≈ 6" for an exact 6."""
    several: Literal["first", "incorrect"] = "first"
    """Several values where one number is asked, "128 children and 150 adults", boxes in a row: first, the first of them
    is the answer; incorrect, they are no answer to a single number."""
    question: Literal["incorrect", "reordered", "correct"] = "incorrect"
    """A formula of the question given back, if it has an operation to do and the gold is written otherwise. reordered:
    incorrect also with its terms and factors in another order."""

    guess: Literal["undecided", "taken", "none"] = "undecided"
    """An answer that the text does not mark. taken: its last number, formula, bold word or letter is the answer;
    undecided: the same, but if it is not the gold and the conclusion of the text names the gold too, the verdict is
    undecided; none: there is no answer, unless the text is nothing else."""

    def setting(self, field: str) -> str:
        """How a reason names the decision: "policy percent=value"."""
        return f"policy {field}={asdict(self)[field]}"


SLIPSTICK = Policy()
"""The default: for measuring, a value counts however it is written."""
STRICT = Policy(
    unevaluated="arithmetic",
    percent="value",
    interval="interval",
    approximate="incorrect",
    several="incorrect",
    question="reordered",
    guess="taken",
)
"""For training signals: what a model could learn to write instead of solving the problem is incorrect."""
OWN: Mapping[str, Policy] = MappingProxyType({"slipstick": SLIPSTICK, "slipstick-strict": STRICT})
"""Our profiles by name."""
REWARDS = "slipstick-strict"
"""The profile of a verdict that becomes a training signal, unless another is asked for."""
VALUES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {field: get_args(values) for field, values in get_type_hints(Policy).items()}
)
"""Field -> its values."""


@functools.lru_cache(maxsize=64)
def policy_of(profile: str) -> Policy:
    """The policy that a profile of ours stands for, with its settings.

    Raises UserError, which names the known ones, for a profile that is not ours, or no such field or value.
    """
    name, _, settings = profile.partition(":")
    if name not in OWN:
        raise UserError(f"`{name}` has no policy{did_you_mean(name, OWN)}; known: {', '.join(OWN)}")
    changes: dict[str, str] = {}
    for setting in settings.split(",") if settings else ():
        field, _, value = (part.strip() for part in setting.partition("="))
        if field not in VALUES:
            raise UserError(
                f"profile `{profile}`: there is no policy `{field}`{did_you_mean(field, VALUES)}; "
                f"known: {', '.join(VALUES)}; write {name}:POLICY=VALUE,POLICY=VALUE"
            )
        if value not in VALUES[field]:
            raise UserError(
                f"profile `{profile}`: {field} = `{value}` is not known{did_you_mean(value, VALUES[field])}; "
                f"known: {', '.join(VALUES[field])}"
            )
        changes[field] = value
    return replace(OWN[name], **changes)  # type: ignore[arg-type]  # checked against VALUES
