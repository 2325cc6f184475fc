"""Writes a plan as one Python program or interleaved with its rationale's words; and a rationale as words alone."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from slipstick.answers import find_answer
from slipstick.equivalence import compare
from slipstick.exact import decimal
from slipstick.schema import Block, Code, Problem, Text
from slipstick.synthesize.annotations.link import Plan, Step, names_in
from slipstick.synthesize.annotations.python import Computed, write_number, write_solve, write_tree
from slipstick.synthesize.annotations.read.calculations import Calculation
from slipstick.synthesize.annotations.read.mentions import mentions
from slipstick.synthesize.annotations.read.rationale import Rationale
from slipstick.synthesize.annotations.trees import Name, Solve, Tree, substituted
from slipstick.synthesize.writer import NotWrittenError


@dataclass(frozen=True)
class Lines:
    """A plan's assignments in Python."""

    inputs: dict[str, str]
    """Key -> assignment of an input."""
    steps: dict[str, str]
    """Key -> assignment of a step."""
    names: Mapping[str, str]
    """Key -> variable."""
    values: dict[str, Computed]
    """Name -> its Python value."""


def write_lines(plan: Plan, names: Mapping[str, str]) -> Lines:
    """The assignments of a plan; with fractions if floats would show digits that a result does not have."""
    lines = _lines(plan, names, exact=False)
    if any(_is_off(step, lines.values[names[step.key]]) for step in plan.steps):
        return _lines(plan, names, exact=True)
    return lines


def _lines(plan: Plan, names: Mapping[str, str], *, exact: bool) -> Lines:
    inputs, steps, values = {}, {}, dict[str, Computed]()
    called: dict[str, Tree] = {key: Name(name) for key, name in names.items()}
    for key, given in plan.inputs.items():
        written = write_number(given.value, exact=exact)
        inputs[key], values[names[key]] = f"{names[key]} = {written.text}", written.value
    for step in plan.steps:
        tree = substituted(step.tree, called)
        if isinstance(tree, Solve):
            own, values[names[step.key]] = write_solve(tree, names[step.key], values)
            steps[step.key] = "\n".join(own)
            continue
        written = write_tree(tree, values, exact=exact)
        steps[step.key], values[names[step.key]] = f"{names[step.key]} = {written.text}", written.value
    return Lines(inputs, steps, names, values)


def _is_off(step: Step, value: Computed) -> bool:
    """Whether a float shows digits that the exact value does not have."""
    return isinstance(value, float) and decimal(step.value) is not None and Fraction(repr(value)) != step.value


def shown(value: Computed) -> str:
    """A result as a person writes it."""
    if isinstance(value, float) and value == int(value):
        return str(int(value))
    if isinstance(value, Fraction):
        return decimal(value) or str(value)
    return str(value)


def write_program(plan: Plan, names: Mapping[str, str], *, floats: bool = False) -> str:
    """One program that prints the answer. floats: never uses fractions."""
    lines = _lines(plan, names, exact=False) if floats else write_lines(plan, names)
    body = [*lines.inputs.values(), *lines.steps.values()]
    return "\n".join([*_imports(body), *body, f"print({_printed(lines, plan.answer)})"])


def _printed(lines: Lines, key: str) -> str:
    name = lines.names[key]
    value = lines.values[name]
    return f"float({name})" if isinstance(value, Fraction) and value.denominator > 1 and decimal(value) else name


def _imports(body: Iterable[str]) -> list[str]:
    text = "\n".join(body)
    found = sorted(set(re.findall(r"\b(sqrt|floor|ceil|log|factorial|comb|perm|lcm|gcd|isqrt)\(", text)))
    lines = ["from fractions import Fraction"] if "Fraction(" in text else []
    if "solve(" in text:
        lines.append(f"from sympy import Eq, {'Rational, ' if 'Rational(' in text else ''}solve, symbols")
    return [*lines, f"from math import {', '.join(found)}"] if found else lines


def write_turns(plan: Plan, names: Mapping[str, str], rationale: Rationale) -> list[Block]:
    """The rationale's words interleaved with its calculations, without the outputs.

    A sentence with one calculation comes before its code, without the result; one that states results in other places
    comes after its code.
    """
    lines = write_lines(plan, names)
    turns = _Turns(lines, plan)
    done: set[str] = set()
    by_calculation = {step.calculation: step for step in plan.steps if step.calculation}
    for number, line in enumerate(rationale.lines):
        for start, end in _sentences(line):
            steps = [
                step
                for calculation, step in by_calculation.items()
                if calculation.line == number and start <= calculation.end - 1 < end and step.key not in done
            ]
            done |= {step.key for step in steps}
            turns.add(line, start, end, steps)
    rest = [step for step in plan.steps if step.key not in done]
    if rest:
        turns.code(rest)
    elif plan.answer != plan.steps[-1].key:  # the closing words go back to an earlier result
        turns.code([], shown=plan.answer)
    turns.words(f"The answer is \\boxed{{{shown(lines.values[names[plan.answer]])}}}.")
    return turns.blocks


def _sentences(line: str) -> list[tuple[int, int]]:
    places = [0, *(match.end() for match in re.finditer(r"(?<=[a-z)%0-9][.?!])\s+(?=[A-Z])", line)), len(line)]
    return [(start, end) for start, end in pairwise(places) if start < end]


class _Turns:
    """The blocks as they grow."""

    def __init__(self, lines: Lines, plan: Plan) -> None:
        self.blocks: list[Block] = []
        self._lines, self._plan = lines, plan
        self._known = {each.value for each in plan.inputs.values()}
        self._defined: set[str] = set()
        self._imported: set[str] = set()

    def add(self, line: str, start: int, end: int, steps: Sequence[Step]) -> None:
        """A sentence and its steps."""
        sentence = line[start:end].strip()
        if not steps:
            self.words(sentence)
            return
        calculation = steps[0].calculation
        if len(steps) == 1 and calculation and not self._states(line, start, end, calculation):
            self.words(f"{line[start : calculation.equals].rstrip()}{line[calculation.end : end].rstrip()}")
            self.code(steps)
        else:
            self.code(steps)
            self.words(sentence)
        self._known |= {step.calculation.shown for step in steps if step.calculation}

    def _states(self, line: str, start: int, end: int, calculation: Calculation) -> bool:
        """Whether a sentence states the result elsewhere too, or nothing but the result."""
        if calculation.equals == calculation.start:
            return True
        rest = f"{line[start : calculation.equals]} | {line[calculation.end : end]}"
        stated = {mention.value for mention in mentions(rest) if mention.form in ("number", "percent")}
        return calculation.shown in stated - self._known

    def words(self, sentence: str) -> None:
        """Adds a sentence; sentences in a row are on lines of their own."""
        if not sentence:
            return
        if self.blocks and isinstance(self.blocks[-1], Text):
            self.blocks[-1] = Text(text=f"{self.blocks[-1].text}{sentence}\n")
        else:
            self.blocks.append(Text(text=f"{sentence}\n" if self.blocks else f"\n{sentence}\n"))

    def code(self, steps: Sequence[Step], *, shown: str = "") -> None:
        """Adds the code of some steps, the inputs they need first. shown: a result to print in addition to theirs."""
        lines: list[str] = []
        for step in steps:
            for key in names_in(step.tree):
                if key in self._lines.inputs and key not in self._defined:
                    lines.append(self._lines.inputs[key])
                    self._defined.add(key)
            lines.append(self._lines.steps[step.key])
        imports = [line for line in _imports(lines) if line not in self._imported]
        self._imported |= set(imports)
        keys = [*(step.key for step in steps), *([shown] if shown else [])]
        printed = [f"print({_printed(self._lines, key)})" for key in keys]
        if not self.blocks:
            self.blocks.append(Text(text="\n"))
        self.blocks.append(Code(text="\n".join([*imports, *lines, *printed])))


_ANNOTATION = re.compile(r"<<[^<>]*>>")
_CLOSING = re.compile(
    r"\s*(?:(?:so |thus,? |hence,? |therefore,? )?(?:the )?(?:correct )?(?:answer|option|choice|ans)(?: is)?"
    r"\s*[:=.-]*\s*\(?[A-E]\)?\s*\.?|#### .*)\s*$",
    re.IGNORECASE,
)


def write_words(problem: Problem, answer: str) -> str:
    """The rationale without annotations, then "The answer is X.". Raises NotWrittenError if it ends elsewhere.

    For a multiple choice that says a letter or an option, that one counts.
    """
    text = _ANNOTATION.sub("", problem.rationale or "").strip()
    stated = _stated(text, problem)
    if stated is None:
        raise NotWrittenError("no stated answer", f"the rationale of `{problem.id}` does not say what the answer is")
    if compare(stated, problem.answer or "", kind=problem.kind).outcome != "correct":
        raise NotWrittenError("another answer", f"the rationale says {stated[:60]}, the answer is {answer[:60]}")
    return f"\n{_CLOSING.sub('', text).strip()}\nThe answer is {answer}."


def _stated(text: str, problem: Problem) -> str | None:
    found = find_answer(text, kind=problem.kind)
    if problem.kind != "choice" or not problem.choices:
        return found.text if found else None
    if found and found.text[:1].upper() in "ABCDEFGHIJ"[: len(problem.choices)] and len(found.text) < 3:
        return found.text
    last = text.splitlines()[-1] if text else ""
    named = [index for index, choice in enumerate(problem.choices) if choice.strip() and choice.strip() in last]
    return chr(ord("A") + named[0]) if len(named) == 1 else None
