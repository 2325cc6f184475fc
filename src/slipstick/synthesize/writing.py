"""Writes worked steps down in words, as a program, or interleaved (without the outputs)."""

import re
import zlib
from collections.abc import Sequence

from slipstick.formats import Format
from slipstick.problems.synthetic.paper import called, substitute
from slipstick.schema import Block, Code, Problem, Record, Text
from slipstick.synthesize.longhand import longhand
from slipstick.synthesize.writer import Writer

_SAID_SUM = re.compile(r"(?P<lead>.*?[A-Za-z]{2,},?) (?P<sum>(?:sqrt |\w*\(|\d).*) = (?P<result>\S+)\.")
_DIGITS_IN_WORDS = 3


class Step(Record):
    """One worked step."""

    name: str
    """A Python name that says what the step finds."""
    expression: str
    """How, as Python over numbers and the names of earlier steps."""
    says: str = ""
    """The same in words, "... = VALUE."; empty for what is given."""


def worked_steps(problem: Problem) -> list[Step]:
    """The steps in a problem's metadata, none if it has none."""
    return [Step.model_validate(step) for step in problem.metadata.get("steps") or []]


def can_write(format: Format, problem: Problem) -> bool:
    """Whether there is anything to write from: steps, or for words alone a rationale."""
    return bool(worked_steps(problem)) or (format.executes == "never" and problem.rationale is not None)


def is_small(problem: Problem) -> bool:
    """Whether the numbers that are given have at most three digits, so that they can be worked with in words."""
    given = (step.expression for step in worked_steps(problem) if not step.says)
    return all(len(number) <= _DIGITS_IN_WORDS for number in given if number.isdecimal())


def write(format: Format, problem: Problem, answer: str) -> list[Block]:
    """The solution that a format asks for; after each Code its Output is still missing."""
    steps = worked_steps(problem)
    if format.executes == "never":
        return [Text(text=f"\n{write_words(steps, answer=answer) if steps else problem.rationale}")]
    if format.executes == "program":
        return [Code(text=write_program(steps))]
    found = [place for place, step in enumerate(steps) if step.says]
    # Half of the problems with something to split are solved in two turns, always the same half.
    in_two = len(found) > 1 and zlib.crc32(problem.id.encode()) % 2 == 0
    return write_turns(steps, cut=found[-1] if in_two else None, answer=answer)


def write_words(steps: Sequence[Step], *, answer: str) -> str:
    """Chain of thought: what is given, a line a step, sums of small numbers done digit by digit, the answer."""
    given = [f"{step.name} = {step.expression}" for step in steps if not step.says]
    return "\n".join([*given, *(_step_in_words(step) for step in steps if step.says), f"The answer is {answer}."])


def write_program(steps: Sequence[Step]) -> str:
    """Program of thought: imports, one line a step, and the last one printed."""
    return "\n".join(
        [*_imports(steps), *(f"{step.name} = {step.expression}" for step in steps), f"print({steps[-1].name})"]
    )


def write_turns(steps: Sequence[Step], *, cut: int | None, answer: str) -> list[Block]:
    """Interleaved words and code that end in the answer; with `cut`, the steps from there on are a second turn."""
    parts = [steps] if cut is None else [steps[:cut], steps[cut:]]
    blocks: list[Block] = []
    for number, part in enumerate(parts):
        opening = "We find" if number == 0 else "Now we find"
        blocks += (Text(text=f"\n{opening} the {_words(part[-1].name)}.\n"), Code(text=write_program(part)))
    return [*blocks, Text(text=f"The {_words(steps[-1].name)} is {answer}. The answer is \\boxed{{{answer}}}.")]


def _step_in_words(step: Step) -> str:
    """'Adding gives a + b = 13 + 29. 3 + 9 = 12 write 2, ... So total = 42.'"""
    match = _SAID_SUM.fullmatch(step.says)
    if match is None:
        return step.says
    digits = longhand(match["sum"])
    worked = f"{match['sum']}. {digits}." if digits else f"{match['sum']} = {match['result']}."
    return f"{match['lead']} {substitute(step.expression, {})} = {worked} So {step.name} = {match['result']}."


def _imports(steps: Sequence[Step]) -> list[str]:
    names = {name for step in steps for name in called(step.expression)}
    lines = ["from fractions import Fraction"] if "Fraction" in names else []
    from_math = ", ".join(sorted(names - {"Fraction", "max", "min"}))
    return [*lines, f"from math import {from_math}"] if from_math else lines


def _words(name: str) -> str:
    return name.replace("_", " ")


WORKED_STEPS = Writer(name="worked steps", needs="worked steps", suits=can_write, write=write)
"""Writes from the steps in a problem's metadata, abstract problems from their rationale."""
