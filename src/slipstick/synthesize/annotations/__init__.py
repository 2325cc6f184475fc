r"""Solutions from the calculations that a rationale already contains: no model, and no search.

GSM8K's annotations `<<48/2=24>>` (Cobbe et al. 2021, section 2) with the equations around them, and MathQA's formulas
(Amini et al. 2019, section 3), are compiled into programs. A program follows its rationale to the last equation;
whether its result is the gold is decided afterwards, by running it. The stages, in the order data passes them:

- `trees`: arithmetic as a tree, read from text and evaluated exactly
- `read/`: the calculations of a rationale, and the numbers and words around them
- `link`: calculations -> a plan: which operand is a number of the problem, which an earlier result
- `checks`: what a plan must hold before anything is learned from it
- `formulas`: MathQA's formulas -> plans, by `formulas.toml`
- `name`: variable names for a plan
- `python`: trees as Python source
- `write`: a plan as a program, or in turn with the words of its rationale; a rationale as words alone
"""

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
            # MathQA's golds were computed with floats
            return [Code(text=write_program(plan, name_plan(plan, problem.text), floats=True))]
        plan, rationale = _planned(problem.text, problem.rationale or "")
        if format.executes == "program":
            plan = plan.needed()
            return [Code(text=write_program(plan, name_plan(plan, problem.text, rationale)))]
        return write_turns(plan, name_plan(plan, problem.text, rationale), rationale)
    except NoValueError as fault:
        raise NotWrittenError("no value", f"the arithmetic of `{problem.id}` has no value: {fault}") from fault


@lru_cache(maxsize=64)
def _planned(question: str, text: str) -> tuple[Plan, Rationale]:
    """A problem's plan, checked, and its rationale; the formats of one problem share them."""
    rationale = read_rationale(text)
    plan = plan_rationale(question, rationale)
    check_plan(plan.needed(), values_in(question) | values_in(text))
    return plan, rationale


ANNOTATIONS = Writer(name="annotations", needs="rationale to follow", suits=suits, write=write)
"""Writes from annotated rationales and from formulas."""
