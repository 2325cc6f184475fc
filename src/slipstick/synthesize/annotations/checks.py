"""Checks a plan before it is trained on: its literals must be given, and its inputs must matter."""

from collections.abc import Iterator
from fractions import Fraction
from itertools import count

from slipstick.exact import NoValueError
from slipstick.synthesize.annotations.link import Plan, Step
from slipstick.synthesize.annotations.trees import (
    Call,
    Name,
    Number,
    Operation,
    Solve,
    Tree,
    evaluate,
    leaves,
    replaced,
)
from slipstick.synthesize.writer import NotWrittenError


def _others(value: Fraction) -> tuple[Fraction, ...]:
    """What a number is changed to; one change may by chance leave a rounded result as it was."""
    return value + 1, 3 * value + 7, value / 3 - Fraction(1, 3)


def check_plan(plan: Plan, allowed: set[Fraction]) -> None:
    """Raises NotWrittenError for a plan whose result is pasted, has foreign literals, or does not depend on an input.

    plan: only what the answer depends on. allowed: every value that the problem or its rationale mentions.
    """
    step = next((step for step in plan.steps if step.key == plan.answer), None)
    if step is None or not any(isinstance(each.tree, Operation | Call | Solve) for each in plan.steps):
        raise NotWrittenError("pasted result", "the answer is a number that no step calculates")
    for each in plan.steps:
        for leaf in leaves(each.tree):
            if isinstance(leaf, Number) and leaf.value and leaf.value not in allowed:
                raise NotWrittenError(
                    "foreign number", f"{float(leaf.value):g} is neither in the problem nor in its rationale"
                )
    if not plan.inputs and not any(True for each in plan.steps for _ in literals(each.tree)):
        raise NotWrittenError("pasted result", "the program has no input")
    if any(is_idle(plan, step, place) for step in plan.steps for place, _ in enumerate(leaves(step.tree))):
        raise NotWrittenError("operand without effect", "the result stays the same when one operand of it changes")
    if plan.inputs and not any(changes_result(plan, key) for key in plan.inputs):
        raise NotWrittenError(
            "input without effect", "the result stays the same whatever the numbers of the problem are"
        )


def literals(tree: Tree) -> Iterator[Number]:
    """The numbers in a tree itself."""
    return (leaf for leaf in leaves(tree) if isinstance(leaf, Number))


def changes_result(plan: Plan, key: str) -> bool:
    """Whether the result changes with an input. It need not: 6 boxes at $5 shared by 6 people are $5 for any number."""
    values = plan.values()
    return any(recompute(plan, {key: other}) != values[plan.answer] for other in _others(values[key]))


def is_idle(plan: Plan, step: Step, place: int) -> bool:
    """Whether the operand at a place of a step can be changed there, and only there, without the result changing."""
    leaf = list(leaves(step.tree))[place]
    if isinstance(leaf, Name) and leaf.name not in plan.inputs:  # the letter of an equation too
        return False  # an earlier result; its own operands are looked at
    values = plan.values()
    was = leaf.value if isinstance(leaf, Number) else values[leaf.name]
    for other in _others(was):
        changed = Step(step.key, _with_leaf(step.tree, place, Number(other)), step.value)
        steps = [changed if each is step else each for each in plan.steps]
        if recompute(Plan(plan.inputs, steps, plan.answer), {}) != values[plan.answer]:
            return False
    return True


def _with_leaf(tree: Tree, place: int, new: Number) -> Tree:
    """The tree with another number at one place."""
    places = count()

    def change(leaf: Number | Name) -> Tree:
        return new if next(places) == place else leaf

    return replaced(tree, change)


def recompute(plan: Plan, changes: dict[str, Fraction]) -> Fraction | None:
    """The result of a plan with some inputs changed; None if there is none any more."""
    values = {key: given.value for key, given in plan.inputs.items()} | changes
    try:
        for step in plan.steps:
            values[step.key] = evaluate(step.tree, values)
    except NoValueError:
        return None
    return values[plan.answer]
