r"""Solutions from the calculations that a rationale already holds: no model, and no search.

GSM8K's annotations `<<48/2=24>>` (Cobbe et al. 2021, section 2) with the equations around them, and MathQA's formulas
(Amini et al. 2019, section 3), are compiled into programs whose names say what they hold. A program follows its
rationale to the last equation; whether it comes to the gold is seen afterwards, by running it.
"""

from __future__ import annotations

from functools import lru_cache

from slipstick.exact import NoValueError
from slipstick.formats import Format
from slipstick.schema import Block, Code, Problem, Text
from slipstick.synthesize.annotations.checks import check_plan
from slipstick.synthesize.annotations.formulas import has_formula, plan_formula
from slipstick.synthesize.annotations.link import Plan, plan_rationale
from slipstick.synthesize.annotations.name import name_plan
from slipstick.synthesize.annotations.read.mentions import values_in
from slipstick.synthesize.annotations.read.rationale import Rationale, read_rationale
from slipstick.synthesize.annotations.write import write_program, write_turns, write_words
from slipstick.synthesize.writer import NotWrittenError, Writer


def suits(format: Format, problem: Problem) -> bool:
    """Whether a problem has a rationale for the words of a format, and plain arithmetic for its code."""
    if has_formula(problem):
        return format.executes == "program"
    if not problem.rationale:
        return False
    return format.executes == "never" or (problem.kind in (None, "number") and "\\" not in problem.rationale)


def write(format: Format, problem: Problem, answer: str) -> list[Block]:
    """The solution in a format, its outputs still missing. Raises NotWrittenError."""
    if format.executes == "never":
        return [Text(text=write_words(problem, answer))]
    try:
        if has_formula(problem):
            plan = plan_formula(problem)
            # MathQA's golds are what floats come to
            return [Code(text=write_program(plan, name_plan(plan, problem.text), floats=True))]
        plan, names, rationale = _planned(problem.text, problem.rationale or "")
        if format.executes == "program":
            return [Code(text=write_program(plan, names))]
        return write_turns(plan, names, rationale)
    except NoValueError as fault:
        raise NotWrittenError("no value", f"the arithmetic of `{problem.id}` has no value: {fault}") from fault


@lru_cache(maxsize=64)
def _planned(question: str, text: str) -> tuple[Plan, dict[str, str], Rationale]:
    """A problem's plan, checked, and the names in it; the formats of one problem share it."""
    rationale = read_rationale(text)
    plan = plan_rationale(question, rationale)
    check_plan(plan.needed(), values_in(question) | values_in(text))
    return plan, name_plan(plan, question, rationale), rationale


ANNOTATIONS = Writer(name="annotations", needs="rationale to follow", suits=suits, write=write)
"""Writes from annotated rationales and from formulas."""
