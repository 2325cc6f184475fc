"""Takes the solutions that a source was published with: its rationale as words, its program or formula as a program.

MathInstruct (MAmmoTH, arXiv 2309.05653, table 1) takes nine of its thirteen sources so. A source without golds is
taken as it is, and its solutions have no verdict.
"""

from slipstick.formats import Format
from slipstick.schema import Block, Code, Problem, Text
from slipstick.synthesize.annotations import write as write_annotated
from slipstick.synthesize.annotations.formulas import has_formula
from slipstick.synthesize.writer import Writer


def suits(format: Format, problem: Problem) -> bool:
    """Whether a problem came with a rationale, for words, or with a program or a formula, for a program."""
    if format.executes == "never":
        return bool(problem.rationale) and not has_formula(problem)
    return format.executes == "program" and (bool(_program(problem)) or has_formula(problem))


def write(format: Format, problem: Problem, answer: str) -> list[Block]:
    """The solution in a format, its output still missing. Raises NotWrittenError."""
    if format.executes != "never" and (program := _program(problem)):
        return [Code(text=program)]
    if format.executes == "never" and problem.answer is None:
        return [Text(text=f"\n{(problem.rationale or '').strip()}")]
    return write_annotated(format, problem, answer)


def _program(problem: Problem) -> str:
    """The program in a problem's metadata; "" for none."""
    program = problem.metadata.get("program")
    return program.strip() if isinstance(program, str) else ""


RELEASED = Writer(name="released", needs="released solution", suits=suits, write=write, needs_gold=False)
"""Takes released rationales, programs and formulas."""
