"""Evaluates an expression in Python's syntax without running it: only numbers, known names and arithmetic.

Published graders pass answers to `eval` or to sympy's `parse_expr`, which does. Here the text is parsed to a syntax
tree, and only the nodes named below are given a meaning; everything else raises ValueError. It computes in floats, as
those graders do, and so does not share `slipstick.exact`.
"""

import ast
import operator
from collections.abc import Callable, Mapping
from typing import Any

MAX_DIGITS = 4_000
"""A power or product of integers with more digits is not computed."""
_BINARY: Mapping[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
    ast.BitXor: operator.xor,
}
_UNARY: Mapping[type[ast.unaryop], Callable[[Any], Any]] = {ast.UAdd: operator.pos, ast.USub: operator.neg}
_COMPARED: Mapping[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}


def evaluate(text: str, *, number: Callable[[str, Any], Any], name: Callable[[str, bool], Any]) -> Any:
    """The value of an expression: numbers by `number(digits, value)`, names by `name(word, is_called)`.

    Tuples, lists and sets are given as such. Raises ValueError where the text is no such expression, and what the
    arithmetic raises (ZeroDivisionError, OverflowError, TypeError).
    """
    try:
        tree = ast.parse(text.strip(), mode="eval")
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        raise ValueError(f"not an expression: {text[:80]!r}") from error
    return _Reading(text.strip(), number, name).value(tree.body)


class _Reading:
    """One pass over the syntax tree of one text."""

    def __init__(self, text: str, number: Callable[[str, Any], Any], name: Callable[[str, bool], Any]) -> None:
        self._text, self._number, self._name = text, number, name

    def value(self, node: ast.expr) -> Any:
        match node:
            case ast.Constant(value=int() | float()) if not isinstance(node.value, bool):
                return self._number(ast.get_source_segment(self._text, node) or "", node.value)
            case ast.Name(id=word):
                return self._name(word, False)
            case ast.BinOp(left=left, op=sign, right=right) if type(sign) in _BINARY:
                a, b = self.value(left), self.value(right)
                _bound(sign, a, b)
                return _BINARY[type(sign)](a, b)
            case ast.UnaryOp(op=sign, operand=operand) if type(sign) in _UNARY:
                return _UNARY[type(sign)](self.value(operand))
            case ast.Compare(left=left, ops=[sign], comparators=[right]) if type(sign) in _COMPARED:
                return _COMPARED[type(sign)](self.value(left), self.value(right))
            case ast.Call(func=ast.Name(id=word), args=arguments, keywords=[]):
                return self._name(word, True)(*map(self.value, arguments))
            case ast.Tuple(elts=elements):
                return tuple(map(self.value, elements))
            case ast.List(elts=elements):
                return list(map(self.value, elements))
            case ast.Set(elts=elements):
                return set(map(self.value, elements))
        raise ValueError(f"not arithmetic: {type(node).__name__}")


def _bound(sign: ast.operator, a: Any, b: Any) -> None:
    """Raises OverflowError where the result of plain integers would be too long."""
    if isinstance(sign, ast.Pow) and isinstance(a, int) and isinstance(b, int):
        digits = len(bin(a)) * 0.31 * max(b, 0)
    elif isinstance(sign, ast.Mult) and isinstance(a, int) and isinstance(b, int):
        digits = (len(bin(a)) + len(bin(b))) * 0.31
    else:
        return
    if digits > MAX_DIGITS:
        raise OverflowError("the result has too many digits")
