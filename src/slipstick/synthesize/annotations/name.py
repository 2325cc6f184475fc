"""Names for the values of a plan: the first noun after a number or a result; equal ones are numbered.

Longer names ("money_after_pencil") gain a small model nothing and cost it tokens: "variable names" in
benchmarks/RESULTS.md.
"""

import builtins
import keyword
from collections import Counter

from slipstick.exact import FUNCTIONS
from slipstick.synthesize.annotations.link import Input, Plan, Step
from slipstick.synthesize.annotations.read.rationale import Rationale
from slipstick.synthesize.annotations.read.words import first_noun

_NEAR = 60
"""Characters after a number in which its noun is looked for."""
_TAKEN = frozenset((*dir(builtins), *keyword.kwlist, *FUNCTIONS, "symbols", "solve"))


def name_plan(plan: Plan, question: str, rationale: Rationale | None = None) -> dict[str, str]:
    """Key -> name for every input and step of a plan: valid in Python and unlike each other."""
    nouns = {key: _of_input(each, question) for key, each in plan.inputs.items()}
    nouns |= {step.key: "answer" if step.key == plan.answer else _of_step(step, rationale) for step in plan.steps}
    seen, names = Counter[str](), {}
    for key, noun in nouns.items():
        seen[noun] += 1
        names[key] = noun if seen[noun] == 1 else f"{noun}_{seen[noun]}"
    return names


def _of_input(each: Input, question: str) -> str:
    mention = each.mention
    if mention.form == "percent" or mention.money:
        return "percent" if mention.form == "percent" else "dollars"
    return first_noun(question[mention.end : mention.end + _NEAR], _TAKEN) or "number"


def _of_step(step: Step, rationale: Rationale | None) -> str:
    calculation = step.calculation
    if calculation is None or rationale is None:
        return "result"
    if calculation.shown_percent or calculation.money:
        return "percent" if calculation.shown_percent else "dollars"
    behind = rationale.lines[calculation.line][calculation.end : calculation.end + _NEAR]
    return first_noun(behind, _TAKEN) or "result"
