"""MathQA's formulas, raw ("multiply(n0,n1)|divide(#0,const_100)|") or as Python over n0, t0, ...: read into plans."""

import ast
import re
import tomllib
from collections import Counter
from fractions import Fraction
from functools import cache
from pathlib import Path

from slipstick.exact import FUNCTIONS, SIGNS
from slipstick.schema import Problem
from slipstick.synthesize.annotations.checks import check_plan
from slipstick.synthesize.annotations.link import Input, Plan, Step
from slipstick.synthesize.annotations.read.mentions import Mention, values_in
from slipstick.synthesize.annotations.trees import (
    Call,
    Name,
    Number,
    Operation,
    Tree,
    evaluate,
    leaves,
    substituted,
    to_fraction,
)
from slipstick.synthesize.writer import NotWrittenError

_PROGRAM = re.compile(r"\A(?:import \w+(?:\.\w+)*\n)*[nt]\d+ = .*\n(?:.*\n)*answer = |\Aanswer = ")
_LINEAR = re.compile(r"\A\s*[a-z_]+\([^|]*\)\s*(?:\|\s*[a-z_]+\([^|]*\)\s*)*\|?\s*\Z")
_DIGITS = re.compile(r"\d{1,3}(?:\s?,\s?\d{3})+(?!\d)|\d+(?:\.\d+)?|\.\d+")
_SIGNS = {node: sign for node, sign in SIGNS.items() if sign not in ("//", "%")}
_NEGLIGIBLE = Fraction("1e-5")
"""What MathQA-Python adds to keep a divisor from being zero."""
_MOST_LEAVES = 3
"""An intermediate result that is used once is written in place if it has no more operands than this."""


def formula_of(problem: Problem) -> str:
    """A problem's formula: its rationale if that is one, or `linear_formula` of its metadata; "" for none."""
    rationale = problem.rationale or ""
    if _PROGRAM.match(rationale):
        return rationale
    for text in (problem.metadata.get("linear_formula"), rationale):
        if isinstance(text, str) and _LINEAR.match(text):
            return text
    return ""


def has_formula(problem: Problem) -> bool:
    """Whether a problem brings a formula."""
    return bool(formula_of(problem))


def plan_formula(problem: Problem) -> Plan:
    """The plan of a problem's formula, checked. Raises NotWrittenError, NoValueError."""
    formula = formula_of(problem)
    numbers, trees = _read_program(formula) if _PROGRAM.match(formula) else _read_linear(formula, problem.text)
    inputs = _inputs(numbers, problem.text)
    plan = Plan({each.key: each for each in inputs.values()}, [], "answer")
    renamed: dict[str, Tree] = {name: Name(each.key) for name, each in inputs.items()}
    values: dict[str, Fraction] = plan.values()
    for name, tree in trees.items():
        own = substituted(tree, renamed)
        values[name] = evaluate(own, values)
        plan.steps.append(Step(name, own, values[name]))
    plan.answer = plan.steps[-1].key
    allowed = values_in(problem.text) | {Fraction(each.value) for each in inputs.values()}
    check_plan(
        plan.needed(),
        allowed | {leaf.value for tree in trees.values() for leaf in leaves(tree) if isinstance(leaf, Number)},
    )
    return _compact(plan.needed())


def _read_program(text: str) -> tuple[dict[str, Fraction], dict[str, Tree]]:
    """Inputs and steps of "n0 = 3.0 / t0 = n0 * 100.0 / answer = t0 / 2.0 / print(answer)"."""
    numbers: dict[str, Fraction] = {}
    trees: dict[str, Tree] = {}
    try:
        body = ast.parse(text[:20_000]).body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise NotWrittenError("unreadable formula", f"the formula is no Python: {error}") from error
    for line in body:
        if not isinstance(line, ast.Assign) or not isinstance(line.targets[0], ast.Name):
            continue
        name = line.targets[0].id
        if name.startswith("n") and isinstance(line.value, ast.Constant):
            numbers[name] = _constant(line.value)
        else:
            trees[name] = _tree(line.value)
    if "answer" not in trees:
        raise NotWrittenError("pasted result", "the formula computes nothing")
    return numbers, trees


def _constant(node: ast.Constant) -> Fraction:
    if isinstance(node.value, bool) or not isinstance(node.value, int | float):
        raise NotWrittenError("unreadable formula", f"{node.value!r} is not a number")
    return to_fraction(repr(node.value))


def _tree(node: ast.expr) -> Tree:
    match node:
        case ast.Constant():
            return Number(_constant(node))
        case ast.Name(id=name):
            return Name(name)
        case ast.BinOp(left=left, op=sign, right=right) if type(sign) in _SIGNS:
            sides = [_tree(left), _tree(right)]
            if Number(_NEGLIGIBLE) in sides:
                return next(side for side in sides if side != Number(_NEGLIGIBLE))
            return Operation(_SIGNS[type(sign)], *sides)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return Operation("-", Number(Fraction(0)), _tree(operand))
        case ast.Attribute(attr="pi"):
            return Number(Fraction("3.141592653589793"))
        case ast.Call(func=called, args=arguments):
            return _call(called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", ""), arguments)
    raise NotWrittenError("unreadable formula", f"the formula uses {ast.unparse(node)[:40]}")


def _call(name: str, arguments: list[ast.expr]) -> Tree:
    trees = [_tree(argument) for argument in arguments]
    if name == "int" and len(trees) == 1:
        return trees[0]
    if name == "min" and len(trees) == 2 and trees[1] == Number(Fraction(5)):
        return trees[
            0
        ]  # MathQA-Python caps exponents; if the cap applies, the result differs and the program is dropped
    if name == "max" and trees[0] in (Number(Fraction(0)), Number(_NEGLIGIBLE)):
        return trees[1]  # keeps a root or a logarithm from failing
    if name in FUNCTIONS and trees:
        return Call(name, tuple(trees))
    raise NotWrittenError("unreadable formula", f"the formula calls {name!r}")


@cache
def _operations() -> dict[str, ast.expr]:
    table = tomllib.loads(Path(__file__).with_suffix(".toml").read_text("utf-8"))
    return {name: ast.parse(text, mode="eval").body for name, text in table.items()}


def _read_linear(text: str, question: str) -> tuple[dict[str, Fraction], dict[str, Tree]]:
    """Inputs and steps of a raw formula; n0, n1, ... are the numbers of the question in order."""
    numbers = {f"n{place}": each.value for place, each in enumerate(digit_mentions(question))}
    trees: dict[str, Tree] = {}
    for part in filter(None, (part.strip() for part in text.split("|"))):
        name, _, inner = part.rstrip(")").partition("(")
        if name not in _operations():
            raise NotWrittenError("unreadable formula", f"the formula uses {name}")
        arguments = dict(zip("abc", (_argument(each.strip(), numbers) for each in inner.split(",")), strict=False))
        pattern = _tree(_operations()[name])
        needed = {leaf.name for leaf in leaves(pattern) if isinstance(leaf, Name)}
        if needed - arguments.keys():
            raise NotWrittenError("unreadable formula", f"{part[:40]} lacks an argument")
        trees[f"t{len(trees)}"] = substituted(pattern, arguments)
    return numbers, trees


def _argument(text: str, numbers: dict[str, Fraction]) -> Tree:
    if text.startswith("#") and text[1:].isdigit():
        return Name(f"t{text[1:]}")
    if text in numbers:
        return Name(text)
    if text == "const_pi":
        return Number(Fraction("3.141592653589793"))
    if text.startswith("const_"):
        return Number(to_fraction(text.removeprefix("const_").replace("_", ".")))
    raise NotWrittenError("unreadable formula", f"the formula names {text[:40]}, which the problem does not have")


def digit_mentions(question: str) -> list[Mention]:
    """The numbers of a question in digits, each part of a fraction by itself."""
    found = []
    for match in _DIGITS.finditer(question):
        value = to_fraction(re.sub(r"\s", "", match.group()))
        percent = re.match(r"\s?(?:%|per\s?cent)", question[match.end() :])
        end = match.end() + (percent.end() if percent else 0)
        money = re.search(r"(?:\$|\brs\s?\.?|re\s?\.)\s*$", question[: match.start()], re.IGNORECASE) is not None
        found.append(Mention(value, "percent" if percent else "number", match.start(), end, money))
    return found


def _inputs(numbers: dict[str, Fraction], question: str) -> dict[str, Input]:
    """Each number with the place of the question that it comes from."""
    free = digit_mentions(question)
    inputs = {}
    for name, value in numbers.items():
        mention = next((each for each in free if each.value == value), None)
        if mention is None:
            raise NotWrittenError("foreign number", f"{float(value):g} of the formula is not in the problem")
        free.remove(mention)
        inputs[name] = Input(f"input{mention.start}", value, mention)
    return inputs


def _compact(plan: Plan) -> Plan:
    """The same plan with short results that are used once written in place."""
    uses = Counter(leaf.name for step in plan.steps for leaf in leaves(step.tree) if isinstance(leaf, Name))
    inlined: dict[str, Tree] = {}
    steps: list[Step] = []
    for step in plan.steps:
        tree = substituted(step.tree, inlined)
        if step.key != plan.answer and uses[step.key] == 1 and len(list(leaves(tree))) <= _MOST_LEAVES:
            inlined[step.key] = tree
        else:
            steps.append(Step(step.key, tree, step.value))
    return Plan(plan.inputs, steps, plan.answer)
