r"""Whether an answer leaves to do what its gold has done: the question given back has the same value, but says nothing.

Two policies: `equation`, an equation or inequality that still has to be solved (2x+1=7 for x=3), and `unevaluated`,
operations that still have to be carried out (\int_0^1 x^2 dx for 1/3; in the strict profile also 2^{10} for 1024).
Only answers that are found to mean the same are looked at.
"""

import re
from collections.abc import Callable, Iterator

from slipstick.equivalence.decision import Decision, Same
from slipstick.equivalence.policies import Policy
from slipstick.equivalence.relations import Relation, read_relation
from slipstick.equivalence.structures.parse import cells_of, read_shape
from slipstick.equivalence.symbolic.equations import constant_factor
from slipstick.equivalence.symbolic.expression import Expression, symbol, symbols
from slipstick.equivalence.symbolic.reader import read
from slipstick.equivalence.symbolic.unevaluated import FUNCTION, arithmetic_left, operators_left
from slipstick.equivalence.values.measured import take_unit_off
from slipstick.equivalence.values.quantities import read_quantity

MAX_DEPTH = 3
"""Levels of lists, tuples and matrices that are looked into."""
_SIGN = re.compile(r"[<>=]|\\(?:leq|geq|neq)(?![A-Za-z])")
_SIGNS = frozenset(("=", "<", ">", r"\leq", r"\geq", r"\neq"))
_ORDERS = _SIGNS - {"=", r"\neq"}
_BUILDER = re.compile(r"^\s*[A-Za-z](?:_\d)?\s*(?:\\in\s*[^:|]{1,40})?(?::|\||\\mid(?![a-z]))\s*")
_LIMITS = frozenset(("e", r"\pi"))
"""Names of constants that are limits by definition."""
_ROUNDED = re.compile(r"(?=[\d.]*\.)0?\.?0*[1-9](?:\.?\d){2,}")
_TRUTH = re.compile(r"\s*(?:\\text\s*\{\s*)?(?:yes|no|true|false)\b", re.IGNORECASE)
"""A gold that is a truth value; an equation behind it in the answer is its reason."""
_OPERATION = re.compile(r"[-+*/^!%<>=\\|(]|[A-Za-z]{3}")


def left_to_do(answer: str, expected: str, policy: Policy, same: Same) -> Decision | None:
    """Why an answer that means the same is not finished, None if it is. The texts are tidied."""
    if not _OPERATION.search(answer) or _TRUTH.match(expected):
        return None
    if policy.equation == "incorrect" and _SIGN.search(answer) and _is_solved(expected):
        golds = [expected, *{side for item in _items(expected) for side in (item, _last(item))}]
        if any(_is_unsolved(relation, golds, same) for item in _items(answer) if (relation := _relation(item))):
            return Decision(False, "symbolic", f"left to solve ({policy.setting('equation')})")
    if policy.unevaluated != "correct" and (why := _unevaluated(answer, expected, policy)):
        return Decision(False, "symbolic", f"left to evaluate: {why} ({policy.setting('unevaluated')})")
    return None


# Equations and inequalities


def _is_solved(gold: str) -> bool:
    """Whether a gold has values only, or relations that give a name one."""
    relations = [_relation(item) for item in _items(gold)]
    return all(relation is None or _gives_value(relation) for relation in relations)


def _gives_value(relation: Relation) -> bool:
    """x = 3, 3 < x, 1 < x < 2, x = 1 + 2 = 3: a name and constants."""
    names = [side for side in relation.sides if _is_name(side)]
    others = [side for side in relation.sides if not _is_name(side)]
    return len(names) == 1 and all((tree := read(side)) is not None and not symbols(tree) for side in others)


def _is_unsolved(relation: Relation, golds: list[str], same: Same) -> bool:
    """Whether a relation of the answer is no solution: x - 3 > 0, x^2 = 4; but a + b = 3 states the value 3."""
    trees = [read(side) for side in relation.sides]
    if any(tree is None for tree in trees) or not any(symbols(tree) for tree in trees if tree):
        return False
    if _gives_value(relation) or _names_something(relation, trees):
        return False
    if set(relation.signs) == {"="}:
        return not any(same(relation.sides[-1], gold).equal for gold in golds)
    return not (any(map(_SIGN.search, golds)) and _is_scaled(relation, trees))


def _names_something(relation: Relation, trees: list[Expression | None]) -> bool:
    """y = 2x + 1, a < x < b, |x| < 2: a name that does not occur in what is said of it."""
    for place, tree in enumerate(trees):
        inside = tree.args[0] if tree and tree.head == "abs" and "=" not in relation.signs else tree
        if inside and _is_named(inside):
            others = [symbols(other) for n, other in enumerate(trees) if other and n != place]
            if not any(symbols(inside) & free for free in others):
                return True
    return False


def _is_scaled(relation: Relation, trees: list[Expression | None]) -> bool:
    """2 < 2x, -x > -1, 1 < 2x < 4: a multiple of one letter, and numbers."""
    free = [(tree, sorted(symbols(tree))) for tree in trees if tree and symbols(tree)]
    if len(free) != 1 or not set(relation.signs) <= _ORDERS or len(free[0][1]) != 1:
        return False
    return constant_factor(free[0][0], symbol(free[0][1][0])) is not None


def _is_name(text: str) -> bool:
    tree = read(text)
    return tree is not None and _is_named(tree)


def _is_named(tree: Expression) -> bool:
    return tree.head == "symbol" or (tree.head == "apply" and bool(symbols(tree)))


def _relation(text: str) -> Relation | None:
    relation = read_relation(_BUILDER.sub("", text)) if _SIGN.search(text) else None
    return relation if relation and set(relation.signs) <= _SIGNS else None


def _last(item: str) -> str:
    """The value that an item of the gold names."""
    relation = _relation(item)
    return relation.sides[-1] if relation else item


def _items(text: str, depth: int = 0) -> Iterator[str]:
    """The innermost parts of a text that is a list, a set, a tuple or a matrix; the text itself if it is one thing."""
    shape = read_shape(text) if depth < MAX_DEPTH else None
    if shape is None or shape.kind in ("union", "intersection"):
        yield text
        return
    for item in (cell for row in cells_of(shape) for cell in row) if shape.kind == "matrix" else shape.items:
        yield from _items(item, depth + 1)


# Operations


def _unevaluated(answer: str, expected: str, policy: Policy) -> str | None:
    """The operation that is left in an answer, None if there is none or the gold has one of the kind as well."""
    if found := next((why for part in _items(answer) for why in _left(part, operators_left)), None):
        defined = policy.unevaluated == "operators" and expected.strip() in _LIMITS and r"\lim" in found
        return None if defined or operators_left(expected) else found
    if policy.unevaluated != "arithmetic":
        return None
    if all(map(_is_constant, _items(expected))) and any(_left(part, _letters) for part in _items(answer)):
        return "letters that cancel"
    if expected.startswith("(") and re.match(r"[A-Z]\s*\(", answer):
        answer = answer[1:]  # a point with its name, P(1,2)
    also = {why for part in _items(expected) for why in _left(part, arithmetic_left)}
    if _ROUNDED.search(expected):
        also.add(FUNCTION)  # ln 2 is as good as 0.6931
    return next((why for part in _items(answer) for why in sorted(_left(part, arithmetic_left) - also)), None)


def _is_constant(item: str) -> bool:
    tree = read(_last(item))
    return tree is not None and not symbols(tree)


def _letters(text: str) -> frozenset[str]:
    """The letters of a formula that is no quantity with a unit, 5 cm."""
    tree = read(text) if _OPERATION.search(text) else None
    if tree is None or not symbols(tree) or read_quantity(text) or take_unit_off(text, None):
        return frozenset()
    return symbols(tree)


def _left(text: str, find: Callable[[str], frozenset[str]]) -> frozenset[str]:
    """The operations left in a text; of the equal sides of an equation one has to be evaluated."""
    if r"\equiv" in text or r"\pmod" in text:
        return frozenset()  # its modulus is no operation
    relation = _relation(text)
    if relation is None:
        return find(text)
    found = [find(side) for side in relation.sides if not _is_name(side)]
    if not found or (set(relation.signs) == {"="} and not all(found)):
        return frozenset()
    return frozenset.union(*found)
