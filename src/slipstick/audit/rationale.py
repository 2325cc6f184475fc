"""What a problem's own worked solution says against its label: each contradiction a piece of evidence."""

import re
import tomllib
from collections.abc import Iterator
from fractions import Fraction
from functools import cache
from math import log
from pathlib import Path
from typing import NamedTuple

from slipstick.audit.equations import ANNOTATION, Equation, numbers, read_equations
from slipstick.equivalence import compare
from slipstick.number_words import CARDINALS, GROUPS, MULTIPLES
from slipstick.schema import Problem, Record

_COMPARISON = re.compile(
    r"\btimes (?:(?:more|fewer|less)\b(?:(?: \w+){0,3} than\b)?|(?!per\b)\w+er than\b)", re.IGNORECASE
)
_PLAIN = re.compile(r"[-$€£ ]*[\d,]*\.?\d+[%. ]*")
_APART = str.maketrans("<>=", "   ")
_WORD = re.compile(r"[a-z]+")
_SCALES = (60, 100, 1000)
"""Factors by which a label may differ because only its unit changed: minutes, cents and per cent, thousands."""
_WORDS = {
    word: Fraction(value)
    for word, value in {
        **CARDINALS, **MULTIPLES, **GROUPS, "single": 1, "half": 2, "third": 3, "quarter": 4, "hundred": 100
    }.items()
}  # fmt: skip
_COMMON = frozenset((100, 1000, 360, 365, 366, 180, 144, 1440, 3600, 5280, 2000, 10000, 1000000))
"""Numbers that need no source: per cent, units, circles, days."""
_LEAST = 100
"""Numbers of fewer than three digits come up by chance too often."""


class Evidence(Record):
    """One thing that makes a label more or less likely to be wrong."""

    signal: str
    """"votes" for what solvers say, else a signal of `signals.toml`, or "steps"."""
    weight: float
    """Log-odds it adds to the label being wrong; negative if it supports the label."""
    says: str
    """In words: who says what, or which line contradicts which."""


@cache
def weights() -> dict[str, float]:
    """Signal -> log-odds that it adds."""
    return {
        name: float(value)
        for name, value in tomllib.loads(Path(__file__).with_name("signals.toml").read_text("utf-8")).items()
    }


class Worked(NamedTuple):
    """A worked solution, read once."""

    lines: list[list[Fraction]]
    """The numbers of each line, those of its annotations included."""
    end: list[Fraction]
    """The numbers of the last line that has any, its annotations aside."""
    equations: list[Equation]
    """Its equations, in order."""

    def steps(self) -> int:
        """How many results it calculates; one in text and in an annotation counts once."""
        return len({(equation.line, equation.right) for equation in self.equations})


def read_rationale(problem: Problem) -> Worked:
    """A problem's rationale without the answer that some sources append ("#### 18")."""
    text = (problem.rationale or "").partition("\n####")[0]
    lines = text.splitlines()
    spoken = [found for line in lines if (found := numbers(ANNOTATION.sub("", line)))]
    everything = [numbers(line.translate(_APART)) for line in lines]
    return Worked(everything, spoken[-1] if spoken else [], read_equations(text))


def contradictions(problem: Problem, worked: Worked) -> Iterator[Evidence]:
    """Evidence from a problem's text and rationale alone; nothing of the rationale if it has none or no numbers."""
    comparison = _COMPARISON.search(problem.text)
    if comparison:
        said = " ".join(comparison[0].split())
        yield _evidence("ambiguous_comparison", f"the question says “{said}”, which is read in two ways")
    label = _label_value(problem)
    if label is None or not worked.end:
        return
    yield from _label_against_end(label, worked)
    yield from _false_equation(label, worked.equations)
    yield from _number_from_nowhere(problem, worked)


def program_differs(problem: Problem, result: str | None) -> Evidence | None:
    """Evidence if a program made from the worked solution has another result than the label."""
    if result is None or problem.answer is None:
        return None
    if compare(result, problem.answer, kind=problem.kind).outcome != "incorrect":
        return None
    return _evidence("program_differs", f"a program made from the worked solution evaluates to {result}")


def step_evidence(count: int, usual: float) -> Evidence | None:
    """Steps fail alike: the odds of a wrong label grow as the number of steps that led to it."""
    if not count or not usual:
        return None
    return Evidence(signal="steps", weight=round(log(count / usual), 4), says=f"steps: {count}; {usual:.1f} are usual")


def _label_value(problem: Problem) -> Fraction | None:
    """A label as a number, None if it is several, none, or no plain number."""
    if not isinstance(problem.answer, str) or not _PLAIN.fullmatch(problem.answer):
        return None
    found = numbers(problem.answer)
    return found[0] if len(found) == 1 else None


def _label_against_end(label: Fraction, worked: Worked) -> Iterator[Evidence]:
    if abs(label) in worked.end:
        return
    result = worked.end[-1]
    says = f"the worked solution ends in {_show(result)}, the label is {_show(label)}"
    if any(result * scale == label or label * scale == result for scale in _SCALES):
        yield _evidence("unit_changed", says)
    elif not any(abs(label) in line for line in worked.lines):
        yield _evidence("label_absent", f"{says}, which it has nowhere")
    else:
        yield _evidence("last_result_differs", says)


def _false_equation(label: Fraction, equations: list[Equation]) -> Iterator[Evidence]:
    """The first equation that is false; later errors follow from it."""
    equation = next((equation for equation in equations if not equation.holds), None)
    if equation:
        yield _evidence("false_equation", f"line {equation.line}: {equation.left} = {equation.right} does not hold")
        if label in numbers(equation.right):
            yield _evidence("false_result", f"and {equation.right} is the label")


def _number_from_nowhere(problem: Problem, worked: Worked) -> Iterator[Evidence]:
    """The first operand that neither the question has nor an earlier step gave: miscopied if one digit differs."""
    known = {*numbers(problem.text), *(_WORDS[word] for word in _WORD.findall(problem.text.lower()) if word in _WORDS)}
    read = 0
    for equation in worked.equations:
        known.update(*worked.lines[read : equation.line - 1])
        read = equation.line - 1
        for operand in numbers(equation.left):
            if operand >= _LEAST and operand.denominator == 1 and operand not in known and operand not in _COMMON:
                near = next((value for value in sorted(known) if _one_digit_apart(str(operand), str(value))), None)
                if near is not None:
                    yield _evidence("slipped_digit", f"line {equation.line}: {operand} is nowhere before, {near} is")
                    return
                if not any(operand == value * scale for value in known for scale in (10, *_SCALES)):
                    says = f"line {equation.line}: {operand} is neither given nor calculated before"
                    yield _evidence("from_nowhere", says)
                    return
        known.update(numbers(equation.right), numbers(equation.left))


def _one_digit_apart(one: str, other: str) -> bool:
    return len(one) == len(other) and sum(a != b for a, b in zip(one, other, strict=True)) == 1


def _show(value: Fraction) -> str:
    return f"{value.numerator:,}" if value.denominator == 1 else f"{float(value):,.6g}"


def _evidence(signal: str, says: str) -> Evidence:
    return Evidence(signal=signal, weight=weights()[signal], says=says)
