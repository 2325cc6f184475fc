"""From calculations to a plan: which operand is an input, which an earlier result, which a constant."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from fractions import Fraction

from slipstick.synthesize.annotations.read.calculations import Calculation
from slipstick.synthesize.annotations.read.mentions import Mention, mentions, values_in
from slipstick.synthesize.annotations.read.rationale import Rationale
from slipstick.synthesize.annotations.read.words import EMPTY, FACTS, singular, words_of
from slipstick.synthesize.annotations.trees import Call, Name, Number, Operation, Solve, Tree, evaluate, leaves
from slipstick.synthesize.writer import NotWrittenError

HUNDRED = Number(Fraction(100))


@dataclass(frozen=True)
class Input:
    """A number of the problem that the calculations use."""

    key: str
    """ "input" and its place in the question."""
    value: Fraction
    """The number."""
    mention: Mention
    """Where the question has it."""


@dataclass(frozen=True)
class Step:
    """One calculation over inputs, earlier steps and constants; `key`s are names in its tree."""

    key: str
    """ "step" and its number; of a formula the name it has there."""
    tree: Tree
    """What is calculated."""
    value: Fraction
    """Its exact result."""
    calculation: Calculation | None = None
    """The equation of the rationale; None for a step of a formula or after the last equation."""


@dataclass
class Plan:
    """What a program computes, in the order of the rationale."""

    inputs: dict[str, Input] = field(default_factory=dict)
    """Key -> input, in the order of use."""
    steps: list[Step] = field(default_factory=list)
    """In the order of calculation."""
    answer: str = ""
    """Key of the step that is the answer."""

    def values(self) -> dict[str, Fraction]:
        """Key -> exact value of every input and step."""
        given = {key: each.value for key, each in self.inputs.items()}
        return given | {step.key: step.value for step in self.steps}

    def needed(self) -> Plan:
        """Without the steps and inputs that the answer does not depend on."""
        keep, todo = set[str](), [self.answer]
        trees = {step.key: step.tree for step in self.steps}
        while todo:
            key = todo.pop()
            if key not in keep:
                keep.add(key)
                todo += names_in(trees[key]) if key in trees else []
        inputs = {key: each for key, each in self.inputs.items() if key in keep}
        return Plan(inputs, [step for step in self.steps if step.key in keep], self.answer)


def names_in(tree: Tree) -> list[str]:
    """The names of a tree, from left to right."""
    return [leaf.name for leaf in leaves(tree) if isinstance(leaf, Name)]


def plan_rationale(question: str, rationale: Rationale) -> Plan:
    """The plan of a rationale that ends in its last calculation. Raises NotWrittenError."""
    if not rationale.calculations:
        raise NotWrittenError("no calculation", "the rationale has no annotation and no equation that can be followed")
    linker = _Linker(question, rationale)
    for number, calculation in enumerate(rationale.calculations):
        later = rationale.calculations[number + 1 :]
        linker.add(
            calculation, {leaf.value for each in later for leaf in leaves(each.tree) if isinstance(leaf, Number)}
        )
    return _with_answer(linker.plan, question, rationale)


class _Linker:
    """Finds what each operand is: an earlier result, a number of the problem, else a constant of the rationale."""

    def __init__(self, question: str, rationale: Rationale) -> None:
        self.plan = Plan()
        self._mentions = mentions(question)
        self._mention_at = {f"input{each.start}": each for each in self._mentions}
        self._question, self._rationale = question, rationale
        self._given = values_in(question)
        self._used: set[str] = set()
        self._later: set[Fraction] = set()
        self._percents = {
            each.value for line in rationale.lines for each in mentions(line) if each.form == "percent"
        } | {calculation.value for calculation in rationale.calculations if calculation.percent}
        self._pasted = rationale.results - {each.shown for each in rationale.calculations}
        self._fractions = {
            question[each.start : each.end].replace(" ", "") for each in self._mentions if each.form == "fraction"
        }

    def add(self, calculation: Calculation, later: set[Fraction]) -> None:
        """Adds a step; one that does what an earlier step did is that step again. later: what later ones go on with."""
        self._later = later
        tree = self._linked(calculation.tree, calculation)
        value = evaluate(tree, self.plan.values())
        if any(step.tree == tree for step in self.plan.steps):
            return
        key = f"step{len(self.plan.steps)}"
        self.plan.steps.append(Step(key, tree, value, calculation))

    def _linked(self, tree: Tree, calculation: Calculation, sign: str = "") -> Tree:
        if isinstance(tree, Operation):
            if (step := self._shown_fraction(tree)) is not None:
                return self._use(step.key)
            if self._is_given_fraction(tree):
                return tree
            left = self._linked(tree.left, calculation, tree.sign)
            return Operation(tree.sign, left, self._linked(tree.right, calculation, tree.sign))
        if isinstance(tree, Solve):
            left = self._linked(tree.left, calculation)
            return Solve(left, self._linked(tree.right, calculation))
        return self._operand(tree, calculation, sign) if isinstance(tree, Number) else tree

    def _shown_fraction(self, tree: Operation) -> Step | None:
        """The step whose value is a fraction such as 24/5, which the rationale writes out later."""
        if tree.sign != "/" or not isinstance(tree.left, Number) or not isinstance(tree.right, Number):
            return None
        if not tree.right.value:
            return None
        share = tree.left.value / tree.right.value
        fitting = (step for step in reversed(self.plan.steps) if share.denominator != 1 and self._shows(step, share))
        return next((step for step in fitting if step.tree != tree), None)

    def _is_given_fraction(self, tree: Operation) -> bool:
        left, right = tree.left, tree.right
        return (
            tree.sign == "/"
            and isinstance(left, Number)
            and isinstance(right, Number)
            and (f"{left.value}/{right.value}" in self._fractions or (left.value == 1 and right.value <= 4))
        )

    def _operand(self, number: Number, calculation: Calculation, sign: str) -> Tree:
        value = number.value
        if value not in self._given and (share := self._share_of_step(value)) is not None:
            return share
        found = [*self._from_steps(number, calculation), *self._from_problem(number, calculation, sign)]
        if found:
            _, kind, chosen = max(found, key=lambda each: each[0])
            if kind == "constant":
                return Number(value)
            return self._use(chosen) if kind == "step" else self._given_name(self._mention_at[chosen])
        share = self._share_given(value)
        return share if share is not None else self._constant(number)

    def _from_steps(self, number: Number, calculation: Calculation) -> Iterator[tuple[float, str, str]]:
        """(score, "step", key) of earlier results that a number may be."""
        for place, step in enumerate(self.plan.steps):
            if not self._shows(step, number.value):
                continue
            score = 2.0 if step.key not in self._used else 0.4
            if number.value in self._given and number.value in self._later:
                score -= 0.8  # perhaps it is the problem's number here, and this result comes in later
            score += place / 1000 + (0.5 if place == len(self.plan.steps) - 1 else 0.0)
            if number.value <= 10 and number.value in self._given:
                score -= 0.7
            yield score + self._likeness(number, calculation, self._words_of_step(step)), "step", step.key

    def _from_problem(self, number: Number, calculation: Calculation, sign: str) -> Iterator[tuple[float, str, str]]:
        """(score, kind, key) of numbers of the problem that a number may be."""
        for mention in self._mentions:
            if mention.value != number.value:
                continue
            if mention.form == "multiple":
                yield (0.1 if sign in ("+", "-") else 1.1), "constant", ""
            elif mention.form in ("number", "percent"):
                key = f"input{mention.start}"
                words = tuple(words_of(self._question[mention.end : mention.end + 40])[:4])
                score = 1.5 if key not in self.plan.inputs else 0.8
                score -= mention.start / 1e6
                near = (("$", *words) if mention.money else words, self._question[: mention.end].rsplit(".", 1)[-1])
                yield score + self._likeness(number, calculation, near), "input", key

    def _words_of_step(self, step: Step) -> tuple[tuple[str, ...], str]:
        """The words after a step's result, and the sentence before it."""
        if step.calculation is None:
            return (), ""
        line = self._rationale.lines[step.calculation.line]
        words = tuple(words_of(line[step.calculation.end : step.calculation.end + 40])[:4])
        return ("$", *words) if step.calculation.money else words, line[: step.calculation.start]

    def _likeness(self, number: Number, calculation: Calculation, of: tuple[tuple[str, ...], str]) -> float:
        """How well the words at an operand fit those at the place it may come from."""
        words, sentence = of
        near, there = _stems(number.near), _stems(words)
        score = 1.2 * len(near & there) if near else 0.0
        if near and ("$" in near) != ("$" in there):
            score -= 0.8
        line = self._rationale.lines[calculation.line]
        here = _stems(words_of(line[: calculation.end + 40]))
        clause = _stems(words_of(re.split(r"[,;.]|\band\b", sentence)[-1]))
        return score + 0.3 * min(4, len(here & (there | clause)))

    def _shows(self, step: Step, value: Fraction) -> bool:
        return value == step.value or (step.calculation is not None and value == step.calculation.shown)

    def _share_of_step(self, value: Fraction) -> Tree | None:
        """0.6 if an earlier step has the value that the rationale calls 60 %."""
        for step in reversed(self.plan.steps):
            if value == step.value / 100 and step.value in self._percents:
                return Operation("/", self._use(step.key), HUNDRED)
        return None

    def _use(self, key: str) -> Name:
        self._used.add(key)
        return Name(key)

    def _share_given(self, value: Fraction) -> Tree | None:
        """A number that is a percentage of the problem as a share, or its cents as dollars."""
        for each in self._mentions:
            if each.form == "percent":
                if value == each.value / 100:
                    return Operation("/", self._given_name(each), HUNDRED)
                if value not in self._given and value in (1 + each.value / 100, 1 - each.value / 100):
                    whole = Operation("+" if value > 1 else "-", HUNDRED, self._given_name(each))
                    return Operation("/", whole, HUNDRED)
            if value == each.value / 100 and re.match(r"[\s-]*(?:cents?|¢)", self._question[each.end :]):
                return Operation("/", self._given_name(each), HUNDRED)
        return None

    def _given_name(self, mention: Mention) -> Name:
        key = f"input{mention.start}"
        self.plan.inputs.setdefault(key, Input(key, mention.value, mention))
        return Name(key)

    def _constant(self, number: Number) -> Tree:
        """A number that nothing has led to: one of the problem's in another form, or a fact such as 7 days."""
        if number.value in self._given or (number.value in FACTS and number.value not in self._pasted):
            return Number(number.value)
        raise NotWrittenError(
            "unexplained number",
            f"{float(number.value):g} is in the rationale without a calculation that leads to it",
        )


def _stems(words: Iterable[str]) -> set[str]:
    """Words that say something, without the endings that number and tense give them."""
    low = (word.lower() for word in words)
    return {singular(word) for word in low if word == "$" or (word.isalpha() and len(word) > 2 and word not in EMPTY)}


def _with_answer(plan: Plan, question: str, rationale: Rationale) -> Plan:
    """The plan with its answer: the last step, in the form that the closing words and the question say."""
    last = plan.steps[-1]
    plan = replace_answer(plan, last.key)
    closing = _closing_values(rationale)
    said = closing[-1] if closing else None
    if said is not None and last.value not in {each.value for each in closing}:
        earlier = next((step for step in reversed(plan.steps[:-1]) if step.value == said.value), None)
        if earlier:
            return replace_answer(plan, earlier.key)
        if said.value.denominator == 1 and (function := _rounding(last.value, said.value)):
            return _finished(plan, Call(function, (Name(last.key),)))
    asking = [part for part in re.split(r"(?<=[.?!])\s+", question.strip()) if part.endswith("?")]
    asked = (asking[-1] if asking else question).lower()
    if re.search(r"\bpercent(?:age)?\b|%", asked) and _is_share(last, rationale):
        return _finished(plan, Operation("*", Name(last.key), HUNDRED))
    if re.search(r"\b(?:how many|in|number of)\s+cents\b", asked) and last.calculation and last.calculation.money:
        return _finished(plan, Operation("*", Name(last.key), HUNDRED))
    return plan


def replace_answer(plan: Plan, key: str) -> Plan:
    """The same plan with another answer."""
    return replace(plan, answer=key)


def _finished(plan: Plan, tree: Tree) -> Plan:
    step = Step(f"step{len(plan.steps)}", tree, evaluate(tree, plan.values()))
    return Plan(plan.inputs, [*plan.steps, step], step.key)


def _closing_values(rationale: Rationale) -> list[Mention]:
    """The numbers after the last calculation."""
    last = rationale.calculations[-1]
    rest = [rationale.lines[last.line][last.end :], *rationale.lines[last.line + 1 :]]
    rest[0] = rest[0].partition(". ")[2]  # the sentence of the calculation itself only explains it
    return [each for each in mentions("\n".join(rest)) if each.form in ("number", "percent")]


def _rounding(value: Fraction, said: Fraction) -> str | None:
    if value.denominator == 1:
        return None
    fitting: Iterator[str] = (
        name for name, whole in (("ceil", value.__ceil__()), ("floor", value.__floor__())) if whole == said
    )
    return next(fitting, None)


def _is_share(step: Step, rationale: Rationale) -> bool:
    """Whether a step's value is a share that the rationale gives as a percentage."""
    if step.calculation is None or step.calculation.percent:
        return False
    percents = {each.value for line in rationale.lines for each in mentions(line) if each.form == "percent"}
    return 0 < step.value <= 1 and (step.value * 100 in percents or not percents)
